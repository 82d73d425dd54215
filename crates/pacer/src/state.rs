//! The rules, as a state machine: times and outcomes come in, decisions come out.

use std::time::{Duration, Instant};

use crate::budget::Budget;
use crate::concurrency::Concurrency;
use crate::config::Config;
use crate::evidence::Flow;
use crate::grants::Grants;
use crate::held::Held;
use crate::outcome::Outcome;
use crate::recovery::{Cause, Probe, Recovery};
use crate::spacing::Spacing;

mod reports;

/// One granted request. Report what came of it exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Its place in the order of grants.
    number: u64,
    sent: Instant,
    /// It met few other requests of ours.
    roomy: bool,
}

/// What the first in line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ask now.
    Go(Ticket),
    /// Come again at this time, or when a request has been reported.
    WaitUntil(Instant),
    /// Come again when a request has been reported.
    WaitForReport,
}

/// A pause that begins with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The service refuses for the rate.
    Rate,
    /// Many requests in a row came to nothing.
    Failures,
    /// The service has opened its breaker.
    Breaker,
}

/// The end of a recovery from a refusal.
#[derive(Debug, Clone, Copy)]
struct Recovered {
    at: Instant,
    flow: Flow,
}

/// Why the next request has to wait.
enum Hold {
    Budget(Instant),
    Recovery(Instant),
    Report,
}

/// Who asked when, what came of it, and what follows for the next request: a [`Pacer`] without
/// clock, runtime and line of waiters.
///
/// Invariants:
/// * at most `max_in_flight` tickets are out;
/// * at most the hard cap of tickets is granted in any window;
/// * a refusal, breaker or run of failures begins a pause only with tickets that were granted since
///   the last one ended, so that one refused window costs one cut, however many workers it met;
/// * after a pause one request goes alone, until it is answered or at least not refused.
///
/// [`Pacer`]: crate::Pacer
#[derive(Debug)]
pub struct State {
    config: Config,
    budget: Budget,
    spacing: Spacing,
    concurrency: Concurrency,
    grants: Grants,
    held: Held,
    recovery: Option<Recovery>,
    in_flight: usize,
    /// The first ticket since the last recovery.
    epoch: u64,
    /// Since when callers have wanted all that they might have; nothing before the first request.
    steady_since: Option<Instant>,
    newest_refused: Option<(u64, Instant)>,
    /// The end of the last recovery from a refusal.
    recovered: Option<Recovered>,
    failures_in_a_row: u32,
    latency: Option<Duration>,
    rate_limited: u64,
    overloaded: u64,
}

impl State {
    /// Makes a state that has learned nothing yet.
    pub fn new(config: Config) -> Self {
        let config = Config {
            max_in_flight: config.max_in_flight.max(1),
            requests_per_10s: config.requests_per_10s.map(|cap| cap.max(1)),
            ..config
        };
        Self {
            budget: Budget::new(),
            spacing: Spacing::default(),
            concurrency: Concurrency::new(config.max_in_flight, config.window),
            grants: Grants::new(config.window),
            held: Held::new(config.window),
            recovery: None,
            in_flight: 0,
            epoch: 0,
            steady_since: None,
            newest_refused: None,
            recovered: None,
            failures_in_a_row: 0,
            latency: None,
            rate_limited: 0,
            overloaded: 0,
            config,
        }
    }

    /// Says what the first in line shall do at `now`. Times of calls never go back.
    pub fn turn(&mut self, now: Instant) -> Turn {
        let accepted_at = self.recovery.as_ref().and_then(Recovery::accepted_at);
        if accepted_at.is_some_and(|at| at <= now) {
            self.recover(now);
        }
        self.grants.forget_before(now);
        let hold = self.hold(now);
        let by_budget = match &hold {
            Some(Hold::Budget(until)) => Some(*until),
            _ => None,
        };
        // A window held back by the user's cap says nothing about what was learned.
        let learned_binds = self.budget.requests() == self.requests_per_window();
        let was_bound = self.held.note(by_budget, now) == Some(true);
        if was_bound && learned_binds && self.recovery.is_none() {
            self.budget.calm();
        }
        match hold {
            None => Turn::Go(self.grant(now)),
            Some(Hold::Budget(until) | Hold::Recovery(until)) => Turn::WaitUntil(until),
            Some(Hold::Report) => Turn::WaitForReport,
        }
    }

