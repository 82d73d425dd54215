//! Made-up fills, and sources and tables that misbehave.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use checkpoint_store::{Identity, InMemory};
use fills::{
    Address, Block, Chunk, Fill, FillId, FillStore, Malformed, MemorySource, MemoryTable,
    OrderHash, Resume, Side, Slot, Source, SourceError, Span, SpanSet, StoreError, Summary, Survey,
    Task, TokenId, TxHash,
};
use ingest_engine::{Backfill, Config, Cuts, Error, Outcome, Snapshot};
use tokio::sync::watch;

/// Small generator of even numbers: `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

pub(crate) fn fill(second: u64, token: u64, random: &mut Random) -> Fill {
    let mut bytes = || {
        let mut bytes = [0; 32];
        bytes
            .chunks_mut(8)
            .for_each(|chunk| chunk.copy_from_slice(&random.next().to_be_bytes()));
        bytes
    };
    let id = FillId {
        tx_hash: TxHash(bytes()),
        order_hash: OrderHash(bytes()),
        nth_from_last: 0,
    };
    Fill {
        id,
        timestamp: u32::try_from(second).unwrap(),
        maker: Address([1; 20]),
        taker: Address([2; 20]),
        token_id: TokenId::from(token),
        side: if random.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        },
        shares_base_units: 1_000_000,
        usdc_base_units: 500_000,
        fee_base_units: 0,
        ..Fill::default()
    }
}

/// Fills over `[0, seconds)`, 95 % of them in the last 15 % of the time, with bursts at one second.
pub(crate) fn uneven(count: usize, seconds: u64, tokens: u64, seed: u64) -> Vec<Fill> {
    let mut random = Random(seed);
    let mut made = Vec::with_capacity(count);
    while made.len() < count {
        let late = seconds * 85 / 100;
        let second = match random.below(100) {
            0..5 => random.below(late),
            _ => late + random.below(seconds - late),
        };
        let burst = if random.below(50) == 0 {
            random.below(40)
        } else {
            1
        };
        for _ in 0..burst.max(1) {
            let token = random.below(tokens).min(random.below(tokens)) + 1;
            made.push(fill(second, token, &mut random));
        }
    }
    made.truncate(count);
    made
}

pub(crate) fn ids(fills: &[Fill]) -> HashSet<FillId> {
    fills.iter().map(|fill| fill.id).collect()
}

/// Asserts that a table holds exactly these fills, each once.
pub(crate) fn assert_exact(table: &MemoryTable, expected: &[Fill]) {
    let rows = table.fills();
    let found = ids(&rows);
    assert_eq!(rows.len(), found.len(), "rows are doubled");
    assert_eq!(found, ids(expected));
}

/// Maximum number of rows in a chunk of the sources here.
pub(crate) const MAX_ROWS: u16 = 20;

pub(crate) fn small_blocks() -> Config {
    Config {
        workers: 16,
        most_rows_in_hand: 2_000,
        block_rows: 150,
        cuts: Cuts {
            least_pages: 4,
            least_pages_at_the_end: 1,
            ..Cuts::default()
        },
        ..Config::default()
    }
}

pub(crate) fn backfill(
    source: impl Source + 'static,
    store: impl FillStore + 'static,
    span: Span,
) -> Backfill {
    Backfill {
        source: Arc::new(source),
        store: Arc::new(store),
        checkpoint: Arc::new(InMemory::new(Identity::default())),
        span,
        source_block: 1,
        groups: None,
        config: small_blocks(),
    }
}

pub(crate) async fn run(backfill: &Backfill) -> Result<Outcome, Error> {
    let (watch, _) = watch::channel(Snapshot::default());
    backfill.run(std::future::pending(), &watch).await
}

/// A source that counts what it is asked and fails as it is told.
#[derive(Clone)]
pub(crate) struct FaultySource {
    pub(crate) inner: MemorySource,
    pub(crate) requests: Arc<AtomicUsize>,
    /// What requests fail with, first come first served; then they are answered.
    pub(crate) faults: Arc<Mutex<VecDeque<SourceError>>>,
    /// Tasks that its slots are for.
    pub(crate) max_tasks: usize,
    /// Requests for more tasks than this are never answered.
    pub(crate) answered_tasks: usize,
    /// Requests for more tasks than this are too heavy.
    pub(crate) light_tasks: usize,
    /// It finds every task too heavy that it did not reduce before.
    pub(crate) reduces: bool,
    /// Seconds for which no request is ever answered.
    pub(crate) dead: Span,
}

