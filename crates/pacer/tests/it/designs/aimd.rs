//! Additive increase, multiplicative decrease of a rate, each worker for itself.

use std::time::Duration;

use crate::designs::{Design, Waits, Worker};
use crate::servers::Answer;

/// Requests a second of one worker: at first, more with each success, and at least.
const FIRST_RATE: f64 = 2.0;
const INCREASE: f64 = 0.02;
const LEAST_RATE: f64 = 0.005;

pub(crate) struct Aimd;

pub(crate) struct Paced {
    rate: f64,
    waits: Waits,
}

impl Design for Aimd {
    type Worker = Paced;

    fn worker(&self, seed: u64) -> Paced {
        Paced {
            rate: FIRST_RATE,
            waits: Waits::new(seed),
        }
    }
}

impl Worker for Paced {
    type Leave = ();

    async fn leave(&mut self) {
        tokio::time::sleep(Duration::from_secs_f64(1.0 / self.rate)).await;
    }

    async fn learn(&mut self, (): (), answer: Answer, _latency: Duration) {
        if answer == Answer::Served {
            self.rate += INCREASE;
        }
        match answer {
            // The lower rate is the wait.
            Answer::Refused { retry_after: None } => {}
            _ => self.waits.after(answer).await,
        }
        if matches!(answer, Answer::Refused { .. }) {
            self.rate = (self.rate / 2.0).max(LEAST_RATE);
        }
    }
}
