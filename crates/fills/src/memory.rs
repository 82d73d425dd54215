//! A source and a table in memory: for tests of whatever stands between the two seams.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::cursor::Cursor;
use crate::event::Malformed;
use crate::fill::{Fill, Side};
use crate::id::FillId;
use crate::source::{FillSource, Filter, Page, PageQuery, SourceError, Survey, Turn};
use crate::span::{Span, SpanSet};
use crate::store::{FillStore, Loaded, Receipt, Scope, StoreError};

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

/// A table in memory. Like the real one it takes a row twice if it is sent twice.
#[derive(Debug, Clone, Default)]
pub struct MemoryTable {
    rows: Arc<Mutex<Rows>>,
}

#[derive(Debug, Default)]
struct Rows {
    fills: Vec<Fill>,
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
    async fn send(&self, fills: Vec<Fill>) -> Result<Receipt, StoreError> {
        self.rows().fills.extend(fills);
        Ok(Receipt::new(async { Ok(()) }))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn settle(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn occupied(&self, span: Span) -> Result<SpanSet, StoreError> {
        let rows = self.rows();
        let seconds = rows.fills.iter().map(|fill| u64::from(fill.timestamp));
        Ok(seconds
            .map(|second| Span::new(second, second + 1).intersection(&span))
            .collect())
    }

    async fn loaded(&self, scope: &Scope, limit: usize) -> Result<Loaded, StoreError> {
        let rows = self.rows();
        let mut by_second: BTreeMap<u64, HashSet<FillId>> = BTreeMap::new();
        for fill in &rows.fills {
            if scope.holds(fill) {
                let second = u64::from(fill.timestamp);
                by_second.entry(second).or_default().insert(fill.id);
            }
        }
        let mut ids = HashSet::new();
        for (second, more) in by_second {
            if !ids.is_empty() && ids.len() + more.len() > limit {
                return Ok(Loaded { ids, until: second });
            }
            ids.extend(more);
        }
        Ok(Loaded {
            ids,
            until: scope.span.to,
        })
    }

    async fn retain(&self, scope: &Scope, fills: &[Fill]) -> Result<u64, StoreError> {
        let kept: HashSet<&Fill> = fills.iter().collect();
        let mut rows = self.rows();
        let before = rows.fills.len();
        rows.fills
            .retain(|fill| !scope.holds(fill) || kept.contains(fill));
        Ok((before - rows.fills.len()) as u64)
    }

    async fn bury(&self, events: Vec<Malformed>) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for event in events {
            rows.dead_letters.insert(event.fill_id.clone(), event);
        }
        Ok(())
    }
}
