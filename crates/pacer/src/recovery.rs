//! The way back after the service said no: silence, then one request alone until it is answered.

use std::time::{Duration, Instant};

use crate::evidence::Evidence;

/// The first pause and the longest one that is not asked for, as divisors of the window.
const FIRST_PAUSE_DIVISOR: u32 = 20;
const LONGEST_PAUSE_DIVISOR: u32 = 2;
/// A request alone that was not refused after this part of a window is taken for accepted: refusals
/// come at once, answers need not.
const REFUSAL_IS_LATE_DIVISOR: u32 = 10;

/// What the service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Rate,
    Failures,
    Breaker,
}

/// The request sent alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) number: u64,
    pub(crate) sent: Instant,
}

/// Where the way back stands.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) cause: Cause,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) probe: Option<Probe>,
    /// It was not only about the rate.
    pub(crate) was_away: bool,
    until: Instant,
    next_pause: Duration,
    /// A window from the beginning: by then the service's own window is a new one.
    new_window: Instant,
    window: Duration,
}

impl Recovery {
    /// Begins without a pause.
    pub(crate) fn new(cause: Cause, window: Duration, now: Instant) -> Self {
        Self {
            cause,
            evidence: None,
            probe: None,
            was_away: false,
            until: now,
            next_pause: window / FIRST_PAUSE_DIVISOR,
            new_window: now + window,
            window,
        }
    }

    /// Is silent for as long as the service asked, else for longer each time, but not into a window
    /// that is new anyhow.
    pub(crate) fn pause(&mut self, cause: Cause, asked: Option<Duration>, now: Instant) {
        self.cause = cause;
        self.was_away |= cause != Cause::Rate;
        self.probe = None;
        if let Some(asked) = asked {
            self.until = now + asked;
            return;
        }
        self.until = now + self.next_pause;
        self.next_pause = (self.next_pause * 2).min(self.window / LONGEST_PAUSE_DIVISOR);
        if now < self.new_window {
            self.until = self.until.min(self.new_window);
        }
    }

    /// The service asked others for a longer silence.
    pub(crate) fn extend(&mut self, asked: Duration, now: Instant) {
        if self.probe.is_none() {
            self.until = self.until.max(now + asked);
        }
    }

    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    pub(crate) fn is_probe(&self, number: u64) -> bool {
        self.probe.is_some_and(|probe| probe.number == number)
    }

    /// Returns when a request alone, sent for the rate, counts as accepted.
    pub(crate) fn accepted_at(&self) -> Option<Instant> {
        let probe = self.probe.filter(|_| self.cause == Cause::Rate)?;
        Some(probe.sent + self.window / REFUSAL_IS_LATE_DIVISOR)
    }
}
