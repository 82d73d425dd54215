//! The pacer, through its front.

use std::time::Duration;

use pacer::{Config, Outcome, Pacer, Permit};

use crate::designs::{Design, Worker};
use crate::run::WORKERS;
use crate::servers::Answer;

pub(crate) struct Ours(Pacer);

impl Ours {
    pub(crate) fn new() -> Self {
        Self(Pacer::new(Config {
            max_in_flight: WORKERS,
            ..Config::default()
        }))
    }
}

impl Design for Ours {
    type Worker = Pacer;

    fn worker(&self, _seed: u64) -> Pacer {
        self.0.clone()
    }
}

impl Worker for Pacer {
    type Leave = Permit;

    async fn leave(&mut self) -> Permit {
        self.acquire().await
    }

    async fn learn(&mut self, permit: Permit, answer: Answer, latency: Duration) {
        permit.report(match answer {
            Answer::Served => Outcome::Answered { latency, work: 1 },
            Answer::Refused { retry_after } => Outcome::RateLimited { retry_after },
            Answer::Failed => Outcome::Failed,
        });
    }
}
