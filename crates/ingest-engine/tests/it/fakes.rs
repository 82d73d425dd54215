//! Made-up fills, and sources and tables that misbehave.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use checkpoint_store::{Identity, InMemory};
use fills::{
    Address, Block, Fill, FillId, FillSource, FillStore, Malformed, MemorySource, MemoryTable,
    OrderHash, Page, PageQuery, Side, SourceError, Span, SpanSet, StoreError, Summary, Survey,
    TokenId, Turn, TxHash,
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

pub(crate) fn small_pages() -> Config {
    Config {
        workers: 16,
        page_rows: 20,
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
    source: impl FillSource + 'static,
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
        config: small_pages(),
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
    /// Pages that its turns are for.
    pub(crate) pages_per_turn: usize,
    /// Requests for more pages than this are never answered.
    pub(crate) most_together: usize,
    /// Most rows a request may ask for.
    pub(crate) most_rows: usize,
    /// Seconds for which no request is ever answered.
    pub(crate) dead: Span,
}

impl FaultySource {
    pub(crate) fn new(fills: Vec<Fill>) -> Self {
        Self {
            inner: MemorySource::new(fills),
            requests: Arc::default(),
            faults: Arc::default(),
            pages_per_turn: 1,
            most_together: usize::MAX,
            most_rows: usize::MAX,
            dead: Span::new(0, 0),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl FillSource for FaultySource {
    async fn survey(&self) -> Result<Survey, SourceError> {
        self.inner.survey().await
    }

    async fn turn(&self) -> Turn {
        Turn::new(self.pages_per_turn, ())
    }

    async fn fetch(&self, turn: Turn, queries: &[PageQuery]) -> Result<Vec<Page>, SourceError> {
        let asked = self.requests.fetch_add(1, Ordering::Relaxed);
        // Answers come in another order than the requests.
        for _ in 0..asked % 7 {
            tokio::task::yield_now().await;
        }
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        let rows: usize = queries.iter().map(|query| usize::from(query.limit)).sum();
        if rows > self.most_rows {
            return Err(SourceError::TooHeavy {
                message: "statement timeout".to_owned(),
            });
        }
        let at = |query: &PageQuery| query.after.as_ref().map_or(query.from, |c| c.timestamp);
        let dead = |query| (self.dead.from..self.dead.to).contains(&at(query));
        if queries.len() > self.most_together || queries.iter().any(dead) {
            return Err(SourceError::Unavailable {
                attempts: 10,
                message: "connection reset".to_owned(),
            });
        }
        self.inner.fetch(turn, queries).await
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
