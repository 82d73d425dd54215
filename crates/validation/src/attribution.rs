//! Which fills it is that make a token differ.
//!
//! Counters have no time. So the tokens that differ are read again from the source, those first that
//! cost least, and compared fill by fill with the table. Where their missing fills lie close
//! together in time, that window is looked at for all tokens at once, as long as this is expected to
//! cost less than reading every token that is left: a lost day is found by a few small tokens and
//! explains the large ones. A token is done when nothing is left of what it differs by.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use fills::{Scope, Span, SpanSet, TokenId};

use crate::difference::{Difference, Differences};
use crate::totals::{Sums, TokenGap};
use crate::{Error, Level, Validation};

/// Tokens read together, and about how many fills they may have then.
const TOKENS_TOGETHER: usize = 200;
const FILLS_TOGETHER: u64 = 20_000;

/// Fills that differ within this time of each other are one event.
const CLOSE_SECONDS: u64 = 3600;

/// Windows looked around in after each reading of tokens.
const MOST_WINDOWS: usize = 8;

/// The least piece by which a window is made longer.
const LEAST_PIECE_SECONDS: u64 = 60;

/// What is known after looking.
#[derive(Debug, Default)]
pub(crate) struct Attributed {
    /// Tokens of which the source counted more than it serves, and by how much.
    pub(crate) collisions: Vec<(TokenId, Sums)>,
    /// Tokens of which the source serves events that cannot be rows, and by how much.
    pub(crate) unreadable: Vec<(TokenId, Sums)>,
    /// Tokens that differ and of which it is not known why.
    pub(crate) unexplained: HashSet<TokenId>,
    /// Windows in which so many fills are missing that not all were looked at.
    pub(crate) holes: Vec<Span>,
    /// When the fills of a token happened that differ.
    pub(crate) spans: HashMap<TokenId, Span>,
    pub(crate) tokens_read: u64,
    pub(crate) windows_read: u64,
    pub(crate) fills_read: u64,
    is_whole: bool,
}

/// Tokens of which it is not known yet what differs.
struct Open<'a> {
    gaps: BTreeMap<(u64, TokenId), &'a TokenGap>,
    over: HashMap<TokenId, Sums>,
}

impl Open<'_> {
    fn cost(&self) -> u64 {
        self.gaps.keys().map(|(cost, _)| cost).sum()
    }

    /// Takes what was found off what tokens differ by; those with nothing left are done.
    fn explain(&mut self, differences: &[Difference]) {
        for difference in differences {
            let doubled = difference.doubled.iter();
            let changes = (difference.missing.iter().map(|fill| (fill, -1)))
                .chain(difference.extra.iter().map(|row| (row, 1)))
                .chain(doubled.map(|(fill, times)| (fill, i64::try_from(*times).unwrap_or(0))));
            for (fill, times) in changes {
                if let Some(over) = self.over.get_mut(&fill.token_id) {
                    over.add(fill, times);
                }
            }
        }
        let over = &self.over;
        self.gaps
            .retain(|(_, token), _| over.get(token).is_none_or(|over| !over.is_zero()));
    }

    /// Takes the cheapest tokens out, as many as are read together.
    fn cheapest(&mut self) -> Vec<TokenId> {
        let (mut tokens, mut fills) = (Vec::new(), 0);
        while let Some((&(cost, token), _)) = self.gaps.first_key_value() {
            fills += cost;
            let full = tokens.len() >= TOKENS_TOGETHER || fills > FILLS_TOGETHER;
            if full && !tokens.is_empty() {
                break;
            }
            self.gaps.pop_first();
            tokens.push(token);
        }
        tokens
    }
}

