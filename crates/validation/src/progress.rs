use tokio::sync::watch;

use crate::Level;

/// Where a validation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The level.
    pub level: Level,
    /// What it does.
    pub doing: &'static str,
    /// Parts done: months, pages or windows.
    pub done: u64,
    /// Parts in all; 0 where that is not known.
    pub of: u64,
}

/// Tells whoever looks where a validation is.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<Option<Step>>);

impl Progress {
    /// Makes a teller and its first listener.
    pub fn new() -> (Self, watch::Receiver<Option<Step>>) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    pub(crate) fn tell(&self, level: Level, doing: &'static str, done: u64, of: u64) {
        self.0.send_replace(Some(Step {
            level,
            doing,
            done,
            of,
        }));
    }
}
