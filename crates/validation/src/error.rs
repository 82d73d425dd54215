use fills::{Address, SourceError, StoreError};

/// Why a validation could not be made or a repair not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to validate.
    #[error("there is no table {name}")]
    NoTable {
        /// Its name.
        name: String,
    },
    /// The table cannot be read or written.
    #[error(transparent)]
    Table(#[from] fill_table::Error),
    /// The source does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The data API does not answer.
    #[error("the data API does not tell what {wallet} did")]
    Witness {
        /// Whose trades were asked for.
        wallet: Address,
        /// What it was asked for and met.
        source: SourceError,
    },
    /// The table does not take or give rows.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows beside the table could not be inserted.
    #[error("the source's counters could not be kept")]
    Insert(#[from] clickhouse_sink::Error),
    /// Loading what is missing failed.
    #[error(transparent)]
    Load(#[from] ingest_engine::Error),
}

impl From<clickhouse::error::Error> for Error {
    fn from(error: clickhouse::error::Error) -> Self {
        Self::Table(error.into())
    }
}

impl Error {
    /// Returns true if other levels may run all the same: a right is missing that they may not need,
    /// or the data API failed.
    pub(crate) fn is_of_one_level(&self) -> bool {
        matches!(
            self,
            Self::Table(fill_table::Error::NoRights { .. }) | Self::Witness { .. }
        )
    }
}

/// Joins an error and its sources, leaving out a source that is quoted above it.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let message = inner.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = inner.source();
    }
    text
}
