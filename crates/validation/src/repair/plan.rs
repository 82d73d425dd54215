use std::collections::{BTreeMap, BTreeSet};

use fill_table::Removal;
use fills::{Fill, Span, TokenId};
use serde::Serialize;

use crate::Coverage;
use crate::validation::Validated;

/// Fills closer than this are loaded together.
const CLOSE_SECONDS: u64 = 60;

/// A token whose fills lie in more windows than this is loaded by itself, through all of them.
const MOST_WINDOWS_OF_A_TOKEN: usize = 8;

/// Tokens that are asked for by name; where there are more, all are.
pub(super) const MOST_TOKENS: usize = 500;

/// One part of the source to load again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Load {
    /// First second, inclusive.
    pub from: u64,
    /// Last second, exclusive.
    pub to: u64,
    /// The tokens; nothing means all.
    pub tokens: Option<Vec<TokenId>>,
}

/// What a repair does: first it takes rows out, then it loads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Parts of the source to load; rows that are there are not put in again.
    pub loads: Vec<Load>,
    /// Rows with another value than the source, which are replaced.
    pub wrong_rows: u64,
    /// Rows that the source does not have, which are taken out.
    pub extra_rows: u64,
    /// Rows that are there again, which are taken out.
    pub duplicate_rows: u64,
    /// Rows that the source does not have or that are there again, and that stay as long as nobody
    /// asks to remove them.
    pub rows_left: u64,
    #[serde(skip)]
    pub(super) removals: Vec<Removal>,
}

impl Plan {
    /// Plans to mend what a validation found; rows that the source does not have and rows that are
    /// there again are only taken out where that is asked for.
    pub fn new(validated: &Validated, coverage: &Coverage, removes_extra: bool) -> Self {
        let mut plan = Self::default();
        let mut wanted: Vec<(u64, TokenId)> = Vec::new();
        for (_, difference) in validated.differences.iter() {
            let missing = difference.missing.as_ref();
            wanted.extend(missing.map(|fill| (fill.timestamp.into(), fill.token_id)));
            let extra = difference.extra.len() as u64;
            if difference.is_wrong() {
                plan.wrong_rows += extra;
                plan.remove(&difference.extra, "another value than the source", missing);
            } else if removes_extra {
                plan.extra_rows += extra;
                plan.remove(&difference.extra, "not at the source", None);
            } else {
                plan.rows_left += extra;
            }
            match &difference.doubled {
                Some((fill, times)) if removes_extra => {
                    plan.duplicate_rows += times;
                    plan.remove(&[*fill], "there again", Some(fill));
                    // All copies go, so one comes back.
                    wanted.push((fill.timestamp.into(), fill.token_id));
                }
                Some((_, times)) => plan.rows_left += times,
                None => {}
            }
        }
        let holes = &validated.holes;
        wanted.retain(|(second, _)| !holes.iter().any(|hole| hole.contains(*second)));
        let all = coverage.tokens.as_deref();
        plan.loads = loads(wanted, all);
        plan.loads.extend(holes.iter().map(|hole| Load {
            from: hole.from,
            to: hole.to,
            tokens: all.map(<[_]>::to_vec),
        }));
        // What the holes do not explain is seen once they are filled.
        if holes.is_empty() {
            let unexplained = validated.unexplained.chunks(MOST_TOKENS);
            plan.loads.extend(unexplained.map(|tokens| Load {
                from: coverage.span.from,
                to: coverage.span.to,
                tokens: Some(tokens.to_vec()),
            }));
        }
        plan
    }

    /// Adds what is to do after this.
    pub fn extend(&mut self, other: Self) {
        self.loads.extend(other.loads);
        self.removals.extend(other.removals);
        self.wrong_rows += other.wrong_rows;
        self.extra_rows += other.extra_rows;
        self.duplicate_rows += other.duplicate_rows;
        self.rows_left = other.rows_left;
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.loads.is_empty() && self.removals.is_empty()
    }

    fn remove(&mut self, rows: &[Fill], reason: &'static str, instead: Option<&Fill>) {
        let source = instead.map(|fill| (fill.token_id, fill.timestamp));
        let removals = rows.iter().map(|&row| Removal {
            row,
            reason,
            source,
        });
        self.removals.extend(removals);
    }
}

