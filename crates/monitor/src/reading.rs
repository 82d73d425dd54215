//! What is known of a run at one moment.

use serde::Serialize;

/// What a run has done and is doing. What is counted since the run's beginning only grows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reading {
    /// Rows sent and durable.
    pub fills_inserted: u64,
    /// Rows that the table held already.
    pub fills_found: u64,
    /// Rows that the whole job is expected to have, those of earlier runs included; nothing while that
    /// is not known.
    pub fills_expected: Option<u64>,
    /// Rows of the job that earlier runs had loaded.
    pub fills_before: u64,
    /// Markets whose fills were sent, about: a scan meets tokens, and a market has two.
    pub markets_met: u64,
    /// Rows fetched and not yet durable.
    pub rows_in_hand: u64,
    /// Rows that wait for an insert.
    pub rows_waiting: u64,
    /// Most rows in hand: with so many nothing more is asked for.
    pub most_rows_in_hand: u64,
    /// Rows that the parts being fetched are expected to hold still.
    pub rows_ahead: f64,
    /// Share of the range's time that is done, 0 to 1.
    pub share_of_time: f64,
    /// Pages answered.
    pub pages: u64,
    /// Requests sent, each retry counting again.
    pub requests: u64,
    /// Requests that had to be sent again, those refused for their rate aside.
    pub retries: u64,
    /// Requests refused for their rate.
    pub rate_limited: u64,
    /// Bytes of answers, decompressed.
    pub bytes_received: u64,
    /// Requests on their way.
    pub requests_in_flight: u64,
    /// Most requests at once now, as learned.
    pub concurrency: u64,
    /// Most requests in ten seconds now, learned or set; nothing while neither is known.
    pub requests_per_10s: Option<u64>,
    /// Mean latency of answers in milliseconds.
    pub latency_ms: Option<f64>,
    /// Seconds that all requests pause still; nothing outside of a pause.
    pub paused_seconds: Option<f64>,
    /// Inserts acknowledged.
    pub inserts: u64,
    /// Attempts at inserts that were made again.
    pub insert_retries: u64,
    /// Seconds that acknowledged inserts took, added up over parallel ones.
    pub insert_seconds: f64,
    /// Events kept as dead letters.
    pub dead_letters: u64,
    /// Parts given up.
    pub failed_units: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Whether all that the source has is loaded, and more is waited for.
    pub is_up_to_date: bool,
    /// Whether a source that is followed could not be reached when it was looked at last.
    pub is_source_away: bool,
    /// Whether the table could not be looked at when what is new was to be loaded.
    pub is_table_away: bool,
    /// Seconds since the last checkpoint.
    pub checkpoint_age_seconds: Option<f64>,
    /// Bytes that may still be written to the table's disks.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of the table on disk.
    pub disk_bytes: Option<u64>,
    /// Seconds that the whole run was expected to take at the most.
    pub planned_seconds: Option<u64>,
    /// What was loaded, by month.
    pub months: Vec<Month>,
}

/// A month of the archive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Month {
    /// Its name, such as `2024-10`.
    pub month: String,
    /// Share of its seconds that the checkpoint says are done, 0 to 1.
    pub share_done: f64,
    /// Rows of it in the table.
    pub fills: u64,
}

impl Reading {
    /// Returns the rows of the job that are in the table, as far as the run knows.
    pub fn fills_done(&self) -> u64 {
        self.fills_before + self.fills_inserted + self.fills_found
    }
}
