//! The ways to keep to a limit that are compared.

use std::time::Duration;

use crate::servers::Answer;

mod aimd;
mod backoff;
mod ours;
mod told;
mod vector;

pub(crate) use aimd::Aimd;
pub(crate) use backoff::{Backoff, Waits};
pub(crate) use ours::Ours;
pub(crate) use told::Told;
pub(crate) use vector::Vector;

/// A way to keep to a limit; its workers share what they learn, or do not.
pub(crate) trait Design {
    type Worker: Worker + 'static;

    fn worker(&self, seed: u64) -> Self::Worker;
}

/// One that asks, waits for the answer, and asks again.
pub(crate) trait Worker {
    /// What allows one request.
    type Leave;

    async fn leave(&mut self) -> Self::Leave;
    async fn learn(&mut self, leave: Self::Leave, answer: Answer, latency: Duration);
}
