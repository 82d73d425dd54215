//! How long answers take while the service is not loaded by us, by the amount of work.

use std::time::Duration;

/// Answers that make a first baseline, however loaded the service is: there is nothing else yet.
const FIRST_SAMPLES: u32 = 16;
/// How many samples a first baseline is worth, and a settled one.
const FIRST_WEIGHT: u32 = 8;
const MOST_WEIGHT: u32 = 128;
/// One answer counts for at most so many usual ones: some hang for reasons of their own.
const MOST_RATIO: f64 = 4.0;

/// The mean latency of one class of work, and the mean of that work.
#[derive(Debug, Clone, Copy, Default)]
struct Baseline {
    seconds: f64,
    work: f64,
    samples: u32,
    weight: u32,
}

impl Baseline {
    /// Returns what so much work takes as a rule: more than the mean takes longer in proportion, which
    /// is the most that it may; that less takes less long is not relied on.
    fn usual(&self, work: u32) -> f64 {
        self.seconds * (f64::from(work) / self.work).max(1.0)
    }

    fn add(&mut self, seconds: f64, work: u32) {
        self.weight = (self.weight + 1).min(MOST_WEIGHT);
        self.seconds += (seconds - self.seconds) / f64::from(self.weight);
        self.work += (f64::from(work) - self.work) / f64::from(self.weight);
        if self.samples < FIRST_SAMPLES {
            self.samples += 1;
            if self.samples == FIRST_SAMPLES {
                self.weight = FIRST_WEIGHT;
            }
        }
    }
}

/// Baselines by powers of two of work, so that requests of more work are not taken for slow ones.
#[derive(Debug, Default)]
pub(crate) struct Baselines([Baseline; 32]);

impl Baselines {
    /// Returns how many times as long as usual an answer took, once it is known what is usual; nothing
    /// for work of another kind.
    /// `roomy` says that its request met few others of ours, so that it tells what is usual.
    pub(crate) fn ratio(&mut self, latency: Duration, work: u32, roomy: bool) -> Option<f64> {
        let baseline = &mut self.0[work.checked_ilog2()? as usize];
        let seconds = latency.as_secs_f64().max(1e-6);
        if baseline.samples < FIRST_SAMPLES {
            baseline.add(seconds, work);
            return None;
        }
        let usual = baseline.usual(work);
        let ratio = (seconds / usual).min(MOST_RATIO);
        if roomy {
            baseline.add(ratio * usual, work);
        }
        Some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_millis(100);

    fn settled() -> Baselines {
        let mut baselines = Baselines::default();
        for _ in 0..FIRST_SAMPLES {
            assert_eq!(baselines.ratio(USUAL, 1, false), None);
        }
        baselines
    }

    #[test]
    fn loaded_answers_are_compared_with_roomy_ones() {
        let mut baselines = settled();
        for _ in 0..1_000 {
            assert_eq!(baselines.ratio(2 * USUAL, 1, false), Some(2.0));
        }
        for _ in 0..1_000 {
            baselines.ratio(2 * USUAL, 1, true);
        }
        let ratio = baselines.ratio(2 * USUAL, 1, false).unwrap();
        assert!((0.99..1.01).contains(&ratio), "{ratio}");
    }

    #[test]
    fn work_of_another_size_has_a_baseline_of_its_own() {
        let mut baselines = settled();
        assert_eq!(baselines.ratio(8 * USUAL, 8, false), None);
        assert_eq!(baselines.ratio(8 * USUAL, 0, false), None);
        assert_eq!(baselines.ratio(8 * USUAL, u32::MAX, false), None);
    }

    #[test]
    fn more_work_of_the_same_class_may_take_longer_in_proportion() {
        let mut baselines = Baselines::default();
        for _ in 0..FIRST_SAMPLES {
            baselines.ratio(4 * USUAL, 4, false);
        }
        let mut check = |latency: Duration, work, expected: f64| {
            let ratio = baselines.ratio(latency, work, false).unwrap();
            assert!((ratio / expected - 1.0).abs() < 0.01, "{work}: {ratio}");
        };
        check(7 * USUAL, 7, 1.0);
        check(14 * USUAL, 7, 2.0);
        check(4 * USUAL, 4, 1.0);
        // Where the mean is of seven, what four took less is not known.
        for _ in 0..1_000 {
            baselines.ratio(7 * USUAL, 7, true);
        }
        let ratio = baselines.ratio(7 * USUAL, 4, false).unwrap();
        assert!((0.99..1.01).contains(&ratio), "{ratio}");
    }

    #[test]
    fn an_answer_that_hung_counts_a_few_times_at_most() {
        let mut baselines = settled();
        assert_eq!(baselines.ratio(1_000 * USUAL, 1, false), Some(MOST_RATIO));
    }
}
