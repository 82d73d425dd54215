use crate::Finding;

/// Findings up to a bound, and how many there were in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    kept: Vec<Finding>,
    most: usize,
    total: u64,
}

impl Findings {
    /// Makes an empty list that keeps at most so many.
    pub const fn new(most: usize) -> Self {
        Self {
            kept: Vec::new(),
            most,
            total: 0,
        }
    }

    /// Adds one; behind the bound it is only counted.
    pub fn push(&mut self, finding: Finding) {
        self.total += 1;
        if self.kept.len() < self.most {
            self.kept.push(finding);
        }
    }

    /// Counts findings that are not told one by one.
    pub fn count_further(&mut self, number: u64) {
        self.total += number;
    }

    /// Adds the findings of another list.
    pub fn extend(&mut self, other: Self) {
        self.total += other.total;
        let room = self.most - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
    }

    /// Takes findings out that are told elsewhere.
    #[must_use]
    pub fn without(mut self, is_told: impl Fn(&Finding) -> bool) -> Self {
        let before = self.kept.len();
        self.kept.retain(|finding| !is_told(finding));
        self.total -= (before - self.kept.len()) as u64;
        self
    }

    /// Returns how many are kept at the most.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Returns those kept, in the order in which they were found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// Returns how many there were, kept or not.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Tells whether there were none.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Level};

    fn finding(found: u64) -> Finding {
        Finding::new(Kind::ExtraRows, (Level::Source, "rows of tokens"), 0, found)
    }

    #[test]
    fn more_than_the_bound_are_counted_and_not_kept() {
        let mut findings = Findings::new(2);
        (0..5).for_each(|found| findings.push(finding(found)));
        assert_eq!(findings.kept(), [finding(0), finding(1)]);
        assert_eq!(findings.total(), 5);
    }

    #[test]
    fn lists_join_up_to_the_bound() {
        let (mut all, mut more) = (Findings::new(2), Findings::new(9));
        all.push(finding(1));
        more.push(finding(2));
        more.push(finding(3));
        all.extend(more);
        assert_eq!(all.kept(), [finding(1), finding(2)]);
        assert_eq!(all.total(), 3);
    }
}
