//! Numbers about a running sink.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a sink has done so far. Parts are read one after another, so sums may be off by what
/// happened in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Rows taken and not yet in an insert.
    pub rows_waiting: u64,
    /// Rows of inserts under way, including those waiting for their next attempt.
    pub rows_in_flight: u64,
    /// Rows known to be in the table.
    pub rows_inserted: u64,
    /// Rows that the server refused and that were put aside.
    pub rows_refused: u64,
    /// Inserts that the server acknowledged.
    pub batches_inserted: u64,
    /// Bytes of RowBinary acknowledged, before compression.
    pub bytes_inserted: u64,
    /// Attempts that were made again under the same token.
    pub retries: u64,
    /// Batches that were cut in two.
    pub splits: u64,
    /// Time that acknowledged inserts took, added up over parallel ones.
    pub insert_time: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    taken: AtomicU64,
    in_flight: AtomicU64,
    inserted: AtomicU64,
    refused: AtomicU64,
    batches: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    splits: AtomicU64,
    insert_micros: AtomicU64,
}

impl Counters {
    pub(crate) fn taken(&self, rows: usize) {
        self.taken.fetch_add(rows as u64, Relaxed);
    }

    pub(crate) fn started(&self, rows: usize) {
        self.in_flight.fetch_add(rows as u64, Relaxed);
    }

    pub(crate) fn inserted(&self, rows: usize, bytes: usize, took: Duration) {
        self.inserted.fetch_add(rows as u64, Relaxed);
        self.in_flight.fetch_sub(rows as u64, Relaxed);
        self.batches.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.insert_micros
            .fetch_add(took.as_micros() as u64, Relaxed);
    }

    /// Takes rows back that were counted as inserted.
    pub(crate) fn missed(&self, rows: usize) {
        self.inserted.fetch_sub(rows as u64, Relaxed);
        self.in_flight.fetch_add(rows as u64, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn split(&self) {
        self.splits.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let rows_in_flight = self.in_flight.load(Relaxed);
        let rows_inserted = self.inserted.load(Relaxed);
        let rows_refused = self.refused.load(Relaxed);
        let gone = rows_in_flight + rows_inserted + rows_refused;
        Stats {
            rows_waiting: self.taken.load(Relaxed).saturating_sub(gone),
            rows_in_flight,
            rows_inserted,
            rows_refused,
            batches_inserted: self.batches.load(Relaxed),
            bytes_inserted: self.bytes.load(Relaxed),
            retries: self.retries.load(Relaxed),
            splits: self.splits.load(Relaxed),
            insert_time: Duration::from_micros(self.insert_micros.load(Relaxed)),
        }
    }
}
