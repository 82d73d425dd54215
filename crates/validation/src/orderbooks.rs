//! The source's own counters, in a table beside the fills.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::{Source as _, SourceError, TokenId};
use goldsky_client::{Client, EntityPage, IdRange, Orderbook, Slot};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{Error, Figures, Level, Validation};

/// Most counters in a page; the source's own limit.
const PAGE_ROWS: u16 = 1000;

/// How long counters are kept for whoever reads them again: longer than a validation takes.
const KEPT: Duration = Duration::from_secs(6 * 3600);

/// Rows of one insert.
const ROWS_AT_ONCE: usize = 50_000;

/// What was read of the counters.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What names this reading in the table: when it began, in nanoseconds.
    id: u64,
    /// Tokens with counters.
    pub(crate) books: u64,
    /// Counters that do not read.
    pub(crate) malformed: u64,
    /// The source's newest block when they were read.
    pub(crate) block: u64,
    /// The same after that: another one only where the source does not answer of one block.
    pub(crate) block_at_end: u64,
}

impl Read {
    /// Returns what a statement reads these counters from.
    pub(crate) fn sql(&self, validation: &Validation) -> String {
        let name = validation.table.names().orderbooks();
        format!("{name} WHERE reading = {}", self.id)
    }

    /// Says of which block the counters are.
    pub(crate) fn add_block_to(&self, figures: &mut Figures) {
        figures.push("block", self.block);
        if self.block_at_end != self.block {
            figures.push("block_at_end", self.block_at_end);
            figures.push(
                "block_note",
                "the source went on while its counters were read: they are not of one moment",
            );
        }
    }
}

#[derive(Debug, Row, Serialize)]
struct BookRow {
    token_id: UInt256,
    trades: u64,
    buys: u64,
    sells: u64,
    volume: u128,
    buy_volume: u128,
    sell_volume: u128,
    block: u64,
    reading: u64,
}

impl BookRow {
    fn new(book: &Orderbook, read: &Read) -> Self {
        Self {
            token_id: UInt256::from_le_bytes(book.token_id.to_le_bytes()),
            trades: book.trades_quantity,
            buys: book.buys_quantity,
            sells: book.sells_quantity,
            volume: book.collateral_volume,
            buy_volume: book.collateral_buy_volume,
            sell_volume: book.collateral_sell_volume,
            block: read.block,
            reading: read.id,
        }
    }
}

