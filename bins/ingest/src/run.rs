//! `ingest run`: preflight, resume or start, fetch, insert, checkpoint, summary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use checkpoint_store::{CheckpointStore, FileStore};
use clickhouse_sink::Config as SinkConfig;
use fill_table::FillTable;
use fills::FillSource;
use goldsky_client::Client;
use ingest_engine::{Backfill, Config, End, Outcome, Progress, Snapshot};
use startup::{ExitCode, Failure, Settings, Shutdown};
use tokio::sync::watch;

use crate::database::Database;
use crate::errors::{from_checkpoint, from_run, from_source, from_table};
use crate::progress::{self, Bar};
use crate::scope::{self, Scope};
use crate::summary::Summary;
use crate::{catalogue, source};

/// Inserts at once: while one is being written, the next is on its way.
const PARALLEL_INSERTS: usize = 2;

/// How long an insert of an earlier run may still be executed: as long as the sink would wait.
const PATIENCE_WITH_INSERTS: Duration = Duration::from_secs(300);

/// Runs the backfill.
///
/// # Errors
/// What kept it from starting or made it stop.
pub(crate) async fn run(
    settings: &Settings,
    shutdown: &Shutdown,
    bar: &Bar,
) -> Result<ExitCode, Failure> {
    scope::by_market(&settings.scope)?;
    confirm_fresh(settings)?;
    let mut database = Database::open(&settings.table).await?;
    let ended = backfill(settings, shutdown, bar, &mut database).await;
    database.close().await;
    ended
}

async fn backfill(
    settings: &Settings,
    shutdown: &Shutdown,
    bar: &Bar,
    database: &mut Database,
) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let client = Arc::new(source::client(&settings.source)?);
    let survey = client.survey().await.map_err(from_source)?;
    tracing::info!(
        deployment = survey.deployment,
        head_block = survey.head_block,
        oldest = survey.oldest.map(instant),
        newest = survey.newest.map(instant),
        "the source answers"
    );
    database.table.ensure().await.map_err(from_table)?;
    database.listen(&settings.table).await;
    tell_where(settings, database);

    await_inserts(&database.table).await?;
    let (by_market, _) = scope::by_market(&settings.scope)?;
    if by_market {
        // Cutting half a catalogue into groups would make another job of it.
        if load_catalogue_by_market(settings, &client, &database.table, shutdown).await? {
            tracing::info!("stopped while the market catalogue was loaded: run again to go on");
            return Ok(ExitCode::Interrupted);
        }
    }
    let scope = scope::decide(settings, &survey, &database.table).await?;
    let checkpoint = open_checkpoint(settings, &scope)?;
    check_promise(&checkpoint, database).await?;
    tracing::info!(
        strategy = scope.strategy,
        why = scope.why,
        from = instant(scope.span.from),
        to = instant(scope.span.to),
        checkpoint = %checkpoint.path().display(),
        "the backfill begins"
    );

    let database = &*database;
    let fills = load(
        settings, &scope, &client, checkpoint, database, shutdown, bar,
    );
    // A scan does not need the catalogue, so it does not wait for it.
    let conditions = async {
        match by_market {
            true => Ok(()),
            false => load_catalogue(&client, &database.table, false, shutdown)
                .await
                .map(drop),
        }
    };
    let (outcome, catalogue) = tokio::join!(fills, conditions);
    let outcome = outcome?;
    if let Err(failure) = catalogue {
        tracing::warn!(
            error = %failure.error,
            "the market catalogue is not complete: `ingest markets` loads what is missing"
        );
    }
    let summary = Summary::of(
        settings,
        &scope,
        &client,
        &outcome,
        database,
        started.elapsed(),
    );
    let summary = summary.await?;
    summary.print(settings.output)?;
    Ok(match outcome.end {
        End::Interrupted => ExitCode::Interrupted,
        End::WorkLeft => ExitCode::WorkLeft,
        End::Complete if summary.dead_letters > 0 => ExitCode::BadData,
        End::Complete => ExitCode::Done,
    })
}

async fn load(
    settings: &Settings,
    scope: &Scope,
    client: &Arc<Client>,
    checkpoint: FileStore,
    database: &Database,
    shutdown: &Shutdown,
    bar: &Bar,
) -> Result<Outcome, Failure> {
    let batch = settings.table.insert_batch_size;
    let queue_rows = batch.saturating_mul(PARALLEL_INSERTS + 1);
    let mut sink = SinkConfig::new(&settings.table.table);
    sink.max_rows = batch;
    sink.queue_rows = queue_rows;
    sink.parallel_inserts = PARALLEL_INSERTS;
    let store = Arc::new(database.table.open(sink).await.map_err(from_table)?);
    let workers = settings.source.workers;
    let config = Config {
        workers,
        pages_per_request: settings.source.pages_per_request.unwrap_or(1),
        most_rows_in_hand: queue_rows,
        checkpoint_interval_units: settings.progress.checkpoint_interval,
        ..Config::default()
    };
    let backfill = Backfill {
        source: Arc::clone(client) as Arc<dyn FillSource>,
        store: Arc::clone(&store) as Arc<dyn fills::FillStore>,
        checkpoint: Arc::new(checkpoint),
        span: scope.span,
        groups: scope.groups.clone(),
        config,
    };
    let (watch, snapshots) = watch::channel(Snapshot::default());
    let outcome = tokio::select! {
        outcome = backfill.run(shutdown.requested(), &watch) => outcome,
        never = progress::follow(bar, snapshots) => match never {},
    };
    bar.clear();
    outcome.map_err(from_run)
}

