//! Findings out of differences between fills.

use std::collections::{BTreeMap, HashSet};

use fills::{Fill, Side, Span, TokenId};
use serde_json::{Map, Value, json};

use crate::difference::{Difference, Differences};
use crate::{Check, Figures, Finding, Findings, Kind, Level, Outcome};

/// The check whose findings these are, whatever level looked.
const FILLS: (Level, &str) = (Level::Source, "fills");

/// Fills of one token that differ in one way.
#[derive(Default)]
struct Together {
    number: u64,
    first: u32,
    last: u32,
}

impl Together {
    fn add(&mut self, fill: &Fill, number: u64) {
        let second = fill.timestamp;
        self.first = match self.number {
            0 => second,
            _ => self.first.min(second),
        };
        self.last = self.last.max(second);
        self.number += number;
    }
}

/// Adds the fills that are known to differ to what levels found.
///
/// They come first: what does not add up does so because of them. Where a level told doubles by
/// token that are known fill by fill now, they are told once.
pub(crate) fn with_fills(outcome: Outcome, differences: &Differences) -> Outcome {
    let Outcome {
        mut checks,
        findings,
        broken_off,
    } = outcome;
    let mut fills = Findings::new(findings.most());
    tell(differences, &mut fills);
    let doubled: HashSet<_> = fills
        .kept()
        .iter()
        .filter(|f| f.kind == Kind::DuplicateRows)
        .map(|f| f.token_id)
        .collect();
    let findings = findings.without(|finding| {
        finding.kind == Kind::DuplicateRows && doubled.contains(&finding.token_id)
    });
    if !differences.is_empty() {
        let figures = Figures::new()
            .with("fills_that_differ", differences.len() as u64)
            .with("there_may_be_more", differences.is_cut());
        checks.push(Check::new(FILLS.0, FILLS.1, false, figures, ""));
    }
    fills.extend(findings);
    Outcome {
        checks,
        findings: fills,
        broken_off,
    }
}

/// Tells each wrong row by itself, and missing, extra and doubled ones together by token.
fn tell(differences: &Differences, findings: &mut Findings) {
    let mut together: BTreeMap<(Kind, TokenId), Together> = BTreeMap::new();
    let mut add = |kind, fill: &Fill, number| {
        let together = together.entry((kind, fill.token_id)).or_default();
        together.add(fill, number);
    };
    for (_, difference) in differences.iter() {
        if let Some((fill, times)) = &difference.doubled {
            add(Kind::DuplicateRows, fill, *times);
        }
        if difference.is_wrong() {
            findings.push(wrong(difference));
            continue;
        }
        if let Some(fill) = &difference.missing {
            add(Kind::MissingRows, fill, 1);
        }
        for row in &difference.extra {
            add(Kind::ExtraRows, row, 1);
        }
    }
    for ((kind, token), fills) in together {
        findings.push(of_token(kind, token, &fills));
    }
}

fn of_token(kind: Kind, token: TokenId, fills: &Together) -> Finding {
    let (expected, found) = match kind {
        Kind::MissingRows => (fills.number, 0),
        _ => (0, fills.number),
    };
    let span = Span::new(fills.first.into(), u64::from(fills.last) + 1);
    let about = match kind {
        Kind::MissingRows => "fills of the source that are not in the table",
        Kind::DuplicateRows => "rows that are in the table again",
        _ => "rows that the source does not have",
    };
    let command = match kind {
        Kind::MissingRows => "validate --repair",
        _ => "validate --repair --remove-extra",
    };
    Finding::new(kind, FILLS, expected, found)
        .of_token(token)
        .within(span)
        .about(about)
        .mended_by(command)
}

fn wrong(difference: &Difference) -> Finding {
    let (mut expected, mut found) = (Map::new(), Map::new());
    let (mut about, mut token) = (String::new(), TokenId::from(0));
    if let (Some(right), Some(row)) = (&difference.missing, difference.extra.first()) {
        (about, token) = (format!("fill {}", right.id), right.token_id);
        for ((name, right), (_, row)) in fields(right).into_iter().zip(fields(row)) {
            if right != row {
                expected.insert(name.to_owned(), right);
                found.insert(name.to_owned(), row);
            }
        }
    }
    let (first, last) = difference.seconds().unwrap_or_default();
    Finding::new(Kind::WrongField, FILLS, expected, found)
        .of_token(token)
        .within(Span::new(first.into(), u64::from(last) + 1))
        .about(about)
        .mended_by("validate --repair")
}

/// Returns the fields of a fill as the table names them, amounts in base units.
fn fields(fill: &Fill) -> [(&'static str, Value); 8] {
    let side = match fill.side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    };
    [
        ("maker", json!(fill.maker)),
        ("taker", json!(fill.taker)),
        ("token_id", json!(fill.token_id)),
        ("side", json!(side)),
        ("shares", json!(fill.shares_base_units.to_string())),
        ("usdc", json!(fill.usdc_base_units.to_string())),
        ("fee", json!(fill.fee_base_units.to_string())),
        ("timestamp", json!(fill.timestamp)),
    ]
}
