//! The table as the engine sees it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clickhouse_sink::{Config, Sink};
use fills::{Fill, FillStore, Loaded, Malformed, Receipt, Scope, Span, SpanSet, StoreError};

use crate::distinct::DistinctTokens;
use crate::quarantine::Removal;
use crate::refused::DeadLetter;
use crate::retry::{reading, reading_on};
use crate::row::FillRow;
use crate::{Error, FillTable};

/// How long an insert of an earlier run may still be executed: as long as the sink would wait.
const PATIENCE_WITH_INSERTS: Duration = Duration::from_secs(300);

/// A fills table that takes rows.
///
/// When it is dropped, rows taken so far are still inserted while the runtime lives;
/// [`Store::close`] waits for that.
#[derive(Debug)]
pub struct Store {
    table: FillTable,
    fills: Sink<FillRow>,
    tokens: DistinctTokens,
    /// That inserts cannot be seen was said: it stays so, and is asked before each round of a run that follows.
    said_unseen: AtomicBool,
}

impl Store {
    pub(crate) async fn open(table: FillTable, config: Config) -> Result<Self, Error> {
        let client = table.server().client();
        let config = Config {
            table: table.names().data().name,
            on_doubt: Some(table.on_doubt()),
            on_refused: Some(table.on_refused()),
            ..config
        };
        Ok(Self {
            fills: Sink::start(client.clone(), config).await?,
            tokens: DistinctTokens::new(),
            said_unseen: AtomicBool::new(false),
            table,
        })
    }

    /// Returns the table.
    pub fn table(&self) -> &FillTable {
        &self.table
    }

    /// Returns the sink of the fills, for its figures.
    pub fn sink(&self) -> &Sink<FillRow> {
        &self.fills
    }

    /// Returns about how many different tokens the rows are of that were sent, in time that does not depend
    /// on either.
    pub fn tokens_sent(&self) -> u64 {
        self.tokens.count()
    }

    /// Takes no more rows, and returns when those taken are durable.
    ///
    /// # Errors
    /// [`Error::Insert`]: why rows could not be inserted; their receipts say the same.
    ///
    /// # Cancel safety
    /// Dropped, the store closes nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        self.fills.close().await?;
        Ok(())
    }
}

#[async_trait]
impl FillStore for Store {
    async fn send(&self, fills: Vec<Fill>) -> Result<Receipt, StoreError> {
        fills
            .iter()
            .for_each(|fill| self.tokens.note(fill.token_id));
        let rows = fills.into_iter().map(FillRow).collect();
        let receipt = self.fills.send(rows).await.map_err(Error::from)?;
        Ok(Receipt::new(async move {
            let delivered = receipt.await.map_err(Error::from)?;
            tracing::trace!(?delivered, "rows are durable");
            Ok(())
        }))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(self.fills.flush().await.map_err(Error::from)?)
    }

    async fn settle(&self) -> Result<(), StoreError> {
        match self.table.await_inserts(PATIENCE_WITH_INSERTS).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Busy {
                message: format!("inserts were running for {PATIENCE_WITH_INSERTS:?}"),
            }),
            Err(Error::NoRights { message }) => {
                if !self.said_unseen.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        message,
                        "it cannot be seen whether the server still executes inserts of an earlier run"
                    );
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn occupied(&self, span: Span) -> Result<SpanSet, StoreError> {
        Ok(reading(|| self.table.occupied(span)).await?)
    }

    async fn loaded(&self, scope: &Scope, limit: usize) -> Result<Loaded, StoreError> {
        Ok(reading_on(|| self.table.loaded(scope, limit)).await?)
    }

    async fn retain(&self, scope: &Scope, fills: &[Fill]) -> Result<u64, StoreError> {
        self.table.synchronize().await?;
        let rows = reading_on(|| self.table.fills(scope, usize::MAX - 1)).await?;
        let kept: HashSet<&Fill> = fills.iter().collect();
        let gone = rows.into_iter().flatten().filter(|row| !kept.contains(row));
        let removals: Vec<_> = gone.map(not_at_the_source).collect();
        Ok(reading_on(|| self.table.take_out(&removals)).await?)
    }

    async fn bury(&self, events: Vec<Malformed>) -> Result<(), StoreError> {
        let letters: Vec<_> = events.into_iter().map(DeadLetter::from).collect();
        Ok(self.table.write_dead_letters(&letters).await?)
    }
}

fn not_at_the_source(row: Fill) -> Removal {
    Removal {
        row,
        reason: "not at the source any more",
        source: None,
    }
}
