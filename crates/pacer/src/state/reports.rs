//! What follows from what came of a request.

use std::time::{Duration, Instant};

use crate::budget::Refusal;
use crate::evidence::{Background, Evidence, Flow};
use crate::recovery::{Cause, Probe, Recovery};
use crate::state::{Pause, Recovered, State, Ticket};

/// No service's wish is honoured beyond this: it is more than any window, and time can hold it.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// Failures in a row, with no answer between them, that are no longer single ones.
const FAILURES_IN_A_ROW: u32 = 8;
/// After a longer pause than this part of a window a small bucket may have run over.
const FLOW_IS_LOST_DIVISOR: u32 = 12;
/// Who refuses for longer than this part of a window counts in windows: a bucket that lets a
/// request through in that time at most would allow hardly any.
const WINDOWS_REFUSE_DIVISOR: u32 = 4;
/// No more than this part of a window is made up for after a pause.
const MOST_MISSED_DIVISOR: u32 = 20;

impl State {
    pub(super) fn answered(&mut self, ticket: Ticket, latency: Duration, work: u32, now: Instant) {
        self.latency = Some(match self.latency {
            Some(before) => before - before / 8 + latency / 8,
            None => latency,
        });
        self.failures_in_a_row = 0;
        let numbers = (ticket.number, self.grants.next());
        self.concurrency
            .answered(numbers, (latency, work), ticket.roomy, now);
        // An answer to what was asked before the pause says nothing about it.
        if self.is_probe(ticket) {
            self.recover(now);
        }
    }

    pub(super) fn failed(&mut self, ticket: Ticket, now: Instant) -> Option<Pause> {
        self.concurrency
            .failed(ticket.number, self.grants.next(), now);
        if self.is_probe(ticket) {
            self.pause(Cause::Failures, None, now);
            return None;
        }
        if self.recovery.is_some() || ticket.number < self.epoch {
            return None;
        }
        self.failures_in_a_row += 1;
        if self.failures_in_a_row < FAILURES_IN_A_ROW {
            return None;
        }
        self.pause(Cause::Failures, None, now);
        Some(Pause::Failures)
    }

    pub(super) fn rate_limited(
        &mut self,
        ticket: Ticket,
        retry_after: Option<Duration>,
        now: Instant,
    ) -> Option<Pause> {
        self.rate_limited += 1;
        self.failures_in_a_row = 0;
        self.grants.refuse(ticket.number);
        if self
            .newest_refused
            .is_none_or(|(number, _)| number < ticket.number)
        {
            self.newest_refused = Some((ticket.number, ticket.sent));
        }
        let asked = retry_after
            .filter(|wait| !wait.is_zero())
            .map(|wait| wait.min(LONGEST_PAUSE));
        if self.is_probe(ticket) {
            self.pause(Cause::Rate, asked, now);
        } else if let Some(recovery) = &mut self.recovery {
            if let Some(evidence) = &mut recovery.evidence {
                evidence.refuse(ticket.number);
            }
            if let Some(asked) = asked {
                recovery.extend(asked, now);
            }
        } else if ticket.number >= self.epoch {
            let evidence = Evidence::gather(
                &self.grants,
                self.config.window,
                (ticket.number, ticket.sent),
                Background {
                    steady_since: self.steady_since.unwrap_or(now),
                    spaced: self.budget.requests().is_some(),
                    flow: self.recovered.map(|recovered| recovered.flow),
                },
            );
            self.pause(Cause::Rate, asked, now).evidence = Some(evidence);
            return Some(Pause::Rate);
        }
        None
    }

    pub(super) fn overloaded(&mut self, ticket: Ticket, now: Instant) -> Option<Pause> {
        self.overloaded += 1;
        self.failures_in_a_row = 0;
        let paused = |recovery: &Recovery| recovery.cause == Cause::Breaker;
        let is_news = self.is_probe(ticket)
            || ticket.number >= self.epoch && !self.recovery.as_ref().is_some_and(paused);
        if !is_news {
            return None;
        }
        let until = self.paused_until(now);
        let asked = until.map_or(Duration::ZERO, |until| until - now);
        let asked = asked.max(self.config.overload_pause);
        self.pause(Cause::Breaker, Some(asked), now);
        Some(Pause::Breaker)
    }

    fn is_probe(&self, ticket: Ticket) -> bool {
        self.recovery
            .as_ref()
            .is_some_and(|recovery| recovery.is_probe(ticket.number))
    }

    fn pause(&mut self, cause: Cause, asked: Option<Duration>, now: Instant) -> &mut Recovery {
        let window = self.config.window;
        let recovery = self
            .recovery
            .get_or_insert_with(|| Recovery::new(cause, window, now));
        recovery.pause(cause, asked, now);
        recovery
    }

    /// Ends the recovery, and takes in what was learned in it.
    pub(super) fn recover(&mut self, now: Instant) {
        let Some(recovery) = self.recovery.take() else {
            return;
        };
        let window = self.config.window;
        self.epoch = recovery
            .probe
            .map_or(self.grants.next(), |probe| probe.number);
        self.failures_in_a_row = 0;
        self.held.restart(now);
        if let Some(evidence) = &recovery.evidence {
            self.refused(evidence, now);
        }
        if let Some(probe) = recovery.probe {
            let refused_at = recovery.evidence.map(|evidence| evidence.refused_at());
            let flow = self.flow(probe, refused_at);
            self.recovered = Some(Recovered { at: now, flow });
        }
        if recovery.was_away {
            self.concurrency.restart(self.grants.next());
            self.steady_since = Some(now);
        }
        if let Some(budget) = self.budget.requests() {
            // While the request alone was on its way, others might have been sent.
            let from = recovery.probe.map_or(now, |probe| probe.sent);
            let missed = now.saturating_duration_since(from);
            self.spacing.restart(
                budget,
                window,
                now,
                missed.min(window / MOST_MISSED_DIVISOR),
            );
        }
    }

    fn refused(&mut self, evidence: &Evidence, now: Instant) {
        if self.budget.requests().is_none() {
            // Nothing was known, so nothing bounded the rate but what was in flight.
            self.concurrency.restart_from_one(self.grants.next());
        }
        let soon = self.recovered.is_some_and(|recovered| {
            evidence
                .refused_at()
                .saturating_duration_since(recovered.at)
                < self.config.window * 3 / 2
        });
        let lasted = now.saturating_duration_since(evidence.refused_at());
        let lasted_percent = lasted.as_nanos() * 100 / self.config.window.as_nanos().max(1);
        self.budget.refused(Refusal {
            limit: evidence.limit(),
            soon,
            lasted_percent: u32::try_from(lasted_percent.min(100)).unwrap_or(100),
        });
    }

    /// Returns how the service came back: with `probe`, after it had refused since `refused_at`.
    fn flow(&self, probe: Probe, refused_at: Option<Instant>) -> Flow {
        let window = self.config.window;
        let since = |at| probe.sent.saturating_duration_since(at);
        let kept = |at| since(at) <= window / FLOW_IS_LOST_DIVISOR;
        Flow {
            since: match self.newest_refused {
                Some((number, at)) if self.budget.requests().is_some() && kept(at) => {
                    (number + 1, at)
                }
                _ => (probe.number, probe.sent),
            },
            in_windows: refused_at.is_some_and(|at| since(at) > window / WINDOWS_REFUSE_DIVISOR),
        }
    }
}
