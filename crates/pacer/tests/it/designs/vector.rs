//! Adaptive request concurrency as in Vector: concurrency only, refusals count as back-pressure.
//!
//! **Source**: vectordotdev/vector, `src/sinks/util/adaptive_concurrency/controller.rs`, with the
//! defaults of its `mod.rs` (initial limit 1, decrease ratio 0.9, EWMA alpha 0.4, deviation scale
//! 2.5, limit at most 200) and, as there, attempts that are repeated while the request keeps its
//! place: Fibonacci waits from 1 s to 30 s with full jitter.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::designs::{Design, Worker};
use crate::servers::Answer;

const DECREASE_RATIO: f64 = 0.9;
const ALPHA: f64 = 0.4;
const DEVIATION_SCALE: f64 = 2.5;
const MOST: usize = 200;
const LONGEST_WAIT_SECONDS: u64 = 30;

#[derive(Clone, Copy)]
struct Past {
    mean: f64,
    variance: f64,
}

struct Controller {
    limit: usize,
    in_flight: usize,
    past: Option<Past>,
    next_update: Instant,
    current_sum: f64,
    current_count: u32,
    had_back_pressure: bool,
    reached_limit: bool,
}

impl Controller {
    fn start_request(&mut self) {
        self.in_flight += 1;
        if self.in_flight >= self.limit {
            self.reached_limit = true;
        }
    }

    fn record_attempt(&mut self, answer: Answer, latency: Duration) {
        if answer == Answer::Served {
            self.current_sum += latency.as_secs_f64();
            self.current_count += 1;
        } else {
            self.had_back_pressure = true;
        }
    }

    fn adjust_to_completion(&mut self) {
        self.in_flight -= 1;
        let now = Instant::now();
        let current =
            (self.current_count > 0).then(|| self.current_sum / f64::from(self.current_count));
        let Some(past) = self.past else {
            if let Some(current) = current {
                self.learn(current);
                self.next_update = now + Duration::from_secs_f64(current);
            }
            return;
        };
        if now < self.next_update {
            return;
        }
        self.manage_limit(past, current);
        if let Some(current) = current {
            self.learn(current);
        }
        let mean = self.past.map_or(0.0, |past| past.mean);
        self.next_update = now + Duration::from_secs_f64(mean);
        (self.current_sum, self.current_count) = (0.0, 0);
        self.had_back_pressure = false;
        self.reached_limit = false;
    }

    fn manage_limit(&mut self, past: Past, current: Option<f64>) {
        let threshold = past.variance.sqrt() * DEVIATION_SCALE;
        let quick = current.is_some_and(|current| current <= past.mean);
        let slow = current.unwrap_or(0.0) >= past.mean + threshold;
        if self.limit < MOST && self.reached_limit && !self.had_back_pressure && quick {
            self.limit += 1;
        } else if self.limit > 1 && (self.had_back_pressure || slow) {
            self.limit = ((self.limit as f64 * DECREASE_RATIO) as usize).max(1);
        }
    }

    fn learn(&mut self, point: f64) {
        self.past = Some(match self.past {
            None => Past {
                mean: point,
                variance: 0.0,
            },
            Some(past) => {
                let difference = point - past.mean;
                let increment = ALPHA * difference;
                Past {
                    mean: past.mean + increment,
                    variance: (1.0 - ALPHA) * (past.variance + difference * increment),
                }
            }
        });
    }
}

#[derive(Clone)]
pub(crate) struct Vector {
    controller: Rc<RefCell<Controller>>,
    ended: Rc<Notify>,
}

impl Vector {
    pub(crate) fn new() -> Self {
        Self {
            controller: Rc::new(RefCell::new(Controller {
                limit: 1,
                in_flight: 0,
                past: None,
                next_update: Instant::now(),
                current_sum: 0.0,
                current_count: 0,
                had_back_pressure: false,
                reached_limit: false,
            })),
            ended: Rc::default(),
        }
    }
}

pub(crate) struct Attempts {
    shared: Vector,
    rng: Rng,
    /// The last two waits in seconds, while a request is repeated.
    waits: Cell<Option<(u64, u64)>>,
}

impl Design for Vector {
    type Worker = Attempts;

    fn worker(&self, seed: u64) -> Attempts {
        Attempts {
            shared: self.clone(),
            rng: Rng::with_seed(seed),
            waits: Cell::new(None),
        }
    }
}

impl Worker for Attempts {
    type Leave = ();

    async fn leave(&mut self) {
        if self.waits.get().is_some() {
            return;
        }
        loop {
            {
                let mut controller = self.shared.controller.borrow_mut();
                if controller.in_flight < controller.limit {
                    controller.start_request();
                    if controller.in_flight < controller.limit {
                        self.shared.ended.notify_one();
                    }
                    return;
                }
            }
            self.shared.ended.notified().await;
        }
    }

    async fn learn(&mut self, (): (), answer: Answer, latency: Duration) {
        self.shared
            .controller
            .borrow_mut()
            .record_attempt(answer, latency);
        if answer == Answer::Served {
            self.waits.set(None);
            self.shared.controller.borrow_mut().adjust_to_completion();
            self.shared.ended.notify_one();
            return;
        }
        let (before, wait) = self.waits.get().unwrap_or((0, 1));
        self.waits.set(Some((wait, before + wait)));
        let most = Duration::from_secs(wait.min(LONGEST_WAIT_SECONDS));
        tokio::time::sleep(most.mul_f64(self.rng.f64())).await;
    }
}
