//! How many requests to have in flight, learned from how long their answers take.
//!
//! **Source**: slow start as in TCP (RFC 5681); after it the gradient of Netflix's
//! `concurrency-limits` (`Gradient2Limit`), against a baseline that is measured anew while few
//! requests are in flight, as BBR does in its `ProbeRTT`; failures lower the limit by their share, as
//! marks do in DCTCP (RFC 8257).

use std::time::{Duration, Instant};

use crate::baseline::Baselines;

/// The limit to begin with, and to begin again with after the service was away.
const FIRST_LIMIT: f64 = 8.0;
/// Answers that end a round during slow start. After it they are as many as may be in flight, within
/// bounds: about a round trip, however long answers take.
const SLOW_START_SAMPLES: u32 = 8;
const ROUND_SAMPLES: (u32, u32) = (8, 32);
/// Longer answers than this many usual ones end slow start.
const SLOW_START_TOLERANCE: f64 = 1.5;
/// What is not yet taken for queueing, as a multiple of the usual latency.
const TOLERANCE: f64 = 1.2;
/// As long as usual: nothing queues.
const NOTHING_QUEUES: f64 = 1.05;
/// How much of a new limit is taken over in one round where something does.
const SMOOTHING: f64 = 0.2;
/// The first and the longest time between measurements of the baseline, in fifths of a window.
const FIRST_DRAIN_FIFTHS: u32 = 1;
const MOST_DRAIN_FIFTHS: u32 = 15;

/// Answers that a measurement of the baseline takes where so many may be in flight.
const DRAIN_SAMPLES: u32 = 16;
/// Half of less says nothing more than all of it.
const LEAST_TO_DRAIN: f64 = 4.0;

/// What the answers of about one round trip say together.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    /// Requests from this number on were sent within the round.
    first: u64,
    ratios: f64,
    samples: u32,
    failures: u32,
    /// The limit kept somebody waiting.
    reached: bool,
}

/// A time with half of the limit, in which the baseline is measured.
#[derive(Debug, Clone, Copy)]
struct Drain {
    first: u64,
    samples_left: u32,
}

/// The limit and what it is learned from.
///
/// Invariants: between 1 and the most that the user allows; grows only while it is what keeps
/// callers waiting; failures lower it once in a round trip.
#[derive(Debug)]
pub(crate) struct Concurrency {
    most: f64,
    limit: f64,
    slow_start: bool,
    baselines: Baselines,
    round: Round,
    drain: Option<Drain>,
    drain_fifths: u32,
    next_drain: Option<Instant>,
    window: Duration,
}

impl Concurrency {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        let most = most as f64;
        Self {
            most,
            limit: most.min(FIRST_LIMIT),
            slow_start: true,
            baselines: Baselines::default(),
            round: Round::default(),
            drain: None,
            drain_fifths: FIRST_DRAIN_FIFTHS,
            next_drain: None,
            window,
        }
    }

    /// Returns how many requests may be in flight now.
    pub(crate) fn limit(&self) -> usize {
        let limit = match self.drain {
            Some(_) => self.limit / 2.0,
            None => self.limit,
        };
        (limit as usize).max(1)
    }

    /// Begins anew from few requests; what is usual stays known.
    pub(crate) fn restart(&mut self, next: u64) {
        self.limit = self.limit.min(FIRST_LIMIT);
        self.slow_start = true;
        self.drain = None;
        self.begin_round(next);
    }

    /// Begins anew from one request at a time.
    pub(crate) fn restart_from_one(&mut self, next: u64) {
        self.limit = 1.0;
        self.restart(next);
    }

    /// A request was sent, `in_flight` with it. Returns whether it met few others of ours.
    pub(crate) fn sent(&mut self, in_flight: usize) -> bool {
        if in_flight >= self.limit() {
            self.round.reached = true;
        }
        in_flight as f64 <= (self.limit / 2.0).max(1.0)
    }

    /// The request `number` was answered; `next` is the number of the next one.
    pub(crate) fn answered(
        &mut self,
        (number, next): (u64, u64),
        (latency, work): (Duration, u32),
        roomy: bool,
        now: Instant,
    ) {
        if let Some(ratio) = self.baselines.ratio(latency, work, roomy) {
            self.round.ratios += ratio;
            self.round.samples += 1;
        }
        // As TCP does: only while more than half of the limit is made use of.
        if self.slow_start && (!roomy || self.limit < 2.0) {
            self.limit = (self.limit + 1.0).min(self.most);
        }
        match &mut self.drain {
            Some(drain) if number >= drain.first && roomy => {
                drain.samples_left -= 1;
                if drain.samples_left == 0 {
                    self.end_drain(next, now);
                }
            }
            Some(_) => {}
            None => self.end_round(number, next, now),
        }
    }

    /// The request `number` came to nothing.
    pub(crate) fn failed(&mut self, number: u64, next: u64, now: Instant) {
        self.round.failures += 1;
        self.drain = None;
        self.end_round(number, next, now);
    }

    /// Ends the round if `number` was sent in it and it has seen enough.
    fn end_round(&mut self, number: u64, next: u64, now: Instant) {
        let Round {
            first,
            samples,
            failures,
            ..
        } = self.round;
        let enough = match ROUND_SAMPLES {
            _ if self.slow_start => SLOW_START_SAMPLES,
            (least, most) => (self.limit as u32).clamp(least, most),
        };
        if number < first || samples < enough && failures == 0 {
            return;
        }
        if failures > 0 {
            let share = f64::from(failures) / f64::from(failures + samples);
            self.limit = (self.limit * (1.0 - share / 2.0)).max(1.0);
        }
        if samples > 0 {
            self.follow(self.round.ratios / f64::from(samples));
        }
        if self.is_drain_due(now) {
            self.drain = Some(Drain {
                first: next,
                // About a round trip, or two of few.
                samples_left: (self.limit as u32)
                    .min(DRAIN_SAMPLES)
                    .max((self.limit / 2.0) as u32),
            });
        }
        self.begin_round(next);
    }

    /// Moves the limit by how many times as long as usual answers took.
    fn follow(&mut self, ratio: f64) {
        if self.slow_start {
            if ratio > SLOW_START_TOLERANCE {
                self.slow_start = false;
                self.limit = (self.limit / ratio).max(1.0);
            } else if self.limit >= self.most {
                self.slow_start = false;
            }
        } else if self.round.reached {
            let gradient = (TOLERANCE / ratio).clamp(0.5, 1.0);
            let aim = self.limit * gradient + self.limit.sqrt() / 2.0;
            let taken_over = match ratio <= NOTHING_QUEUES {
                true => 1.0,
                false => SMOOTHING,
            };
            self.limit += (aim - self.limit) * taken_over;
            self.limit = self.limit.clamp(1.0, self.most);
        }
    }

    fn is_drain_due(&mut self, now: Instant) -> bool {
        if self.slow_start || !self.round.reached || self.limit < LEAST_TO_DRAIN {
            return false;
        }
        let first_drain = now + self.window / 5 * self.drain_fifths;
        now >= *self.next_drain.get_or_insert(first_drain)
    }

    fn end_drain(&mut self, next: u64, now: Instant) {
        self.drain = None;
        self.drain_fifths = (self.drain_fifths * 2).min(MOST_DRAIN_FIFTHS);
        self.next_drain = Some(now + self.window / 5 * self.drain_fifths);
        self.begin_round(next);
    }

    fn begin_round(&mut self, next: u64) {
        self.round = Round {
            first: next,
            ..Round::default()
        };
    }
}

#[cfg(test)]
mod tests;
