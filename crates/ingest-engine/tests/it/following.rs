//! A source that grows and is reorganised, and runs that follow it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use fills::{
    Chunk, Fill, MemorySource, MemoryTable, Slot, Source, SourceError, Span, Survey, Task,
};
use ingest_engine::{Backfill, End, Error, Follow, Outcome, Snapshot};
use tokio::sync::watch;

use crate::fakes::*;

/// A source of which the state can be changed.
#[derive(Clone)]
struct Chain {
    state: Arc<Mutex<State>>,
    /// Seconds since 1970 at which its time begins.
    genesis: u64,
}

#[derive(Clone)]
struct State {
    fills: Vec<Fill>,
    block: u64,
    head: u64,
    is_away: bool,
    looks: u32,
    /// Answers nothing until it was looked at so often: it contradicts what was seen before.
    is_silent_until: u32,
}

impl Chain {
    /// Makes a chain whose head is as old as this machine's clock says, with fills before it.
    fn new(seconds: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let chain = Self {
            state: Arc::new(Mutex::new(State {
                fills: Vec::new(),
                block: 1,
                head: now.as_secs(),
                is_away: false,
                looks: 0,
                is_silent_until: 0,
            })),
            genesis: now.as_secs() - seconds,
        };
        chain.grow(0, (0..seconds).step_by(7));
        chain
    }

    /// Moves the head on, and adds a fill at each of these seconds since the beginning.
    fn grow(&self, seconds: u64, at: impl Iterator<Item = u64>) {
        let mut state = self.state.lock().unwrap();
        state.block += 1 + seconds / 2;
        state.head += seconds;
        let mut random = Random(state.block);
        let new = at.map(|second| fill(self.genesis + second, second % 5 + 1, &mut random));
        state.fills.extend(new);
    }

    /// Replaces what happened from a second since the beginning on.
    fn reorganise(&self, from: u64, mut change: impl FnMut(&mut Fill) -> bool) {
        let mut state = self.state.lock().unwrap();
        state.block += 1;
        let from = self.genesis + from;
        state
            .fills
            .retain_mut(|fill| u64::from(fill.timestamp) < from || change(fill));
    }

    fn fills(&self) -> Vec<Fill> {
        self.state.lock().unwrap().fills.clone()
    }

    /// Returns the fills that no reorganisation reaches.
    fn final_fills(&self) -> Vec<Fill> {
        let end = self.state.lock().unwrap().head - HOW.settled_after.as_secs();
        let fills = self.fills().into_iter();
        fills
            .filter(|fill| u64::from(fill.timestamp) < end)
            .collect()
    }

    fn is_silent(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.looks < state.is_silent_until
    }

    fn answer(&self) -> Result<MemorySource, SourceError> {
        let state = self.state.lock().unwrap();
        match state.is_away {
            true => Err(SourceError::Unavailable {
                attempts: 10,
                message: "connection refused".to_owned(),
            }),
            false => Ok(MemorySource::new(state.fills.clone()).with_max_rows(MAX_ROWS)),
        }
    }
}

#[async_trait]
impl Source for Chain {
    async fn survey(&self) -> Result<Survey, SourceError> {
        let survey = self.answer()?.survey().await?;
        let mut state = self.state.lock().unwrap();
        state.looks += 1;
        Ok(Survey {
            head_block: state.block,
            head_timestamp: Some(state.head),
            ..survey
        })
    }

    fn max_rows(&self) -> u16 {
        MAX_ROWS
    }