/// Waits for inserts of an earlier run that died while the server was executing them.
async fn await_inserts(table: &FillTable) -> Result<(), Failure> {
    match table.await_inserts(PATIENCE_WITH_INSERTS).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(
            ExitCode::Failed,
            "somebody else is inserting into the table, so what is in it cannot be told for sure",
        )
        .with_hint("let the other run end, or stop its inserts with KILL QUERY, then run again")),
        Err(fill_table::Error::NoRights { message }) => {
            tracing::warn!(
                message,
                "it cannot be seen whether the server still executes inserts of an earlier run"
            );
            Ok(())
        }
        Err(error) => Err(from_table(error)),
    }
}

/// Loads the catalogue as far as a run by market needs it; true if it was asked to stop.
///
/// New tokens have ids anywhere among the old ones, so only a load from the beginning finds all.
/// Named markets need no more than that they are known.
async fn load_catalogue_by_market(
    settings: &Settings,
    client: &Client,
    table: &FillTable,
    shutdown: &Shutdown,
) -> Result<bool, Failure> {
    let scope = &settings.scope;
    let named = !scope.condition_ids.is_empty() || !scope.token_ids.is_empty();
    let loaded = load_catalogue(client, table, !named, shutdown).await?;
    if loaded.stopped || !named {
        return Ok(loaded.stopped);
    }
    let catalogue = table.catalogue();
    let unknown = catalogue.unknown_conditions(&scope.condition_ids).await;
    if unknown.map_err(from_table)?.is_empty() {
        return Ok(false);
    }
    Ok(load_catalogue(client, table, true, shutdown).await?.stopped)
}

/// Loads the catalogue, from the beginning or from where an earlier load ended, until asked to stop.
async fn load_catalogue(
    client: &Client,
    table: &FillTable,
    from_the_beginning: bool,
    shutdown: &Shutdown,
) -> Result<catalogue::Loaded, Failure> {
    let after = match from_the_beginning {
        true => String::new(),
        false => table.catalogue().last_id().await.map_err(from_table)?,
    };
    let loaded = tokio::select! {
        loaded = catalogue::from_subgraph(client, table, after, shutdown) => loaded?,
        () = shutdown.requested() => catalogue::Loaded::stopped(),
    };
    if loaded.tokens > 0 {
        tracing::info!(tokens = loaded.tokens, "the market catalogue was loaded");
    }
    Ok(loaded)
}

fn open_checkpoint(settings: &Settings, scope: &Scope) -> Result<FileStore, Failure> {
    let path = &settings.progress.checkpoint;
    let opened = if settings.progress.fresh {
        FileStore::open_fresh(path, &scope.identity)
    } else {
        FileStore::open(path, &scope.identity)
    };
    opened.map_err(from_checkpoint)
}

/// Refuses a checkpoint that promises more rows than the table holds: the table was emptied or is
/// another one, and the run would end as complete without them.
async fn check_promise(checkpoint: &FileStore, database: &Database) -> Result<(), Failure> {
    let Some(loaded) = checkpoint.load().await.map_err(from_checkpoint)? else {
        return Ok(());
    };
    // What is not a run's progress is the engine's to refuse.
    let Ok(progress) = serde_json::from_slice::<Progress>(&loaded.payload) else {
        return Ok(());
    };
    let found = database.table.count_in(progress.span).await;
    let found = found.map_err(from_table)?;
    if found >= progress.fills {
        return Ok(());
    }
    let message = format!(
        "the checkpoint {} promises {} fills, and the table holds {found} of its range",
        checkpoint.path().display(),
        progress.fills
    );
    Err(Failure::new(ExitCode::BadData, message).with_hint(
        "if the table was emptied on purpose, --fresh loads it again; else name the right table",
    ))
}

fn confirm_fresh(settings: &Settings) -> Result<(), Failure> {
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

fn tell_where(settings: &Settings, database: &Database) {
    if let Some(url) = database.listener_url() {
        let table = &settings.table.table;
        tracing::info!(
            "query it while it runs: curl {url} --data-binary 'SELECT count() FROM {table}'"
        );
    }
}

/// Writes a second as RFC 3339, or as a number where no calendar has it.
fn instant(second: u64) -> String {
    let timestamp = i64::try_from(second)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok());
    timestamp.map_or_else(|| second.to_string(), |timestamp| timestamp.to_string())
}
