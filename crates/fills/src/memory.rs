//! A source and a table in memory: for tests of whatever stands between the two seams.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::cursor::Cursor;
use crate::event::Malformed;
use crate::fill::{Fill, Side};
use crate::id::{FillId, TokenId};
use crate::source::{FillSource, Filter, Page, PageQuery, SourceError, Survey, Turn};
use crate::span::{Span, SpanSet};
use crate::store::{Block, FillStore, StoreError, Summary};

/// A source that serves given fills exactly as a frozen subgraph would.
#[derive(Debug, Clone)]
pub struct MemorySource {
    /// In `(timestamp, id)` order.
    fills: Arc<Vec<(Cursor, Fill)>>,
}

impl MemorySource {
    /// Makes a source of these fills, in any order.
    pub fn new(fills: Vec<Fill>) -> Self {
        let mut fills: Vec<(Cursor, Fill)> = fills
            .into_iter()
            .map(|fill| {
                let cursor = Cursor {
                    timestamp: u64::from(fill.timestamp),
                    id: fill.id.to_string(),
                };
                (cursor, fill)
            })
            .collect();
        fills.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self {
            fills: Arc::new(fills),
        }
    }

    /// Answers one query.
    pub fn page(&self, query: &PageQuery) -> Page {
        let begin = self
            .fills
            .partition_point(|(cursor, _)| match &query.after {
                Some(after) => cursor <= after,
                None => cursor.timestamp < query.from,
            });
        let wanted: Vec<&(Cursor, Fill)> = self.fills[begin..]
            .iter()
            .take_while(|(cursor, _)| cursor.timestamp < query.until)
            .filter(|(_, fill)| match &query.filter {
                Filter::All => true,
                Filter::MakerAssetIn(tokens) => {
                    fill.side == Side::Sell && tokens.contains(&fill.token_id)
                }
                Filter::TakerAssetIn(tokens) => {
                    fill.side == Side::Buy && tokens.contains(&fill.token_id)
                }
            })
            .take(usize::from(query.limit))
            .collect();
        Page {
            last: wanted.last().map(|(cursor, _)| cursor.clone()),
            fills: wanted.iter().map(|(_, fill)| *fill).collect(),
            malformed: Vec::new(),
        }
    }
}

#[async_trait]
impl FillSource for MemorySource {
    async fn survey(&self) -> Result<Survey, SourceError> {
        Ok(Survey {
            deployment: "memory".to_owned(),
            head_block: 1,
            head_timestamp: None,
            oldest: self.fills.first().map(|(cursor, _)| cursor.timestamp),
            newest: self.fills.last().map(|(cursor, _)| cursor.timestamp),
        })
    }

    async fn fetch(&self, _: Turn, queries: &[PageQuery]) -> Result<Vec<Page>, SourceError> {
        Ok(queries.iter().map(|query| self.page(query)).collect())
    }
}

/// A table in memory. Like the real one it takes a row twice if two blocks hold it, and a block once.
#[derive(Debug, Clone, Default)]
pub struct MemoryTable {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    fills: Vec<Fill>,
    tokens: HashSet<String>,
    dead_letters: BTreeMap<String, Malformed>,
}

impl MemoryTable {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a copy of all rows, in the order they came.
    pub fn fills(&self) -> Vec<Fill> {
        self.rows().fills.clone()
    }

    /// Returns a copy of all dead letters, by fill id.
    pub fn dead_letters(&self) -> Vec<Malformed> {
        self.rows().dead_letters.values().cloned().collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Every change below is a single push or insert: a panic elsewhere leaves the rows whole.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FillStore for MemoryTable {
    async fn insert(&self, block: Block) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.tokens.insert(block.token) {
            rows.fills.extend(block.pages.into_iter().flatten());
        }
        Ok(())
    }

    async fn wait_for_inflight_inserts(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ranges_with_rows(&self, span: Span) -> Result<SpanSet, StoreError> {
        let rows = self.rows();
        let seconds = rows.fills.iter().map(|fill| u64::from(fill.timestamp));
        Ok(seconds
            .map(|second| Span::new(second, second + 1).intersection(&span))
            .collect())
    }

    async fn summary(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<Summary, StoreError> {
        let rows = self.rows();
        Ok(rows.of(spans, tokens).collect())
    }

    async fn existing_keys(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, StoreError> {
        let rows = self.rows();
        Ok(rows.of(spans, tokens).map(|fill| fill.id).collect())
    }

    async fn write_dead_letters(&self, events: Vec<Malformed>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for event in events {
            rows.dead_letters.insert(event.fill_id.clone(), event);
        }
        Ok(())
    }
}

impl Rows {
    fn of<'a>(
        &'a self,
        spans: &'a SpanSet,
        tokens: Option<&'a [TokenId]>,
    ) -> impl Iterator<Item = &'a Fill> {
        self.fills.iter().filter(move |fill| {
            let second = u64::from(fill.timestamp);
            spans.overlaps(Span::new(second, second + 1))
                && tokens.is_none_or(|tokens| tokens.contains(&fill.token_id))
        })
    }
}
