//! Rows that the table remembers and does not hold.
//!
//! A `MergeTree` writes down the token of a part before it moves the part to its place. A server
//! that is killed in between knows the token when it is back, and acknowledges the repeated insert
//! without inserting it. So an acknowledgement that follows a lost answer is looked into.
//!
//! A replicated table remembers a token in Keeper, and the replica that has the part may be gone: there
//! the handler has to synchronize replicas before it looks.
//!
//! **Source**: system calls of `ClickHouse` 26.7 during an insert: `write` to
//! `deduplication_log_1.txt`, then `rename` of `tmp_insert_…`, for one partition after another.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::encode::TableColumn;
use crate::error::Error;

/// The rows of an acknowledged batch, of which an earlier attempt may have been the one that
/// counted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Doubtful {
    /// Each row as RowBinary, without names and types.
    pub rows: Vec<Bytes>,
    /// The columns of each row, in order.
    pub columns: Arc<[TableColumn]>,
}

/// The indices of rows that are not in the table.
pub type Missing = Result<Vec<usize>, Box<dyn std::error::Error + Send + Sync>>;

type Handler = dyn Fn(Doubtful) -> BoxFuture<'static, Missing> + Send + Sync;

/// Looks rows up in the table, where it alone can tell.
///
/// Rows that it misses are sent again as another batch. An error of it stops the sink.
#[derive(Clone)]
pub struct OnDoubt(Arc<Handler>);

impl OnDoubt {
    /// Makes a handler of an async function.
    pub fn new<F>(handler: impl Fn(Doubtful) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Missing> + Send + 'static,
    {
        Self(Arc::new(move |doubtful| Box::pin(handler(doubtful))))
    }

    /// Returns the indices of missing rows, ascending.
    pub(crate) async fn missing(&self, doubtful: Doubtful) -> Result<Vec<usize>, Error> {
        let rows = doubtful.rows.len();
        let mut missing = (self.0)(doubtful).await.map_err(|error| Error::Undecided {
            rows,
            message: error.to_string(),
        })?;
        missing.retain(|&row| row < rows);
        missing.sort_unstable();
        missing.dedup();
        Ok(missing)
    }
}

impl fmt::Debug for OnDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDoubt")
    }
}
