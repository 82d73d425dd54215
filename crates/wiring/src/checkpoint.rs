//! The checkpoint of a run: whose it is, and whether the table keeps what it promises.

use std::path::Path;

use checkpoint_store::{CheckpointStore, FileStore};
use fill_table::FillTable;
use ingest_engine::Progress;
use startup::{ExitCode, Failure, Settings};

use crate::database::Database;
use crate::errors::{from_checkpoint, from_table};
use crate::scope::Scope;

/// Opens the checkpoint of the settings for what is to be loaded.
///
/// # Errors
/// That it is in use, of another job, damaged or not to be read.
pub fn open(settings: &Settings, scope: &Scope) -> Result<FileStore, Failure> {
    let path = &settings.progress.checkpoint;
    let opened = if settings.progress.fresh {
        FileStore::open_fresh(path, &scope.identity)
    } else {
        FileStore::open(path, &scope.identity)
    };
    opened.map_err(from_checkpoint)
}

/// Refuses a checkpoint that promises more rows than the table holds: the table was emptied or is
/// another one, and the run would end as complete without them. Returns what it promises, if it is of
/// a run.
///
/// # Errors
/// That it does, or that checkpoint or table cannot be read.
pub async fn check_promise(
    checkpoint: &FileStore,
    database: &Database,
) -> Result<Option<Progress>, Failure> {
    let Some(loaded) = checkpoint.load().await.map_err(from_checkpoint)? else {
        return Ok(None);
    };
    // What is not a run's progress is the engine's to refuse.
    let Ok(progress) = serde_json::from_slice::<Progress>(&loaded.payload) else {
        return Ok(None);
    };
    check_kept(&progress, &database.table, checkpoint.path()).await?;
    Ok(Some(progress))
}

/// Counts what the table holds of the range of a checkpoint's progress.
///
/// # Errors
/// That it is less than the checkpoint promises, or that the table cannot be read.
pub async fn check_kept(
    progress: &Progress,
    table: &FillTable,
    checkpoint: &Path,
) -> Result<u64, Failure> {
    let found = table.count_in(progress.span).await.map_err(from_table)?;
    // A row that was put aside is done as well.
    let refused = table.refused_in(progress.span).await.map_err(from_table)?;
    if found + refused >= progress.fills {
        return Ok(found);
    }
    // And one that a repair took out, because the source has it no longer.
    let removed = table
        .taken_out_of(progress.span)
        .await
        .map_err(from_table)?;
    if found + refused + removed >= progress.fills {
        return Ok(found);
    }
    let message = format!(
        "the checkpoint {} promises {} fills, and the table holds {found} of its range",
        checkpoint.display(),
        progress.fills
    );
    Err(Failure::new(ExitCode::BadData, message).with_hint(
        "if the table was emptied on purpose, --fresh loads it again; else name the right table",
    ))
}

/// Asks whether a checkpoint may be forgotten, where that is asked for.
///
/// # Errors
/// That it was not confirmed.
pub fn confirm_fresh(settings: &Settings) -> Result<(), Failure> {
    use std::io::{IsTerminal, Write};

    if !settings.progress.fresh || settings.progress.yes || !settings.progress.checkpoint.exists() {
        return Ok(());
    }
    let refused = || {
        Failure::new(
            ExitCode::Usage,
            "--fresh forgets the checkpoint and was not confirmed",
        )
        .with_hint("add --yes; rows already loaded stay and are not doubled")
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused());
    }
    let path = settings.progress.checkpoint.display();
    let mut answer = String::new();
    eprint!("Forget the checkpoint {path}? Rows stay and are not doubled. [y/N] ");
    let asked = std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().read_line(&mut answer));
    match asked {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(refused()),
    }
}
