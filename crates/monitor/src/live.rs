//! What a run tells whoever watches, at this moment.

use std::sync::Arc;

use tokio::sync::watch;

use crate::history::History;
use crate::status::Status;

/// A status and how it came to that.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// How the run goes.
    pub status: Arc<Status>,
    /// How fast it went since it began.
    pub history: Arc<History>,
}

impl Live {
    /// Makes a place to put what a run tells, and whoever watches gets it from.
    pub fn channel() -> (watch::Sender<Self>, watch::Receiver<Self>) {
        watch::channel(Self::default())
    }
}
