//! The search for the knee: up while it pays.

/// What a step up has to bring to be worth another one: less is noise.
const WORTHWHILE: f64 = 1.05;

/// Steps in a row that bring nothing, behind which there is nothing to be found: of one it may be the
/// measurement that went wrong.
const IN_VAIN: usize = 2;

/// What share of the best rate is about as good, where the loss of a bound that turns out too low is
/// many times the gain.
const ABOUT_AS_GOOD: f64 = 0.7;

/// Values of one setting, tried from the smallest up, and the rate that each brought.
#[derive(Debug, Clone)]
pub struct Climb {
    /// Still to be tried, the largest first.
    ahead: Vec<usize>,
    tried: Vec<(usize, f64)>,
    /// Whether it ends where a step does not pay.
    stops: bool,
}

impl Climb {
    /// Tries `from`, twice that and so on, up to `most` itself; it ends where that did not pay twice.
    pub fn doubling(from: usize, most: usize) -> Self {
        let most = most.max(1);
        let doubled = std::iter::successors(Some(from.max(1)), |value| value.checked_mul(2));
        let mut ahead: Vec<_> = doubled.take_while(|&value| value < most).collect();
        ahead.push(most);
        ahead.reverse();
        Self {
            ahead,
            tried: Vec::new(),
            stops: true,
        }
    }

    /// Tries every one of these values.
    pub fn listed(values: &[usize]) -> Self {
        let mut ahead = values.to_vec();
        ahead.sort_unstable_by(|left, right| right.cmp(left));
        ahead.dedup();
        Self {
            ahead,
            tried: Vec::new(),
            stops: false,
        }
    }

    /// Returns what to try next; nothing at the knee, or where all was tried.
    pub fn next(&self) -> Option<usize> {
        if self.stops && self.is_behind_the_knee() {
            return None;
        }
        self.ahead.last().copied()
    }

    fn is_behind_the_knee(&self) -> bool {
        let Some((before, last)) = self.tried.split_last_chunk::<IN_VAIN>() else {
            return false;
        };
        let least = best_of(before) * WORTHWHILE;
        !before.is_empty() && last.iter().all(|(_, rate)| *rate < least)
    }

    /// Notes the rate of what was tried.
    pub fn note(&mut self, rate: f64) {
        if let Some(value) = self.ahead.pop() {
            self.tried.push((value, rate));
        }
    }

    /// Returns what was tried, with its rate.
    pub fn tried(&self) -> &[(usize, f64)] {
        &self.tried
    }

    fn best(&self) -> f64 {
        best_of(&self.tried)
    }

    /// Returns the largest value that is about as good as the best: of a setting that only bounds what a
    /// run learns by itself, a lower one has to be better, not only as good.
    pub fn largest_good(&self) -> Option<usize> {
        let least = self.best() * ABOUT_AS_GOOD;
        let good = |&&(_, rate): &&(usize, f64)| rate >= least;
        let good = self.tried.iter().filter(good).map(|(value, _)| *value);
        good.max()
    }

    /// Returns the largest value that is about as good where larger ones were found to be worse, more than
    /// one: only then is there something to gain from a bound on what a run learns by itself.
    pub fn most_before_it_is_worse(&self) -> Option<usize> {
        let good = self.largest_good()?;
        let worse = self.tried.iter().filter(|&&(value, _)| value > good);
        (worse.count() >= IN_VAIN).then_some(good)
    }

    /// Returns the smallest value that is as good as the best, within what is noise; nothing where the
    /// climb was broken off while it still went up: then the knee is somewhere ahead.
    pub fn knee(&self) -> Option<usize> {
        let best = self.best();
        let good = |&&(_, rate): &&(usize, f64)| rate * WORTHWHILE >= best;
        let knee = self.tried.iter().find(good).map(|(value, _)| *value)?;
        let last = self.tried.last().map(|(value, _)| *value);
        let is_broken_off = self.next().is_some() && last == Some(knee);
        (!is_broken_off).then_some(knee)
    }
}

