//! `ingest run`: preflight, resume or start, fetch, insert, checkpoint, summary.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use checkpoint_store::FileStore;
use clickhouse_sink::Config as SinkConfig;
use fills::Source;
use futures::future::{Either, select};
use goldsky_client::Client;
use ingest_engine::{Backfill, Config, End, Follow, Outcome, Snapshot};
use pacer::Pacer;
use startup::{ExitCode, Failure, Settings, Shutdown};
use tokio::sync::watch;
use wiring::database::{Database, curl};
use wiring::errors::{from_run, from_source, from_table};
use wiring::progress::{Bar, instant};
use wiring::scope::{self, Scope};
use wiring::{checkpoint, source};

use crate::catalogue;
use crate::plan::{self, Plan};
use crate::summary::Summary;
use crate::watching::{Sources, Watching, markets_met};

/// Inserts at once: while one is being written, the next is on its way.
pub(crate) const PARALLEL_INSERTS: usize = 2;

/// Rows that may be in hand however small batches are: those of 128 pages on their way.
const LEAST_ROWS_IN_HAND: usize = 128 * 1024;

/// Returns how many rows may be in memory: those of all inserts at once and of one batch that fills, some of which are
/// still to come.
pub(crate) fn most_rows_in_hand(batch: usize) -> usize {
    let batches = batch.saturating_mul(PARALLEL_INSERTS + 1);
    batches.max(LEAST_ROWS_IN_HAND)
}

/// By how much looks at a source that stands still become rarer.
const MOST_LOOKS_LEFT_OUT: u32 = 20;

/// How long the first plan may take that is not ready when all is loaded: a part of the run, as a divisor,
/// within bounds.
const PLAN_DIVISOR: u32 = 50;
const PATIENCE_WITH_A_PLAN: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(1));

/// How long a stop may take: rows under way are waited for, and the table is asked what it holds.
const PATIENCE_WITH_A_STOP: Duration = Duration::from_secs(9);

/// Runs the backfill.
///
/// # Errors
/// What kept it from starting or made it stop.
pub(crate) async fn run(
    settings: &Settings,
    shutdown: &Shutdown,
    bar: &Bar,
) -> Result<ExitCode, Failure> {
    can_follow(settings)?;
    checkpoint::confirm_fresh(settings)?;
    preflight::before_opening(settings).pass()?;
    let database = Database::open(&settings.table).await?;
    let ended = tokio::select! {
        ended = backfill(settings, shutdown, bar, &database) => ended,
        () = overdue(shutdown) => {
            tracing::warn!("the run did not stop in time and is broken off: run again to go on");
            Ok(ExitCode::Interrupted)
        }
    };
    database.close().await;
    ended
}

/// Refuses to follow what would leave out some of what comes.
fn can_follow(settings: &Settings) -> Result<(), Failure> {
    let scope = &settings.scope;
    let (by_market, _) = scope::by_market(scope)?;
    let (message, hint) = match scope.follow {
        Some(_) if scope.to.is_some() => (
            "--follow loads whatever comes, and --to says where loading ends",
            "leave one of them out; FOLLOW=false takes back what a settings file says",
        ),
        Some(_) if by_market && !scope.names_markets() => (
            "--follow by market would leave out markets that come later",
            "leave out --strategy markets and --limit, or name the markets",
        ),
        _ => return Ok(()),
    };
    Err(Failure::new(ExitCode::Usage, message).with_hint(hint))
}

/// Resolves when a run that was asked to stop should have done so, whatever it waits for. A run
/// that is broken off is like a killed one: nothing is lost.
async fn overdue(shutdown: &Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(PATIENCE_WITH_A_STOP).await;
}

