//! What to do next with a batch, from all that its attempts met. Pure.
//!
//! Retrying is always safe: the same bytes under the same token add nothing to a table that has
//! them already. **Splitting is not**: the parts have tokens of their own, so rows that an earlier
//! attempt committed would be there twice. A batch is split, or a row put aside, only while every
//! attempt so far was definitely refused with nothing committed. Once one attempt may have
//! committed (its answer was lost, or it failed halfway through the partitions), the batch stays
//! whole and keeps its token. If it is then refused in a way that only a split could mend, it is
//! tried some more times, in case the refusal was the accident, and then the sink stops with
//! [`Error::Undecided`]: no guess is made about rows that can be looked up.

use std::time::Duration;

use crate::config::RetryPolicy;
use crate::error::Error;
use crate::failure::{Failure, FailureKind};

/// What to do next with a batch.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Send it again, the same bytes under the same token.
    Retry,
    /// Cut it in two.
    Split,
    /// It is one row, and the server does not take it.
    PutAside,
    /// Stop the sink.
    Stop(Error),
}

/// The attempts of one batch so far.
#[derive(Debug, Default)]
pub(crate) struct History {
    attempts: u32,
    /// Age of the batch when the first attempt that may have committed failed.
    doubtful_since: Option<Duration>,
    /// Answers that are only worth so many attempts.
    doubtful_answers: u32,
}

impl History {
    /// Weighs a failed attempt of a batch of `rows` rows, `age` after the first one began.
    /// `memory` is how long the table remembers a token, if that ends.
    pub(crate) fn decide(
        &mut self,
        failure: Failure,
        rows: usize,
        age: Duration,
        policy: &RetryPolicy,
        memory: Option<Duration>,
    ) -> Decision {
        self.attempts += 1;
        if failure.may_have_committed {
            self.doubtful_since.get_or_insert(age);
        }
        let whole = self.doubtful_since.is_some();
        #[cfg(feature = "mutations")]
        let whole = whole && !mutation::is_on(mutation::Mutation::SplitInDoubt);
        match failure.kind {
            #[cfg(feature = "mutations")]
            FailureKind::BadRow
                if !whole && mutation::is_on(mutation::Mutation::WholeBatchPutAside) =>
            {
                Decision::PutAside
            }
            FailureKind::Permanent => Decision::Stop(Error::Refused {
                code: failure.code,
                message: failure.message,
            }),
            FailureKind::BadRow if !whole && rows == 1 => Decision::PutAside,
            // What is between may have refused it in passing.
            FailureKind::TooLarge if !whole && rows == 1 => match self.is_enough(policy) {
                true => Decision::PutAside,
                false => Decision::Retry,
            },
            FailureKind::BadRow | FailureKind::TooLarge | FailureKind::TooMuchMemory
                if !whole && rows > 1 =>
            {
                Decision::Split
            }
            FailureKind::BadRow | FailureKind::TooLarge | FailureKind::TooMuchMemory if whole => {
                self.limited(policy, || Error::Undecided {
                    rows,
                    message: failure.message,
                })
            }
            FailureKind::Transient => self.transient(failure.message, rows, age, policy, memory),
            _ => self.limited(policy, || Error::Refused {
                code: failure.code,
                message: failure.message,
            }),
        }
    }

    fn limited(&mut self, policy: &RetryPolicy, error: impl FnOnce() -> Error) -> Decision {
        match self.is_enough(policy) {
            true => Decision::Stop(error()),
            false => Decision::Retry,
        }
    }

    /// Counts an answer that is only worth so many attempts.
    fn is_enough(&mut self, policy: &RetryPolicy) -> bool {
        self.doubtful_answers += 1;
        self.doubtful_answers >= policy.doubtful_attempts
    }

