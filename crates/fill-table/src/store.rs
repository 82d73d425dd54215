//! The table as the engine sees it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use clickhouse_sink::{Config, Sink};
use fills::{
    Block, Fill, FillId, FillStore, Malformed, Span, SpanSet, StoreError, Summary, TokenId,
};

use crate::distinct::DistinctTokens;
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
    async fn insert(&self, block: Block) -> Result<(), StoreError> {
        let Block { token, pages } = block;
        for fill in pages.iter().flatten() {
            self.tokens.note(fill.token_id);
        }
        let rows = |page: Vec<Fill>| page.into_iter().map(FillRow).collect();
        let pages = pages.into_iter().map(rows).collect();
        let delivered = self.fills.send_block(&token, pages).await;
        let delivered = delivered.map_err(Error::from)?;
        tracing::trace!(?delivered, "rows are durable");
        Ok(())
    }

    async fn wait_for_inflight_inserts(&self) -> Result<(), StoreError> {
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

    async fn ranges_with_rows(&self, span: Span) -> Result<SpanSet, StoreError> {
        Ok(reading(|| self.table.ranges_with_rows(span)).await?)
    }

    async fn summary(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<Summary, StoreError> {
        Ok(reading_on(|| self.table.summary(spans, tokens)).await?)
    }

    async fn existing_keys(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, StoreError> {
        Ok(reading_on(|| self.table.existing_keys(spans, tokens)).await?)
    }

    async fn write_dead_letters(&self, events: Vec<Malformed>) -> Result<(), StoreError> {
        let letters: Vec<_> = events.into_iter().map(DeadLetter::from).collect();
        Ok(self.table.write_dead_letters(&letters).await?)
    }
}
