//! One wallet: what the table holds of it, against what the data API told.

use clickhouse::Row;
use fills::{Address, Side, Span};
use polymarket_api::{Amounts, Compared, Difference};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{Check, CheckVerdict, Figures, Finding, Kind, Level};

/// Why a wallet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    Named,
    ByVolume,
    Drawn,
}

/// All that the table holds of a wallet.
#[derive(Debug, Row, Deserialize)]
pub(crate) struct Held {
    pub(crate) fills: u64,
    pub(crate) usdc: u128,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// What came of holding a wallet against the data API.
#[derive(Debug)]
pub(crate) struct ComparedWallet {
    pub(crate) wallet: Address,
    pub(crate) chosen: Chosen,
    pub(crate) held: Held,
    /// The statement behind [`Held`].
    pub(crate) query: String,
    /// The seconds that should have been compared.
    pub(crate) wanted: Span,
    /// What was compared and within which seconds, or why nothing was.
    pub(crate) compared: Result<(Compared, Span), String>,
}

impl ComparedWallet {
    pub(crate) fn check(&self) -> Check {
        let mut check = Check {
            level: Level::Wallet,
            name: self.name().into(),
            verdict: CheckVerdict::Ok,
            figures: self.held_figures(),
            query: self.query.clone(),
        };
        match &self.compared {
            Ok((compared, span)) => {
                check.verdict = verdict(compared);
                self.add_compared(compared, *span, &mut check.figures);
            }
            Err(why) => check.verdict = CheckVerdict::NotRun { why: why.clone() },
        }
        check
    }

    fn name(&self) -> String {
        self.wallet.to_string()
    }

    fn held_figures(&self) -> Figures {
        let has_any = self.held.fills > 0;
        let chosen = match self.chosen {
            Chosen::Named => "named",
            Chosen::ByVolume => "volume",
            Chosen::Drawn => "draw",
        };
        Figures::new()
            .with("chosen_for", chosen)
            .with("fills", self.held.fills)
            .with("usdc", self.held.usdc.to_string())
            .with("first", has_any.then_some(self.held.first))
            .with("last", has_any.then_some(self.held.last))
    }

    fn add_compared(&self, compared: &Compared, span: Span, figures: &mut Figures) {
        figures.push("compared_from", span.from);
        figures.push("compared_to", span.to);
        figures.push("bounded", span != self.wanted);
        figures.push("trades_compared", compared.matching + compared.differing);
        figures.push("trades_that_differ", compared.differing);
        figures.push("transactions_compared", compared.transactions);
        figures.push("trades_not_shown", compared.not_compared);
        let hidden = compared.not_shown.iter();
        let hidden: Vec<_> = hidden.map(|span| json!([span.from, span.to])).collect();
        figures.push("seconds_not_shown", hidden);
        figures.push("shown_basis_points", shown_basis_points(compared));
        let notes = self.notes(compared, span);
        if !notes.is_empty() {
            figures.push("note", notes);
        }
    }

    /// Says what was not compared.
    fn notes(&self, compared: &Compared, span: Span) -> String {
        let mut notes = Vec::new();
        if !compared.is_complete() {
            notes.push(format!(
                "the data API's pages end before {} trades in {} spans of time: nothing of those \
                 was compared",
                compared.not_compared,
                compared.not_shown.len()
            ));
        }
        if span != self.wanted {
            notes.push(format!(
                "a large wallet: compared to second {} of {}; --from and --to choose other seconds, \
                 --most-wallet-trades more of them",
                span.to, self.wanted
            ));
        }
        notes.join("; ")
    }

    /// Returns what differs, each with the second to ask the source about.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (u32, Finding)> {
        let compared = self.compared.iter();
        let differences = compared.flat_map(|(compared, _)| &compared.differences);
        differences.map(|difference| (difference.key.timestamp, self.finding(difference)))
    }

    /// Returns how many differ beyond those that were kept.
    pub(crate) fn further(&self) -> u64 {
        self.compared.as_ref().map_or(0, |(compared, _)| {
            compared.differing - compared.differences.len() as u64
        })
    }

