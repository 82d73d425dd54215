//! How fast rows come, as far as that tells how long the rest takes.

use std::collections::VecDeque;
use std::time::Duration;

/// After less time nothing is told.
const LEAST: Duration = Duration::from_secs(2);
/// What was longer ago tells nothing.
const MOST: Duration = Duration::from_secs(600);
/// By how much two quarters may differ that are one pace.
const EVEN: f64 = 2.0;

/// Rows fetched, from reading to reading, since a run is under way.
#[derive(Debug, Default)]
pub(crate) struct Pace(VecDeque<(Duration, u64)>);

impl Pace {
    /// Notes that `rows` rows have come by `at`.
    pub(crate) fn note(&mut self, at: Duration, rows: u64) {
        self.0.push_back((at, rows));
        // The last one before the longest time stays: it begins there.
        while self.0.get(1).is_some_and(|(then, _)| at - *then >= MOST) {
            self.0.pop_front();
        }
    }

    /// Forgets what came before: it was not how the run goes on.
    pub(crate) fn restart(&mut self) {
        self.0.clear();
    }

    /// Returns rows a second over the later half: how a run begins says little about how it goes on, and
    /// how it went in one moment little about the next. Nothing while that half is far from even.
    pub(crate) fn rows_per_second(&self) -> Option<f64> {
        let (begun, end) = (self.0.front()?.0, self.0.back()?.0);
        let span = end - begun;
        let (half, later) = (begun + span / 2, begun + span / 4 * 3);
        let (first, second) = (self.rate(half, later)?, self.rate(later, end)?);
        let is_even = first <= second * EVEN && second <= first * EVEN;
        let rate = self.rate(half, end).filter(|rate| *rate > 0.0)?;
        (span >= LEAST && is_even).then_some(rate)
    }

    /// Returns rows a second from the last note by `from` to the last one by `to`.
    fn rate(&self, from: Duration, to: Duration) -> Option<f64> {
        let last_by = |time| self.0.partition_point(|(at, _)| *at <= time).checked_sub(1);
        let (from, before) = self.0[last_by(from)?];
        let (to, rows) = self.0[last_by(to)?];
        (to > from).then(|| rows.saturating_sub(before) as f64 / (to - from).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(rows: impl IntoIterator<Item = u64>) -> Pace {
        let mut pace = Pace::default();
        for (second, rows) in (0..).zip(rows) {
            pace.note(Duration::from_secs(second), rows);
        }
        pace
    }

    #[test]
    fn the_first_half_does_not_count_nor_does_less_than_two_seconds() {
        assert_eq!(Pace::default().rows_per_second(), None);
        assert_eq!(noted([0]).rows_per_second(), None);
        assert_eq!(noted([0, 100]).rows_per_second(), None);
        assert_eq!(noted([0, 0, 0, 0, 0]).rows_per_second(), None);
        assert_eq!(
            noted([0, 100, 200, 300, 400]).rows_per_second(),
            Some(100.0)
        );
        // A slow beginning, for four of ten seconds.
        let rows = (0..=10).map(|second: u64| second.saturating_sub(4) * 100);
        assert_eq!(noted(rows).rows_per_second(), Some(100.0));
    }

    #[test]
    fn while_it_becomes_faster_or_stands_still_nothing_is_told() {
        let faster = (0..=20).map(|second: u32| 2_u64.pow(second));
        assert_eq!(noted(faster).rows_per_second(), None);
        let stands_still = (0..=20).map(|second: u64| second.min(15) * 100);
        assert_eq!(noted(stands_still).rows_per_second(), None);
        let uneven = (0..=20).map(|second: u64| second * 100 + second % 2 * 60);
        assert!(noted(uneven).rows_per_second().is_some());
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        // An hour at a hundred a second, and then at ten.
        let rows = (0..=7200_u64).map(|second| second.min(3600) * 100 + second.max(3600) * 10);
        let pace = noted(rows);
        assert_eq!(pace.rows_per_second(), Some(10.0));
        assert!(pace.0.len() <= 602);
    }
}