/// Finds the fewest parts that hold all wanted fills: tokens that are wanted in many places by
/// themselves, the others by window. Of `all` tokens is loaded where a window wants too many to name.
fn loads(mut wanted: Vec<(u64, TokenId)>, all: Option<&[TokenId]>) -> Vec<Load> {
    wanted.sort_unstable();
    let mut windows_of: BTreeMap<TokenId, (usize, Span)> = BTreeMap::new();
    for &(second, token) in &wanted {
        let here = Span::new(second, second + 1);
        let (windows, span) = windows_of.entry(token).or_insert((1, here));
        if second > span.to + CLOSE_SECONDS {
            *windows += 1;
        }
        span.to = second + 1;
    }
    let scattered: BTreeMap<TokenId, Span> = windows_of
        .into_iter()
        .filter(|(_, (windows, _))| *windows > MOST_WINDOWS_OF_A_TOKEN)
        .map(|(token, (_, span))| (token, span))
        .collect();
    wanted.retain(|(_, token)| !scattered.contains_key(token));
    let mut loads = by_window(&wanted, all);
    loads.extend(by_token(&scattered));
    loads
}

fn by_window(wanted: &[(u64, TokenId)], all: Option<&[TokenId]>) -> Vec<Load> {
    let mut windows: Vec<(Span, BTreeSet<TokenId>)> = Vec::new();
    for &(second, token) in wanted {
        match windows.last_mut() {
            Some((span, tokens)) if second <= span.to + CLOSE_SECONDS => {
                span.to = second + 1;
                tokens.insert(token);
            }
            _ => windows.push((Span::new(second, second + 1), BTreeSet::from([token]))),
        }
    }
    let load = |(span, tokens): (Span, BTreeSet<TokenId>)| Load {
        from: span.from,
        to: span.to,
        tokens: match tokens.len() <= MOST_TOKENS {
            true => Some(tokens.into_iter().collect()),
            false => all.map(<[_]>::to_vec),
        },
    };
    windows.into_iter().map(load).collect()
}

fn by_token(scattered: &BTreeMap<TokenId, Span>) -> Vec<Load> {
    let all: Vec<(&TokenId, &Span)> = scattered.iter().collect();
    let load = |some: &[(&TokenId, &Span)]| Load {
        from: some.iter().map(|(_, span)| span.from).min().unwrap_or(0),
        to: some.iter().map(|(_, span)| span.to).max().unwrap_or(0),
        tokens: Some(some.iter().map(|(token, _)| **token).collect()),
    };
    all.chunks(MOST_TOKENS).map(load).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(from: u64, to: u64, tokens: &[u64]) -> Load {
        let tokens = tokens.iter().map(|&token| token.into()).collect();
        Load {
            from,
            to,
            tokens: Some(tokens),
        }
    }

    #[test]
    fn fills_close_together_are_one_window_with_their_tokens() {
        let wanted = vec![
            (500, 2.into()),
            (10, 1.into()),
            (40, 2.into()),
            (10, 1.into()),
        ];
        assert_eq!(
            loads(wanted, None),
            [load(10, 41, &[1, 2]), load(500, 501, &[2])]
        );
    }

    #[test]
    fn a_token_that_is_wanted_everywhere_is_one_load() {
        let mut wanted: Vec<(u64, TokenId)> = (0..50).map(|n| (n * 1000, 7.into())).collect();
        wanted.push((20_000, 1.into()));
        assert_eq!(
            loads(wanted, None),
            [load(20_000, 20_001, &[1]), load(0, 49_001, &[7])]
        );
    }

    #[test]
    fn nothing_wanted_is_nothing_to_load() {
        assert_eq!(loads(Vec::new(), None), []);
    }

    #[test]
    fn a_window_that_wants_many_tokens_loads_no_other_than_were_asked_for() {
        let wanted: Vec<(u64, TokenId)> = (0..501).map(|n| (10, n.into())).collect();
        assert_eq!(loads(wanted.clone(), None)[0].tokens, None);
        let asked: Vec<TokenId> = (0..600).map(TokenId::from).collect();
        assert_eq!(loads(wanted, Some(&asked))[0].tokens, Some(asked));
    }
}
