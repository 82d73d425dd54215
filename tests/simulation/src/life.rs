//! One life of the process: everything real but its surroundings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fill_table::{FillTable, Server as TableServer, Store};
use fills::{MemoryGroups, Source, Span, TokenGroups, TokenId};
use goldsky_client::{Client, RetryPolicy};
use ingest_engine::{Backfill, Config, Cuts, End, Outcome, Progress, Snapshot};
use pacer::Pacer;
use tokio::sync::watch;

use crate::dataset::Dataset;
use crate::disk::Disk;
use crate::pipe;
use crate::plan::{Plan, PlannedEnd};
use crate::server::Server;
use crate::source::{Bundled, Weathered};
use crate::world::World;

/// No life takes that long.
const MOST_TIME: Duration = Duration::from_secs(6 * 3600);

/// How a life ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Killed,
    /// The program ended with an error.
    Failed(String),
    /// It ended with work left, because it was asked to or because of the source.
    Incomplete(End),
    Complete(Progress),
    /// It went on for ever.
    Hung,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("killed"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Incomplete(end) => write!(f, "{end:?}"),
            Self::Complete(_) => f.write_str("complete"),
            Self::Hung => f.write_str("hung"),
        }
    }
}

/// What a process finds when it starts.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) plan: Plan,
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) world: World,
    pub(crate) server: Server,
    pub(crate) disk: Disk,
}

impl Surroundings {
    /// Lives once. A runtime of its own ends with everything that runs in it, wherever it waits.
    pub(crate) fn live(&self, planned: Option<PlannedEnd>, seed: u64) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return Ended::Failed(error.to_string()),
        };
        let steps = match planned {
            Some(PlannedEnd::KilledAtStep(step)) => Some(step),
            _ => None,
        };
        let ended = runtime.block_on(async {
            self.world.begin_life(steps, planned.is_none());
            let ended = tokio::select! {
                biased;
                () = self.world.crashed() => Ended::Killed,
                () = killed(planned) => Ended::Killed,
                () = tokio::time::sleep(MOST_TIME) => Ended::Hung,
                ended = self.run(planned, seed) => ended,
            };
            let pause = self.world.decide(|chance| chance.u64(0..30_000));
            self.world.end_life(Duration::from_millis(pause));
            ended
        });
        drop(runtime);
        ended
    }

    async fn run(&self, planned: Option<PlannedEnd>, seed: u64) -> Ended {
        match self.backfill(planned, seed).await {
            Ok(outcome) if outcome.end == End::Complete => Ended::Complete(outcome.progress),
            Ok(outcome) => Ended::Incomplete(outcome.end),
            Err(error) => Ended::Failed(error),
        }
    }

    async fn backfill(&self, planned: Option<PlannedEnd>, seed: u64) -> Result<Outcome, String> {
        let source = self.source(seed)?;
        let survey = source.survey().await.map_err(text)?;
        let span = match (survey.oldest, survey.newest) {
            (Some(oldest), Some(newest)) => Span::new(oldest, newest + 1),
            _ => Span::new(0, 0),
        };
        let store = self.store(seed).await?;
        let backfill = Backfill {
            source,
            store: Arc::new(store),
            checkpoint: Arc::new(self.disk.clone()),
            span,
            source_block: survey.head_block,
            groups: self.groups(),
            config: self.config(),
        };
        let (watch, _) = watch::channel(Snapshot::default());
        backfill.run(stopped(planned), &watch).await.map_err(text)
    }

    fn source(&self, seed: u64) -> Result<Arc<dyn Source>, String> {
        let endpoint = "http://simulated/".parse().map_err(text)?;
        let mut config = goldsky_client::Config::new(endpoint);
        config.retry = RetryPolicy {
            attempts: 4,
            longest_wait: Duration::from_secs(5),
            ..RetryPolicy::default()
        };
        config.jitter_seed = Some(seed);
        config.decoders = 0;
        let pacer = Pacer::new(pacer::Config {
            max_in_flight: self.plan.workers,
            ..pacer::Config::default()
        });
        let transport = Arc::new(Weathered {
            node: Arc::clone(&self.dataset.node),
            world: self.world.clone(),
            faults: self.plan.source_faults,
        });
        let client = Client::with_transport(config, pacer, transport);
        let client = client.with_max_rows(self.plan.max_rows);
        Ok(match self.plan.pages_per_request {
            Some(pages) => Arc::new(Bundled { client, pages }),
            None => Arc::new(client),
        })
    }

    async fn store(&self, seed: u64) -> Result<Store, String> {
        let plan = &self.plan;
        let client = pipe::client(self.server.clone());
        let server = TableServer::embedded(client, "simulated");
        let table = FillTable::new(server, "fills").map_err(text)?;
        let mut sink = clickhouse_sink::Config::new("fills");
        sink.queue_rows = plan.batch_rows * (plan.parallel_inserts + 1);
        sink.parallel_inserts = plan.parallel_inserts;
        sink.partitions_per_batch = plan.partitions_per_batch;
        sink.attempt_timeout = plan.attempt_timeout;
        sink.retry.jitter_seed = seed;
        table.open(sink).await.map_err(text)
    }

    fn groups(&self) -> Option<Arc<dyn TokenGroups>> {
        let size = self.plan.group_size?;
        let mut tokens = self.dataset.tokens.clone();
        // A token that was never traded.
        tokens.push(TokenId::from(7));
        Some(Arc::new(MemoryGroups::new(&tokens, size)))
    }

    fn config(&self) -> Config {
        let plan = &self.plan;
        Config {
            workers: plan.workers,
            most_rows_in_hand: plan.batch_rows * (plan.parallel_inserts + 1),
            block_rows: plan.batch_rows,
            checkpoint_interval_units: plan.checkpoint_interval_units,
            checkpoint_interval: plan.checkpoint_interval,
            cuts: Cuts {
                least_pages: plan.least_pages_per_cut,
                least_pages_at_the_end: 1,
                ..Cuts::default()
            },
            ..Config::default()
        }
    }
}

async fn killed(planned: Option<PlannedEnd>) {
    match planned {
        Some(PlannedEnd::KilledAfter(time)) => tokio::time::sleep(time).await,
        _ => std::future::pending().await,
    }
}

async fn stopped(planned: Option<PlannedEnd>) {
    match planned {
        Some(PlannedEnd::StoppedAfter(time)) => tokio::time::sleep(time).await,
        _ => std::future::pending().await,
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
