//! What handles and owner share: flags and counters, no rows.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::Error;
use crate::stats::Counters;

/// Flags and counters of one sink.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    senders_waiting: AtomicUsize,
    /// Rows were compared with the table until one had shown all of its types.
    checked: AtomicBool,
    stopped: OnceLock<Error>,
    pub(crate) counters: Arc<Counters>,
}

impl Shared {
    pub(crate) fn senders_waiting(&self) -> usize {
        self.senders_waiting.load(Ordering::SeqCst)
    }

    /// Keeps the first reason why nothing more is taken.
    pub(crate) fn stop(&self, error: Error) {
        let _ = self.stopped.set(error);
    }

    /// Tells whether nothing more is taken.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get().is_some()
    }

    /// Returns why nothing more is taken.
    pub(crate) fn reason(&self) -> Error {
        self.stopped.get().cloned().unwrap_or(Error::Closed)
    }

    /// Returns true if rows were compared with the table until one had shown all of its types.
    pub(crate) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_checked(&self) {
        self.checked.store(true, Ordering::Relaxed);
    }
}

/// Counts a sender while it waits, however its wait ends.
pub(crate) struct Waiting<'s>(&'s Shared);

impl<'s> Waiting<'s> {
    pub(crate) fn new(shared: &'s Shared) -> Self {
        shared.senders_waiting.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.senders_waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