    /// Takes in what came of a request. Returns the pause that begins with it, if one does.
    pub fn report(&mut self, ticket: Ticket, outcome: Outcome, now: Instant) -> Option<Pause> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Answered { latency, work } => {
                self.answered(ticket, latency, work, now);
                None
            }
            Outcome::RateLimited { retry_after } => self.rate_limited(ticket, retry_after, now),
            Outcome::Overloaded => self.overloaded(ticket, now),
            Outcome::Failed => self.failed(ticket, now),
        }
    }

    /// Returns how many requests are out.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Returns how many requests may be out now.
    pub fn concurrency(&self) -> usize {
        match self.recovery {
            Some(_) => 1,
            None => self.concurrency.limit(),
        }
    }

    /// Returns whether requests are what is scarce: the budget held callers back for most of about the
    /// last window, of this one so far or of its last part, or one that was sent within a window was refused.
    pub fn is_rate_bound(&self, now: Instant) -> bool {
        let window = self.config.window;
        let was_refused = self
            .newest_refused
            .is_some_and(|(_, sent)| now.saturating_duration_since(sent) < window);
        was_refused || self.held.is_bound(now)
    }

    /// Returns how many requests were refused for their rate.
    pub fn rate_limited_requests(&self) -> u64 {
        self.rate_limited
    }

    /// Returns how many requests found the breaker open.
    pub fn overloaded_requests(&self) -> u64 {
        self.overloaded
    }

    /// Returns the mean latency of answers, the last few weighing most.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Returns when the present pause ends, or nothing outside of one.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        let until = self.recovery.as_ref().map(Recovery::until);
        until.filter(|&until| until > now)
    }

    /// Returns the most requests of one window: the lower of what is learned and what is set.
    pub fn requests_per_window(&self) -> Option<u32> {
        match (self.budget.requests(), self.config.requests_per_10s) {
            (Some(learned), Some(cap)) => Some(learned.min(cap)),
            (learned, cap) => learned.or(cap),
        }
    }

    /// Says what the next request has to wait for, or nothing if it may go.
    fn hold(&self, now: Instant) -> Option<Hold> {
        let window = self.config.window;
        let most_in_flight = match &self.recovery {
            Some(recovery) if now < recovery.until() => {
                return Some(match recovery.cause {
                    Cause::Rate => Hold::Budget(recovery.until()),
                    Cause::Failures | Cause::Breaker => Hold::Recovery(recovery.until()),
                });
            }
            Some(recovery) if recovery.probe.is_some() => {
                let accepted_at = recovery.accepted_at();
                return Some(accepted_at.map_or(Hold::Report, Hold::Budget));
            }
            // Alone among those sent from now on.
            Some(_) => self.config.max_in_flight,
            None => self.concurrency.limit(),
        };
        if self.in_flight >= most_in_flight {
            return Some(Hold::Report);
        }
        let by_cap = self
            .config
            .requests_per_10s
            .and_then(|cap| self.grants.full_until(cap));
        // A cap that is only set is spread as well: all of it at once would come back as such a burst
        // in every window, and nothing could be learned from one request for the next.
        let most = self
            .requests_per_window()
            .filter(|_| self.recovery.is_none());
        let by_spacing = most.and_then(|most| self.spacing.wait_until(most, window, now));
        by_cap.max(by_spacing).map(Hold::Budget)
    }

    fn grant(&mut self, now: Instant) -> Ticket {
        let number = self.grants.add(now);
        self.in_flight += 1;
        let roomy = self.concurrency.sent(self.in_flight);
        let most = self.requests_per_window();
        let steady_since = self.steady_since.get_or_insert(now);
        if let Some(recovery) = &mut self.recovery {
            recovery.probe = Some(Probe { number, sent: now });
        } else if let Some(most) = most
            && self.spacing.sent(most, self.config.window, now)
        {
            *steady_since = now;
        }
        Ticket {
            number,
            sent: now,
            roomy,
        }
    }
}

#[cfg(test)]
mod tests;
