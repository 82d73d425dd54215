//! What was measured of one step.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest that is told apart: longer than any time-out of a run.
const LONGEST_US: u64 = 3_600_000_000;
/// Decimal digits that a duration keeps.
const DIGITS: u8 = 3;

/// How long a step took, how often, and for how long it was being taken at all.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Microseconds.
    histogram: Histogram<u64>,
    total: Duration,
    busy: Duration,
}

impl Measured {
    /// Makes what nothing was measured of.
    pub fn new() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, LONGEST_US, DIGITS)
                .expect("1 to an hour in microseconds, with three digits, is a valid range"),
            total: Duration::ZERO,
            busy: Duration::ZERO,
        }
    }

    /// Adds one time that the step was taken.
    pub fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(us);
        self.total += took;
    }

    /// Adds time in which the step was taken at least once.
    pub(crate) fn add_busy(&mut self, busy: Duration) {
        self.busy += busy;
    }

    /// Returns how often it was taken.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Returns what all of them took, added up over those at the same time.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// Returns how long at least one was under way.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// Returns by what share the mean may be off: its standard error.
    pub fn relative_error(&self) -> f64 {
        let deviation = self.histogram.stdev() / self.histogram.mean().max(f64::MIN_POSITIVE);
        deviation / (self.count().max(1) as f64).sqrt()
    }

    /// Returns the milliseconds within which the share `quantile` (0 to 1) of them was.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.histogram.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Returns the milliseconds of the longest.
    pub fn max_ms(&self) -> f64 {
        self.histogram.max() as f64 / 1000.0
    }
}

impl Default for Measured {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut measured = Measured::new();
        for ms in 1..=1000 {
            measured.add(Duration::from_millis(ms));
        }
        let check = |quantile, expected: f64| {
            let found = measured.quantile_ms(quantile);
            assert!((found / expected - 1.0).abs() < 0.001, "{found}");
        };
        check(0.5, 500.0);
        check(0.9, 900.0);
        check(0.99, 990.0);
        check(1.0, 1000.0);
        assert_eq!(measured.total(), Duration::from_millis(500_500));
        assert_eq!(measured.count(), 1000);
    }

    #[test]
    fn what_takes_longer_than_all_bounds_is_counted_as_the_longest() {
        let mut measured = Measured::new();
        measured.add(Duration::from_secs(1_000_000));
        assert_eq!(measured.count(), 1);
        assert!(measured.max_ms() >= LONGEST_US as f64 / 1000.0);
    }
}
