//! What holds callers back: the budget, or something else.

use std::time::{Duration, Instant};

/// Adds up, window by window, for how long the budget was what callers waited for.
#[derive(Debug)]
pub(crate) struct Held {
    window: Duration,
    since: Option<Instant>,
    /// The last look, and until when the budget was seen to hold callers back from it on.
    last: Option<(Instant, Instant)>,
    by_budget: Duration,
    /// What the last whole window said; nothing before the first one is over.
    bound: Option<bool>,
    part: Part,
}

/// The part of a window that goes on now.
#[derive(Debug, Default)]
struct Part {
    since: Option<Instant>,
    by_budget: Duration,
    /// What the last whole one said.
    bound: bool,
}

impl Part {
    /// Notes that the budget held callers back for so long since the last look.
    fn note(&mut self, held: Duration, now: Instant, whole: Duration) {
        let elapsed = now.saturating_duration_since(*self.since.get_or_insert(now));
        self.by_budget += held;
        if elapsed >= whole {
            *self = Self {
                since: Some(now),
                by_budget: Duration::ZERO,
                bound: self.by_budget * 2 >= elapsed,
            };
        }
    }

    fn is_bound(&self, now: Instant, whole: Duration) -> bool {
        let is_young = |since| now.saturating_duration_since(since) < whole * 2;
        self.bound && self.since.is_some_and(is_young)
    }
}

/// What part of a window says whether the budget binds before it is over, as a divisor.
const SOON_DIVISOR: u32 = 10;
/// Who asked for nothing for longer than this part of a window begins anew, as a divisor.
const IDLE_DIVISOR: u32 = 4;

impl Held {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            since: None,
            last: None,
            by_budget: Duration::ZERO,
            bound: None,
            part: Part::default(),
        }
    }

    /// Notes that a caller is held back by the budget until `until`, or is not. Returns, when a
    /// window is over, whether the budget held callers back for most of it.
    pub(crate) fn note(&mut self, until: Option<Instant>, now: Instant) -> Option<bool> {
        let idle_since = self.last.map(|(at, until)| at.max(until));
        if idle_since
            .is_some_and(|since| now.saturating_duration_since(since) > self.window / IDLE_DIVISOR)
        {
            *self = Self::new(self.window);
        }
        let since = *self.since.get_or_insert(now);
        let held = self.last.map_or(Duration::ZERO, |(at, until)| {
            until.min(now).saturating_duration_since(at)
        });
        self.by_budget += held;
        self.part.note(held, now, self.window / SOON_DIVISOR);
        self.last = Some((now, until.unwrap_or(now)));
        let elapsed = now.saturating_duration_since(since);
        if elapsed < self.window {
            return None;
        }
        let bound = self.by_budget * 2 >= elapsed;
        self.bound = Some(bound);
        self.since = Some(now);
        self.by_budget = Duration::ZERO;
        Some(bound)
    }

    /// Begins a window anew; what the last whole one said stays.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.since = Some(now);
        self.last = None;
        self.by_budget = Duration::ZERO;
        self.part = Part::default();
    }

    /// Returns whether the budget held callers back for most of about the last window, of this one so far,
    /// or of the last part of it.
    pub(crate) fn is_bound(&self, now: Instant) -> bool {
        let Some(since) = self.since else {
            return false;
        };
        let is_young = now.saturating_duration_since(since) < self.window * 2;
        if self.bound == Some(true) && is_young
            || self.part.is_bound(now, self.window / SOON_DIVISOR)
        {
            return true;
        }
        self.last.is_some_and(|(at, _)| {
            let looked = at.saturating_duration_since(since);
            looked >= self.window / SOON_DIVISOR && self.by_budget * 2 >= looked
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn the_budget_binds_if_callers_wait_for_it_most_of_the_time() {
        let check = |held_ms: u64, expected: bool| {
            let (mut held, mut now) = (Held::new(WINDOW), Instant::now());
            let mut seen = None;
            while seen.is_none() {
                seen = held.note(Some(now + Duration::from_millis(held_ms)), now);
                now += Duration::from_millis(100);
            }
            assert_eq!(seen, Some(expected), "{held_ms} of 100 ms");
            assert_eq!(held.is_bound(now), expected);
            assert!(!held.is_bound(now + 2 * WINDOW));
        };
        check(0, false);
        check(30, false);
        check(70, true);
        check(5_000, true);
    }

    #[test]
    fn the_first_window_is_not_waited_for() {
        let check = |held_ms: u64, looks: u32, expected: bool| {
            let (mut held, mut now) = (Held::new(WINDOW), Instant::now());
            for _ in 0..looks {
                held.note(Some(now + Duration::from_millis(held_ms)), now);
                now += Duration::from_millis(100);
            }
            assert_eq!(held.is_bound(now), expected, "{looks} looks");
        };
        check(70, 5, false);
        check(70, 12, true);
        check(30, 12, false);
    }

    #[test]
    fn a_budget_that_begins_to_bind_is_told_within_two_parts_of_the_window() {
        let (mut held, mut now) = (Held::new(WINDOW), Instant::now());
        let mut ask = |held_ms, looks: u32| {
            for _ in 0..looks {
                held.note(Some(now + Duration::from_millis(held_ms)), now);
                now += Duration::from_millis(100);
            }
            held.is_bound(now)
        };
        // A run that takes three seconds to grow so far.
        assert!(!ask(0, 30));
        assert!(ask(70, 20));
        // And one that no longer presses, before it has in most of the window.
        assert!(!ask(0, 20));
    }

    #[test]
    fn what_was_before_is_not_waited_out_once_callers_press() {
        let ask = |held: &mut Held, now: &mut Instant, held_ms, looks| {
            for _ in 0..looks {
                held.note(Some(*now + Duration::from_millis(held_ms)), *now);
                *now += Duration::from_millis(100);
            }
            held.is_bound(*now)
        };
        for idle in [Duration::ZERO, WINDOW, 5 * WINDOW] {
            let (mut held, mut now) = (Held::new(WINDOW), Instant::now());
            assert!(!ask(&mut held, &mut now, 0, 102));
            now += idle;
            assert!(ask(&mut held, &mut now, 70, 14), "after {idle:?}");
        }
        // And one who did not ask at all does not press.
        let (mut held, mut now) = (Held::new(WINDOW), Instant::now());
        assert!(ask(&mut held, &mut now, 70, 102));
        now += WINDOW;
        assert!(!ask(&mut held, &mut now, 0, 1));
    }
}
