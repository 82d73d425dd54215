//! What a sink is told, and what cannot work.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::doubt::OnDoubt;
use crate::encode::TableColumn;
use crate::error::Error;

/// Most rows in one insert.
///
/// `ClickHouse` cuts an insert into blocks of `max_insert_block_size` rows (1,048,449 unless set)
/// and commits them one by one. A batch is to be one block, so that nothing of it is in the table
/// until all of it was read: that is what makes it safe to split after a row was refused.
///
/// **Source**: `max_insert_block_size` in `ClickHouse`'s settings, 26.7.
pub const MAX_ROWS_PER_BATCH: usize = 1_000_000;

/// Settings that the sink's promises rest on.
const RESERVED: [&str; 6] = [
    "async_insert",
    "wait_end_of_query",
    "insert_deduplicate",
    "insert_deduplication_token",
    "max_insert_block_size",
    "query_id",
];

/// How a sink batches, inserts and retries.
///
/// Start from [`Config::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The table, as one name without its database, which is the client's.
    pub table: String,
    /// A batch is sealed at this many rows; at most [`MAX_ROWS_PER_BATCH`].
    pub max_rows: usize,
    /// A batch is sealed before it grows over this many bytes of RowBinary.
    pub max_bytes: usize,
    /// A batch is sealed this long after its first row, unless all inserts are busy: then it
    /// keeps growing until one of them is free.
    pub max_age: Duration,
    /// Most rows that the sink holds, waiting and in flight; senders wait while there are more.
    /// One send of more rows is taken when nothing else is held. Batches stay full if it is at
    /// least `max_rows * (parallel_inserts + 1)`.
    pub queue_rows: usize,
    /// Most inserts at once.
    pub parallel_inserts: usize,
    /// Most partitions that the rows of one batch lie in. Each takes one place in the table's
    /// deduplication window.
    pub partitions_per_batch: u64,
    /// What the table remembers of past inserts.
    pub deduplication: Deduplication,
    /// How often and how long to try.
    pub retry: RetryPolicy,
    /// Longest wait for the server to take a piece of a batch, and then for its answer.
    /// An insert that takes longer is retried under the same token.
    pub attempt_timeout: Duration,
    /// Further settings for each insert, such as `insert_quorum`.
    pub settings: Vec<(String, String)>,
    /// Where refused rows go. Without it the first refused row stops the sink.
    pub on_refused: Option<OnRefused>,
    /// Who finds out whether rows are there after their answer was lost and the repeated insert
    /// was acknowledged. Without it, rows of a server that was killed at the wrong moment are
    /// taken for inserted.
    pub on_doubt: Option<OnDoubt>,
    /// Most rows that may be refused before the sink stops: that many are a bug, not bad data.
    pub max_refused_rows: u64,
}

impl Config {
    /// Returns the defaults for a table.
    ///
    /// **Source**: `examples/throughput.rs`, 197-byte rows into the embedded engine on 2 cores:
    /// below 200,000 rows a batch costs more processor time a row, above it does not cost less.
    pub fn new(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            max_rows: 200_000,
            max_bytes: 128 << 20,
            max_age: Duration::from_secs(1),
            queue_rows: 600_000,
            parallel_inserts: 2,
            partitions_per_batch: 100,
            deduplication: Deduplication::Required,
            retry: RetryPolicy::default(),
            attempt_timeout: Duration::from_secs(300),
            settings: Vec::new(),
            on_refused: None,
            on_doubt: None,
            max_refused_rows: 1_000,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Config(what));
        if self.table.is_empty() {
            return wrong("`table` is empty".to_owned());
        }
        let counts = [
            ("max_rows", self.max_rows as u64),
            ("max_bytes", self.max_bytes as u64),
            ("queue_rows", self.queue_rows as u64),
            ("parallel_inserts", self.parallel_inserts as u64),
            ("partitions_per_batch", self.partitions_per_batch),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return wrong(format!("`{name}` is 0"));
        }
        if self.max_rows > MAX_ROWS_PER_BATCH {
            return wrong(format!(
                "`max_rows` is {}, at most {MAX_ROWS_PER_BATCH} rows are one block",
                self.max_rows
            ));
        }
        let names = self.settings.iter().map(|(name, _)| name.as_str());
        if let Some(name) = names.into_iter().find(|name| RESERVED.contains(name)) {
            return wrong(format!("the setting `{name}` belongs to the sink"));
        }
        Ok(())
    }
}

