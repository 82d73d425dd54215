//! Half-open ranges of source time, and sets of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The seconds `from <= t < to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First second, inclusive.
    pub from: u64,
    /// Last second, exclusive.
    pub to: u64,
}

impl Span {
    /// Makes the span `[from, to)`; one that ends before it begins is empty.
    pub const fn new(from: u64, to: u64) -> Self {
        Self { from, to }
    }

    /// Tells whether no second lies in it.
    pub const fn is_empty(&self) -> bool {
        self.from >= self.to
    }

    /// Returns how many seconds lie in it.
    pub const fn seconds(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Tells whether a second lies in it.
    pub const fn contains(&self, second: u64) -> bool {
        self.from <= second && second < self.to
    }

    /// Returns the seconds that lie in both; it may be empty.
    pub fn intersection(&self, other: &Self) -> Self {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

/// A set of seconds, kept as the fewest spans: neighbours join, so its size follows the number of
/// gaps and not how much it covers.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct SpanSet {
    /// Ends by beginnings. No two spans touch or overlap, none is empty.
    ends: BTreeMap<u64, u64>,
}

impl SpanSet {
    /// Makes an empty set.
    pub const fn new() -> Self {
        Self {
            ends: BTreeMap::new(),
        }
    }

    /// Adds all seconds of a span.
    pub fn insert(&mut self, span: Span) {
        if span.is_empty() {
            return;
        }
        let Span { mut from, mut to } = span;
        let touched: Vec<u64> = self
            .ends
            .range(..=to)
            .rev()
            .take_while(|&(_, &end)| end >= from)
            .map(|(&begin, _)| begin)
            .collect();
        for begin in touched {
            if let Some(end) = self.ends.remove(&begin) {
                from = from.min(begin);
                to = to.max(end);
            }
        }
        self.ends.insert(from, to);
    }

    /// Returns the spans within `span` that the set lacks, in order.
    pub fn gaps(&self, span: Span) -> Vec<Span> {
        let mut gaps = Vec::new();
        let mut from = span.from;
        for covered in self.spans() {
            if covered.to <= from {
                continue;
            }
            if covered.from >= span.to {
                break;
            }
            if covered.from > from {
                gaps.push(Span::new(from, covered.from));
            }
            from = covered.to;
        }
        let last = Span::new(from, span.to);
        if !last.is_empty() {
            gaps.push(last);
        }
        gaps
    }

    /// Tells whether every second of `span` is in the set.
    pub fn covers(&self, span: Span) -> bool {
        span.is_empty()
            || self
                .ends
                .range(..=span.from)
                .next_back()
                .is_some_and(|(_, &end)| end >= span.to)
    }

    /// Tells whether any second of `span` is in the set.
    pub fn overlaps(&self, span: Span) -> bool {
        !span.is_empty()
            && self
                .ends
                .range(..span.to)
                .next_back()
                .is_some_and(|(_, &end)| end > span.from)
    }

    /// Returns the spans in order.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.ends.iter().map(|(&from, &to)| Span::new(from, to))
    }

    /// Returns how many spans the set is made of.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether the set has no second in it.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns how many seconds are in the set.
    pub fn seconds(&self) -> u64 {
        self.spans().map(|span| span.seconds()).sum()
    }
}

impl fmt::Debug for SpanSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.spans().map(|span| span.to_string()))
            .finish()
    }
}

impl FromIterator<Span> for SpanSet {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut set = Self::new();
        for span in spans {
            set.insert(span);
        }
        set
    }
}

impl From<Vec<(u64, u64)>> for SpanSet {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        pairs
            .into_iter()
            .map(|(from, to)| Span::new(from, to))
            .collect()
    }
}

impl From<SpanSet> for Vec<(u64, u64)> {
    fn from(set: SpanSet) -> Self {
        set.ends.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(pairs: &[(u64, u64)]) -> SpanSet {
        pairs.to_vec().into()
    }

    #[test]
    fn neighbours_join() {
        let joined = set(&[(0, 5), (10, 15), (5, 10)]);
        assert_eq!(joined.spans().collect::<Vec<_>>(), [Span::new(0, 15)]);
    }

    #[test]
    fn gaps_are_what_is_lacking_within_the_span() {
        let held = set(&[(2, 4), (6, 8)]);
        assert_eq!(
            held.gaps(Span::new(0, 10)),
            [Span::new(0, 2), Span::new(4, 6), Span::new(8, 10)]
        );
        assert_eq!(held.gaps(Span::new(3, 7)), [Span::new(4, 6)]);
        assert!(held.gaps(Span::new(2, 4)).is_empty());
        assert!(held.gaps(Span::new(5, 5)).is_empty());
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_seconds(
            pairs in proptest::collection::vec((0_u64..60, 0_u64..60), 0..20),
            probe in (0_u64..60, 0_u64..60),
        ) {
            let spans = set(&pairs);
            let model: BTreeSet<u64> = pairs.iter().flat_map(|&(from, to)| from..to).collect();
            let held: BTreeSet<u64> = spans.spans().flat_map(|span| span.from..span.to).collect();
            prop_assert_eq!(&held, &model);
            prop_assert_eq!(spans.seconds(), model.len() as u64);

            let probe = Span::new(probe.0, probe.1);
            let lacking: BTreeSet<u64> =
                spans.gaps(probe).iter().flat_map(|span| span.from..span.to).collect();
            let expected: BTreeSet<u64> =
                (probe.from..probe.to).filter(|second| !model.contains(second)).collect();
            prop_assert_eq!(spans.covers(probe), expected.is_empty());
            prop_assert_eq!(
                spans.overlaps(probe),
                (probe.from..probe.to).any(|second| model.contains(&second))
            );
            prop_assert_eq!(lacking, expected);
        }
    }
}
