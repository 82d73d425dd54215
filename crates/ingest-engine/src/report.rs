//! What a run says while it goes on and when it ends.

use crate::progress::Progress;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything asked for is in the table.
    Complete,
    /// Some parts were given up, or the source was lost: run again to go on.
    WorkLeft,
    /// Someone asked it to stop; what was under way was drained.
    Interrupted,
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What is done, as in the checkpoint.
    pub progress: Progress,
    /// Rows sent and durable.
    pub fills_inserted: u64,
    /// Rows that the table held already and that were not sent again.
    pub fills_found: u64,
    /// Pages answered.
    pub pages: u64,
    /// Events kept as dead letters.
    pub dead_letters: u64,
}

impl Outcome {
    /// Makes the outcome of a run, or of several that were told of on one channel.
    pub(crate) fn new(end: End, progress: Progress, snapshot: &Snapshot) -> Self {
        Self {
            end,
            progress,
            fills_inserted: snapshot.fills_inserted,
            fills_found: snapshot.fills_found,
            pages: snapshot.pages,
            dead_letters: snapshot.dead_letters,
        }
    }
}

/// Where a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Snapshot {
    /// Rows sent and durable.
    pub fills_inserted: u64,
    /// Rows that the table held already.
    pub fills_found: u64,
    /// Rows fetched and not yet durable.
    pub rows_in_hand: u64,
    /// Pages answered.
    pub pages: u64,
    /// Requests on their way.
    pub requests_in_flight: usize,
    /// Rows that the parts being fetched are expected to hold still.
    pub rows_ahead: f64,
    /// Share of the range's time that is done, 0 to 1.
    pub share_of_time: f64,
    /// Parts given up so far.
    pub failed_units: usize,
    /// Events kept as dead letters.
    pub dead_letters: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Whether all that the source has is loaded, and more is waited for.
    pub is_up_to_date: bool,
    /// Whether a source that is followed could not be reached when it was looked at last.
    pub is_source_away: bool,
    /// Whether the table could not be looked at when what is new was to be loaded.
    pub is_table_away: bool,
    /// Whether rows are read again that were counted when they were put in or found: they are not counted
    /// as found once more.
    pub is_reading_again: bool,
}

impl Snapshot {
    /// Returns where another run begins that is told of on the same channel: with the same counts.
    pub(crate) fn carried_on(self) -> Self {
        Self {
            fills_inserted: self.fills_inserted,
            fills_found: self.fills_found,
            pages: self.pages,
            dead_letters: self.dead_letters,
            checkpoints: self.checkpoints,
            is_reading_again: self.is_reading_again,
            ..Self::default()
        }
    }
}