    fn finding(&self, difference: &Difference) -> Finding {
        let Difference {
            key,
            expected,
            found,
        } = difference;
        let (kind, shown) = match (expected, found) {
            (Some(expected), Some(found)) => (Kind::TradeDiffers, differing(expected, found)),
            (expected, None) => (Kind::MissingTrade, (amounts(expected), Value::Null)),
            (None, found) => (Kind::ExtraTrade, (Value::Null, amounts(found))),
        };
        let side = match key.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        };
        let second = u64::from(key.timestamp);
        Finding::new(kind, (Level::Wallet, self.name()), shown.0, shown.1)
            .of_token(key.token_id)
            .within(Span::new(second, second + 1))
            .about(format!(
                "{side} of wallet {} in transaction {}",
                self.wallet, key.tx_hash
            ))
    }
}

/// Nothing compared is no proof, unless there is nothing.
fn verdict(compared: &Compared) -> CheckVerdict {
    match (compared.is_alike(), compared.matching) {
        (false, _) => CheckVerdict::Differs,
        (true, 0) if !compared.is_complete() => CheckVerdict::NotRun {
            why: "the data API's pages end before each of its trades".to_owned(),
        },
        _ => CheckVerdict::Ok,
    }
}

/// Returns the share of the table's trades that the API could show, cut so that only all is
/// 10,000; nothing where the table has none.
fn shown_basis_points(compared: &Compared) -> Option<u64> {
    let all = compared.table.trades;
    let shown = all - compared.not_compared;
    (all > 0).then(|| shown * 10_000 / all)
}

/// Writes the amounts that one side has, in base units.
fn amounts(amounts: &Option<Amounts>) -> Value {
    amounts.map_or(Value::Null, |amounts| {
        json!({
            "shares": amounts.shares_base_units.to_string(),
            "usdc": amounts.usdc_base_units.map(|usdc| usdc.to_string()),
        })
    })
}

/// Writes the amounts that differ, in base units.
fn differing(expected: &Amounts, found: &Amounts) -> (Value, Value) {
    let (mut right, mut wrong) = (Map::new(), Map::new());
    let mut compare = |name: &str, expected: Option<u128>, found: Option<u128>| {
        if let (Some(expected), Some(found)) = (expected, found)
            && expected != found
        {
            right.insert(name.to_owned(), json!(expected.to_string()));
            wrong.insert(name.to_owned(), json!(found.to_string()));
        }
    };
    let shares = |amounts: &Amounts| Some(amounts.shares_base_units);
    compare("shares", shares(expected), shares(found));
    compare("usdc", expected.usdc_base_units, found.usdc_base_units);
    (right.into(), wrong.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts_of(shares: u128, usdc: Option<u128>) -> Amounts {
        Amounts {
            shares_base_units: shares,
            usdc_base_units: usdc,
        }
    }

    #[test]
    fn only_all_trades_are_all_of_them() {
        let check = |all, hidden, points| {
            let mut compared = Compared::default();
            compared.table.trades = all;
            compared.not_compared = hidden;
            assert_eq!(shown_basis_points(&compared), points);
        };
        check(3, 0, Some(10_000));
        check(1_000_000, 1, Some(9_999));
        check(3, 3, Some(0));
        check(0, 0, None);
    }

    #[test]
    fn amounts_that_are_alike_or_not_told_are_no_difference() {
        let told = |expected, found| differing(&expected, &found).0;
        let right = amounts_of(3, Some(5));
        assert_eq!(told(right, amounts_of(3, Some(6))), json!({ "usdc": "5" }));
        assert_eq!(told(right, amounts_of(4, None)), json!({ "shares": "3" }));
        let both = json!({ "shares": "3", "usdc": "5" });
        assert_eq!(told(right, amounts_of(4, Some(6))), both);
    }

    #[test]
    fn what_is_hidden_as_a_whole_was_not_checked_and_what_nobody_has_was() {
        let nothing = Compared::default();
        assert_eq!(verdict(&nothing), CheckVerdict::Ok);
        let hidden = Compared {
            not_shown: vec![Span::new(1, 2)],
            ..nothing
        };
        assert_eq!(verdict(&hidden).name(), "not run");
    }
}
