//! What a reading means.

use serde::Serialize;

use crate::reading::{Month, Reading};
use crate::warning::Warning;

/// What a run is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing was answered yet.
    #[default]
    Starting,
    /// Fills are coming.
    Running,
    /// The source refuses, and nothing is asked until a pause is over.
    Paused,
    /// Requests are on their way, and none was answered for some seconds.
    Stalled,
    /// There is nothing left to ask for, and what came is being inserted.
    Inserting,
    /// ClickHouse has all that it may be given, and nothing is asked meanwhile.
    Waiting,
    /// The run has ended.
    Ended,
}

impl State {
    /// Returns its name, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stalled => "stalled",
            Self::Inserting => "inserting",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// How a run goes. Keys that the run's final object has too mean the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Seconds since it began.
    pub seconds: f64,
    /// Share of the job that is done, 0 to 1, by rows where their number is known.
    pub share_done: f64,
    /// Seconds until the end at the pace of the last minute; nothing while there is none.
    pub seconds_left: Option<f64>,
    /// Rows of the job in the table.
    pub fills_done: u64,
    /// Rows that the whole job is expected to have.
    pub fills_expected: Option<u64>,
    /// Rows that this run sent and that are durable.
    pub fills_inserted: u64,
    /// Rows that the table held already.
    pub fills_found: u64,
    /// Rows a second over the last ten seconds.
    pub fills_per_second: f64,
    /// Rows a second since the run began.
    pub fills_per_second_overall: f64,
    /// Requests a second over the last ten seconds.
    pub requests_per_second: f64,
    /// Rows fetched and not yet durable.
    pub rows_in_hand: u64,
    /// Rows that wait for an insert.
    pub rows_waiting: u64,
    /// Pages answered.
    pub pages: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Requests refused for their rate.
    pub rate_limited: u64,
    /// Bytes of answers, decompressed.
    pub bytes_received: u64,
    /// Requests on their way.
    pub requests_in_flight: u64,
    /// Most requests at once now.
    pub concurrency: u64,
    /// Most requests in ten seconds now, learned or set.
    pub requests_per_10s: Option<u64>,
    /// Mean latency of answers in milliseconds.
    pub latency_ms: Option<f64>,
    /// Seconds that all requests pause still.
    pub paused_seconds: Option<f64>,
    /// Seconds since the source answered last.
    pub seconds_since_answer: f64,
    /// Inserts acknowledged.
    pub inserts: u64,
    /// Attempts at inserts that were made again.
    pub insert_retries: u64,
    /// Seconds that inserts took, added up over parallel ones.
    pub insert_seconds: f64,
    /// Events kept as dead letters.
    pub dead_letters: u64,
    /// Parts given up.
    pub failed_units: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Seconds since the last checkpoint.
    pub checkpoint_age_seconds: Option<f64>,
    /// Bytes that may still be written to the table's disks.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of the table on disk.
    pub disk_bytes: Option<u64>,
    /// What was loaded, by month.
    pub months: Vec<Month>,
    /// What somebody should know now.
    pub warnings: Vec<Warning>,
}

impl Status {
    /// Makes the last word of a run that ended with so many rows inserted and found; `is_complete` says
    /// that nothing is left.
    #[must_use]
    pub fn ended(self, fills_inserted: u64, fills_found: u64, is_complete: bool) -> Self {
        let before = self.fills_done - self.fills_inserted - self.fills_found;
        Self {
            state: State::Ended,
            seconds_left: None,
            share_done: if is_complete { 1.0 } else { self.share_done },
            fills_done: before + fills_inserted + fills_found,
            fills_inserted,
            fills_found,
            rows_in_hand: 0,
            rows_waiting: 0,
            requests_in_flight: 0,
            ..self
        }
    }

    /// Takes over what a reading says by itself.
    pub(crate) fn of(reading: &Reading) -> Self {
        Self {
            fills_done: reading.fills_done(),
            fills_expected: reading.fills_expected,
            fills_inserted: reading.fills_inserted,
            fills_found: reading.fills_found,
            rows_in_hand: reading.rows_in_hand,
            rows_waiting: reading.rows_waiting,
            pages: reading.pages,
            requests: reading.requests,
            retries: reading.retries,
            rate_limited: reading.rate_limited,
            bytes_received: reading.bytes_received,
            requests_in_flight: reading.requests_in_flight,
            concurrency: reading.concurrency,
            requests_per_10s: reading.requests_per_10s,
            latency_ms: reading
                .latency
                .map(|latency| latency.as_secs_f64() * 1000.0),
            paused_seconds: reading.paused.map(|pause| pause.as_secs_f64()),
            inserts: reading.inserts,
            insert_retries: reading.insert_retries,
            insert_seconds: reading.insert_time.as_secs_f64(),
            dead_letters: reading.dead_letters,
            failed_units: reading.failed_units,
            checkpoints: reading.checkpoints,
            checkpoint_age_seconds: reading.checkpoint_age.map(|age| age.as_secs_f64()),
            disk_free_bytes: reading.disk_free_bytes,
            disk_bytes: reading.disk_bytes,
            months: reading.months.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_what_came_after_the_last_reading() {
        let reading = Reading {
            fills_before: 100,
            fills_inserted: 50,
            fills_found: 5,
            rows_in_hand: 20,
            ..Reading::default()
        };
        let status = Status::of(&reading).ended(70, 5, true);
        assert_eq!((status.fills_done, status.rows_in_hand), (175, 0));
        assert_eq!((status.state, status.share_done), (State::Ended, 1.0));
    }
}
