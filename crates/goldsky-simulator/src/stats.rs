//! What was asked and what was answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::faults::Fault;

/// Counts since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Queries received, refused ones included.
    pub requests: u64,
    /// Lists of events answered.
    pub pages: u64,
    /// Events in those lists.
    pub rows: u64,
    /// Bytes of bodies of queries' answers.
    pub bytes: u64,
    /// Queries refused by the rate limit.
    pub rate_limited: u64,
    /// The most queries that were being answered at once.
    pub most_in_flight: u64,
    /// How often each fault struck, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

/// The counters behind [`Stats`].
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) requests: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) rate_limited: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    faults: Vec<AtomicU64>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            requests: AtomicU64::default(),
            pages: AtomicU64::default(),
            rows: AtomicU64::default(),
            bytes: AtomicU64::default(),
            rate_limited: AtomicU64::default(),
            in_flight: AtomicU64::default(),
            most_in_flight: AtomicU64::default(),
            faults: Fault::ALL.iter().map(|_| AtomicU64::default()).collect(),
        }
    }
}

/// A query that is being answered.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Counts);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counts {
    pub(crate) fn enter(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }

    pub(crate) fn struck(&self, fault: Fault) {
        if let Some(place) = Fault::ALL.iter().position(|other| *other == fault) {
            self.faults[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.requests),
            pages: read(&self.pages),
            rows: read(&self.rows),
            bytes: read(&self.bytes),
            rate_limited: read(&self.rate_limited),
            most_in_flight: read(&self.most_in_flight),
            faults: Fault::ALL
                .iter()
                .zip(&self.faults)
                .map(|(fault, count)| (fault.name(), read(count)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}
