//! One query for each market, by many workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use clickhouse::Row;
use clickhouse_sink::{MAX_ROWS_PER_BATCH, Sink};
use fill_table::FillRow;
use fills::{Fill, Filter, TokenId};
use goldsky_client::{Page, PageQuery};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{BATCH_ROWS, NaiveReport, Parts, WORKERS};
use crate::Failure;
use crate::budget::FILLS_PER_PAGE;

/// The tokens of one market.
type Market = Arc<[TokenId]>;

/// The markets to load, and how far all workers are.
#[derive(Debug)]
struct Work {
    parts: Parts,
    markets: Vec<Market>,
    begun: AtomicUsize,
    fills: AtomicU64,
    pages: AtomicU64,
    loaded: AtomicU64,
}

#[derive(Row, Deserialize)]
struct MarketTokens {
    tokens: Vec<String>,
}

/// Inserts each market by itself.
pub(super) async fn load_market_by_market(parts: Parts) -> Result<NaiveReport, Failure> {
    let work = Arc::new(Work::new(parts).await?);
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS.min(work.markets.len()) {
        let work = Arc::clone(&work);
        workers.spawn(async move {
            // A worker's own sink holds one market at a time.
            let sink = work.parts.sink(MAX_ROWS_PER_BATCH, 1).await?;
            while let Some(market) = work.next() {
                let rows = work.fetch(&market).await?;
                let receipt = sink.send(rows).await?;
                sink.flush().await?;
                receipt.await?;
            }
            Ok::<_, Failure>(sink.stats().batches_inserted)
        });
    }
    let mut inserts = 0;
    while let Some(worker) = workers.join_next().await {
        inserts += worker??;
    }
    Ok(work.report(inserts))
}

/// Inserts the rows of many markets together.
pub(super) async fn load_in_batches(parts: Parts) -> Result<NaiveReport, Failure> {
    let work = Arc::new(Work::new(parts).await?);
    let sink = work.parts.sink(BATCH_ROWS, WORKERS).await?;
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS.min(work.markets.len()) {
        let (work, sink): (_, Sink<FillRow>) = (Arc::clone(&work), sink.clone());
        workers.spawn(async move {
            while let Some(market) = work.next() {
                let rows = work.fetch(&market).await?;
                // Closing the sink waits for all rows.
                let _receipt = sink.send(rows).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    sink.close().await?;
    Ok(work.report(sink.stats().batches_inserted))
}

impl Work {
    async fn new(parts: Parts) -> Result<Self, Failure> {
        Ok(Self {
            markets: markets(&parts).await?,
            parts,
            begun: AtomicUsize::new(0),
            fills: AtomicU64::new(0),
            pages: AtomicU64::new(0),
            loaded: AtomicU64::new(0),
        })
    }

    /// Takes the next market, unless there is none or enough was loaded.
    fn next(&self) -> Option<Market> {
        let market = self
            .markets
            .get(self.begun.fetch_add(1, Ordering::Relaxed))?;
        let more = self
            .parts
            .bound
            .allows_more(self.fills.load(Ordering::Relaxed));
        more.then(|| Arc::clone(market))
    }

    /// Fetches all fills of a market: both lists in one request, and again those that were full.
    async fn fetch(&self, market: &Market) -> Result<Vec<FillRow>, Failure> {
        let filters = [
            Filter::MakerAssetIn(Arc::clone(market)),
            Filter::TakerAssetIn(Arc::clone(market)),
        ];
        let mut queries: Vec<_> = filters
            .into_iter()
            .map(|filter| self.query(filter))
            .collect();
        let mut rows: Vec<FillRow> = Vec::new();
        while !queries.is_empty() {
            let pages = self.parts.source.pages(&queries).await?;
            self.pages.fetch_add(pages.len() as u64, Ordering::Relaxed);
            let asked = std::mem::take(&mut queries);
            for (query, page) in asked.into_iter().zip(pages) {
                if page.len() == usize::from(query.limit) {
                    queries.push(PageQuery {
                        after: page.last.clone(),
                        ..query
                    });
                }
                rows.extend(rows_of(page)?);
            }
        }
        self.fills.fetch_add(rows.len() as u64, Ordering::Relaxed);
        self.loaded
            .fetch_add(u64::from(!rows.is_empty()), Ordering::Relaxed);
        Ok(rows)
    }

    fn query(&self, filter: Filter) -> PageQuery {
        PageQuery {
            filter,
            from: self.parts.span.from,
            after: None,
            until: self.parts.span.to,
            limit: FILLS_PER_PAGE as u16,
        }
    }

    fn report(&self, inserts: u64) -> NaiveReport {
        NaiveReport {
            fills: self.fills.load(Ordering::Relaxed),
            pages: self.pages.load(Ordering::Relaxed),
            markets: self.loaded.load(Ordering::Relaxed),
            inserts,
            stopped: self.parts.bound.has_stopped(),
        }
    }
}

/// Returns the rows of a page, all of whose events have to be fills.
pub(super) fn rows_of(page: Page) -> Result<impl Iterator<Item = FillRow>, Failure> {
    match page.malformed.first() {
        Some(malformed) => Err(format!("an event is no fill: {malformed:?}").into()),
        None => Ok(page.fills.into_iter().map(|fill: Fill| FillRow(fill))),
    }
}

/// Reads all markets from the catalogue, in no order of their size or time.
async fn markets(parts: &Parts) -> Result<Vec<Market>, Failure> {
    let sql = format!(
        "SELECT groupArray(toString(token_id)) AS tokens FROM {} GROUP BY condition_id \
         ORDER BY cityHash64(condition_id)",
        parts.table.names().markets()
    );
    let client = parts.table.server().client();
    let rows = client.query(&sql).fetch_all::<MarketTokens>().await?;
    let markets = rows.iter().map(|row| {
        let tokens = row.tokens.iter().map(|token| Ok(token.parse()?));
        tokens.collect::<Result<Market, Failure>>()
    });
    markets.collect()
}
