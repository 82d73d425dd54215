//! How far inserts may run ahead of the oldest one that is not settled.
//!
//! While one is retried, each of the others pushes tokens out of what the table remembers; a part
//! of a split batch does so as much as a whole one. So what is counted is tokens, not batches.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Lets inserts begin in order.
#[derive(Debug)]
pub(crate) struct RunAhead {
    /// No insert may be this far ahead of the oldest one under way.
    most: u64,
    numbers: Mutex<Numbers>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    under_way: BTreeSet<u64>,
}

/// Keeps others from running too far ahead until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a> {
    run_ahead: &'a RunAhead,
    number: u64,
}

impl RunAhead {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            numbers: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Waits until one more insert may begin.
    pub(crate) async fn begin(&self) -> UnderWay<'_> {
        loop {
            let ended = self.ended.notified();
            if let Some(number) = self.numbers().take(self.most) {
                return UnderWay {
                    run_ahead: self,
                    number,
                };
            }
            ended.await;
        }
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        // Nothing in here can be left half done.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbers {
    fn take(&mut self, most: u64) -> Option<u64> {
        let ahead = self
            .under_way
            .first()
            .map_or(0, |oldest| self.next - oldest);
        #[cfg(feature = "mutations")]
        let ahead = match mutation::is_on(mutation::Mutation::RunAheadWithoutBound) {
            true => 0,
            false => ahead,
        };
        if ahead >= most {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.under_way.insert(number);
        Some(number)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.run_ahead.numbers().under_way.remove(&self.number);
        self.run_ahead.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_begins_too_far_ahead_of_the_oldest() {
        let run_ahead = RunAhead::new(3);
        let oldest = run_ahead.begin().await;
        for _ in 0..2 {
            drop(run_ahead.begin().await);
        }
        let mut waiting = Box::pin(run_ahead.begin());
        assert!((&mut waiting).now_or_never().is_none());
        drop(oldest);
        assert_eq!(waiting.await.number, 3);
    }
}
