//! The source's own counters, in a table beside the fills.

use std::collections::VecDeque;
use std::sync::Arc;

use clickhouse::Row;
use clickhouse::types::UInt256;
use clickhouse_sink::{Config, Sink};
use fills::{FillSource, SourceError, TokenId, Turn};
use goldsky_client::{Client, EntityPage, IdRange, Orderbook};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{Error, Level, Validation};

/// Most counters in a page; the source's own limit.
const PAGE_ROWS: u16 = 1000;

/// What was read of the counters.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Tokens with counters.
    pub(crate) books: u64,
    /// Counters that do not read.
    pub(crate) malformed: u64,
    /// The block at which all were read.
    pub(crate) block: u64,
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
}

impl BookRow {
    fn new(book: &Orderbook, block: u64) -> Self {
        Self {
            token_id: UInt256::from_le_bytes(book.token_id.to_le_bytes()),
            trades: book.trades_quantity,
            buys: book.buys_quantity,
            sells: book.sells_quantity,
            volume: book.collateral_volume,
            buy_volume: book.collateral_buy_volume,
            sell_volume: book.collateral_sell_volume,
            block,
        }
    }
}

impl Validation {
    /// Reads the counters, all at one block, into a table that replaces an earlier one.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn read_orderbooks(&self) -> Result<Read, Error> {
        let name = self.table.names().orderbooks();
        self.table
            .run(&format!(
                "-- drop_orderbooks\nDROP TABLE IF EXISTS {name} SYNC"
            ))
            .await?;
        self.table
            .run(&format!(
                "-- create_orderbooks\nCREATE TABLE IF NOT EXISTS {name} (token_id UInt256, \
                 trades UInt64, buys UInt64, sells UInt64, volume UInt128, buy_volume UInt128, \
                 sell_volume UInt128, block UInt64)\nENGINE = MergeTree ORDER BY token_id\n\
                 SETTINGS non_replicated_deduplication_window = 10000\n\
                 COMMENT 'the counters of the source, as the last validation read them'"
            ))
            .await?;
        let mut config = Config::new(&name.name);
        config.parallel_inserts = 1;
        let rows = Sink::start(self.table.server().client().clone(), config).await?;
        let read = match &self.coverage.tokens {
            None => self.all_books(&rows).await?,
            Some(tokens) => self.books_of(tokens, &rows).await?,
        };
        rows.close().await?;
        Ok(read)
    }

    async fn all_books(&self, rows: &Sink<BookRow>) -> Result<Read, Error> {
        let block = self.coverage.block;
        let mut waiting: VecDeque<IdRange> = ranges().into();
        let all = waiting.len() as u64;
        // Tasks, because whoever waits for a turn here must not keep answers from being taken.
        let mut asked = JoinSet::new();
        let mut read = Read {
            block,
            ..Read::default()
        };
        loop {
            while asked.len() < self.config.workers && !waiting.is_empty() {
                let turn = self.client.turn().await;
                let most = turn.pages().min(waiting.len());
                let ranges: Vec<IdRange> = waiting.drain(..most).collect();
                asked.spawn(ask(Arc::clone(&self.client), turn, block, ranges));
            }
            let answer = match asked.join_next().await {
                None => return Ok(read),
                Some(Ok(answer)) => answer?,
                Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            };
            for (range, page) in answer {
                read.malformed += page.malformed.len() as u64;
                read.books += page.entities.len() as u64;
                let full = page.len() >= usize::from(PAGE_ROWS);
                let books = page.entities.iter().map(|book| BookRow::new(book, block));
                let _receipt = rows.send(books.collect()).await?;
                if let (true, Some(after)) = (full, page.last_id) {
                    waiting.push_back(IdRange { after, ..range });
                }
            }
            let left = (waiting.len() + asked.len()) as u64;
            self.progress.tell(
                Level::Source,
                "reading counters",
                all.saturating_sub(left),
                all,
            );
        }
    }

    /// Reads the counters of some tokens; those that the source does not count get zeros.
    async fn books_of(&self, tokens: &[TokenId], rows: &Sink<BookRow>) -> Result<Read, Error> {
        let block = self.coverage.block;
        let mut read = Read {
            block,
            ..Read::default()
        };
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
            let books = books.iter().map(|book| BookRow::new(book, block));
            let _receipt = rows.send(books.collect()).await?;
        }
        Ok(read)
    }
}

async fn ask(
    client: Arc<Client>,
    turn: Turn,
    block: u64,
    ranges: Vec<IdRange>,
) -> Result<Vec<(IdRange, EntityPage<Orderbook>)>, SourceError> {
    let pages = client
        .orderbooks_at(turn, block, &ranges, PAGE_ROWS)
        .await?;
    Ok(ranges.into_iter().zip(pages).collect())
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
