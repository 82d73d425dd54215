//! A source and a table in memory: for tests of whatever stands between the two seams.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::event::Malformed;
use crate::fill::{Fill, Side};
use crate::id::{FillId, TokenId};
use crate::source::{Chunk, Filter, Resume, Slot, Source, SourceError, Survey, Task};
use crate::span::{Span, SpanSet};
use crate::store::{Block, FillStore, StoreError, Summary};

/// A source that serves given fills as a frozen subgraph would, by the second.
#[derive(Debug, Clone)]
pub struct MemorySource {
    /// By second and id as text.
    fills: Arc<Vec<(u64, String, Fill)>>,
    max_rows: u16,
}

impl MemorySource {
    /// Makes a source of these fills, in any order, with chunks of up to 1,000.
    pub fn new(fills: Vec<Fill>) -> Self {
        let place = |fill: Fill| (u64::from(fill.timestamp), fill.id.to_string(), fill);
        let mut fills: Vec<_> = fills.into_iter().map(place).collect();
        fills.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        Self {
            fills: Arc::new(fills),
            max_rows: 1000,
        }
    }

    /// Makes chunks of up to `max_rows` fills.
    #[must_use]
    pub fn with_max_rows(mut self, max_rows: u16) -> Self {
        self.max_rows = max_rows.max(1);
        self
    }

    /// Reads from the beginning of a task.
    pub fn chunk(&self, task: &Task) -> Chunk {
        let after = task
            .resume
            .as_ref()
            .and_then(|resume| resume.after.as_ref());
        let is_before = |second: u64, id: &String| match after {
            Some(after) => (second, id) <= (task.range.from, after),
            None => second < task.range.from,
        };
        let begin = self
            .fills
            .partition_point(|(second, id, _)| is_before(*second, id));
        let here = self.fills[begin..]
            .iter()
            .take_while(|(second, _, _)| *second < task.range.to)
            .filter(|(_, _, fill)| match &task.filter {
                Filter::All => true,
                Filter::MakerAssetIn(tokens) => {
                    fill.side == Side::Sell && tokens.contains(&fill.token_id)
                }
                Filter::TakerAssetIn(tokens) => {
                    fill.side == Side::Buy && tokens.contains(&fill.token_id)
                }
            });
        let here: Vec<_> = here.take(usize::from(self.max_rows)).collect();
        let full = here.len() == usize::from(self.max_rows);
        let last = here.last().filter(|_| full);
        Chunk {
            fills: here.iter().map(|(_, _, fill)| *fill).collect(),
            malformed: Vec::new(),
            complete_to: last.map_or(task.range.to, |(second, _, _)| *second),
            resume: last.map(|(_, id, _)| Resume {
                after: Some(id.clone()),
                ..Resume::default()
            }),
        }
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn survey(&self) -> Result<Survey, SourceError> {
        Ok(Survey {
            deployment: "memory".to_owned(),
            head_block: 1,
            head_timestamp: None,
            oldest: self.fills.first().map(|(second, _, _)| *second),
            newest: self.fills.last().map(|(second, _, _)| *second),
        })
    }

    fn max_rows(&self) -> u16 {
        self.max_rows
    }

    async fn slot(&self) -> Box<dyn Slot> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Slot for MemorySource {
    fn capacity(&self, _: usize) -> usize {
        1
    }

    fn max_tasks(&self) -> usize {
        1
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        Ok(tasks.iter().map(|task| self.chunk(task)).collect())
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