    fn transient(
        &self,
        message: String,
        rows: usize,
        age: Duration,
        policy: &RetryPolicy,
        memory: Option<Duration>,
    ) -> Decision {
        let forgotten = self
            .doubtful_since
            .zip(memory)
            .is_some_and(|(since, memory)| age - since >= memory / 2);
        if forgotten {
            return Decision::Stop(Error::Undecided { rows, message });
        }
        match policy.give_up_after {
            Some(most) if age >= most => Decision::Stop(Error::Unavailable {
                attempts: self.attempts,
                waited: age,
                message,
            }),
            _ => Decision::Retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: (FailureKind, bool) = (FailureKind::Transient, true);
    const BUSY: (FailureKind, bool) = (FailureKind::Transient, false);
    const BAD_ROW: (FailureKind, bool) = (FailureKind::BadRow, false);

    fn decide(
        answers: &[(FailureKind, bool)],
        rows: usize,
        seconds: u64,
        policy: RetryPolicy,
    ) -> Decision {
        let mut history = History::default();
        let mut last = None;
        for (number, &(kind, may_have_committed)) in answers.iter().enumerate() {
            let failure = Failure {
                kind,
                may_have_committed,
                code: None,
                message: "said no".to_owned(),
            };
            let age = Duration::from_secs(seconds * number as u64);
            let memory = Some(Duration::from_secs(3600));
            last = Some(history.decide(failure, rows, age, &policy, memory));
        }
        last.unwrap()
    }

    fn check(answers: &[(FailureKind, bool)], rows: usize, expected: &str) {
        let decision = decide(answers, rows, 1, RetryPolicy::default());
        let seen = match decision {
            Decision::Retry => "retry",
            Decision::Split => "split",
            Decision::PutAside => "put aside",
            Decision::Stop(Error::Undecided { .. }) => "undecided",
            Decision::Stop(Error::Refused { .. }) => "refused",
            Decision::Stop(other) => panic!("{other}"),
        };
        assert_eq!(seen, expected, "after {answers:?} with {rows} rows");
    }

    #[test]
    fn refused_batches_are_split_down_to_the_row() {
        check(&[BAD_ROW], 9, "split");
        check(&[BUSY, BUSY, BAD_ROW], 9, "split");
        check(&[BAD_ROW], 1, "put aside");
        check(&[(FailureKind::TooLarge, false)], 2, "split");
        let one_row = [(FailureKind::TooLarge, false); 8];
        check(&one_row[..7], 1, "retry");
        check(&one_row, 1, "put aside");
        check(&[(FailureKind::TooMuchMemory, false)], 2, "split");
    }

    #[test]
    fn a_batch_that_may_be_committed_is_never_split() {
        check(&[LOST, BAD_ROW], 9, "retry");
        check(&[LOST, BAD_ROW], 1, "retry");
        check(&[LOST, (FailureKind::TooLarge, false)], 9, "retry");
        check(&[(FailureKind::BadRow, true)], 9, "retry");
        check(&[(FailureKind::TooMuchMemory, true)], 9, "retry");
        check(&[LOST, (FailureKind::TooMuchMemory, false)], 9, "retry");
        let mut answers = vec![LOST];
        answers.extend([BAD_ROW; 8]);
        check(&answers, 9, "undecided");
    }

    #[test]
    fn memory_that_no_split_can_save_is_asked_for_some_times() {
        let one_row = [(FailureKind::TooMuchMemory, false); 8];
        check(&one_row[..7], 1, "retry");
        check(&one_row, 1, "refused");
        let whole = [(FailureKind::TooMuchMemory, true); 8];
        check(&whole[..7], 9, "retry");
        check(&whole, 9, "undecided");
    }

    #[test]
    fn what_lasts_stops_at_once_and_what_is_unknown_after_some_attempts() {
        check(&[(FailureKind::Permanent, true)], 9, "refused");
        check(&[(FailureKind::Unknown, true); 7], 9, "retry");
        check(&[(FailureKind::Unknown, true); 8], 9, "refused");
    }

    #[test]
    fn what_passes_is_tried_without_end_unless_configured() {
        check(&[BUSY; 10_000], 9, "retry");
        let policy = RetryPolicy {
            give_up_after: Some(Duration::from_secs(60)),
            ..RetryPolicy::default()
        };
        assert!(matches!(decide(&[BUSY; 60], 9, 1, policy), Decision::Retry));
        let stopped = decide(&[BUSY; 61], 9, 1, policy);
        assert!(
            matches!(stopped, Decision::Stop(Error::Unavailable { attempts: 61, waited, .. })
                if waited == Duration::from_secs(60)),
        );
    }

    #[test]
    fn a_token_that_the_table_may_have_forgotten_is_not_trusted() {
        let policy = RetryPolicy::default();
        assert!(matches!(
            decide(&[LOST, BUSY], 9, 1799, policy),
            Decision::Retry
        ));
        let stopped = decide(&[LOST, BUSY], 9, 1800, policy);
        assert!(matches!(stopped, Decision::Stop(Error::Undecided { .. })));
        assert!(matches!(
            decide(&[BUSY, BUSY], 9, 9999, policy),
            Decision::Retry
        ));
    }
}
