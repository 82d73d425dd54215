//! What this process has open: the library allows one data directory at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};

use tokio::sync::watch;

use crate::Error;
use crate::instance::Instance;
use crate::library::Library;

static PROCESS: Process = Process {
    state: Mutex::new(State::Idle),
    changed: Condvar::new(),
};

struct Process {
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    /// Nothing is open.
    Idle,
    /// Someone is opening, without the lock held.
    Opening,
    /// A directory is open, or is being closed.
    Open {
        dir: PathBuf,
        engine: Weak<Instance>,
        closing: watch::Receiver<bool>,
    },
    /// The library was shut down for good.
    ShutDown,
}

/// Returns the engine that has `dir` open, or opens it by `open`.
///
/// Waits while another engine of this process is being opened or closed.
pub(crate) fn open(
    dir: &Path,
    open: impl FnOnce() -> Result<Arc<Instance>, Error>,
) -> Result<Arc<Instance>, Error> {
    let mut state = PROCESS.lock();
    loop {
        match &*state {
            State::ShutDown => return Err(Error::ShutDown),
            State::Idle => break,
            State::Opening => {}
            State::Open {
                dir: held,
                engine,
                closing,
            } => {
                // An engine upgraded here must not be dropped here: its closing takes the lock.
                let closing = *closing.borrow() || engine.strong_count() == 0;
                if !closing && held != dir {
                    return Err(Error::OtherDirectoryOpen {
                        open: held.clone(),
                        asked: dir.to_owned(),
                    });
                }
                if !closing && let Some(engine) = engine.upgrade() {
                    return Ok(engine);
                }
            }
        }
        state = PROCESS
            .changed
            .wait(state)
            .unwrap_or_else(|poison| poison.into_inner());
    }
    *state = State::Opening;
    drop(state);

    let opened = open();
    PROCESS.set(match &opened {
        Ok(engine) => State::Open {
            dir: dir.to_owned(),
            engine: Arc::downgrade(engine),
            closing: engine.closing(),
        },
        Err(_) => State::Idle,
    });
    opened
}

/// Says that the open engine has closed its directory.
pub(crate) fn closed() {
    let mut state = PROCESS.lock();
    if !matches!(*state, State::ShutDown) {
        *state = State::Idle;
    }
    drop(state);
    PROCESS.changed.notify_all();
}

/// Ends the library for good, if nothing is open; false if it did not end all of its threads.
///
/// It takes no connection afterwards in either case.
pub(crate) fn shut_down(library: &Library) -> bool {
    let mut state = PROCESS.lock();
    let mut ended = true;
    if matches!(*state, State::Idle) {
        ended = library.shut_down();
        *state = State::ShutDown;
    }
    drop(state);
    PROCESS.changed.notify_all();
    ended
}

impl Process {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
    }

    fn set(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_all();
    }
}
