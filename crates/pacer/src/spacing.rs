//! Requests of a window spread evenly over it.
//!
//! **Source**: the generic cell rate algorithm (ITU-T I.371), virtual scheduling form.

use std::time::{Duration, Instant};

/// How much of a window may be caught up on at once, as a divisor of the budget.
const CATCH_UP_DIVISOR: u32 = 50;
/// Behind by more than this part of a window is not lateness but want of callers.
const IDLE_DIVISOR: u32 = 10;

/// When the next request is due.
///
/// Even spacing is what makes a budget hold in a fixed window of any phase, in a sliding window
/// and in a bucket that holds few tokens, all at once.
#[derive(Debug, Default)]
pub(crate) struct Spacing {
    due: Option<Instant>,
}

impl Spacing {
    /// Returns when a request may be sent at `budget` a window, or nothing if it may be now.
    pub(crate) fn wait_until(
        &self,
        budget: u32,
        window: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let catch_up = interval(budget, window) * (budget / CATCH_UP_DIVISOR).max(1);
        let from = self.due?.checked_sub(catch_up)?;
        (from > now).then_some(from)
    }

    /// Notes a request sent at `now`. Returns whether callers had left the budget unused before.
    pub(crate) fn sent(&mut self, budget: u32, window: Duration, now: Instant) -> bool {
        let due = self.due.unwrap_or(now);
        let idle = now.saturating_duration_since(due) > window / IDLE_DIVISOR;
        self.due = Some(due.max(now) + interval(budget, window));
        idle
    }

    /// Begins anew: what was `missed` before `now` is caught up on, and nothing else.
    pub(crate) fn restart(
        &mut self,
        budget: u32,
        window: Duration,
        now: Instant,
        missed: Duration,
    ) {
        let catch_up = interval(budget, window) * (budget / CATCH_UP_DIVISOR).max(1);
        let due = now + catch_up;
        self.due = Some(due.checked_sub(missed).unwrap_or(due));
    }
}

fn interval(budget: u32, window: Duration) -> Duration {
    window / budget.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_budget_and_what_is_caught_up_on(
            budget in 1_u32..400,
            gaps_ms in proptest::collection::vec(0_u64..2_000, 1..600),
        ) {
            let begin = Instant::now();
            let (mut spacing, mut now) = (Spacing::default(), begin);
            let mut sent: Vec<Instant> = Vec::new();
            for gap_ms in gaps_ms {
                now += Duration::from_millis(gap_ms);
                if let Some(until) = spacing.wait_until(budget, WINDOW, now) {
                    now = until;
                }
                spacing.sent(budget, WINDOW, now);
                sent.push(now);
                let in_window = sent.iter().filter(|&&at| now - at < WINDOW).count();
                prop_assert!(in_window as u32 <= budget + (budget / 50).max(1) + 1);
            }
        }
    }

    #[test]
    fn a_budget_that_was_left_unused_is_told() {
        let (mut spacing, begin) = (Spacing::default(), Instant::now());
        assert!(!spacing.sent(100, WINDOW, begin));
        assert!(!spacing.sent(100, WINDOW, begin + Duration::from_millis(400)));
        assert!(spacing.sent(100, WINDOW, begin + Duration::from_secs(2)));
    }
}
