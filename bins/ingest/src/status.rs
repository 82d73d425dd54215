//! `ingest status`: from the checkpoint and the table.

use checkpoint_store::peek;
use fill_table::Totals;
use ingest_engine::Progress;
use serde_json::json;
use startup::{ExitCode, Failure, Output, Settings};
use wiring::database::Database;
use wiring::errors::{from_checkpoint, from_table, printed};
use wiring::progress::grouped;

/// Shows where the backfill stands.
///
/// # Errors
/// A checkpoint or a table that cannot be read.
pub(crate) async fn show(settings: &Settings) -> Result<ExitCode, Failure> {
    let path = &settings.progress.checkpoint;
    let peeked = peek(path).map_err(from_checkpoint)?;
    let progress = match &peeked {
        Some(peeked) => Some(
            serde_json::from_slice::<Progress>(&peeked.payload)
                .map_err(|error| Failure::new(ExitCode::Failed, error))?,
        ),
        None => None,
    };
    let held_by = checkpoint_store::holder(path).map_err(from_checkpoint)?;
    let totals = totals(settings).await?;
    let saved_at = peeked.and_then(|peeked| jiff::Timestamp::try_from(peeked.saved_at).ok());
    let (state, next) = match (&progress, held_by) {
        (_, Some(_)) => ("running", "wait, or query the table while it runs"),
        (None, None) => ("not started", "ingest"),
        (Some(progress), None) if progress.is_complete() => ("complete", "validate the load"),
        (Some(_), None) => ("stopped", "ingest, which goes on from here"),
    };
    let share = progress.as_ref().map_or(0.0, Progress::share_of_time);
    let failed = progress
        .as_ref()
        .map_or(&[][..], |progress| &progress.failed);
    let value = |pick: fn(&Totals) -> u64| totals.as_ref().map(pick);
    printed(&match settings.output {
        Output::Json => format!(
            "{}\n",
            json!({
                "state": state,
                "share_done": share,
                "fills": value(|totals| totals.fills),
                "markets": value(|totals| totals.markets),
                "wallets": value(|totals| totals.wallets),
                "fills_promised": progress.as_ref().map(|progress| progress.fills),
                "failed_units": failed,
                "last_checkpoint": saved_at.map(|at| at.to_string()),
                "next": next,
            })
        ),
        Output::Human => {
            let shown =
                |number: Option<u64>| number.map_or_else(|| "not readable now".to_owned(), grouped);
            format!(
                "{state}, {:.1} % of the time range done, {} parts failed\n\
                 \x20 fills            {}\n  markets          {}\n  wallets          {}\n\
                 \x20 last checkpoint  {}\n  next             {next}\n",
                share * 100.0,
                failed.len(),
                shown(value(|totals| totals.fills)),
                shown(value(|totals| totals.markets)),
                shown(value(|totals| totals.wallets)),
                saved_at.map_or_else(|| "none".to_owned(), |at| at.to_string()),
            )
        }
    })
}

/// Counts what the table holds; nothing where a running ingest has the engine for itself.
async fn totals(settings: &Settings) -> Result<Option<Totals>, Failure> {
    let data = settings.table.data_dir.join("clickhouse");
    if settings.table.clickhouse_url.is_none() && !data.exists() {
        return Ok(None);
    }
    let database = match Database::open_to_read(&settings.table).await {
        Ok(database) => database,
        Err(failure) if failure.error.is::<clickhouse_embedded::Error>() => {
            tracing::warn!(error = %failure.error, "the table cannot be read now");
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let totals = match database.table.count().await {
        // The table is made by the first run.
        Err(fill_table::Error::Refused { code: Some(60), .. }) => Ok(None),
        Err(error) => Err(from_table(error)),
        Ok(_) => database.table.totals().await.map(Some).map_err(from_table),
    };
    database.close().await;
    totals
}
