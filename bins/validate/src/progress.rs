//! What a validation says while it goes on.

use std::convert::Infallible;

use tokio::sync::watch;
use validation::Step;
use wiring::progress::Bar;

/// Shows steps until it is dropped.
///
/// # Cancel safety
/// Made to be dropped.
pub(crate) async fn follow(bar: &Bar, mut steps: watch::Receiver<Option<Step>>) -> Infallible {
    let mut before = None;
    loop {
        if steps.changed().await.is_err() {
            // Nobody is left to tell anything.
            std::future::pending().await
        }
        let Some(step) = *steps.borrow_and_update() else {
            continue;
        };
        let doing = (step.level, step.doing);
        if before.replace(doing) != Some(doing) {
            tracing::info!(level = %step.level, doing = step.doing, "validating");
        }
        bar.show(&[match step.of {
            0 => format!("{}: {}", step.level, step.doing),
            of => format!("{}: {}, {} of {of}", step.level, step.doing, step.done),
        }]);
    }
}
