use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Config;
use crate::outcome::Outcome;
use crate::state::{Pause, State, Ticket, Turn};

/// Where a [`Pacer`] stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Most requests in one window now; nothing while neither learned nor set.
    pub requests_per_10s: Option<u32>,
    /// Most requests in flight now, as learned from latency and failures.
    pub concurrency: usize,
    /// The budget, not concurrency or want of callers, is what held callers back for most of about
    /// the last window, of this one so far or of its last part: requests are the scarce good, and each had
    /// better ask for more.
    pub rate_bound: bool,
    /// Permits out.
    pub in_flight: usize,
    /// Callers waiting for a permit.
    pub waiting: usize,
    /// Requests refused for their rate so far.
    pub rate_limited: u64,
    /// Requests that found the breaker open so far.
    pub overloaded: u64,
    /// Mean latency of answers, the last few weighing most.
    pub latency: Option<Duration>,
    /// When the present pause ends; nothing outside of one.
    pub paused_until: Option<Instant>,
}

impl Stats {
    /// Returns how long after one request the next may begin; nothing while no rate is learned or set.
    pub fn interval(&self) -> Option<Duration> {
        let requests = self.requests_per_10s?.max(1);
        Some(Duration::from_secs(10) / requests)
    }

    /// Returns after how long all requests that may be in flight are, if none is answered before: where
    /// answers take longer it is no longer the rate that holds callers back.
    pub fn all_in_flight_in(&self) -> Duration {
        let concurrency = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        self.interval().map_or(Duration::MAX, |interval| {
            interval.saturating_mul(concurrency)
        })
    }
}

/// Hands out permits to ask, first come, first served. Clones share one pace.
#[derive(Clone)]
pub struct Pacer {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held by the first in line; tokio's mutex is fair, so it is the line.
    line: tokio::sync::Mutex<()>,
    /// Tells the first in line that a request has ended.
    ended: Notify,
    waiting: AtomicUsize,
}

impl Pacer {
    /// Makes a pacer that has learned nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(config)),
                line: tokio::sync::Mutex::new(()),
                ended: Notify::new(),
                waiting: AtomicUsize::new(0),
            }),
        }
    }

    /// Waits until one more request may be sent.
    ///
    /// # Cancel safety
    /// A dropped call leaves the line and takes nothing with it.
    pub async fn acquire(&self) -> Permit {
        let _waiting = Waiting::new(&self.shared.waiting);
        let _first_in_line = self.shared.line.lock().await;
        loop {
            let turn = {
                let mut state = self.shared.state();
                state.turn(Instant::now().into_std())
            };
            match turn {
                Turn::Go(ticket) => {
                    return Permit {
                        shared: Arc::clone(&self.shared),
                        ticket: Some(ticket),
                    };
                }
                Turn::WaitForReport => self.shared.ended.notified().await,
                // A report can move the end of a pause, so it is looked at again.
                Turn::WaitUntil(until) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(until.into()) => {}
                    () = self.shared.ended.notified() => {}
                },
            }
        }
    }

    /// Tells where the pacer stands.
    pub fn stats(&self) -> Stats {
        let state = self.shared.state();
        let now = Instant::now().into_std();
        Stats {
            requests_per_10s: state.requests_per_window(),
            concurrency: state.concurrency(),
            rate_bound: state.is_rate_bound(now),
            in_flight: state.in_flight(),
            waiting: self.shared.waiting.load(Ordering::Relaxed),
            rate_limited: state.rate_limited_requests(),
            overloaded: state.overloaded_requests(),
            latency: state.latency(),
            paused_until: state.paused_until(now).map(Instant::from_std),
        }
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, ticket: Ticket, outcome: Outcome) {
        let mut state = self.state();
        let now = Instant::now().into_std();
        let pause = state.report(ticket, outcome, now);
        let pause_ms = state
            .paused_until(now)
            .map(|until| until.saturating_duration_since(now).as_millis());
        drop(state);
        self.ended.notify_one();
        match pause {
            None => {}
            Some(Pause::Rate) => tracing::info!(
                pause_ms,
                "the source refuses for the rate, all requests pause once"
            ),
            Some(Pause::Failures) => tracing::info!(
                pause_ms,
                "the source does not answer, one request asks alone"
            ),
            Some(Pause::Breaker) => tracing::warn!(
                pause_ms,
                "the source has opened its breaker, all requests pause"
            ),
        }
    }
}

/// The right to send one request. Dropped without a report, it counts as [`Outcome::Failed`].
#[must_use = "a permit that is dropped counts as a failed request"]
pub struct Permit {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
}

impl Permit {
    /// Says what came of the request and gives the permit back.
    pub fn report(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.report(ticket, outcome);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.report(ticket, Outcome::Failed);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.ticket).finish()
    }
}

/// Counts a caller in line for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
