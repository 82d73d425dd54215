//! A limiter that was told the limit and spaces requests evenly.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::designs::{Design, Waits, Worker};
use crate::servers::{Answer, WINDOW};

pub(crate) struct Told {
    interval: Duration,
    next: Rc<Cell<Option<Instant>>>,
}

impl Told {
    pub(crate) fn new(per_window: u32) -> Self {
        Self {
            interval: WINDOW / per_window,
            next: Rc::default(),
        }
    }
}

pub(crate) struct Spaced {
    interval: Duration,
    next: Rc<Cell<Option<Instant>>>,
    waits: Waits,
}

impl Design for Told {
    type Worker = Spaced;

    fn worker(&self, seed: u64) -> Spaced {
        Spaced {
            interval: self.interval,
            next: Rc::clone(&self.next),
            waits: Waits::new(seed),
        }
    }
}

impl Worker for Spaced {
    type Leave = ();

    async fn leave(&mut self) {
        let now = Instant::now();
        let mine = self.next.get().map_or(now, |next| next.max(now));
        self.next.set(Some(mine + self.interval));
        tokio::time::sleep_until(mine).await;
    }

    async fn learn(&mut self, (): (), answer: Answer, _latency: Duration) {
        self.waits.after(answer).await;
    }
}