impl Validation {
    /// Reads the counters, all at one block where the source can, into a table beside the fills.
    /// Another validation may do so at the same time.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn read_orderbooks(&self) -> Result<Read, Error> {
        let name = self.table.names().orderbooks();
        self.table
            .run(&format!(
                "-- create_orderbooks\nCREATE TABLE IF NOT EXISTS {name} (token_id UInt256, \
                 trades UInt64, buys UInt64, sells UInt64, volume UInt128, buy_volume UInt128, \
                 sell_volume UInt128, block UInt64, reading UInt64)\n\
                 ENGINE = MergeTree PARTITION BY reading ORDER BY token_id\n\
                 SETTINGS non_replicated_deduplication_window = 10000\n\
                 COMMENT 'the counters of the source, as each of the last validations read them'"
            ))
            .await?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.forget_readings_before(now.saturating_sub(KEPT))
            .await?;
        let mut read = Read {
            id: nanoseconds(now),
            block: self.coverage.block,
            block_at_end: self.coverage.block,
            ..Read::default()
        };
        match &self.coverage.tokens {
            None => self.all_books(&mut read).await?,
            Some(tokens) => self.books_of(tokens, &mut read).await?,
        }
        Ok(read)
    }

    async fn forget_readings_before(&self, time: Duration) -> Result<(), Error> {
        let name = self.table.names().orderbooks();
        let old: Vec<u64> = self
            .table
            .rows(&format!(
                "-- old_readings\nSELECT DISTINCT reading FROM {name} WHERE reading < {}",
                nanoseconds(time)
            ))
            .await?;
        for reading in old {
            let forget = format!("-- forget_reading\nALTER TABLE {name} DROP PARTITION {reading}");
            self.table.run(&forget).await?;
        }
        Ok(())
    }

    async fn insert_books(&self, rows: &mut Vec<BookRow>) -> Result<(), Error> {
        self.table
            .insert(&self.table.names().orderbooks(), rows)
            .await?;
        rows.clear();
        Ok(())
    }

    async fn head_block(&self) -> Result<u64, Error> {
        Ok(self.client.survey().await?.head_block)
    }

    async fn all_books(&self, read: &mut Read) -> Result<(), Error> {
        let mut pin = Some(read.block);
        let mut waiting: VecDeque<IdRange> = ranges().into();
        let all = waiting.len() as u64;
        // Tasks, because whoever waits for a slot here must not keep answers from being taken.
        let mut asked = JoinSet::new();
        let mut rows = Vec::new();
        loop {
            while asked.len() < self.config.workers && !waiting.is_empty() {
                let slot = self.client.slot().await;
                let most = slot.max_pages().min(waiting.len());
                let ranges: Vec<IdRange> = waiting.drain(..most).collect();
                asked.spawn(ask(Arc::clone(&self.client), slot, pin, ranges));
            }
            let answer = match asked.join_next().await {
                None => break,
                Some(Ok(answer)) => answer,
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            };
            let pages = match answer {
                Answer {
                    ranges,
                    pin: Some(block),
                    pages: Err(SourceError::Protocol { message }),
                } => {
                    // Hosts may keep no history; the archive is frozen, so its newest will do.
                    tracing::warn!(block, message, "the source does not answer of one block");
                    if pin.take().is_some() {
                        read.block = self.head_block().await?;
                    }
                    waiting.extend(ranges);
                    continue;
                }
                Answer { ranges, pages, .. } => ranges.into_iter().zip(pages?),
            };
            for (range, page) in pages {
                read.malformed += page.malformed.len() as u64;
                read.books += page.entities.len() as u64;
                let full = page.len() >= usize::from(PAGE_ROWS);
                rows.extend(page.entities.iter().map(|book| BookRow::new(book, read)));
                if let (true, Some(after)) = (full, page.last_id) {
                    waiting.push_back(IdRange { after, ..range });
                }
            }
            if rows.len() >= ROWS_AT_ONCE {
                self.insert_books(&mut rows).await?;
            }
            let left = (waiting.len() + asked.len()) as u64;
            self.progress.tell(
                Level::Source,
                "reading counters",
                all.saturating_sub(left),
                all,
            );
        }
        self.insert_books(&mut rows).await?;
        read.block_at_end = match pin {
            Some(block) => block,
            None => self.head_block().await?,
        };
        Ok(())
    }

    /// Reads the counters of some tokens; those that the source does not count get zeros.
    async fn books_of(&self, tokens: &[TokenId], read: &mut Read) -> Result<(), Error> {
        read.block = self.head_block().await?;
        for some in tokens.chunks(usize::from(PAGE_ROWS)) {
            let page = self.client.orderbooks_of(some).await?;
            read.malformed += page.malformed.len() as u64;
            read.books += page.entities.len() as u64;
            let counted: std::collections::HashSet<TokenId> =
                page.entities.iter().map(|book| book.token_id).collect();
            let zeros = some
                .iter()
                .filter(|token| !counted.contains(token))
                .map(uncounted);
            let books: Vec<Orderbook> = page.entities.iter().copied().chain(zeros).collect();
            let mut rows = books.iter().map(|book| BookRow::new(book, read)).collect();
            self.insert_books(&mut rows).await?;
        }
        read.block_at_end = self.head_block().await?;
        Ok(())
    }
}

/// What came of asking for pages of some ranges, at one block or not.
struct Answer {
    ranges: Vec<IdRange>,
    pin: Option<u64>,
    pages: Result<Vec<EntityPage<Orderbook>>, SourceError>,
}

async fn ask(client: Arc<Client>, slot: Slot, pin: Option<u64>, ranges: Vec<IdRange>) -> Answer {
    let pages = client.orderbooks_at(slot, pin, &ranges, PAGE_ROWS).await;
    Answer { ranges, pin, pages }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn uncounted(token: &TokenId) -> Orderbook {
    Orderbook {
        token_id: *token,
        trades_quantity: 0,
        buys_quantity: 0,
        sells_quantity: 0,
        collateral_volume: 0,
        collateral_buy_volume: 0,
        collateral_sell_volume: 0,
    }
}

/// Cuts the ids, as texts of decimal digits, into ranges that are of about one size: ids are as good
/// as random, so their second digits are.
fn ranges() -> Vec<IdRange> {
    let bounds: Vec<String> = (10..100).map(|number: u32| number.to_string()).collect();
    let first = IdRange {
        after: String::new(),
        through: bounds.first().cloned(),
    };
    let others = bounds.iter().enumerate().map(|(index, bound)| IdRange {
        after: bound.clone(),
        through: bounds.get(index + 1).cloned(),
    });
    std::iter::once(first).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_lies_in_one_range() {
        let ranges = ranges();
        for id in ["1", "10", "100", "2", "999", "49", "5", "77777", "99", "0"] {
            let holds = |range: &&IdRange| {
                id > range.after.as_str()
                    && range.through.as_deref().is_none_or(|through| id <= through)
            };
            assert_eq!(ranges.iter().filter(holds).count(), 1, "{id}");
        }
    }
}
