//! Runs that end in the middle, and the ones after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fills::{
    MemoryGroups, MemorySource, MemoryTable, Slot, Source, SourceError, Span, Survey, TokenId,
};
use ingest_engine::{End, Error, Snapshot};
use tokio::sync::watch;

use crate::fakes::*;

const SECONDS: u64 = 100_000;
const SPAN: Span = Span::new(0, SECONDS);

/// Runs until about `pages` pages are in, and dies there: nothing is drained or saved.
async fn die_after(backfill: &ingest_engine::Backfill, source: &FaultySource, requests: usize) {
    let (watch, _) = watch::channel(Snapshot::default());
    let run = backfill.run(std::future::pending(), &watch);
    let death = async {
        while source.requests() < requests {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = run => {}
        () = death => {}
    }
}

#[tokio::test(start_paused = true)]
async fn resumes_after_a_crash_between_insert_and_checkpoint() {
    let fills = uneven(5_000, SECONDS, 50, 10);
    for deaths in [vec![3], vec![40, 90], vec![20, 100, 180, 220]] {
        let source = FaultySource::new(fills.clone());
        let table = SlowTable::new(5);
        let mut backfill = backfill(source.clone(), table.clone(), SPAN);
        backfill.config.checkpoint_interval = Duration::ZERO;
        for requests in deaths {
            die_after(&backfill, &source, requests).await;
        }
        let outcome = run(&backfill).await.unwrap();
        assert_exact(&table.inner, &fills);
        assert_eq!(outcome.end, End::Complete);
        assert_eq!(outcome.progress.fills, 5_000, "the checkpoint's own count");
    }
}

#[tokio::test(start_paused = true)]
async fn resumes_by_tokens_without_doubling() {
    let fills = uneven(3_000, SECONDS, 30, 11);
    let source = FaultySource::new(fills.clone());
    let table = SlowTable::new(3);
    let mut backfill = backfill(source.clone(), table.clone(), SPAN);
    let tokens: Vec<TokenId> = (1..=30).map(TokenId::from).collect();
    backfill.groups = Some(Arc::new(MemoryGroups::new(&tokens, 4)));
    backfill.config.checkpoint_interval = Duration::ZERO;
    die_after(&backfill, &source, 30).await;
    die_after(&backfill, &source, 90).await;
    let outcome = run(&backfill).await.unwrap();
    assert_exact(&table.inner, &fills);
    assert_eq!(outcome.progress.fills, 3_000);
}

#[tokio::test]
async fn a_run_without_checkpoint_doubles_nothing_that_is_loaded() {
    let fills = uneven(2_000, SECONDS, 50, 12);
    let table = SlowTable::new(5);
    for round in 0..2 {
        let fresh = backfill(FaultySource::new(fills.clone()), table.clone(), SPAN);
        let outcome = run(&fresh).await.unwrap();
        let expected = if round == 0 { (2_000, 0) } else { (0, 2_000) };
        assert_eq!((outcome.fills_inserted, outcome.fills_found), expected);
    }
    assert_exact(&table.inner, &fills);
}

#[tokio::test]
async fn a_complete_checkpoint_asks_the_source_nothing() {
    let fills = uneven(500, SECONDS, 50, 13);
    let source = FaultySource::new(fills);
    let again = backfill(source.clone(), MemoryTable::new(), SPAN);
    run(&again).await.unwrap();
    let requests = source.requests();
    assert_eq!(run(&again).await.unwrap().end, End::Complete);
    assert_eq!(source.requests(), requests);
}

#[tokio::test]
async fn a_source_that_has_grown_is_loaded_from_where_it_ended() {
    let fills = uneven(2_000, SECONDS, 50, 15);
    let source = FaultySource::new(fills.clone());
    let table = MemoryTable::new();
    let mut growing = backfill(
        source.clone(),
        table.clone(),
        Span::new(0, SECONDS * 9 / 10),
    );
    run(&growing).await.unwrap();
    let before = table.fills().len();
    growing.span = SPAN;
    let outcome = run(&growing).await.unwrap();
    assert_exact(&table, &fills);
    assert_eq!(outcome.fills_inserted, 2_000 - before as u64);
    assert_eq!(outcome.fills_found, 0);
}

#[tokio::test]
async fn a_checkpoint_of_another_range_is_refused() {
    let mut other = backfill(FaultySource::new(vec![]), MemoryTable::new(), SPAN);
    run(&other).await.unwrap();
    other.span = Span::new(5, SECONDS);
    let error = run(&other).await.unwrap_err();
    assert!(
        matches!(error, ingest_engine::Error::ForeignProgress { .. }),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_drains_what_is_under_way_and_the_next_run_goes_on() {
    let fills = uneven(5_000, SECONDS, 50, 14);
    let source = FaultySource::new(fills.clone());
    let table = SlowTable::new(1_000);
    let backfill = backfill(source.clone(), table.clone(), SPAN);
    let (watch, _) = watch::channel(Snapshot::default());
    let stop = async {
        while source.requests() < 60 {
            tokio::task::yield_now().await;
        }
    };
    let outcome = backfill.run(stop, &watch).await.unwrap();
    assert_eq!(outcome.end, End::Interrupted);
    assert_eq!(
        watch.borrow().rows_in_hand,
        0,
        "all that was sent is durable"
    );
    assert_eq!(outcome.fills_inserted, table.inner.fills().len() as u64);

    let outcome = run(&backfill).await.unwrap();
    assert_eq!(outcome.end, End::Complete);
    assert_exact(&table.inner, &fills);
}

/// A source of which each answer is of the next of some states, and then of the last one.
struct Lagging {
    states: Vec<(u64, MemorySource)>,
    asked: AtomicUsize,
}

impl Lagging {
    fn state(&self) -> &(u64, MemorySource) {
        let asked = self.asked.load(Ordering::Relaxed);
        &self.states[asked.min(self.states.len() - 1)]
    }
}

#[async_trait::async_trait]
impl Source for Lagging {
    async fn survey(&self) -> Result<Survey, SourceError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (head_block, source) = self.state();
        let survey = source.survey().await?;
        Ok(Survey {
            head_block: *head_block,
            ..survey
        })
    }

    fn max_rows(&self) -> u16 {
        MAX_ROWS
    }

    async fn slot(&self) -> Box<dyn Slot> {
        self.state().1.slot().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_lags_behind_what_it_served_is_waited_for() {
    let fills = uneven(3_000, SECONDS, 50, 14);
    let table = MemoryTable::new();
    let source = FaultySource::new(fills.clone());
    let mut backfill = backfill(source.clone(), table.clone(), SPAN);
    backfill.source_block = 100;
    backfill.config.checkpoint_interval = Duration::ZERO;
    die_after(&backfill, &source, 40).await;
    assert!(table.fills().len() < fills.len());

    // The next run meets a node that lacks the second half, twice.
    let earlier = fills
        .iter()
        .filter(|fill| u64::from(fill.timestamp) < SECONDS * 9 / 10);
    let earlier = MemorySource::new(earlier.copied().collect()).with_max_rows(MAX_ROWS);
    let states = vec![
        (60, earlier.clone()),
        (60, earlier),
        (100, source.inner.clone()),
    ];
    backfill.source = Arc::new(Lagging {
        states,
        asked: AtomicUsize::new(0),
    });
    backfill.source_block = 60;
    assert_eq!(run(&backfill).await.unwrap().end, End::Complete);
    assert_exact(&table, &fills);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_stays_behind_what_it_served_stops_the_run() {
    let table = MemoryTable::new();
    let source = FaultySource::new(uneven(3_000, SECONDS, 50, 15));
    let mut backfill = backfill(source.clone(), table.clone(), SPAN);
    backfill.source_block = 100;
    backfill.config.checkpoint_interval = Duration::ZERO;
    die_after(&backfill, &source, 40).await;

    let states = vec![(60, MemorySource::new(Vec::new()))];
    backfill.source = Arc::new(Lagging {
        states,
        asked: AtomicUsize::new(0),
    });
    backfill.source_block = 60;
    let error = run(&backfill).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::SourceBehind {
                found: 60,
                known: 100
            }
        ),
        "{error}"
    );
}
