//! What a seed decides before anything begins.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use crate::dataset::Dataset;

/// Data sets that the seeds choose from.
pub(crate) const DATASETS: usize = 24;

/// How a schedule is set up.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) dataset: usize,
    /// Tokens in a group; nothing scans.
    pub(crate) group_size: Option<usize>,
    pub(crate) workers: usize,
    /// Pages that every turn is for; nothing leaves it to the client.
    pub(crate) pages_per_request: Option<usize>,
    pub(crate) max_rows: u16,
    pub(crate) least_pages_per_cut: u32,
    pub(crate) batch_rows: usize,
    pub(crate) parallel_inserts: usize,
    pub(crate) partitions_per_batch: u64,
    pub(crate) window_parts: u64,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) checkpoint_interval_units: u64,
    pub(crate) attempt_timeout: Duration,
    /// Probability that a request to the source goes wrong.
    pub(crate) source_faults: f64,
    /// Probability that an insert goes wrong.
    pub(crate) insert_faults: f64,
    /// Probability that a read of the table goes wrong.
    pub(crate) read_faults: f64,
    /// Probability that a save of the checkpoint fails.
    pub(crate) save_faults: f64,
    /// One row in so many is refused by the table, whatever is done.
    pub(crate) refused_rows: Option<u64>,
    /// Most rows that the server takes in one insert.
    pub(crate) most_rows_in_insert: usize,
    /// How the lives of the process end, in order; those after them are undisturbed.
    pub(crate) ends: Vec<PlannedEnd>,
}

/// How a life is meant to end, if it does not end before.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PlannedEnd {
    /// Killed at this step.
    KilledAtStep(u64),
    /// Killed at this time.
    KilledAfter(Duration),
    /// Asked to stop.
    StoppedAfter(Duration),
}

impl Plan {
    pub(crate) fn of(chance: &mut Rng) -> Self {
        let parallel_inserts = chance.usize(1..=3);
        let dataset = chance.usize(0..DATASETS);
        let partitions_per_batch = Dataset::get(dataset).partitions();
        let least_window = 2 * partitions_per_batch * parallel_inserts as u64;
        let severity = [0.0, 0.03, 0.15, 0.35][chance.usize(0..4)];
        let ends = (0..chance.usize(0..=4)).map(|_| PlannedEnd::of(chance));
        Self {
            ends: ends.collect(),
            dataset,
            group_size: chance.bool().then(|| chance.usize(1..=6)),
            workers: chance.usize(1..=6),
            pages_per_request: match chance.usize(0..=3) {
                0 => None,
                pages => Some(pages),
            },
            max_rows: chance.u16(3..=25),
            least_pages_per_cut: chance.u32(1..=3),
            batch_rows: chance.usize(2..=40),
            parallel_inserts,
            partitions_per_batch,
            window_parts: least_window
                + match chance.bool() {
                    true => 0,
                    false => chance.u64(0..20),
                },
            checkpoint_interval: Duration::from_millis(chance.u64(100..8_000)),
            checkpoint_interval_units: chance.u64(1..=8),
            attempt_timeout: Duration::from_secs(chance.u64(5..40)),
            source_faults: severity * chance.f64(),
            insert_faults: severity * chance.f64(),
            read_faults: severity * chance.f64() / 2.0,
            save_faults: severity * chance.f64() / 10.0,
            refused_rows: (chance.u8(0..8) == 0).then(|| chance.u64(20..200)),
            most_rows_in_insert: match chance.u8(0..6) {
                0 => chance.usize(1..=20),
                _ => usize::MAX,
            },
        }
    }
}

impl PlannedEnd {
    fn of(chance: &mut Rng) -> Self {
        match chance.u8(0..5) {
            0 => Self::StoppedAfter(Duration::from_millis(chance.u64(0..20_000))),
            1 => Self::KilledAfter(Duration::from_millis(chance.u64(0..20_000))),
            // Early and late ends alike, whatever the number of steps in a life.
            _ => Self::KilledAtStep(1 << chance.u64(0..8) | chance.u64(0..128)),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}
