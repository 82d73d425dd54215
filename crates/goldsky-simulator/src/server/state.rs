//! What all connections share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::rate::{RateWindow, Refused};
use crate::config::Config;
use crate::data::{Dataset, Key, unit};
use crate::data_api::Rows;
use crate::error::Error;
use crate::faults::{Fault, Faults};
use crate::node::Node;
use crate::stats::Counts;

/// Everything that answering takes.
#[derive(Debug)]
pub(crate) struct State {
    node: RwLock<Arc<Node>>,
    pub(crate) latency: Duration,
    pub(crate) counts: Counts,
    pub(crate) data_api: Rows,
    faults: RwLock<Faults>,
    fault_seed: u64,
    queries: AtomicU64,
    rate: Mutex<Option<RateWindow>>,
    started: Instant,
}

impl State {
    pub(crate) fn new(config: &Config, dataset: Dataset) -> Result<Self, Error> {
        Ok(Self {
            node: RwLock::new(Arc::new(Node::new(dataset, config.host.clone()))),
            latency: config.latency,
            counts: Counts::default(),
            data_api: Rows::new(&config.data_api)?,
            faults: RwLock::new(config.faults.clone()),
            fault_seed: config.fault_seed,
            queries: AtomicU64::new(0),
            rate: Mutex::new(config.rate_limit.map(RateWindow::new)),
            started: Instant::now(),
        })
    }

    /// Returns what answers now.
    pub(crate) fn node(&self) -> Arc<Node> {
        let node = self.node.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&node)
    }

    /// Answers from other data, as the same deployment.
    pub(crate) fn replace(&self, dataset: Dataset) {
        let mut node = self.node.write().unwrap_or_else(PoisonError::into_inner);
        *node = Arc::new(Node::new(dataset, node.host.clone()));
    }

    /// Takes one request of the budget.
    pub(crate) fn take_request(&self) -> Result<(), Refused> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        match rate.as_mut() {
            Some(rate) => rate.take(self.started.elapsed()),
            None => Ok(()),
        }
    }

    /// Decides what goes wrong with the next query. The same seed hits the same queries, counted
    /// in order of arrival.
    pub(crate) fn strike(&self) -> Option<Fault> {
        let query = self.queries.fetch_add(1, Ordering::Relaxed);
        let faults = self.read_faults();
        let fault = faults.strike(|fault| {
            let key = Key::new(self.fault_seed, 100 + fault as u64);
            unit(key.word(query as u32, query >> 32))
        })?;
        self.counts.struck(fault);
        Some(fault)
    }

    pub(crate) fn stall(&self) -> Duration {
        self.read_faults().stall()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn read_faults(&self) -> std::sync::RwLockReadGuard<'_, Faults> {
        self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }
}
