//! What a sender has to decide about.

use std::time::Duration;

use crate::encode::EncodeError;

/// Why rows were not taken, or are not known to be in the table.
///
/// From [`Sink::start`](crate::Sink::start), there is no sink. From
/// [`Sink::send`](crate::Sink::send), none of its rows were taken. From a receipt, a flush or a
/// close, the sink has stopped: every receipt that is still open and every further send resolve
/// with the same error, and rows of those receipts may or may not be in the table.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot work. Mend it.
    #[error("the sink's configuration: {0}")]
    Config(String),
    /// The server could not be reached, or kept failing, for as long as was allowed. Try later.
    #[error("no insert succeeded in {attempts} attempts over {waited:?}: {message}")]
    Unavailable {
        /// How often it was tried.
        attempts: u32,
        /// From the first attempt to giving up.
        waited: Duration,
        /// What the last attempt met.
        message: String,
    },
    /// The server refuses: no rights, no such table, no space. Trying again does not help.
    #[error("the server refuses: {message}")]
    Refused {
        /// `ClickHouse`'s error code, where the answer had one.
        code: Option<u32>,
        /// The server's words.
        message: String,
    },
    /// Rows do not fit the table's columns. Where a send says so, the sink goes on.
    #[error("table {table} does not fit the rows: {message}")]
    Schema {
        /// The table.
        table: String,
        /// Which column, and what is wrong with it.
        message: String,
    },
    /// The table does not remember enough inserts for a repeated one to be recognized.
    #[error("table {table} does not recognize repeated inserts: {message}")]
    Deduplication {
        /// The table.
        table: String,
        /// What it lacks, with the statement that mends it.
        message: String,
    },
    /// A batch has to be split to go on, but an earlier attempt may have committed it.
    /// Its rows have to be looked up in the table before they are sent again; smaller batches
    /// avoid what led here.
    #[error("a batch of {rows} rows may be in the table, and is now refused: {message}")]
    Undecided {
        /// Rows in the batch.
        rows: usize,
        /// The server's last words.
        message: String,
    },
    /// The server refuses a row, and rows may not be left out.
    #[error("the server refuses a row: {message}")]
    RowRefused {
        /// The server's words.
        message: String,
    },
    /// A refused row could not be put aside.
    #[error("a refused row could not be kept: {message}")]
    DeadLetter {
        /// What the handler said.
        message: String,
    },
    /// A row cannot be written. The sink goes on.
    #[error("row {row} of the send cannot be encoded")]
    Encode {
        /// Index in the sent rows.
        row: usize,
        /// What is wrong with it.
        source: EncodeError,
    },
    /// The sink's own task ended: a row's [`order`](crate::EncodeRow::order) panicked, or the runtime that started the
    /// sink went away. Rows of an unresolved receipt may or may not be in the table.
    #[error("the sink was aborted: it panicked, or its runtime went away")]
    Aborted,
    /// The sink was closed, or its runtime went away. Rows of an unresolved receipt may or may
    /// not be in the table.
    #[error("the sink is closed")]
    Closed,
}
