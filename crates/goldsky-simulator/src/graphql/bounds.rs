//! What a predicate implies, to find its rows without looking at all of them.

use super::operator::Operator;
use super::predicate::Predicate;
use crate::data::{Column, USDC};

/// Rows outside of these bounds cannot pass; rows inside need not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// First and last second, inclusive.
    pub(crate) seconds: (i64, i64),
    /// The least id.
    pub(crate) from_id: Option<String>,
    /// The only ids.
    pub(crate) ids: Option<Vec<String>>,
    /// The only tokens, ascending.
    pub(crate) tokens: Option<Vec<u32>>,
}

impl Bounds {
    const NONE: Self = Self {
        seconds: (i64::MIN, i64::MAX),
        from_id: None,
        ids: None,
        tokens: None,
    };

    /// Finds the bounds of a predicate on events.
    pub(crate) fn of(predicate: &Predicate) -> Self {
        match predicate {
            Predicate::All(parts) => parts
                .iter()
                .map(Self::of)
                .fold(Self::NONE, Self::intersection),
            Predicate::Any(parts) => {
                parts
                    .iter()
                    .map(Self::of)
                    .reduce(Self::union)
                    .unwrap_or(Self {
                        seconds: (0, -1),
                        ..Self::NONE
                    })
            }
            Predicate::Second { operator, second } => Self {
                seconds: match operator {
                    Operator::Equal => (*second, *second),
                    Operator::Greater => (second.saturating_add(1), i64::MAX),
                    Operator::GreaterOrEqual => (*second, i64::MAX),
                    Operator::Less => (i64::MIN, second.saturating_sub(1)),
                    Operator::LessOrEqual => (i64::MIN, *second),
                    _ => (i64::MIN, i64::MAX),
                },
                ..Self::NONE
            },
            Predicate::Asset {
                assets,
                negated: false,
                ..
            } if !assets.contains(&USDC) => Self {
                tokens: Some(assets.clone()),
                ..Self::NONE
            },
            Predicate::Text {
                column,
                operator,
                text,
            } if *column == Column::Id as usize => match operator {
                Operator::Equal => Self {
                    ids: Some(vec![text.clone()]),
                    ..Self::NONE
                },
                Operator::Greater | Operator::GreaterOrEqual => Self {
                    from_id: Some(text.clone()),
                    ..Self::NONE
                },
                _ => Self::NONE,
            },
            Predicate::TextIn {
                column,
                texts,
                negated: false,
            } if *column == Column::Id as usize => Self {
                ids: Some(texts.clone()),
                ..Self::NONE
            },
            _ => Self::NONE,
        }
    }

    fn intersection(self, other: Self) -> Self {
        Self {
            seconds: (
                self.seconds.0.max(other.seconds.0),
                self.seconds.1.min(other.seconds.1),
            ),
            from_id: self.from_id.max(other.from_id),
            ids: smaller(self.ids, other.ids),
            tokens: smaller(self.tokens, other.tokens),
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            seconds: (
                self.seconds.0.min(other.seconds.0),
                self.seconds.1.max(other.seconds.1),
            ),
            from_id: both(self.from_id, other.from_id).map(|(a, b)| a.min(b)),
            ids: both(self.ids, other.ids).map(|(a, b)| merge(a, b)),
            tokens: both(self.tokens, other.tokens).map(|(a, b)| merge(a, b)),
        }
    }
}

fn smaller<T>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.len() <= b.len() { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn both<T>(a: Option<T>, b: Option<T>) -> Option<(T, T)> {
    Some((a?, b?))
}

fn merge<T: Ord>(mut a: Vec<T>, b: Vec<T>) -> Vec<T> {
    a.extend(b);
    a.sort_unstable();
    a.dedup();
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(operator: Operator, second: i64) -> Predicate {
        Predicate::Second { operator, second }
    }

    fn id_above(id: &str) -> Predicate {
        Predicate::Text {
            column: Column::Id as usize,
            operator: Operator::Greater,
            text: id.to_owned(),
        }
    }

    fn assets(assets: &[u32]) -> Predicate {
        Predicate::Asset {
            side: 0,
            assets: assets.to_vec(),
            negated: false,
        }
    }

    #[test]
    fn a_keyset_in_a_window_is_bounded_by_its_seconds_alone() {
        let predicate = Predicate::All(vec![
            second(Operator::GreaterOrEqual, 5),
            second(Operator::Less, 9),
            Predicate::Any(vec![second(Operator::Greater, 5), id_above("a")]),
        ]);
        let bounds = Bounds::of(&predicate);
        assert_eq!(bounds.seconds, (5, 8));
        assert_eq!(bounds.from_id, None);
    }

    #[test]
    fn either_asset_bounds_by_all_tokens_unless_usdc_is_among_them() {
        let either = Predicate::Any(vec![assets(&[1, 4]), assets(&[2])]);
        assert_eq!(Bounds::of(&either).tokens, Some(vec![1, 2, 4]));
        let with_usdc = Predicate::Any(vec![assets(&[1, USDC]), assets(&[2])]);
        assert_eq!(Bounds::of(&with_usdc).tokens, None);
    }

    #[test]
    fn what_nothing_passes_has_no_seconds() {
        let (first, last) = Bounds::of(&Predicate::Any(Vec::new())).seconds;
        assert!(first > last);
    }
}