impl Validation {
    /// Finds the fills that make tokens differ.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn attribute(
        &self,
        gaps: &[TokenGap],
        differences: &mut Differences,
    ) -> Result<Attributed, Error> {
        let mut open = Open {
            gaps: gaps
                .iter()
                .map(|gap| ((gap.cost(), gap.token), gap))
                .collect(),
            over: gaps.iter().map(|gap| (gap.token, gap.over)).collect(),
        };
        let known: Vec<Difference> = differences.iter().map(|(_, known)| known.clone()).collect();
        open.explain(&known);
        let mut attributed = Attributed {
            is_whole: self.coverage.is_whole_archive,
            ..Attributed::default()
        };
        let mut seen = SpanSet::new();
        let all = open.gaps.len() as u64;
        while !open.gaps.is_empty() && attributed.fills_read < self.config.most_fills_read {
            let done = all - open.gaps.len() as u64;
            self.progress
                .tell(Level::Source, "looking into tokens", done, all);
            let tokens = open.cheapest();
            let scope = Scope {
                span: self.coverage.reach(),
                tokens: Some(Arc::from(tokens.as_slice())),
            };
            let compared = self.compare(scope, differences).await?;
            attributed.tokens_read += tokens.len() as u64;
            attributed.fills_read += compared.fills;
            open.explain(&compared.new);
            if differences.is_cut() {
                attributed.unexplained.extend(tokens);
                break;
            }
            for token in tokens {
                let is_unreadable = compared.unreadable.contains(&token);
                attributed.close(token, &open, is_unreadable);
            }
            let windows = windows(&Differences::seconds_of(&compared.new));
            for window in windows {
                let looked = self.look_around(window, &mut seen, &mut open, differences);
                looked.await?.add_to(&mut attributed);
            }
        }
        if differences.is_cut() {
            attributed.holes = self.holes(differences).await?;
        }
        attributed
            .unexplained
            .extend(open.gaps.keys().map(|(_, token)| *token));
        attributed.note_spans(differences);
        Ok(attributed)
    }

    /// Looks at a window for all tokens, and at what lies around it as long as fills differ there.
    async fn look_around(
        &self,
        window: Span,
        seen: &mut SpanSet,
        open: &mut Open<'_>,
        differences: &mut Differences,
    ) -> Result<Looked, Error> {
        let mut looked = Looked::default();
        let mut pieces = vec![window];
        while let Some(piece) = pieces.pop() {
            for gap in seen.gaps(piece.intersection(&self.coverage.reach())) {
                let done = open.gaps.is_empty() || differences.is_cut();
                if done || self.expected(gap, open).await? >= open.cost() {
                    return Ok(looked);
                }
                let scope = Scope {
                    span: gap,
                    tokens: None,
                };
                let compared = self.compare(scope, differences).await?;
                seen.insert(gap);
                looked.windows += 1;
                looked.fills += compared.fills;
                open.explain(&compared.new);
                if !compared.new.is_empty() {
                    let longer = gap.seconds().max(LEAST_PIECE_SECONDS);
                    pieces.push(Span::new(gap.from.saturating_sub(longer), gap.from));
                    pieces.push(Span::new(gap.to, gap.to + longer));
                }
            }
        }
        Ok(looked)
    }

    /// Finds the windows in which fills are missing, as far as the table has no row at all.
    async fn holes(&self, differences: &Differences) -> Result<Vec<Span>, Error> {
        let mut holes = SpanSet::new();
        for Span { from, to } in windows(&differences.missing_seconds()) {
            let sql = format!(
                "-- hole\nSELECT toUInt64(maxIf(toUInt32(timestamp) + 1, toUInt32(timestamp) < {from})), \
                 toUInt64(minIf(toUInt32(timestamp), toUInt32(timestamp) >= {to}))\nFROM {} WHERE {}",
                self.table.names().data(),
                self.coverage.condition(),
            );
            let (begin, end) = self.table.row::<(u64, u64)>(&sql).await?;
            let end = if end == 0 { u64::MAX } else { end };
            let hole = Span::new(begin, end).intersection(&self.coverage.span);
            holes.insert(if hole.is_empty() {
                Span::new(from, to)
            } else {
                hole
            });
        }
        Ok(holes.spans().collect())
    }

    /// Estimates how many fills the source has in a window: the rows that are there, and all that
    /// are still looked for.
    async fn expected(&self, window: Span, open: &Open<'_>) -> Result<u64, Error> {
        let rows = self.table.count_in(window).await?;
        let missing: i64 = open.over.values().map(|over| over.fills().max(0)).sum();
        Ok(rows + missing.unsigned_abs())
    }
}

#[derive(Default)]
struct Looked {
    windows: u64,
    fills: u64,
}

impl Looked {
    fn add_to(&self, attributed: &mut Attributed) {
        attributed.windows_read += self.windows;
        attributed.fills_read += self.fills;
    }
}

impl Attributed {
    /// Notes what is left of a token of which everything was compared. Where all that the source
    /// serves of it was seen, and all of it reads, more counts than that are collisions.
    fn close(&mut self, token: TokenId, open: &Open<'_>, is_unreadable: bool) {
        let left = open.over.get(&token).copied().unwrap_or_default();
        let counted_more = left.buys >= 0 && left.sells >= 0 && left.fills() > 0;
        match counted_more {
            _ if left.is_zero() => {}
            // What lies outside of a part counts as well.
            true if left.buy_usdc >= 0 && left.sell_usdc >= 0 && !self.is_whole => {}
            true if is_unreadable => self.unreadable.push((token, left)),
            true => self.collisions.push((token, left)),
            _ => drop(self.unexplained.insert(token)),
        }
    }

    fn note_spans(&mut self, differences: &Differences) {
        for (_, difference) in differences.iter() {
            let doubled = difference.doubled.iter().map(|(fill, _)| fill);
            let versions = difference
                .missing
                .iter()
                .chain(&difference.extra)
                .chain(doubled);
            for fill in versions {
                let second = u64::from(fill.timestamp);
                let span = self
                    .spans
                    .entry(fill.token_id)
                    .or_insert(Span::new(second, second + 1));
                *span = Span::new(span.from.min(second), span.to.max(second + 1));
            }
        }
    }
}

/// Joins seconds, in order, that are close together, and returns the windows with most of them:
/// where fills are lost here and there, no window explains much.
fn windows(seconds: &[u32]) -> Vec<Span> {
    let mut windows: Vec<(Span, u64)> = Vec::new();
    for second in seconds.iter().map(|&second| u64::from(second)) {
        match windows.last_mut() {
            Some((last, fills)) if second < last.to + CLOSE_SECONDS => {
                last.to = second + 1;
                *fills += 1;
            }
            _ => windows.push((Span::new(second, second + 1), 1)),
        }
    }
    windows.sort_by_key(|&(_, fills)| std::cmp::Reverse(fills));
    windows.truncate(MOST_WINDOWS);
    windows.into_iter().map(|(window, _)| window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_close_together_are_one_window() {
        let found = windows(&[10, 10, 3000, 7000, 7001]);
        assert_eq!(found, [Span::new(10, 3001), Span::new(7000, 7002)]);
        assert_eq!(windows(&[]), []);
    }

    #[test]
    fn of_many_windows_those_with_most_seconds_are_looked_at() {
        let mut seconds: Vec<u32> = (0..100).map(|n| n * 10_000).collect();
        seconds.extend([990_001, 990_002]);
        let found = windows(&seconds);
        assert_eq!(found.len(), MOST_WINDOWS);
        assert_eq!(found[0], Span::new(990_000, 990_003));
    }
}
