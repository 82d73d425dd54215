//! The row of most tests.

use clickhouse_sink::{Config, RetryPolicy};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, clickhouse::Row, serde::Serialize, serde::Deserialize)]
pub(crate) struct Numbered {
    pub(crate) id: u64,
    pub(crate) text: String,
}

pub(crate) fn row(id: u64) -> Numbered {
    Numbered {
        id,
        text: format!("row {id}"),
    }
}

pub(crate) fn rows(ids: std::ops::Range<u64>) -> Vec<Numbered> {
    ids.map(row).collect()
}

/// A sink that only inserts when told to, and retries at once.
pub(crate) fn config() -> Config {
    Config {
        max_age: Duration::from_secs(3600),
        retry: RetryPolicy {
            first_wait: Duration::from_millis(1),
            max_wait: Duration::from_millis(5),
            ..RetryPolicy::default()
        },
        ..Config::new("t")
    }
}
