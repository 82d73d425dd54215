//! What a reading means.

use serde::Serialize;

use crate::reading::Reading;
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
    /// All that the source has is loaded, and more is waited for.
    Following,
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
            Self::Following => "following",
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
    /// Seconds until the end at the pace of the last five minutes, or of the later half of a younger run;
    /// nothing while that is not known or far from even.
    pub seconds_left: Option<f64>,
    /// Rows of the job in the table.
    pub fills_done: u64,
    /// Rows a second over the last ten seconds.
    pub fills_per_second: f64,
    /// Rows a second since the run began.
    pub fills_per_second_overall: f64,
    /// Markets a second, met for the first time over the last ten seconds.
    pub markets_per_second: f64,
    /// Markets a second since the run began.
    pub markets_per_second_overall: f64,
    /// Requests a second over the last ten seconds.
    pub requests_per_second: f64,
    /// Seconds since the source answered last.
    pub seconds_since_answer: f64,
    /// What somebody should know now.
    pub warnings: Vec<Warning>,
    /// What all this was made of.
    #[serde(flatten)]
    pub reading: Reading,
}

impl Status {
    /// Makes the last word of a run that ended with so many rows inserted and found; `is_complete` says
    /// that nothing is left.
    #[must_use]
    pub fn ended(self, fills_inserted: u64, fills_found: u64, is_complete: bool) -> Self {
        let reading = Reading {
            fills_inserted,
            fills_found,
            rows_in_hand: 0,
            rows_waiting: 0,
            requests_in_flight: 0,
            ..self.reading
        };
        Self {
            state: State::Ended,
            seconds_left: None,
            share_done: if is_complete { 1.0 } else { self.share_done },
            fills_done: reading.fills_done(),
            reading,
            ..self
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
        let status = Status {
            reading,
            ..Status::default()
        };
        let status = status.ended(70, 5, true);
        assert_eq!((status.fills_done, status.reading.rows_in_hand), (175, 0));
        assert_eq!((status.state, status.share_done), (State::Ended, 1.0));
    }
}
