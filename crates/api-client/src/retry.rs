//! How often to ask again: the only retry policy between the engine and the source.

use std::time::{Duration, Instant};

use fills::SourceError;

use crate::config::RetryPolicy;
use crate::failure::{Class, Failure};

/// Attempts at something that may pass before it is believed: an overloaded store, a spoilt answer.
const DOUBTFUL_ATTEMPTS: u32 = 3;
/// A request that was refused for its rate less often than this keeps waiting: with many workers
/// in line one refusal alone can cost it minutes.
const LEAST_REFUSALS: u32 = 10;

/// What to do after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Again { wait: Duration },
    GiveUp(SourceError),
}

/// The attempts at one request so far.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    policy: &'a RetryPolicy,
    /// Pages that the request asks for, where it asks for pages of fills.
    pages: Option<usize>,
    failures: u32,
    doubtful: u32,
    refusals: u32,
    refused_since: Option<Instant>,
    overloaded_since: Option<Instant>,
    /// Time spent asking and waiting, the pacer's waits aside.
    spent: Duration,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(policy: &'a RetryPolicy, pages: Option<usize>) -> Self {
        Self {
            policy,
            pages,
            failures: 0,
            doubtful: 0,
            refusals: 0,
            refused_since: None,
            overloaded_since: None,
            spent: Duration::ZERO,
        }
    }

    /// Returns how often the request was sent and failed.
    pub(crate) fn attempts(&self) -> u32 {
        self.failures + self.refusals
    }

    /// Decides what follows an attempt that failed at `now` and `took` so long. `random` is in
    /// `[0, 1)` and places the wait between nothing and its upper end.
    pub(crate) fn failed(
        &mut self,
        failure: Failure,
        took: Duration,
        now: Instant,
        random: f64,
    ) -> Verdict {
        let Failure { class, message } = failure;
        if let Class::RateLimited { retry_after } = class {
            return self.refused(retry_after, message, now);
        }
        self.failures += 1;
        self.spent += took;
        let give_up = |error| Verdict::GiveUp(error);
        match class {
            Class::Broken => return give_up(SourceError::Broken { message }),
            Class::Gone => return give_up(SourceError::Gone { message }),
            Class::Refused => return give_up(SourceError::Protocol { message }),
            Class::TooHeavy => return give_up(SourceError::TooHeavy { message }),
            Class::TimedOut if self.pages.is_some_and(|pages| pages > 1) => {
                return give_up(SourceError::TooHeavy { message });
            }
            // One page can be asked for with fewer rows.
            Class::TimedOut if self.pages.is_some() && self.believed() => {
                return give_up(SourceError::TooHeavy { message });
            }
            Class::HeavyOrPassing if self.believed() => {
                return give_up(SourceError::TooHeavy { message });
            }
            Class::Misshapen if self.believed() => {
                return give_up(SourceError::Protocol { message });
            }
            _ => {}
        }
        // After a breaker the pacer waits, for all, so that what is spent here tells nothing.
        let (wait, paused) = match class {
            Class::Overloaded => {
                let since = *self.overloaded_since.get_or_insert(now);
                (Duration::ZERO, now.saturating_duration_since(since))
            }
            Class::Busy { retry_after } => {
                let jitter = self.upper_end().mul_f64(random);
                (retry_after.saturating_add(jitter), Duration::ZERO)
            }
            _ => (self.upper_end().mul_f64(random), Duration::ZERO),
        };
        self.spent = self.spent.saturating_add(wait);
        if self.failures >= self.policy.attempts || self.spent.max(paused) > self.policy.total {
            return give_up(self.unavailable(message));
        }
        Verdict::Again { wait }
    }

    fn refused(&mut self, retry_after: Option<Duration>, message: String, now: Instant) -> Verdict {
        self.refusals += 1;
        let since = *self.refused_since.get_or_insert(now);
        let patience = self.policy.rate_limited;
        let too_long = now.saturating_duration_since(since) >= patience
            && self.refusals >= LEAST_REFUSALS
            || retry_after.is_some_and(|wait| wait > patience);
        if too_long {
            let message = match retry_after {
                Some(wait) => format!("{message} (retry after {} s)", wait.as_secs()),
                None => message,
            };
            return Verdict::GiveUp(self.unavailable(message));
        }
        // The pacer waits, for all.
        Verdict::Again {
            wait: Duration::ZERO,
        }
    }

    fn believed(&mut self) -> bool {
        self.doubtful += 1;
        self.doubtful >= DOUBTFUL_ATTEMPTS
    }

    fn upper_end(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        self.policy
            .first_wait
            .saturating_mul(1 << doublings)
            .min(self.policy.longest_wait)
    }

    fn unavailable(&self, message: String) -> SourceError {
        SourceError::Unavailable {
            attempts: self.attempts(),
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy() -> RetryPolicy {
        RetryPolicy::default()
    }

    fn failure(class: Class) -> Failure {
        Failure::new(class, "words")
    }

    fn words() -> String {
        "words".to_owned()
    }

    /// Fails with `class` every second until it is given up; returns how often, and with what.
    fn outlast(policy: &RetryPolicy, class: Class) -> (u32, SourceError) {
        let mut tries = Tries::new(policy, None);
        let begin = Instant::now();
        for attempt in 1.. {
            let now = begin + SECOND * attempt;
            if let Verdict::GiveUp(error) = tries.failed(failure(class), SECOND, now, 0.0) {
                return (attempt, error);
            }
        }
        unreachable!()
    }

    #[test]
    fn what_passes_is_tried_until_attempts_run_out() {
        for class in [Class::Passing, Class::TimedOut, Class::Overloaded] {
            let unavailable = SourceError::Unavailable {
                attempts: 10,
                message: words(),
            };
            assert_eq!(outlast(&policy(), class), (10, unavailable));
        }
    }

    #[test]
    fn what_is_decided_is_not_tried_again() {
        let check = |class, error| assert_eq!(outlast(&policy(), class), (1, error));
        check(Class::TooHeavy, SourceError::TooHeavy { message: words() });
        check(Class::Broken, SourceError::Broken { message: words() });
        check(Class::Refused, SourceError::Protocol { message: words() });
    }

    #[test]
    fn several_pages_that_do_not_come_in_time_are_too_heavy_at_once() {
        let policy = policy();
        let mut tries = Tries::new(&policy, Some(2));
        assert_eq!(
            tries.failed(failure(Class::TimedOut), SECOND, Instant::now(), 0.0),
            Verdict::GiveUp(SourceError::TooHeavy { message: words() })
        );
    }

    #[test]
    fn what_is_doubtful_is_tried_three_times() {
        let check = |class, error| assert_eq!(outlast(&policy(), class), (3, error));
        check(
            Class::HeavyOrPassing,
            SourceError::TooHeavy { message: words() },
        );
        check(Class::Misshapen, SourceError::Protocol { message: words() });
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let policy = RetryPolicy {
            attempts: 100,
            ..policy()
        };
        let begin = Instant::now();
        let waits_ms = |random| {
            let mut tries = Tries::new(&policy, None);
            (0..9)
                .map(
                    |_| match tries.failed(failure(Class::Passing), SECOND, begin, random) {
                        Verdict::Again { wait } => wait.as_millis(),
                        Verdict::GiveUp(error) => panic!("{error}"),
                    },
                )
                .collect::<Vec<_>>()
        };
        let upper_ends = [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
        ];
        assert_eq!(waits_ms(1.0), upper_ends);
        assert_eq!(waits_ms(0.5), upper_ends.map(|ms| ms / 2));
        assert_eq!(waits_ms(0.0), [0; 9]);
    }

    #[test]
    fn a_page_that_never_comes_in_time_is_too_heavy() {
        let policy = policy();
        let mut tries = Tries::new(&policy, Some(1));
        let mut late = || tries.failed(failure(Class::TimedOut), SECOND, Instant::now(), 0.0);
        assert!(matches!(late(), Verdict::Again { .. }));
        assert!(matches!(late(), Verdict::Again { .. }));
        assert_eq!(
            late(),
            Verdict::GiveUp(SourceError::TooHeavy { message: words() })
        );
    }

    #[test]
    fn a_service_that_is_busy_is_asked_again_no_sooner_than_it_says() {
        let policy = policy();
        let busy = |seconds| Class::Busy {
            retry_after: SECOND * seconds,
        };
        let mut tries = Tries::new(&policy, None);
        let again = tries.failed(failure(busy(7)), SECOND, Instant::now(), 0.0);
        assert_eq!(again, Verdict::Again { wait: SECOND * 7 });
        let for_a_day = tries.failed(failure(busy(86_400)), SECOND, Instant::now(), 0.0);
        assert!(matches!(for_a_day, Verdict::GiveUp(_)), "{for_a_day:?}");
    }

    #[test]
    fn time_bounds_what_attempts_would_allow() {
        let policy = RetryPolicy {
            attempts: u32::MAX,
            total: SECOND * 5,
            ..policy()
        };
        assert_eq!(outlast(&policy, Class::Passing).0, 6);
    }

    #[test]
    fn a_breaker_that_stays_open_is_given_up_however_quickly_it_answers() {
        let policy = RetryPolicy {
            attempts: u32::MAX,
            total: SECOND * 300,
            ..policy()
        };
        let mut tries = Tries::new(&policy, None);
        let begin = Instant::now();
        let mut open_for = |seconds| {
            let now = begin + SECOND * seconds;
            tries.failed(failure(Class::Overloaded), Duration::ZERO, now, 0.0)
        };
        let again = Verdict::Again {
            wait: Duration::ZERO,
        };
        for minute in 0..=5 {
            assert_eq!(open_for(60 * minute), again, "{minute}");
        }
        assert!(matches!(open_for(360), Verdict::GiveUp(_)));
    }

    #[test]
    fn refusals_for_the_rate_are_no_attempts_but_bounded_in_time() {
        let refused = Class::RateLimited { retry_after: None };
        let (refusals, error) = outlast(&policy(), refused);
        assert_eq!(refusals, 601);
        assert!(matches!(
            error,
            SourceError::Unavailable { attempts: 601, .. }
        ));
    }

    #[test]
    fn few_refusals_are_waited_out_however_long_the_line_is() {
        let policy = policy();
        let mut tries = Tries::new(&policy, None);
        let begin = Instant::now();
        let refused = Class::RateLimited { retry_after: None };
        for hour in 0..9 {
            let now = begin + SECOND * 3600 * hour;
            let verdict = tries.failed(failure(refused), SECOND, now, 0.0);
            assert_eq!(
                verdict,
                Verdict::Again {
                    wait: Duration::ZERO
                }
            );
        }
    }

    #[test]
    fn a_retry_after_beyond_the_bound_is_not_slept_through() {
        let refused = Class::RateLimited {
            retry_after: Some(SECOND * 86_400),
        };
        let (refusals, error) = outlast(&policy(), refused);
        assert_eq!(refusals, 1);
        assert!(error.to_string().contains("86400 s"), "{error}");
    }
}