fn best_of(tried: &[(usize, f64)]) -> f64 {
    tried.iter().map(|(_, rate)| *rate).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Climbs where `rate` tells what each value brings, and returns what was tried and the knee.
    fn climbed(mut climb: Climb, rate: impl Fn(usize) -> f64) -> (Vec<usize>, Option<usize>) {
        while let Some(value) = climb.next() {
            climb.note(rate(value));
        }
        let tried = climb.tried().iter().map(|(value, _)| *value).collect();
        (tried, climb.knee())
    }

    #[test]
    fn it_ends_two_steps_above_the_knee() {
        let up_to_eight = |value: usize| value.min(8) as f64;
        let (tried, knee) = climbed(Climb::doubling(1, 128), up_to_eight);
        assert_eq!((tried, knee), (vec![1, 2, 4, 8, 16, 32], Some(8)));
    }

    #[test]
    fn one_try_that_went_wrong_does_not_end_it() {
        let stumbles = |value: usize| if value == 16 { 7.0 } else { value as f64 };
        let (_, knee) = climbed(Climb::doubling(1, 64), stumbles);
        assert_eq!(knee, Some(64));
    }

    #[test]
    fn without_a_knee_it_ends_at_the_most_itself() {
        let (tried, knee) = climbed(Climb::doubling(4, 20), |value| value as f64);
        assert_eq!((tried, knee), (vec![4, 8, 16, 20], Some(20)));
    }

    #[test]
    fn where_more_is_worse_the_smaller_one_is_the_knee() {
        let (_, knee) = climbed(Climb::doubling(1, 64), |value| 100.0 / value as f64);
        assert_eq!(knee, Some(1));
    }

    #[test]
    fn the_largest_that_is_about_as_good_is_found() {
        let largest = |rates: [f64; 3]| {
            let mut climb = Climb::listed(&[1, 2, 3]);
            rates.into_iter().for_each(|rate| climb.note(rate));
            climb.largest_good()
        };
        assert_eq!(largest([100.0, 95.0, 71.0]), Some(3));
        assert_eq!(largest([100.0, 95.0, 50.0]), Some(2));
        assert_eq!(largest([50.0, 100.0, 200.0]), Some(3));
    }

    #[test]
    fn a_bound_is_only_found_where_more_is_worse() {
        let bound = |rate: fn(usize) -> f64| {
            let mut climb = Climb::doubling(1, 64);
            while let Some(value) = climb.next() {
                climb.note(rate(value));
            }
            climb.most_before_it_is_worse()
        };
        assert_eq!(bound(|value| value.min(4) as f64), None);
        assert_eq!(bound(|value| value as f64), None);
        assert_eq!(bound(|value| if value > 8 { 1.0 } else { 4.0 }), None);
        assert_eq!(
            bound(|value| if value > 8 { 1.0 } else { value as f64 }),
            Some(8)
        );
        // One try may have gone wrong.
        assert_eq!(
            bound(|value| if value > 32 { 1.0 } else { value as f64 }),
            None
        );
    }

    #[test]
    fn listed_values_are_all_tried_from_the_smallest() {
        let (tried, knee) = climbed(Climb::listed(&[64, 1, 8, 8]), |value| value.min(8) as f64);
        assert_eq!((tried, knee), (vec![1, 8, 64], Some(8)));
    }

    #[test]
    fn a_climb_that_is_broken_off_on_its_way_up_has_no_knee() {
        let mut climb = Climb::doubling(1, 8);
        climb.note(1.0);
        assert_eq!(climb.knee(), None);
        climb.note(2.0);
        assert_eq!(climb.knee(), None);
        // Two that are as good as each other show it.
        climb.note(2.0);
        assert_eq!(climb.knee(), Some(2));

        let mut listed = Climb::listed(&[1, 8, 64]);
        listed.note(5.0);
        assert_eq!(listed.knee(), None);
        listed.note(5.0);
        assert_eq!(listed.knee(), Some(1));
    }

    #[test]
    fn without_a_measurement_there_is_no_knee() {
        assert_eq!(Climb::doubling(1, 8).knee(), None);
    }
}
