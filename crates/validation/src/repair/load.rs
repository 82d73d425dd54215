//! Loading parts of the source with the engine that loads all of it, and with its guarantees.

use std::sync::Arc;

use checkpoint_store::{Identity, InMemory};
use clickhouse_sink::Config as SinkConfig;
use fills::{MemoryGroups, Span, StoreError, TokenGroups};
use ingest_engine::{Backfill, Config, End, Snapshot};
use tokio::sync::watch;

use crate::repair::plan::{Load, MOST_TOKENS, Plan};
use crate::{Error, Level, Validation};

/// Rows in one insert, and rows waiting for it.
const BATCH_ROWS: usize = 65_536;

impl Validation {
    pub(super) async fn load(&self, plan: &Plan) -> Result<u64, Error> {
        if plan.loads.is_empty() {
            return Ok(0);
        }
        let mut config = SinkConfig::new("");
        config.queue_rows = BATCH_ROWS * 3;
        let store = Arc::new(self.table.open(config).await?);
        let mut loaded = 0;
        for (index, load) in plan.loads.iter().enumerate() {
            let (done, of) = (index as u64, plan.loads.len() as u64);
            self.progress.tell(Level::Source, "loading", done, of);
            let backfill = self.backfill(load, Arc::clone(&store) as _);
            let (watch, _) = watch::channel(Snapshot::default());
            let outcome = backfill.run(std::future::pending(), &watch).await?;
            loaded += outcome.fills_inserted;
            if outcome.end != End::Complete {
                let message = match outcome.progress.failed.first() {
                    Some(unit) => unit.reason.clone(),
                    None => "a part was given up".to_owned(),
                };
                return Err(fills::SourceError::Unavailable {
                    attempts: 1,
                    message,
                }
                .into());
            }
        }
        let closed = store.close().await.map_err(StoreError::from);
        closed?;
        Ok(loaded)
    }

    fn backfill(&self, load: &Load, store: Arc<dyn fills::FillStore>) -> Backfill {
        let groups = load.tokens.as_deref().map(|tokens| {
            let groups = MemoryGroups::new(tokens, tokens.len().clamp(1, MOST_TOKENS));
            Arc::new(groups) as Arc<dyn TokenGroups>
        });
        Backfill {
            source: Arc::clone(&self.client) as _,
            store,
            // A repair that is broken off is planned anew.
            checkpoint: Arc::new(InMemory::new(Identity::default())),
            span: Span::new(load.from, load.to),
            source_block: self.coverage.block,
            groups,
            config: Config {
                workers: self.config.workers,
                block_rows: BATCH_ROWS,
                ..Config::default()
            },
        }
    }
}