impl FaultySource {
    pub(crate) fn new(fills: Vec<Fill>) -> Self {
        Self {
            inner: MemorySource::new(fills).with_max_rows(MAX_ROWS),
            requests: Arc::default(),
            faults: Arc::default(),
            max_tasks: 1,
            answered_tasks: usize::MAX,
            light_tasks: usize::MAX,
            reduces: false,
            dead: Span::new(0, 0),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Source for FaultySource {
    async fn survey(&self) -> Result<Survey, SourceError> {
        self.inner.survey().await
    }

    fn max_rows(&self) -> u16 {
        self.inner.max_rows()
    }

    async fn slot(&self) -> Box<dyn Slot> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Slot for FaultySource {
    fn capacity(&self, _: usize) -> usize {
        self.max_tasks
    }

    fn max_tasks(&self) -> usize {
        self.max_tasks
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        let asked = self.requests.fetch_add(1, Ordering::Relaxed);
        // Answers come in another order than the requests.
        for _ in 0..asked % 7 {
            tokio::task::yield_now().await;
        }
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        if tasks.len() > self.light_tasks {
            return Err(SourceError::TooHeavy {
                message: "statement timeout".to_owned(),
            });
        }
        let is_dead = |task: &Task| self.dead.contains(task.range.from);
        if tasks.len() > self.answered_tasks || tasks.iter().any(is_dead) {
            return Err(SourceError::Unavailable {
                attempts: 10,
                message: "connection reset".to_owned(),
            });
        }
        Ok(tasks.iter().map(|task| self.chunk(task)).collect())
    }
}

impl FaultySource {
    fn chunk(&self, task: &Task) -> Chunk {
        let reduced = task.resume.as_ref().and_then(|resume| resume.max_rows);
        match reduced {
            None if self.reduces => Chunk {
                complete_to: task.range.from,
                resume: Some(Resume {
                    max_rows: Some(5),
                    ..task.resume.clone().unwrap_or_default()
                }),
                ..Chunk::default()
            },
            _ => self.inner.chunk(task),
        }
    }
}

/// A table that takes a block at once and says so later.
#[derive(Clone)]
pub(crate) struct SlowTable {
    pub(crate) inner: MemoryTable,
    /// How often others get their turn before it answers.
    pub(crate) turns: usize,
    /// Blocks that are accepted before the table refuses all.
    pub(crate) refuses_after: usize,
    pub(crate) blocks: Arc<AtomicUsize>,
    /// Whether it does not answer to who asks where rows lie.
    pub(crate) is_away: Arc<AtomicBool>,
    /// Whether it has stopped answering inserts.
    pub(crate) is_stuck: Arc<AtomicBool>,
}

impl SlowTable {
    pub(crate) fn new(turns: usize) -> Self {
        Self {
            inner: MemoryTable::new(),
            turns,
            refuses_after: usize::MAX,
            blocks: Arc::default(),
            is_away: Arc::default(),
            is_stuck: Arc::default(),
        }
    }
}

#[async_trait]
impl FillStore for SlowTable {
    async fn insert(&self, block: Block) -> Result<(), StoreError> {
        let number = self.blocks.fetch_add(1, Ordering::SeqCst) + 1;
        if number > self.refuses_after {
            return Err(StoreError::Refused {
                message: "read-only".to_owned(),
            });
        }
        if self.is_stuck.load(Ordering::SeqCst) {
            std::future::pending().await
        }
        self.inner.insert(block).await?;
        for _ in 0..self.turns {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn wait_for_inflight_inserts(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ranges_with_rows(&self, span: Span) -> Result<SpanSet, StoreError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                message: "connection refused".to_owned(),
            });
        }
        self.inner.ranges_with_rows(span).await
    }

    async fn summary(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<Summary, StoreError> {
        self.inner.summary(spans, tokens).await
    }

    async fn existing_keys(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, StoreError> {
        self.inner.existing_keys(spans, tokens).await
    }

    async fn write_dead_letters(&self, events: Vec<Malformed>) -> Result<(), StoreError> {
        self.inner.write_dead_letters(events).await
    }
}
