//! What the benches call: rows become a sealed batch as in the sink, without a server.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::batch::Batch;
use crate::batcher::{Batcher, Limits};
use crate::encode::EncodeRow;
use crate::error::Error;
use crate::sink::encode;

/// The batch that is open.
#[derive(Debug)]
pub struct OpenBatch {
    batcher: Batcher,
    sends: u64,
}

impl OpenBatch {
    /// Opens a batch of so many rows.
    pub fn of_rows<R: EncodeRow>(max_rows: usize) -> Self {
        let order = R::order();
        let limits = Limits {
            max_rows,
            max_bytes: usize::MAX,
            max_age: Duration::MAX,
        };
        Self {
            batcher: Batcher::new(limits, order, "bench".to_owned()),
            sends: 0,
        }
    }

    /// Encodes the rows of one send, and returns the bytes of the batches that they filled.
    ///
    /// # Errors
    /// [`Error::Encode`], as a send.
    pub fn send<R: EncodeRow>(&mut self, rows: &[R]) -> Result<Vec<Bytes>, Error> {
        let rows = encode(rows)?;
        self.sends += 1;
        let mut full = Vec::new();
        for (group, rows) in rows {
            let batches = self.batcher.push(self.sends, group, &rows, Instant::now());
            full.extend(batches.iter().map(Batch::bytes));
        }
        Ok(full)
    }
}
