//! What all simulated parts share: chance, time that outlives a process, and what happened.

use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Most lines of a schedule that are kept; the last ones tell the most.
const MOST_LINES: usize = 20_000;

/// The part of the world that no crash touches. Clones share it.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
}

struct State {
    chance: Rng,
    /// When the present life began.
    born: Duration,
    /// The same on the clock of its runtime.
    born_at: Option<Instant>,
    /// Steps left until the process is killed.
    steps_left: Option<u64>,
    dead: bool,
    calm: bool,
    lines: Vec<String>,
    /// What must never be, once it was.
    broken: Option<String>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    pub(crate) fn new(chance: Rng) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                chance,
                born: Duration::ZERO,
                born_at: None,
                steps_left: None,
                dead: false,
                calm: false,
                lines: Vec::new(),
                broken: None,
            })),
            crash: Arc::new(Notify::new()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the life of a process, which is killed after so many steps.
    pub(crate) fn begin_life(&self, steps: Option<u64>, calm: bool) {
        let mut state = self.state();
        state.born_at = Some(Instant::now());
        state.steps_left = steps;
        state.dead = false;
        state.calm = calm;
    }

    /// Ends it; the world stands still for `pause`.
    pub(crate) fn end_life(&self, pause: Duration) {
        let now = self.now();
        let mut state = self.state();
        state.born = now + pause;
        state.born_at = None;
        state.dead = true;
    }

    /// Returns the time since the world began.
    pub(crate) fn now(&self) -> Duration {
        let state = self.state();
        state.born + state.born_at.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Tells whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.state().calm
    }

    /// Decides by the seed.
    pub(crate) fn decide<T>(&self, decide: impl FnOnce(&mut Rng) -> T) -> T {
        decide(&mut self.state().chance)
    }

    /// Tells whether something of this probability happens; nothing does once it is calm.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        let mut state = self.state();
        !state.calm && state.chance.f64() < probability
    }

    /// Notes what happens.
    pub(crate) fn note(&self, what: impl Display) {
        let now = self.now();
        let mut state = self.state();
        if state.lines.len() < MOST_LINES {
            state
                .lines
                .push(format!("{:>9.3} {what}", now.as_secs_f64()));
        }
    }

    /// Notes what must never happen; the first one counts.
    pub(crate) fn fail(&self, what: impl Display) {
        self.note(format_args!("BROKEN: {what}"));
        let mut state = self.state();
        state.broken.get_or_insert_with(|| what.to_string());
    }

    pub(crate) fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }

    pub(crate) fn take_lines(&self) -> Vec<String> {
        std::mem::take(&mut self.state().lines)
    }

    /// A point at which the process may be killed: if it is, nothing behind it ever happens.
    pub(crate) fn step(&self, what: impl Display) -> Step {
        let dies = {
            let mut state = self.state();
            match &mut state.steps_left {
                Some(0) => state.dead = true,
                Some(steps) => *steps -= 1,
                None => {}
            }
            state.dead
        };
        match dies {
            true => self.crash.notify_one(),
            false => self.note(what),
        }
        Step { dies }
    }

    /// Resolves when the process is killed.
    pub(crate) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Waits; what is killed meanwhile does not come back.
    pub(crate) async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.state().dead {
            std::future::pending::<()>().await;
        }
    }
}

/// Never resolves in a process that was killed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Step {
    dies: bool,
}

impl Future for Step {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.dies {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }
}
