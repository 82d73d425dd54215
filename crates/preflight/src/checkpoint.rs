//! The checkpoint: whether it is free, readable, of this job, and kept by the table.

use checkpoint_store::{Error, holder, peek};
use fill_table::FillTable;
use ingest_engine::Progress;
use startup::Settings;
use wiring::errors::from_checkpoint;
use wiring::progress::grouped;
use wiring::scope::Scope;

use crate::check::Check;

const STATE: &str = "checkpoint_state";
const PROMISE: &str = "checkpoint_promise";

/// Checks that no other process writes it.
pub(crate) fn lock(settings: &Settings) -> Check {
    const CODE: &str = "checkpoint_lock";
    let path = &settings.progress.checkpoint;
    match holder(path) {
        Ok(None) => Check::ok(CODE, format!("{} is free", path.display())),
        Ok(Some(process)) => {
            let holder = Some(process).filter(|&process| process > 0);
            let path = path.clone();
            Check::refused(CODE, &from_checkpoint(Error::Locked { path, holder }))
        }
        Err(error) => Check::refused(CODE, &from_checkpoint(error)),
    }
}

/// Checks that it can be read, and whose it is where that is known.
pub(crate) fn state(settings: &Settings, scope: Option<&Scope>) -> (Check, Option<Progress>) {
    let path = &settings.progress.checkpoint;
    if settings.progress.fresh {
        return (Check::ok(STATE, "forgotten, as --fresh asks"), None);
    }
    let peeked = match peek(path) {
        Ok(Some(peeked)) => peeked,
        Ok(None) => return (Check::ok(STATE, "none yet; a run begins anew"), None),
        Err(error) => return (Check::refused(STATE, &from_checkpoint(error)), None),
    };
    if let Some(scope) = scope
        && let Err(error) = peeked.check_identity(path, &scope.identity)
    {
        return (Check::refused(STATE, &from_checkpoint(error)), None);
    }
    let Ok(progress) = serde_json::from_slice::<Progress>(&peeked.payload) else {
        let seen = format!("{} is no backfill's", path.display());
        let mend = "start anew with --fresh, or name another with --checkpoint";
        return (Check::failed(STATE, seen, mend), None);
    };
    let seen = format!(
        "{:.1} % of the time range done, {} fills, {} parts failed",
        progress.share_of_time() * 100.0,
        grouped(progress.fills),
        progress.failed.len()
    );
    (Check::ok(STATE, seen), Some(progress))
}

/// Checks that the table holds what it promises.
pub(crate) async fn promise(
    settings: &Settings,
    progress: Option<&Progress>,
    table: &FillTable,
) -> Check {
    let Some(progress) = progress else {
        return Check::ok(PROMISE, "nothing is promised yet");
    };
    match wiring::checkpoint::check_kept(progress, table, &settings.progress.checkpoint).await {
        Ok(found) => {
            let (found, promised) = (grouped(found), grouped(progress.fills));
            Check::ok(PROMISE, format!("{found} of {promised} fills are there"))
        }
        Err(failure) => Check::refused(PROMISE, &failure),
    }
}
