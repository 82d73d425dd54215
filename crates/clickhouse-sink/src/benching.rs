//! What the benches call: rows become a sealed batch as in the sink, without a server.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::batcher::{Batcher, Limits};
use crate::encode::{EncodeRow, TableColumn};
use crate::error::Error;
use crate::layout::Layout;
use crate::sink::encode;

/// The batch that is open.
#[derive(Debug)]
pub struct OpenBatch {
    batcher: Batcher,
    layout: Layout,
    sends: u64,
}

impl OpenBatch {
    /// Opens a batch of so many rows, for a table with the types that the rows name.
    pub fn of_rows<R: EncodeRow>(max_rows: usize) -> Self {
        let order = R::order();
        let columns = R::columns().into_iter().map(|column| TableColumn {
            name: column.name.to_owned(),
            data_type: column.data_type.unwrap_or_default().to_owned(),
        });
        let limits = Limits {
            max_rows,
            max_bytes: usize::MAX,
            max_age: Duration::MAX,
        };
        Self {
            batcher: Batcher::new(limits, order, "bench".to_owned()),
            layout: Layout::of(&columns.collect::<Vec<_>>()),
            sends: 0,
        }
    }

    /// Encodes the rows of one send, and returns the inserts of the batches that they filled, in
    /// pieces.
    ///
    /// # Errors
    /// [`Error::Encode`], as a send.
    pub fn send<R: EncodeRow>(&mut self, rows: &[R]) -> Result<Vec<Bytes>, Error> {
        let rows = encode(rows)?;
        self.sends += 1;
        let mut full = Vec::new();
        for (group, rows) in rows {
            let batches = self.batcher.push(self.sends, group, rows, Instant::now());
            full.extend(batches.iter().flat_map(|batch| self.layout.body(batch)));
        }
        Ok(full)
    }
}
