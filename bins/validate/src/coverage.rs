//! What the table is expected to hold: what was asked for, as far as the load has come.

use std::path::Path;
use std::sync::Arc;

use checkpoint_store::Identity;
use fill_table::FillTable;
use fills::{Span, Survey, TokenGroups, TokenId};
use ingest_engine::Progress;
use startup::settings::TableSettings;
use startup::{ExitCode, Failure, Settings};
use validation::{Coverage, Promise};
use wiring::errors::{from_checkpoint, from_run};
use wiring::scope;

/// Decides what is expected, from the settings, the checkpoint and the source.
///
/// # Errors
/// A checkpoint that cannot be read, or markets that are not in the catalogue.
pub(crate) async fn decide(
    settings: &Settings,
    survey: &Survey,
    table: &FillTable,
) -> Result<Coverage, Failure> {
    let progress = progress(&settings.progress.checkpoint, &settings.table)?;
    let asked = scope::decide(settings, survey, table).await?;
    let bounded = settings.scope.from.is_some() || settings.scope.to.is_some();
    let span = match &progress {
        // Whoever names no range means the one that was loaded.
        Some(progress) if !bounded && !progress.span.is_empty() => progress.span,
        _ => asked.span,
    };
    let tokens = match asked.groups {
        Some(groups) if settings.scope.is_some_markets() => Some(all(&*groups).await?),
        _ => None,
    };
    let is_left = progress
        .as_ref()
        .is_some_and(|progress| !progress.is_complete());
    Ok(Coverage {
        span,
        is_whole_archive: reaches(span, survey) && !is_left,
        tokens,
        promise: progress.as_ref().map(promise),
        block: survey.head_block,
    })
}

fn progress(checkpoint: &Path, table: &TableSettings) -> Result<Option<Progress>, Failure> {
    let peeked = checkpoint_store::peek(checkpoint).map_err(from_checkpoint)?;
    let (database, table) = (&table.clickhouse_database, &table.table);
    let peeked = peeked.filter(|peeked| is_of(&peeked.identity, database, table));
    let read = |peeked: checkpoint_store::Peeked| serde_json::from_slice(&peeked.payload);
    peeked
        .map(read)
        .transpose()
        .map_err(|error| Failure::new(ExitCode::Failed, error))
}

/// Tells whether a checkpoint is about this table: it promises nothing about others.
fn is_of(identity: &Identity, database: &str, table: &str) -> bool {
    identity.get("table") == Some(table) && identity.get("database") == Some(database)
}

fn promise(progress: &Progress) -> Promise {
    Promise {
        span: progress.span,
        fills: progress.fills,
        is_all: progress.groups == 1 && progress.is_complete(),
        is_complete: progress.is_complete(),
    }
}

/// Tells whether the source has no fill outside of a span.
fn reaches(span: Span, survey: &Survey) -> bool {
    let (Some(oldest), Some(newest)) = (survey.oldest, survey.newest) else {
        return true;
    };
    span.from <= oldest && span.to > newest
}

async fn all(groups: &dyn TokenGroups) -> Result<Arc<[TokenId]>, Failure> {
    let mut tokens = Vec::new();
    for group in 0..groups.count() {
        let some = groups.tokens(group).await;
        let some = some.map_err(|error| from_run(ingest_engine::Error::Store(error)))?;
        tokens.extend_from_slice(&some);
    }
    Ok(tokens.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_promises_nothing_about_another_table() {
        let identity = Identity::new([("database", "default"), ("table", "fills")]);
        assert!(is_of(&identity, "default", "fills"));
        assert!(!is_of(&identity, "default", "others"));
        assert!(!is_of(&identity, "other", "fills"));
    }
}
