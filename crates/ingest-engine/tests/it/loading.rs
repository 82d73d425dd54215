//! What a run without faults loads and how often it asks.

use std::sync::Arc;

use fills::{Fill, MemoryGroups, MemoryTable, Side, Span, TokenId};
use ingest_engine::{Config, End};

use crate::fakes::*;

const SECONDS: u64 = 100_000;
const SPAN: Span = Span::new(0, SECONDS);

#[tokio::test]
async fn every_fill_is_in_the_table_once() {
    let fills = uneven(10_000, SECONDS, 50, 1);
    let table = SlowTable::new(5);
    let outcome = run(&backfill(
        FaultySource::new(fills.clone()),
        table.clone(),
        SPAN,
    ))
    .await
    .unwrap();
    assert_exact(&table.inner, &fills);
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(outcome.fills_inserted, 10_000);
    assert_eq!(outcome.progress.fills, 10_000);
}

#[tokio::test]
async fn only_the_asked_seconds_are_loaded() {
    let fills = uneven(3_000, SECONDS, 50, 2);
    let span = Span::new(SECONDS / 2, SECONDS * 9 / 10);
    let table = MemoryTable::new();
    run(&backfill(
        FaultySource::new(fills.clone()),
        table.clone(),
        span,
    ))
    .await
    .unwrap();
    let inside = |fill: &&Fill| (span.from..span.to).contains(&u64::from(fill.timestamp));
    assert_exact(
        &table,
        &fills.iter().filter(inside).copied().collect::<Vec<_>>(),
    );
}

#[tokio::test]
async fn a_burst_of_many_pages_at_one_second_is_whole() {
    let mut random = Random(3);
    let fills: Vec<Fill> = (0..500).map(|_| fill(777, 1, &mut random)).collect();
    let table = MemoryTable::new();
    run(&backfill(
        FaultySource::new(fills.clone()),
        table.clone(),
        SPAN,
    ))
    .await
    .unwrap();
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn an_empty_range_and_an_empty_source_are_complete() {
    let table = MemoryTable::new();
    for span in [SPAN, Span::new(5, 5)] {
        let outcome = run(&backfill(FaultySource::new(vec![]), table.clone(), span))
            .await
            .unwrap();
        assert_eq!(outcome.end, End::Complete);
    }
    assert!(table.fills().is_empty());
}

#[tokio::test]
async fn loading_by_tokens_loads_what_a_scan_loads() {
    let fills = uneven(5_000, SECONDS, 40, 4);
    let table = MemoryTable::new();
    let mut by_tokens = backfill(FaultySource::new(fills.clone()), table.clone(), SPAN);
    let tokens: Vec<TokenId> = (1..=40).map(TokenId::from).collect();
    by_tokens.groups = Some(Arc::new(MemoryGroups::new(&tokens, 7)));
    let outcome = run(&by_tokens).await.unwrap();
    assert_exact(&table, &fills);
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(outcome.progress.fills, 5_000);
}

#[tokio::test]
async fn a_side_that_ends_early_is_not_loaded_again_by_whoever_helps_with_the_other() {
    let mut random = Random(7);
    let mut fills: Vec<Fill> = (0..5_000)
        .map(|_| Fill {
            side: Side::Buy,
            ..fill(random.below(SECONDS / 10), 1, &mut Random(random.next()))
        })
        .collect();
    // One page of them, over the whole time.
    fills.extend((0..15).map(|index| Fill {
        side: Side::Sell,
        ..fill(index * SECONDS / 15, 1, &mut Random(random.next()))
    }));
    let table = MemoryTable::new();
    let mut by_tokens = backfill(FaultySource::new(fills.clone()), table.clone(), SPAN);
    by_tokens.groups = Some(Arc::new(MemoryGroups::new(&[TokenId::from(1)], 1)));
    run(&by_tokens).await.unwrap();
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn several_segments_share_a_request_where_allowed() {
    let fills = uneven(10_000, SECONDS, 50, 5);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    source.max_tasks = 8;
    let mut shared = backfill(source.clone(), table.clone(), SPAN);
    shared.config.workers = 2;
    let outcome = run(&shared).await.unwrap();
    assert_exact(&table, &fills);
    assert!(
        source.requests() * 3 < outcome.pages as usize,
        "{} requests for {} pages",
        source.requests(),
        outcome.pages
    );
}

#[tokio::test]
async fn pages_are_nearly_full_on_uneven_data_at_128_workers() {
    let fills = uneven(200_000, 10_000_000, 50, 6);
    let mut source = FaultySource::new(fills.clone());
    source.inner = source.inner.with_max_rows(200);
    let table = MemoryTable::new();
    let mut wide = backfill(source.clone(), table.clone(), Span::new(0, 10_000_000));
    wide.config = Config::default();
    run(&wide).await.unwrap();
    assert_exact(&table, &fills);
    let full = 200_000_usize.div_ceil(200);
    assert!(
        source.requests() * 100 <= full * 115,
        "{} requests instead of {full}",
        source.requests()
    );
}
