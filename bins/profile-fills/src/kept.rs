//! A source that notes when how many rows came, and keeps some of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fills::{Chunk, Fill, Slot, Source, SourceError, Survey, Task};

/// Rows that are kept, to be inserted again without asking for them.
const MOST_KEPT: usize = 200_000;

/// A source with somebody who takes notes.
pub(crate) struct Kept {
    source: Arc<dyn Source>,
    begun: Instant,
    notes: Arc<Mutex<Notes>>,
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Each answer's time since the beginning, and its rows.
    pub(crate) answers: Vec<(Duration, u64)>,
    /// The pages of each answer, and those that its request might have had.
    pub(crate) pages: Vec<(usize, usize)>,
    /// The first rows.
    pub(crate) fills: Vec<Fill>,
}

impl Notes {
    /// Returns when how many rows had come.
    pub(crate) fn came(&self) -> Vec<(Duration, u64)> {
        let mut all = 0;
        let added = self.answers.iter().map(|&(at, rows)| {
            all += rows;
            (at, all)
        });
        added.collect()
    }

    /// Returns how many times as many pages requests might have had as they had, by the answers under way:
    /// without the first ones, before which that was learned, and the last ones.
    pub(crate) fn room_for_pages(&self) -> f64 {
        let count = self.pages.len();
        let under_way = &self.pages[count / 4..count - count / 20];
        let sum = |pages: fn(&(usize, usize)) -> usize| under_way.iter().map(pages).sum::<usize>();
        let (asked, most) = (sum(|pages| pages.0), sum(|pages| pages.1));
        most.max(1) as f64 / asked.max(1) as f64
    }
}

impl Kept {
    pub(crate) fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            begun: Instant::now(),
            notes: Arc::default(),
        }
    }

    /// Takes the notes out.
    pub(crate) fn notes(&self) -> Notes {
        std::mem::take(&mut *locked(&self.notes))
    }
}

#[async_trait]
impl Source for Kept {
    async fn survey(&self) -> Result<Survey, SourceError> {
        self.source.survey().await
    }

    fn max_rows(&self) -> u16 {
        self.source.max_rows()
    }

    async fn slot(&self) -> Box<dyn Slot> {
        Box::new(KeptSlot {
            slot: self.source.slot().await,
            begun: self.begun,
            notes: Arc::clone(&self.notes),
        })
    }
}

/// A slot of the source's, of whose answer notes are taken.
struct KeptSlot {
    slot: Box<dyn Slot>,
    begun: Instant,
    notes: Arc<Mutex<Notes>>,
}

#[async_trait]
impl Slot for KeptSlot {
    fn capacity(&self, streams: usize) -> usize {
        self.slot.capacity(streams)
    }

    fn max_tasks(&self) -> usize {
        self.slot.max_tasks()
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        let max = self.slot.max_tasks();
        let chunks = self.slot.read(tasks).await?;
        let rows = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let at = self.begun.elapsed();
        let mut notes = locked(&self.notes);
        notes.answers.push((at, rows));
        notes.pages.push((tasks.len(), max));
        let room = MOST_KEPT - notes.fills.len().min(MOST_KEPT);
        let fills = chunks.iter().flat_map(|chunk| &chunk.fills);
        notes.fills.extend(fills.take(room).cloned());
        drop(notes);
        Ok(chunks)
    }
}

fn locked(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    // Notes stay usable wherever a panic elsewhere stopped them.
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
