//! Stopping when asked to: the first signal asks, the second insists.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::Error;
use crate::exit::ExitCode;

/// The signals that ask a program to stop: SIGINT is Ctrl-C, SIGTERM is what service managers send.
const ASKING: [i32; 2] = [SIGINT, SIGTERM];

/// Tells all parts of a program that it was asked to stop. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
}

/// Asks the program to stop.
#[derive(Debug, Clone)]
pub struct Trigger {
    requested: Arc<watch::Sender<bool>>,
}

impl Trigger {
    /// Asks; asking again changes nothing.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }
}

impl Shutdown {
    /// Makes a token that only its trigger sets off, for tests and for stops that are no signal.
    pub fn with_trigger() -> (Trigger, Self) {
        let (sender, requested) = watch::channel(false);
        let trigger = Trigger {
            requested: Arc::new(sender),
        };
        (trigger, Self { requested })
    }

    /// Makes a token that the first SIGINT or SIGTERM sets off, or its trigger. Any further signal
    /// ends the process at once with [`ExitCode::Interrupted`], even where the runtime is stuck:
    /// no destructor and no exit handler runs.
    ///
    /// Needs a running tokio runtime.
    ///
    /// # Errors
    /// [`Error::Signals`] where the system refuses handlers.
    pub fn on_signals() -> Result<(Trigger, Self), Error> {
        let (trigger, shutdown) = Self::with_trigger();
        let asked = Arc::new(AtomicBool::new(false));
        let code = i32::from(ExitCode::Interrupted.number());
        for number in ASKING {
            // In this order: the first signal finds the flag unset and sets it.
            signal_hook::flag::register_conditional_shutdown(number, code, Arc::clone(&asked))
                .and_then(|_| signal_hook::flag::register(number, Arc::clone(&asked)))
                .map_err(Error::Signals)?;
            let mut signals = signal(SignalKind::from_raw(number)).map_err(Error::Signals)?;
            let trigger = trigger.clone();
            tokio::spawn(async move {
                if signals.recv().await.is_some() {
                    trigger.request();
                }
            });
        }
        Ok((trigger, shutdown))
    }

    /// Waits until the program was asked to stop; for ever if nobody can ask any more.
    ///
    /// # Cancel safety
    /// Nothing is lost: a dropped call can be made again.
    pub async fn requested(&self) {
        if self
            .requested
            .clone()
            .wait_for(|&asked| asked)
            .await
            .is_err()
        {
            std::future::pending().await
        }
    }

    /// Tells whether the program was asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }
}