async fn backfill(
    settings: &Settings,
    shutdown: &Shutdown,
    bar: &Bar,
    database: &Database,
) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let mut watching = Watching::start(settings).await?;
    preflight::of_database(database).await.pass()?;
    let pacer = source::pacer(&settings.source);
    let client = source::client_over(&settings.source, pacer.clone(), |http| Arc::new(http))?;
    let client = Arc::new(client);
    let survey = client.survey().await.map_err(from_source)?;
    tracing::info!(
        deployment = survey.deployment,
        head_block = survey.head_block,
        oldest = survey.oldest.map(instant),
        newest = survey.newest.map(instant),
        "the source answers"
    );
    database.table.ensure().await.map_err(from_table)?;
    tell_where(settings, database);

    let (by_market, _) = scope::by_market(&settings.scope)?;
    if by_market {
        // Cutting half a catalogue into groups would make another job of it.
        if catalogue::for_a_run_by_market(settings, &client, &database.table, shutdown).await? {
            tracing::info!("stopped while the market catalogue was loaded: run again to go on");
            return Ok(ExitCode::Interrupted);
        }
    }
    let scope = scope::decide(settings, &survey, &database.table).await?;
    let checkpoint = checkpoint::open(settings, &scope)?;
    let promised = checkpoint::check_promise(&checkpoint, database).await?;
    watching.resume(promised.as_ref());
    tracing::info!(
        strategy = scope.strategy,
        why = scope.why,
        from = instant(scope.span.from),
        to = instant(scope.span.to),
        checkpoint = %checkpoint.path().display(),
        "the backfill begins"
    );

    let load = Load {
        settings,
        scope: &scope,
        client: &client,
        pacer: &pacer,
        database,
        watching: &watching,
        bar,
    };
    let (watch, snapshots) = watch::channel(Snapshot::default());
    let fills = load.run(checkpoint, watch, shutdown);
    // A scan does not need the catalogue, so it does not wait for it.
    let conditions = async {
        if by_market {
            return Ok(());
        }
        match settings.scope.follow {
            None => catalogue::complete(&client, &database.table, false, shutdown)
                .await
                .map(drop),
            Some(_) => {
                catalogue::keep_up(&client, &database.table, snapshots, shutdown).await;
                Ok(())
            }
        }
    };
    let loading = futures::future::join(fills, conditions);
    let plan = RefCell::new(None);
    let tell = |told: Plan| {
        watching.expect(told.expectation());
        plan.replace(Some(told));
    };
    let planning = plan::of_a_run(settings, &client, &pacer, &survey, tell);
    let (outcome, catalogue) = match select(Box::pin(loading), Box::pin(planning)).await {
        Either::Left((loaded, planning)) => {
            let is_complete = matches!(&loaded.0, Ok((outcome, _)) if outcome.end == End::Complete);
            // A closer one than there is would be of no more use.
            if is_complete && plan.borrow().is_none() {
                let (least, most) = PATIENCE_WITH_A_PLAN;
                let patience = (started.elapsed() / PLAN_DIVISOR).clamp(least, most);
                let _ = tokio::time::timeout(patience, planning).await;
            }
            loaded
        }
        Either::Right(((), loading)) => loading.await,
    };
    let (outcome, markets_met) = outcome?;
    if let Err(failure) = catalogue {
        tracing::warn!(
            error = %failure.error,
            "the market catalogue is not complete: `ingest markets` loads what is missing"
        );
    }
    let took = started.elapsed();
    let summary = Summary::of(
        settings,
        &scope,
        &client,
        (&outcome, markets_met),
        database,
        took,
    );
    let mut summary = summary.await?;
    summary.plan = plan.into_inner();
    watching.end(&outcome).await;
    summary.leave(settings);
    summary.print(settings.output)?;
    Ok(match outcome.end {
        End::Interrupted => ExitCode::Interrupted,
        End::WorkLeft => ExitCode::WorkLeft,
        End::Complete if summary.dead_letters > 0 => ExitCode::BadData,
        End::Complete => ExitCode::Done,
    })
}

/// What a load needs, and who watches it.
struct Load<'a> {
    settings: &'a Settings,
    scope: &'a Scope,
    client: &'a Arc<Client>,
    pacer: &'a Pacer,
    database: &'a Database,
    watching: &'a Watching,
    bar: &'a Bar,
}

impl Load<'_> {
    /// Loads, and tells `watch` how it goes, which is closed at the end. Returns what came of it, and about
    /// how many markets were met.
    async fn run(
        &self,
        checkpoint: FileStore,
        watch: watch::Sender<Snapshot>,
        shutdown: &Shutdown,
    ) -> Result<(Outcome, u64), Failure> {
        let settings = self.settings;
        let batch = settings.table.insert_batch_size;
        let queue_rows = batch.saturating_mul(PARALLEL_INSERTS + 1);
        let mut sink = SinkConfig::new(&settings.table.table);
        sink.queue_rows = queue_rows;
        sink.parallel_inserts = PARALLEL_INSERTS;
        let table = &self.database.table;
        let store = Arc::new(table.open(sink).await.map_err(from_table)?);
        let config = Config {
            workers: settings.source.workers,
            most_rows_in_hand: most_rows_in_hand(batch),
            block_rows: batch,
            checkpoint_interval_units: settings.progress.checkpoint_interval,
            ..Config::default()
        };
        let sources = Sources {
            settings,
            client: self.client,
            pacer: self.pacer,
            store: &store,
            table,
            snapshots: watch.subscribe(),
            span: self.scope.span,
            most_rows_in_hand: config.most_rows_in_hand as u64,
        };
        let backfill = Backfill {
            source: Arc::clone(self.client) as Arc<dyn Source>,
            store: Arc::clone(&store) as Arc<dyn fills::FillStore>,
            checkpoint: Arc::new(checkpoint),
            span: self.scope.span,
            source_block: self.scope.source_block,
            groups: self.scope.groups.clone(),
            config,
        };
        let loading = async {
            let stop = shutdown.requested();
            match settings.scope.follow {
                None => backfill.run(stop, &watch).await,
                Some(follow) => {
                    let how = Follow {
                        from: settings.scope.from,
                        settled_after: follow.settled_after,
                        look_every: follow.look_every,
                        look_at_least_every: follow.look_every * MOST_LOOKS_LEFT_OUT,
                    };
                    backfill.follow(&how, stop, &watch).await
                }
            }
        };
        let outcome = tokio::select! {
            outcome = loading => outcome,
            never = self.watching.follow(self.bar, sources) => match never {},
        };
        self.bar.clear();
        let mut outcome = outcome.map_err(from_run)?;
        let refused = store.sink().stats().rows_refused;
        outcome.fills_inserted = outcome.fills_inserted.saturating_sub(refused);
        Ok((outcome, markets_met(&store)))
    }
}

fn tell_where(settings: &Settings, database: &Database) {
    if let Some(url) = database.embedded_url() {
        let table = &settings.table.table;
        let curl = curl(url, &settings.table);
        tracing::info!(
            "query it while it runs: {curl} --data-binary 'SELECT count() FROM {table}'"
        );
    }
}
