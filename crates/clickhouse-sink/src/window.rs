//! What a table remembers of past inserts.
//!
//! A token is remembered for each part that was written under it, until so many newer parts push
//! it out (or, in replicated tables, until it is too old). While one batch is retried, others go on
//! and push: so they may only run ahead by what the window holds.

use std::time::Duration;

/// How far a table's memory of inserts reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Newest parts that are remembered.
    pub(crate) parts: u64,
    /// Age at which they are forgotten; nothing means never.
    pub(crate) age: Option<Duration>,
}

impl Window {
    /// Returns by how many inserts others may run ahead of the oldest one under way: half of the
    /// window, since as many as run at once may have begun before it.
    pub(crate) fn batches(self, partitions_per_batch: u64) -> u64 {
        self.parts / partitions_per_batch / 2
    }
}

/// Names of the settings, as replicated and other tables have them.
pub(crate) const REPLICATED: (&str, &str) = (
    "replicated_deduplication_window",
    "replicated_deduplication_window_seconds",
);
pub(crate) const NON_REPLICATED: &str = "non_replicated_deduplication_window";

/// Tells which window applies to an engine; nothing for engines that keep none.
pub(crate) fn is_replicated(engine: &str) -> Option<bool> {
    if !engine.ends_with("MergeTree") {
        return None;
    }
    Some(engine.starts_with("Replicated") || engine.starts_with("Shared"))
}

/// Finds a number in the `SETTINGS` of a table's `engine_full`.
pub(crate) fn setting(engine_full: &str, name: &str) -> Option<u64> {
    let (_, settings) = engine_full.rsplit_once(" SETTINGS ")?;
    settings.split(',').find_map(|setting| {
        let (key, value) = setting.split_once('=')?;
        if key.trim() == name {
            value.trim().trim_matches('\'').parse().ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_read_from_the_table_s_own_settings() {
        let engine = "MergeTree PARTITION BY toYYYYMM(t) ORDER BY a \
                      SETTINGS index_granularity = 8192, non_replicated_deduplication_window = 1000";
        assert_eq!(setting(engine, NON_REPLICATED), Some(1000));
        assert_eq!(setting(engine, REPLICATED.0), None);
        assert_eq!(setting("MergeTree ORDER BY a", NON_REPLICATED), None);
    }

    #[test]
    fn only_merge_trees_remember() {
        assert_eq!(is_replicated("ReplacingMergeTree"), Some(false));
        assert_eq!(is_replicated("ReplicatedReplacingMergeTree"), Some(true));
        assert_eq!(is_replicated("SharedMergeTree"), Some(true));
        assert_eq!(is_replicated("Memory"), None);
    }

    #[test]
    fn half_of_the_window_is_for_batches_that_run_ahead() {
        let window = Window {
            parts: 10_000,
            age: None,
        };
        assert_eq!(window.batches(100), 50);
        assert_eq!(window.batches(1), 5000);
    }
}