/// What the table remembers of past inserts, so that a repeated one adds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deduplication {
    /// Read from the table's definition; the sink does not start if it is too little.
    Required,
    /// The caller vouches for it, for example where the table stands behind a `Distributed` one.
    Assumed {
        /// Parts that are remembered (`non_replicated_deduplication_window`,
        /// `replicated_deduplication_window`).
        window_parts: u64,
    },
    /// Nothing: a batch whose answer was lost is sent again, and may be in the table twice.
    Off,
}

/// How often and how long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait before the second attempt; doubled each time.
    pub first_wait: Duration,
    /// Longest wait between attempts.
    pub max_wait: Duration,
    /// How long an insert is tried before the sink stops; nothing means without end.
    pub give_up_after: Option<Duration>,
    /// The same while starting, where nothing is held yet.
    pub give_up_start_after: Duration,
    /// Attempts for answers that neither pass for sure nor last for sure: codes that the sink
    /// does not know, and refusals that it may not act upon.
    pub doubtful_attempts: u32,
    /// Seed of the jitter: another one in each process, unless it is set.
    pub jitter_seed: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(100),
            max_wait: Duration::from_secs(10),
            give_up_after: None,
            give_up_start_after: Duration::from_secs(10),
            doubtful_attempts: 8,
            // The standard library seeds each differently.
            jitter_seed: RandomState::new().hash_one(()),
        }
    }
}

/// A row that the server refuses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RefusedRow {
    /// The row as RowBinary, without names and types.
    pub row: Bytes,
    /// The columns of `row`, in order.
    pub columns: Arc<[TableColumn]>,
    /// The server's words.
    pub message: String,
}

/// What a handler of refused rows answers with.
pub type Kept = Result<(), Box<dyn std::error::Error + Send + Sync>>;

type Handler = dyn Fn(RefusedRow) -> BoxFuture<'static, Kept> + Send + Sync;

/// Puts refused rows aside.
///
/// The receipt of a refused row's send resolves after its handler did. An error of the handler
/// stops the sink, since the row would be lost.
#[derive(Clone)]
pub struct OnRefused(Arc<Handler>);

impl OnRefused {
    /// Makes a handler of an async function.
    pub fn new<F>(handler: impl Fn(RefusedRow) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Kept> + Send + 'static,
    {
        Self(Arc::new(move |row| Box::pin(handler(row))))
    }

    pub(crate) async fn keep(&self, row: RefusedRow) -> Result<(), Error> {
        (self.0)(row).await.map_err(|error| Error::DeadLetter {
            message: error.to_string(),
        })
    }
}

impl fmt::Debug for OnRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRefused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: Config) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_work() {
        assert!(Config::new("t").validate().is_ok());
    }

    #[test]
    fn what_cannot_work_is_named() {
        let config = Config::new("t");
        let zero = Config {
            parallel_inserts: 0,
            ..config.clone()
        };
        assert_eq!(
            refused(zero),
            "the sink's configuration: `parallel_inserts` is 0"
        );
        let huge = Config {
            max_rows: MAX_ROWS_PER_BATCH + 1,
            ..config.clone()
        };
        assert!(refused(huge).contains("`max_rows` is 1000001"));
        let reserved = [("async_insert".to_owned(), "1".to_owned())].into();
        let async_insert = Config {
            settings: reserved,
            ..config
        };
        assert!(refused(async_insert).contains("`async_insert` belongs to the sink"));
    }
}