    async fn slot(&self) -> Box<dyn Slot> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Slot for Chain {
    fn capacity(&self, _: usize) -> usize {
        1
    }

    fn max_tasks(&self) -> usize {
        1
    }

    async fn read(self: Box<Self>, tasks: &[Task]) -> Result<Vec<Chunk>, SourceError> {
        while self.is_silent() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let source = self.answer()?;
        Ok(tasks.iter().map(|task| source.chunk(task)).collect())
    }
}

const HOW: Follow = Follow {
    from: None,
    settled_after: Duration::from_secs(600),
    look_every: Duration::from_secs(15),
    look_at_least_every: Duration::from_secs(60),
};

fn following(chain: &Chain, table: &MemoryTable) -> Backfill {
    let span = Span::new(chain.genesis, chain.genesis);
    backfill(chain.clone(), table.clone(), span)
}

/// Follows while `scene` plays, and stops at its end.
async fn follow(run: &Backfill, scene: impl Future<Output = ()> + Send) -> Outcome {
    let (watch, _) = watch::channel(Snapshot::default());
    run.follow(&HOW, scene, &watch).await.unwrap()
}

/// Long enough for a look and what follows from it.
async fn a_while() {
    tokio::time::sleep(Duration::from_secs(90)).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_is_loaded_once_it_is_final() {
    let (chain, table) = (Chain::new(10_000), MemoryTable::new());
    let run = following(&chain, &table);
    let outcome = follow(&run, async {
        a_while().await;
        assert_exact(&table, &chain.final_fills());
        for minute in 0..30 {
            let from = 10_000 + minute * 60;
            chain.grow(60, (from..from + 60).step_by(3));
            a_while().await;
            assert_exact(&table, &chain.final_fills());
        }
    })
    .await;
    assert_eq!(outcome.end, End::Interrupted);
    assert_eq!(outcome.progress.span.to, chain.genesis + 11_800 - 600);
    let loaded = chain.final_fills().len() as u64;
    assert_eq!(outcome.progress.fills, loaded);
    assert_eq!((outcome.fills_inserted, outcome.fills_found), (loaded, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_without_fills_is_followed_from_its_first_one() {
    let (chain, table) = (Chain::new(0), MemoryTable::new());
    let run = following(&chain, &table);
    follow(&run, async {
        a_while().await;
        chain.grow(3_000, (10..3_000).step_by(9));
        a_while().await;
    })
    .await;
    assert_exact(&table, &chain.final_fills());
    // The checkpoint is good for whoever comes next.
    chain.grow(100, 3_000..3_100);
    let outcome = follow(&run, a_while()).await;
    assert_exact(&table, &chain.final_fills());
    assert_eq!(outcome.progress.span.from, chain.genesis + 10);
}

#[tokio::test(start_paused = true)]
async fn a_reorganisation_of_what_is_not_final_leaves_no_trace() {
    let (chain, table) = (Chain::new(10_000), MemoryTable::new());
    let run = following(&chain, &table);
    follow(&run, async {
        a_while().await;
        // One goes, one comes three seconds earlier, one comes later, one has another value.
        let mut count = 0;
        chain.reorganise(9_800, |fill| {
            count += 1;
            match count {
                1 => return false,
                2 => fill.timestamp -= 3,
                3 => fill.timestamp += 3,
                4 => fill.usdc_base_units += 1,
                _ => {}
            }
            true
        });
        assert!(count > 4);
        a_while().await;
        chain.grow(700, 10_000..10_010);
        a_while().await;
    })
    .await;
    let mut rows = table.fills();
    let mut expected = chain.final_fills();
    rows.sort_by_key(|fill| fill.id);
    expected.sort_by_key(|fill| fill.id);
    assert_eq!(rows, expected, "every value is the source's");
}

#[tokio::test(start_paused = true)]
async fn a_final_range_that_changes_is_an_error_and_no_second_version() {
    let (chain, table) = (Chain::new(10_000), SlowTable::new(0));
    let mut run = backfill(chain.clone(), table.clone(), Span::new(0, 0));
    run.span = Span::new(chain.genesis, chain.genesis + 5_000);
    table.is_stuck.store(true, Ordering::SeqCst);
    let (watch, _) = watch::channel(Snapshot::default());
    let stopped = run.run(tokio::time::sleep(Duration::from_secs(60)), &watch);
    assert_eq!(stopped.await.unwrap().end, End::Interrupted);
    // What was sealed was not inserted, and the source takes one fill of it back.
    let gone = chain.fills()[0].id;
    chain.reorganise(0, |fill| fill.id != gone);
    table.is_stuck.store(false, Ordering::SeqCst);
    let error = crate::fakes::run(&run).await.unwrap_err();
    assert!(
        matches!(&error, Error::SourceChanged { before, now, .. } if before.rows == now.rows + 1),
        "{error}"
    );
    assert!(!table.inner.fills().iter().any(|fill| fill.id == gone));
}

#[tokio::test(start_paused = true)]
async fn death_at_any_moment_loses_and_doubles_nothing() {
    for pages in 1..60 {
        let (chain, table) = (Chain::new(2_000), SlowTable::new(3));
        let span = Span::new(chain.genesis, chain.genesis);
        let mut run = backfill(chain.clone(), table.clone(), span);
        run.config.checkpoint_interval = Duration::ZERO;
        let (watch, mut told) = watch::channel(Snapshot::default());
        let dead = async {
            let enough = |snapshot: &Snapshot| snapshot.pages >= pages;
            let _ = told.wait_for(enough).await;
        };
        let life = async {
            a_while().await;
            chain.reorganise(1_800, |fill| fill.timestamp % 3 > 0);
            chain.grow(300, (2_000..2_300).step_by(5));
            a_while().await;
        };
        tokio::select! {
            _ = run.follow(&HOW, std::future::pending(), &watch) => {}
            () = dead => {}
            () = life => {}
        }
        chain.reorganise(1_900, |fill| fill.timestamp % 5 > 0);
        chain.grow(60, (2_300..2_360).step_by(2));
        follow(&run, a_while()).await;
        assert_exact(&table.inner, &chain.final_fills());
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_is_waited_for() {
    let (chain, table) = (Chain::new(5_000), MemoryTable::new());
    let run = following(&chain, &table);
    follow(&run, async {
        a_while().await;
        chain.state.lock().unwrap().is_away = true;
        a_while().await;
        chain.state.lock().unwrap().is_away = false;
        chain.grow(60, 5_000..5_060);
        a_while().await;
        a_while().await;
    })
    .await;
    assert_exact(&table, &chain.final_fills());
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_away_when_a_round_begins_is_waited_for() {
    let (chain, table) = (Chain::new(5_000), SlowTable::new(1));
    let span = Span::new(chain.genesis, chain.genesis);
    let run = backfill(chain.clone(), table.clone(), span);
    follow(&run, async {
        a_while().await;
        table.is_away.store(true, Ordering::SeqCst);
        chain.grow(60, 5_000..5_060);
        a_while().await;
        table.is_away.store(false, Ordering::SeqCst);
        a_while().await;
    })
    .await;
    assert_exact(&table.inner, &chain.final_fills());
}

#[tokio::test(start_paused = true)]
async fn a_round_that_lasts_is_given_another_look_at_the_source() {
    let (chain, table) = (Chain::new(5_000), MemoryTable::new());
    let run = following(&chain, &table);
    follow(&run, async {
        a_while().await;
        chain.grow(60, 5_000..5_060);
        {
            let mut state = chain.state.lock().unwrap();
            state.is_silent_until = state.looks + 2;
        }
        a_while().await;
        a_while().await;
    })
    .await;
    assert_exact(&table, &chain.final_fills());
}
