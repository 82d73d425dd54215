use std::time::Duration;

use crate::planner::Cuts;

/// How a run works. None of it changes what ends up in the table.
#[derive(Debug, Clone)]
pub struct Config {
    /// Most requests in flight at once.
    pub workers: usize,
    /// Rows in memory at which no more are asked for. Half as many may be asked for beside them, which come on top
    /// where the table stops taking rows.
    pub most_rows_in_hand: usize,
    /// Rows in a block, which is one insert; the rows of one second stay together.
    pub block_rows: usize,
    /// How long a block may wait for more rows, behind a slow source.
    pub block_age: Duration,
    /// Finished segments between checkpoints.
    pub checkpoint_interval_units: u64,
    /// Time between checkpoints where there is something new.
    pub checkpoint_interval: Duration,
    /// Parts given up in a row, with no page in between, after which the source counts as lost.
    pub most_failures_in_a_row: u32,
    /// How long a stop waits for rows that are under way.
    pub drain: Duration,
    /// How finely the range is cut.
    pub cuts: Cuts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 128,
            most_rows_in_hand: 294_912,
            block_rows: 98_304,
            block_age: Duration::from_secs(5),
            checkpoint_interval_units: 500,
            checkpoint_interval: Duration::from_secs(5),
            most_failures_in_a_row: 3,
            drain: Duration::from_secs(7),
            cuts: Cuts::default(),
        }
    }
}
