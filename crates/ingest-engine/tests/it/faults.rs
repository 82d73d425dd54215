//! What a run does when source or table fail.

use std::sync::Arc;

use fills::{MemoryGroups, MemoryTable, SourceError, Span, StoreError, TokenId};
use ingest_engine::{End, Error};

use crate::fakes::*;

const SECONDS: u64 = 100_000;
const SPAN: Span = Span::new(0, SECONDS);

#[tokio::test]
async fn a_part_that_is_never_answered_is_failed_and_the_next_run_loads_it() {
    let fills = uneven(3_000, SECONDS, 50, 20);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    source.dead = Span::new(99_000, 99_500);
    let mut backfill = backfill(source.clone(), table.clone(), SPAN);
    let outcome = run(&backfill).await.unwrap();
    assert_eq!(outcome.end, End::WorkLeft);
    let failed = &outcome.progress.failed;
    assert!(!failed.is_empty());
    assert!(
        failed
            .iter()
            .all(|unit| unit.reason.contains("reset") && unit.attempts == 10)
    );
    assert!(!outcome.progress.is_complete());

    source.dead = Span::new(0, 0);
    backfill.source = Arc::new(source);
    let outcome = run(&backfill).await.unwrap();
    assert_eq!(outcome.end, End::Complete);
    assert!(outcome.progress.failed.is_empty());
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn parts_of_a_request_that_is_not_answered_are_asked_for_alone() {
    let fills = uneven(3_000, SECONDS, 50, 21);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    (source.max_tasks, source.answered_tasks) = (4, 1);
    let shared = backfill(source, table.clone(), SPAN);
    assert_eq!(run(&shared).await.unwrap().end, End::Complete);
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn both_sides_of_a_group_are_asked_for_alone_where_they_are_too_much_together() {
    let fills = uneven(3_000, SECONDS, 50, 26);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    (source.max_tasks, source.answered_tasks) = (2, 1);
    let mut by_tokens = backfill(source, table.clone(), SPAN);
    let tokens: Vec<TokenId> = (1..=50).map(TokenId::from).collect();
    by_tokens.groups = Some(Arc::new(MemoryGroups::new(&tokens, 50)));
    assert_eq!(run(&by_tokens).await.unwrap().end, End::Complete);
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn fewer_tasks_are_read_together_where_the_source_finds_them_too_heavy() {
    let fills = uneven(3_000, SECONDS, 50, 22);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    (source.max_tasks, source.light_tasks) = (4, 1);
    let heavy = backfill(source, table.clone(), SPAN);
    assert_eq!(run(&heavy).await.unwrap().end, End::Complete);
    assert_exact(&table, &fills);
}

#[tokio::test]
async fn a_chunk_without_progress_is_read_again_as_it_says() {
    let fills = uneven(3_000, SECONDS, 50, 27);
    let table = MemoryTable::new();
    let mut source = FaultySource::new(fills.clone());
    source.reduces = true;
    let outcome = run(&backfill(source.clone(), table.clone(), SPAN))
        .await
        .unwrap();
    assert_exact(&table, &fills);
    // The inner source takes no notice of what was reduced, so that every other chunk is one without progress.
    assert!(outcome.pages < source.requests() as u64);
}

#[tokio::test]
async fn a_source_that_refuses_even_one_task_is_not_a_success() {
    let mut source = FaultySource::new(uneven(3_000, SECONDS, 50, 23));
    source.light_tasks = 0;
    let outcome = run(&backfill(source, MemoryTable::new(), SPAN))
        .await
        .unwrap();
    assert_eq!(outcome.end, End::WorkLeft);
    assert!(
        outcome.progress.failed[0]
            .reason
            .contains("statement timeout")
    );
}

#[tokio::test]
async fn a_broken_deployment_stops_the_run() {
    let source = FaultySource::new(uneven(3_000, SECONDS, 50, 24));
    source
        .faults
        .lock()
        .unwrap()
        .push_back(SourceError::Broken {
            message: "indexing_error".to_owned(),
        });
    let error = run(&backfill(source, MemoryTable::new(), SPAN))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Source(SourceError::Broken { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_table_that_refuses_stops_the_run_and_the_next_one_completes_it() {
    let fills = uneven(3_000, SECONDS, 50, 25);
    let mut table = SlowTable::new(1);
    table.refuses_after = 4;
    let mut backfill = backfill(FaultySource::new(fills.clone()), table.clone(), SPAN);
    let error = run(&backfill).await.unwrap_err();
    assert!(
        matches!(error, Error::Store(StoreError::Refused { .. })),
        "{error}"
    );

    table.refuses_after = usize::MAX;
    backfill.store = Arc::new(table.clone());
    let outcome = run(&backfill).await.unwrap();
    assert_eq!(outcome.end, End::Complete);
    assert_eq!(outcome.progress.fills, 3_000);
    assert_exact(&table.inner, &fills);
}
