use fills::{SourceError, SpanSet, StoreError, Summary};

/// Why a run ended before its work. What was durable is in the checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source is broken or does not understand the program: a person should look.
    #[error("fetching stopped")]
    Source(#[source] SourceError),
    /// The table does not take or give rows.
    #[error("inserting stopped")]
    Store(#[source] StoreError),
    /// The table could not be looked at when a run was to begin, so nothing was sent yet.
    #[error("looking at the table failed")]
    TableAway(#[source] StoreError),
    /// Progress could not be read or written.
    #[error("the checkpoint failed")]
    Checkpoint(#[source] checkpoint_store::Error),
    /// The checkpoint was read and is not a run's progress.
    #[error("the checkpoint does not hold the progress of a run: {message}")]
    ForeignProgress {
        /// What is wrong with it.
        message: String,
    },
    /// The source answers as of an earlier block than it did before: what it lacks would count as
    /// not there. Run again later.
    #[error("the source is at block {found}, and it was at block {known} before")]
    SourceBehind {
        /// The block it is at.
        found: u64,
        /// The block that an earlier run saw it at.
        known: u64,
    },
    /// The source has other rows in some seconds than an earlier run fetched, and that run may have inserted
    /// those. A person has to decide: `validate --repair` compares row by row.
    #[error(
        "the source has changed what it had in seconds {spans:?}: {} rows before (hash {:016x}), {} now \
         (hash {:016x})", before.rows, before.hash, now.rows, now.hash
    )]
    SourceChanged {
        /// The seconds.
        spans: SpanSet,
        /// Its rows before.
        before: Summary,
        /// Its rows now.
        now: Summary,
    },
    /// A task of the run panicked: a fault of this program.
    #[error("a task of the run died: {message}")]
    Died {
        /// The task's last words.
        message: String,
    },
}

impl Error {
    pub(crate) fn died(error: &tokio::task::JoinError) -> Self {
        Self::Died {
            message: error.to_string(),
        }
    }
}
