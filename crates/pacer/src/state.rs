//! The rules, as a state machine: times come in, decisions come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::config::Config;

/// No service's wish is honoured beyond this: it is more than any window, and time can hold it.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// One granted request: its place in the order of grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What the next in line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Ask now.
    Go(Ticket),
    /// Come again at this time, or when a request has ended.
    WaitUntil(Instant),
    /// Come again when a request has ended.
    WaitForReport,
}

/// A time in which nothing is granted.
#[derive(Debug, Clone)]
struct Pause {
    until: Instant,
    /// Tickets of the refused window that were not themselves refused: what the service granted.
    /// Nothing where the pause teaches nothing about the rate.
    granted: Option<u32>,
}

/// Who asked when, what was refused, and until when to be silent.
///
/// Invariants:
/// * at most `max_in_flight` tickets are out;
/// * at most the hard cap of tickets is granted in any window;
/// * at most the budget of tickets is granted in any window since the last pause;
/// * a refusal or breaker begins a pause only if its ticket was granted since the last pause, so
///   that one refused window costs one pause, however many workers it met.
#[derive(Debug)]
pub(crate) struct State {
    config: Config,
    budget: Budget,
    in_flight: usize,
    next: Ticket,
    /// When the tickets of the last window were granted, oldest first; the newest is `next - 1`.
    grants: VecDeque<Instant>,
    /// The first ticket since the last pause.
    epoch: Ticket,
    /// The oldest ticket of the window that was refused, while its refusals are counted.
    refused_from: Ticket,
    pause: Option<Pause>,
    /// After the breaker: one request at a time until one is answered.
    alone: bool,
    /// The window watched for calm: when it began, and whether the budget was used up in it.
    watched_since: Option<Instant>,
    used_up: bool,
    latency: Option<Duration>,
    rate_limited: u64,
    overloaded: u64,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config: Config {
                max_in_flight: config.max_in_flight.max(1),
                requests_per_10s: config.requests_per_10s.map(|cap| cap.max(1)),
                ..config
            },
            budget: Budget::new(),
            in_flight: 0,
            next: Ticket(0),
            grants: VecDeque::new(),
            epoch: Ticket(0),
            refused_from: Ticket(0),
            pause: None,
            alone: false,
            watched_since: None,
            used_up: false,
            latency: None,
            rate_limited: 0,
            overloaded: 0,
        }
    }

    /// Says what the first in line shall do at `now`.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        if let Some(pause) = &self.pause {
            if now < pause.until {
                return Turn::WaitUntil(pause.until);
            }
            self.resume();
        }
        self.forget_before(now);
        self.watch(now);
        let most_in_flight = if self.alone {
            1
        } else {
            self.config.max_in_flight
        };
        if self.in_flight >= most_in_flight {
            return Turn::WaitForReport;
        }
        if let Some(until) = self.full_until() {
            return Turn::WaitUntil(until);
        }
        let ticket = self.next;
        self.next.0 += 1;
        self.grants.push_back(now);
        self.in_flight += 1;
        Turn::Go(ticket)
    }

    /// A request ended with an answer.
    pub(crate) fn answered(&mut self, ticket: Ticket, latency: Duration) {
        self.ended();
        self.latency = Some(match self.latency {
            Some(before) => before - before / 8 + latency / 8,
            None => latency,
        });
        // An answer to what was asked before the breaker opened says nothing about it.
        if self.pause.is_none() && ticket >= self.epoch {
            self.alone = false;
        }
    }

    /// A request ended without one, or was given up.
    pub(crate) fn failed(&mut self) {
        self.ended();
    }

    /// A request was refused for its rate. Returns whether a pause begins with it.
    pub(crate) fn rate_limited(
        &mut self,
        ticket: Ticket,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> bool {
        self.ended();
        self.rate_limited += 1;
        let retry_after = retry_after
            .filter(|wait| !wait.is_zero())
            .map(|wait| wait.min(LONGEST_PAUSE));
        if let Some(pause) = &mut self.pause {
            if let Some(granted) = &mut pause.granted
                && ticket >= self.refused_from
            {
                *granted = granted.saturating_sub(1);
            }
            if let Some(wait) = retry_after {
                pause.until = pause.until.max(now + wait);
            }
            return false;
        }
        if ticket < self.epoch {
            return false;
        }
        self.forget_before(now);
        self.refused_from = self.epoch.max(self.oldest());
        let granted = self.next.0 - self.refused_from.0;
        self.pause = Some(Pause {
            until: now + retry_after.unwrap_or(self.config.window),
            granted: Some(u32::try_from(granted.saturating_sub(1)).unwrap_or(u32::MAX)),
        });
        true
    }

    /// A request found the breaker open. Returns whether a pause begins with it.
    pub(crate) fn overloaded(&mut self, ticket: Ticket, now: Instant) -> bool {
        self.ended();
        self.overloaded += 1;
        if ticket < self.epoch || self.alone && self.pause.is_some() {
            return false;
        }
        let until = now + self.config.overload_pause;
        self.alone = true;
        match &mut self.pause {
            Some(pause) => pause.until = pause.until.max(until),
            None => {
                self.pause = Some(Pause {
                    until,
                    granted: None,
                });
            }
        }
        true
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns how many requests were refused for their rate.
    pub(crate) fn refusals(&self) -> u64 {
        self.rate_limited
    }

    /// Returns how many requests found the breaker open.
    pub(crate) fn breakers(&self) -> u64 {
        self.overloaded
    }

    /// Returns the mean latency of answers, the last few weighing most.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.latency
    }

    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.pause
            .as_ref()
            .map(|pause| pause.until)
            .filter(|&until| until > now)
    }

    /// Returns the most requests of one window: the lower of what is learned and what is set.
    pub(crate) fn requests_per_window(&self) -> Option<u32> {
        match (self.budget.requests(), self.config.requests_per_10s) {
            (Some(learned), Some(cap)) => Some(learned.min(cap)),
            (learned, cap) => learned.or(cap),
        }
    }

    fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn resume(&mut self) {
        if let Some(granted) = self.pause.take().and_then(|pause| pause.granted) {
            self.budget.refused(granted);
        }
        self.epoch = self.next;
        self.watched_since = None;
        self.used_up = false;
    }

    fn oldest(&self) -> Ticket {
        Ticket(self.next.0 - self.grants.len() as u64)
    }

    fn forget_before(&mut self, now: Instant) {
        while let Some(&oldest) = self.grants.front()
            && now.saturating_duration_since(oldest) >= self.config.window
        {
            self.grants.pop_front();
        }
    }

    /// Returns when the window has room again, or nothing if it has room now.
    fn full_until(&mut self) -> Option<Instant> {
        let len = self.grants.len();
        let since_epoch = len.min((self.next.0 - self.epoch.0) as usize);
        let by_budget = self
            .budget
            .requests()
            .and_then(|budget| since_epoch.checked_sub(budget as usize))
            .map(|over| len - since_epoch + over);
        let by_cap = self
            .config
            .requests_per_10s
            .and_then(|cap| len.checked_sub(cap as usize));
        if by_budget.is_some() {
            self.used_up = true;
        }
        let full_by = by_budget.max(by_cap)?;
        self.grants
            .get(full_by)
            .map(|&granted| granted + self.config.window)
    }

    /// Counts windows in which the budget was used up and nothing was refused.
    fn watch(&mut self, now: Instant) {
        let since = *self.watched_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.config.window {
            if self.used_up {
                self.budget.calm();
            }
            self.used_up = false;
            self.watched_since = Some(now);
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
