//! What is learned about the service's limit: how many requests one window may have.

/// A budget below this is never learned: a window in which other clients used up the allowance
/// says little about our own.
const LEAST: u32 = 10;
/// Calm windows before asking for more, at first and at most.
const FIRST_PATIENCE: u32 = 6;
const MOST_PATIENCE: u32 = 60;
/// How much more to ask for, in percent of the budget, at first and at most.
const FIRST_STEP_PERCENT: u32 = 2;
const MOST_STEP_PERCENT: u32 = 32;

/// The learned number of requests in one window. Nothing is known before the first refusal.
///
/// Invariants: a refusal never raises it and never more than halves it; calm never lowers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    requests: Option<u32>,
    /// Windows in a row that used the budget up and were not refused.
    calm_windows: u32,
    patience: u32,
    step_percent: u32,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            requests: None,
            calm_windows: 0,
            patience: FIRST_PATIENCE,
            step_percent: FIRST_STEP_PERCENT,
        }
    }

    pub(crate) fn requests(&self) -> Option<u32> {
        self.requests
    }

    /// A window was refused after `granted` of its requests had been let through.
    pub(crate) fn refused(&mut self, granted: u32) {
        // Five percent below: requests do not arrive as evenly as they are sent.
        let below = granted - granted.div_ceil(20);
        self.requests = Some(match self.requests {
            None => below.max(LEAST),
            Some(before) => {
                self.patience = (self.patience * 2).min(MOST_PATIENCE);
                below.clamp((before / 2).max(1), (before - 1).max(1))
            }
        });
        self.calm_windows = 0;
        self.step_percent = FIRST_STEP_PERCENT;
    }

    /// A window has used the budget up without being refused.
    pub(crate) fn calm(&mut self) {
        let Some(requests) = self.requests else {
            return;
        };
        self.calm_windows += 1;
        if self.calm_windows < self.patience {
            return;
        }
        let step = (u64::from(requests) * u64::from(self.step_percent) / 100).max(1);
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        self.requests = Some(requests.saturating_add(step));
        // Each unrefused step makes the next one larger: a limit that was raised is found soon.
        self.step_percent = (self.step_percent * 2).min(MOST_STEP_PERCENT);
        if self.step_percent == MOST_STEP_PERCENT {
            self.patience = FIRST_PATIENCE;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_refusal_teaches_a_little_less_than_was_granted() {
        let check = |granted, expected| {
            let mut budget = Budget::new();
            budget.refused(granted);
            assert_eq!(budget.requests(), Some(expected));
        };
        check(1000, 950);
        check(50, 47);
        check(11, 10);
        check(0, 10);
    }

    #[test]
    fn a_refusal_far_below_the_budget_halves_it_at_most() {
        let mut budget = Budget::new();
        budget.refused(1000);
        budget.refused(3);
        assert_eq!(budget.requests(), Some(475));
    }

    #[test]
    fn more_is_asked_for_after_calm_windows_and_then_in_growing_steps() {
        let mut budget = Budget::new();
        budget.refused(1000);
        for _ in 0..FIRST_PATIENCE - 1 {
            budget.calm();
        }
        assert_eq!(budget.requests(), Some(950));
        budget.calm();
        assert_eq!(budget.requests(), Some(969));
        budget.calm();
        assert_eq!(budget.requests(), Some(1007));
    }

    #[test]
    fn each_failed_try_doubles_the_patience() {
        let mut budget = Budget::new();
        budget.refused(1000);
        budget.refused(1000);
        for _ in 0..2 * FIRST_PATIENCE - 1 {
            budget.calm();
        }
        let before = budget.requests();
        budget.calm();
        assert!(budget.requests() > before);
    }

    #[test]
    fn a_lasting_rise_of_the_limit_is_found() {
        let mut budget = Budget::new();
        budget.refused(0);
        let windows = (0..)
            .take_while(|_| {
                budget.calm();
                budget.requests() < Some(1000)
            })
            .count();
        assert!(windows < 40, "{windows} windows from 10 to 1000");
    }

    proptest! {
        #[test]
        fn refusals_never_raise_and_never_more_than_halve_and_calm_never_lowers(
            first in 0_u32..2000,
            events in proptest::collection::vec((any::<bool>(), 0_u32..4000), 0..200),
        ) {
            let mut budget = Budget::new();
            budget.refused(first);
            for (refused, granted) in events {
                let before = budget.requests().unwrap();
                if refused {
                    budget.refused(granted);
                    let after = budget.requests().unwrap();
                    prop_assert!(after >= 1 && after >= before / 2);
                    prop_assert!(after < before || before == 1);
                } else {
                    budget.calm();
                    prop_assert!(budget.requests().unwrap() >= before);
                }
            }
        }
    }
}
