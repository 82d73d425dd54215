//! A fixed number of workers, each of which waits twice as long each time it is turned away.

use std::time::Duration;

use fastrand::Rng;

use crate::designs::{Design, Worker};
use crate::servers::Answer;

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Exponential waits with jitter, or what the server asks for.
pub(crate) struct Waits {
    rng: Rng,
    turned_away: u32,
}

impl Waits {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            turned_away: 0,
        }
    }

    pub(crate) async fn after(&mut self, answer: Answer) {
        let asked = match answer {
            Answer::Served => {
                self.turned_away = 0;
                return;
            }
            Answer::Refused { retry_after } => retry_after,
            Answer::Failed => None,
        };
        let wait = FIRST_WAIT * 2_u32.pow(self.turned_away.min(10));
        let wait = wait.min(LONGEST_WAIT).mul_f64(0.5 + 0.5 * self.rng.f64());
        self.turned_away += 1;
        tokio::time::sleep(asked.unwrap_or(wait)).await;
    }
}

pub(crate) struct Backoff;

impl Design for Backoff {
    type Worker = Waits;

    fn worker(&self, seed: u64) -> Waits {
        Waits::new(seed)
    }
}

impl Worker for Waits {
    type Leave = ();

    async fn leave(&mut self) {}

    async fn learn(&mut self, (): (), answer: Answer, _latency: Duration) {
        self.after(answer).await;
    }
}
