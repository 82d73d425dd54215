//! Are the rows of some windows, field by field, what the source serves?
//!
//! Counters do not see everything: the wallet of a resting order, the shares, the fee. Only reading
//! the fills again does, and only reading all of them again proves all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use clickhouse::Row;
use fills::{Scope, Span};
use serde::Deserialize;

use crate::difference::Differences;
use crate::validation::Spot;
use crate::{Check, Error, Figures, Level, Outcome, Validation};

const HOUR: u64 = 3600;

/// About how many rows a random window has.
const WINDOW_ROWS: u64 = 1000;

/// Tokens that are asked for together: as many as a load asks for.
const TOKENS_TOGETHER: usize = 500;

#[derive(Row, Deserialize)]
struct Hour {
    hour: u32,
    rows: u64,
}

impl Validation {
    /// Reads windows again and compares them field by field.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn spot(
        &self,
        differences: &mut Differences,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        const NAME: &str = "windows";
        let hours = self.hours().await?;
        let windows = match self.config.spot {
            Spot::All => tiles(&hours, self.coverage.reach(), self.config.chunk_rows as u64),
            Spot::Windows(number) => {
                let mut random = fastrand::Rng::with_seed(self.config.seed);
                let span = self.coverage.span;
                let pick = |index: u32| window(&hours, span, index, &mut random);
                (0..number).filter_map(pick).collect()
            }
        };
        let number = windows.len() as u64;
        let scopes = windows.into_iter().flat_map(|span| self.scopes(span));
        let place = (Level::Spot, NAME);
        // What another level told before is wrong here too.
        let mut found = Differences::default();
        let compared = self.compare_each(scopes.collect(), &mut found, place).await;
        let differing = found.len() as u64;
        differences.extend(found);
        let compared = compared?;
        let figures = Figures::new()
            .with("windows", number)
            .with("all", self.config.spot == Spot::All)
            .with("seed", self.config.seed)
            .with("fills", compared.fills)
            .with("rows", compared.rows)
            .with("fills_that_differ", differing);
        let ok = compared.new.is_empty();
        outcome
            .checks
            .push(Check::new(Level::Spot, NAME, ok, figures, ""));
        Ok(())
    }

    /// Returns what is expected in a window, in groups of tokens where only some are.
    fn scopes(&self, span: Span) -> Vec<Scope> {
        match self.coverage.tokens.as_deref() {
            None => vec![Scope { span, tokens: None }],
            Some(tokens) => {
                let groups = tokens.chunks(TOKENS_TOGETHER).map(Arc::from);
                let scope = |tokens| Scope {
                    span,
                    tokens: Some(tokens),
                };
                groups.map(scope).collect()
            }
        }
    }

    async fn hours(&self) -> Result<BTreeMap<u64, u64>, Error> {
        let sql = format!(
            "-- hours\nSELECT intDiv(toUInt32(timestamp), {HOUR}) AS hour, count() AS rows\n\
             FROM {}\nWHERE {}\nGROUP BY hour",
            self.table.names().data(),
            self.coverage.condition(),
        );
        let hours: Vec<Hour> = self.table.rows(&sql).await?;
        Ok(hours
            .into_iter()
            .map(|hour| (hour.hour.into(), hour.rows))
            .collect())
    }
}

/// Cuts a span where hours begin, so that each part has at most so many rows, or is one hour.
fn tiles(hours: &BTreeMap<u64, u64>, span: Span, most_rows: u64) -> Vec<Span> {
    let mut tiles = Vec::new();
    let (mut from, mut rows) = (span.from, 0);
    for (&hour, &more) in hours {
        let begin = hour * HOUR;
        if rows + more > most_rows && begin > from {
            tiles.push(Span::new(from, begin));
            (from, rows) = (begin, 0);
        }
        rows += more;
    }
    tiles.push(Span::new(from, span.to));
    tiles.retain(|tile| !tile.is_empty());
    tiles
}

/// Picks a window: every other one where rows are, those between anywhere in time, as rows may be
/// missing where there are none.
fn window(
    hours: &BTreeMap<u64, u64>,
    span: Span,
    index: u32,
    random: &mut fastrand::Rng,
) -> Option<Span> {
    if span.is_empty() {
        return None;
    }
    let all: u64 = hours.values().sum();
    let hour = match all {
        1.. if index.is_multiple_of(2) => at_row(hours, random.u64(0..all)),
        _ => random.u64(span.from..span.to) / HOUR,
    };
    let rows = hours.get(&hour).copied().unwrap_or_default();
    let seconds = (HOUR * WINDOW_ROWS / rows.max(1)).clamp(1, HOUR);
    let from = hour * HOUR + random.u64(0..=HOUR - seconds);
    let window = Span::new(from, from + seconds).intersection(&span);
    match window.is_empty() {
        true => Some(Span::new(hour * HOUR, (hour + 1) * HOUR).intersection(&span)),
        false => Some(window),
    }
}

/// Returns the hour that the row at a place, counted by hours, is in.
fn at_row(hours: &BTreeMap<u64, u64>, place: u64) -> u64 {
    let mut before = 0;
    let holds = |(_, rows): &(&u64, &u64)| {
        before += **rows;
        place < before
    };
    hours.iter().find(holds).map_or(0, |(hour, _)| *hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> BTreeMap<u64, u64> {
        BTreeMap::from([(1, 10), (2, 900), (7, 5_000_000)])
    }

    #[test]
    fn tiles_cover_the_span_without_overlap() {
        let span = Span::new(100, 40_000);
        let tiles = tiles(&hours(), span, 1000);
        assert_eq!(tiles, [Span::new(100, 25_200), Span::new(25_200, 40_000)]);
    }

    #[test]
    fn the_same_seed_picks_the_same_windows_within_the_span() {
        let span = Span::new(4000, 28_800);
        let pick = || {
            let mut random = fastrand::Rng::with_seed(7);
            let windows = (0..100).filter_map(|index| window(&hours(), span, index, &mut random));
            windows.collect::<Vec<_>>()
        };
        let windows = pick();
        assert_eq!(windows, pick());
        assert_eq!(windows.len(), 100);
        for window in windows {
            assert!(
                !window.is_empty() && window.intersection(&span) == window,
                "{window}"
            );
        }
    }
}
