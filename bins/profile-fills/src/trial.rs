//! One run of the real thing, over a sample, with the settings that are tried.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use checkpoint_store::{CheckpointStore, Identity, InMemory};
use clickhouse_sink::Config as SinkConfig;
use fill_table::FillTable;
use fills::{FillStore, Source, Span, SpanSet, TokenGroups};
use ingest_engine::{Backfill, Config, Progress, Snapshot};
use profile::{Measured, Recorder};
use startup::{ExitCode, Failure};
use tokio::sync::watch;
use wiring::errors::{from_checkpoint, from_run, from_table};

use crate::kept::{Kept, Notes};

/// Inserts at once, as in a run.
pub(crate) const PARALLEL_INSERTS: usize = 2;

/// Rows that may be in hand however small batches are, as in a run.
const LEAST_ROWS_IN_HAND: usize = 128 * 1024;

/// What is loaded, and how.
pub(crate) struct Trial {
    pub(crate) workers: usize,
    pub(crate) batch_rows: usize,
    pub(crate) span: Span,
    pub(crate) parts: SpanSet,
    pub(crate) source_block: u64,
    pub(crate) groups: Option<Arc<dyn TokenGroups>>,
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) wall: Duration,
    pub(crate) rows: u64,
    pub(crate) steps: BTreeMap<&'static str, Measured>,
    pub(crate) notes: Notes,
    /// What it was to load.
    pub(crate) parts: SpanSet,
}

impl Ran {
    /// Returns within how many milliseconds half of the requests had their first byte.
    pub(crate) fn first_byte_p50_ms(&self) -> Option<f64> {
        let first_byte = self.steps.get("first_byte")?;
        (first_byte.count() > 0).then(|| first_byte.quantile_ms(0.5))
    }
}

impl Trial {
    /// Runs until the sample is in the table, which was cleared before, or `stop` resolves.
    ///
    /// # Errors
    /// Any error of a run.
    pub(crate) async fn run(
        self,
        source: Arc<dyn Source>,
        table: &FillTable,
        recorder: &Recorder,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Ran, Failure> {
        table.clear().await.map_err(from_table)?;
        let store = Arc::new(table.open(self.sink(table)).await.map_err(from_table)?);
        let into = Arc::clone(&store) as Arc<dyn FillStore>;
        let ran = self.run_into(source, into, recorder, stop).await?;
        store.close().await.map_err(from_table)?;
        Ok(ran)
    }

    /// Runs until the sample was sent there or `stop` resolves.
    ///
    /// # Errors
    /// Any error of a run.
    pub(crate) async fn run_into(
        self,
        source: Arc<dyn Source>,
        store: Arc<dyn FillStore>,
        recorder: &Recorder,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Ran, Failure> {
        let kept = Arc::new(Kept::new(source));
        let backfill = Backfill {
            source: Arc::clone(&kept) as Arc<dyn Source>,
            store,
            checkpoint: Arc::new(self.checkpoint().await?),
            span: self.span,
            source_block: self.source_block,
            config: Config {
                workers: self.workers,
                most_rows_in_hand: self.queue_rows().max(LEAST_ROWS_IN_HAND),
                block_rows: self.batch_rows,
                ..Config::default()
            },
            groups: self.groups,
        };
        let (watch, _) = watch::channel(Snapshot::default());
        drop(recorder.take());
        let begun = Instant::now();
        let outcome = backfill.run(stop, &watch).await.map_err(from_run)?;
        let wall = begun.elapsed();
        let steps = recorder.take();
        Ok(Ran {
            wall,
            rows: outcome.fills_inserted,
            steps,
            notes: kept.notes(),
            parts: self.parts,
        })
    }

    fn sink(&self, table: &FillTable) -> SinkConfig {
        SinkConfig {
            queue_rows: self.queue_rows(),
            parallel_inserts: PARALLEL_INSERTS,
            ..SinkConfig::new(table.names().data().name)
        }
    }

    fn queue_rows(&self) -> usize {
        self.batch_rows.saturating_mul(PARALLEL_INSERTS + 1)
    }

    /// Makes a checkpoint that says that everything but the sample is done.
    async fn checkpoint(&self) -> Result<InMemory, Failure> {
        let groups = self.groups.as_ref().map_or(1, |groups| groups.count());
        let progress = Progress::sample(self.span, groups, &self.parts);
        let payload = serde_json::to_vec(&progress);
        let payload = payload.map_err(|error| Failure::new(ExitCode::Failed, error))?;
        let checkpoint = InMemory::new(Identity::default());
        let saved = checkpoint.save(&payload).await;
        saved.map_err(from_checkpoint)?;
        Ok(checkpoint)
    }
}
