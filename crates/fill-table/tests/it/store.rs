//! The table as the engine uses it.

use std::collections::HashSet;
use std::time::Duration;

use fills::{Fill, FillId, FillStore, Malformed, Scope, Span};

use crate::fixture::{BEGIN, add, fill, loaded, number, store, table};

const ALWAYS: Span = Span::new(0, u64::MAX);

fn scope(span: Span) -> Scope {
    Scope { span, tokens: None }
}

fn ids(fills: &[Fill]) -> HashSet<FillId> {
    fills.iter().map(|fill| fill.id).collect()
}

fn at(n: u8, timestamp: u32) -> Fill {
    Fill {
        timestamp,
        ..fill(n)
    }
}

#[tokio::test]
async fn rows_are_there_when_their_receipt_resolves() {
    let store = store("store_receipt").await;
    let receipt = store.send(vec![fill(1), fill(2)]).await.unwrap();
    receipt.await.unwrap();
    assert_eq!(store.table().count().await.unwrap(), 2);
    let readers = number(store.table(), "SELECT count() FROM clob_fills_v2").await;
    assert_eq!(readers, 2);
}

#[tokio::test]
async fn occupied_covers_every_row_and_leaves_empty_hours_out() {
    let day = 86_400;
    let last = u32::MAX;
    let fills = [
        at(1, BEGIN),
        at(2, BEGIN + 1),
        at(3, BEGIN + day),
        at(4, last),
    ];
    let store = loaded("store_occupied", &fills).await;
    let occupied = store.occupied(ALWAYS).await.unwrap();
    for fill in fills {
        let second = u64::from(fill.timestamp);
        assert!(occupied.covers(Span::new(second, second + 1)), "{fill:?}");
    }
    assert!(!occupied.overlaps(Span::new(
        u64::from(BEGIN) + 7200,
        u64::from(BEGIN) + 80_000
    )));
    assert!(occupied.seconds() <= 3 * 3600);

    let from = u64::from(BEGIN);
    let cut = store.occupied(Span::new(from + 1, from + 2)).await.unwrap();
    assert_eq!(
        cut.spans().collect::<Vec<_>>(),
        [Span::new(from + 1, from + 2)]
    );
    let none = store
        .occupied(Span::new(from + 7200, from + 7300))
        .await
        .unwrap();
    assert!(none.is_empty());
    assert!(store.occupied(Span::new(5, 5)).await.unwrap().is_empty());
}

#[tokio::test]
async fn loaded_returns_the_ids_within_the_span() {
    let fills = [1, 2, 3].map(fill);
    let store = loaded("store_loaded", &fills).await;
    let all = store.loaded(&scope(ALWAYS), 100).await.unwrap();
    assert_eq!((all.ids, all.until), (ids(&fills), u64::MAX));

    let middle = Span::new(fills[1].timestamp.into(), fills[2].timestamp.into());
    let some = store.loaded(&scope(middle), 100).await.unwrap();
    assert_eq!((some.ids, some.until), (ids(&fills[1..2]), middle.to));
    let empty = store.loaded(&scope(Span::new(9, 9)), 100).await.unwrap();
    assert!(empty.ids.is_empty());
}

#[tokio::test]
async fn loaded_returns_whole_seconds_and_goes_on_where_it_ended() {
    // Forty rows in ten seconds, then two months apart.
    let fills: Vec<_> = (0..40)
        .map(|n| at(n, BEGIN + u32::from(n / 4)))
        .chain([at(40, BEGIN + 5_000_000), at(41, BEGIN + 10_000_000)])
        .collect();
    let store = loaded("store_pages", &fills).await;
    let mut span = Span::new(u64::from(BEGIN) - 100, u64::from(BEGIN) + 20_000_000);
    let (mut seen, mut calls) = (HashSet::new(), 0);
    while !span.is_empty() {
        let page = store.loaded(&scope(span), 10).await.unwrap();
        assert!(page.until > span.from && page.until <= span.to);
        assert!(page.ids.len() <= 12, "whole seconds of four rows");
        for fill in &fills {
            let second = u64::from(fill.timestamp);
            let before = (span.from..page.until).contains(&second);
            assert_eq!(page.ids.contains(&fill.id), before, "{fill:?} {page:?}");
        }
        seen.extend(page.ids);
        span.from = page.until;
        calls += 1;
    }
    assert_eq!(seen, ids(&fills));
    assert!(calls <= 12, "{calls}");
}

#[tokio::test]
async fn a_second_with_more_rows_than_the_limit_comes_whole() {
    let fills: Vec<_> = (0..50).map(|n| at(n, BEGIN)).collect();
    let store = loaded("store_burst", &fills).await;
    let from = u64::from(BEGIN);
    let page = store
        .loaded(&scope(Span::new(from, from + 9)), 3)
        .await
        .unwrap();
    assert_eq!((page.ids, page.until), (ids(&fills), from + 1));
}

#[tokio::test]
async fn loaded_of_tokens_returns_theirs_only() {
    let fills = [1, 2, 3].map(fill);
    let store = loaded("store_tokens", &fills).await;
    let of = |tokens: &[u64]| Scope {
        span: ALWAYS,
        tokens: Some(tokens.iter().map(|&token| token.into()).collect()),
    };
    let some = store.loaded(&of(&[3, 1, 99]), 100).await.unwrap();
    assert_eq!(some.ids, ids(&[fills[0], fills[2]]));
    let none = store.loaded(&of(&[]), 100).await.unwrap();
    assert!(none.ids.is_empty());
}

#[tokio::test]
async fn the_store_on_disk_agrees_with_the_one_in_memory() {
    let fills: Vec<_> = (1..=60)
        .map(|n| Fill {
            token_id: u64::from(n % 7).into(),
            ..at(n, BEGIN + u32::from(n % 13) * 40_000)
        })
        .collect();
    let disk = loaded("store_twin", &fills).await;
    let memory = fills::MemoryTable::new();
    memory.send(fills).await.unwrap().await.unwrap();
    let from = u64::from(BEGIN);
    for (begin, end, tokens) in [
        (from, from + 600_000, None),
        (from + 40_000, from + 80_001, None),
        (0, from + 100_000, Some(vec![1_u64.into(), 6.into()])),
        (from + 1, from + 2, None),
    ] {
        let scope = Scope {
            span: Span::new(begin, end),
            tokens: tokens.map(Into::into),
        };
        let (ours, theirs) = (
            disk.loaded(&scope, 1000).await,
            memory.loaded(&scope, 1000).await,
        );
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{scope:?}");
        let exact = memory.occupied(scope.span).await.unwrap();
        let covered = disk.occupied(scope.span).await.unwrap();
        assert!(exact.spans().all(|span| covered.covers(span)));
    }
}

#[tokio::test]
async fn an_event_buried_again_is_there_once() {
    let store = store("store_bury").await;
    let letter = |fill_id: &str, event: &str| Malformed {
        fill_id: fill_id.to_owned(),
        field: "fee".to_owned(),
        reason: "\"x\" is not a decimal integer".to_owned(),
        event: event.to_owned(),
    };
    let letters = vec![
        letter("a", "{}"),
        letter("", "{\"id\":1}"),
        letter("", "{\"id\":2}"),
    ];
    store.bury(letters.clone()).await.unwrap();
    store.bury(letters).await.unwrap();
    store.bury(Vec::new()).await.unwrap();
    assert_eq!(store.table().dead_letters().await.unwrap(), 3);
}

#[tokio::test]
async fn a_closed_store_has_inserted_everything_and_takes_no_more() {
    let store = store("store_close").await;
    let receipt = store.send(vec![fill(1)]).await.unwrap();
    store.close().await.unwrap();
    receipt.await.unwrap();
    assert!(store.send(vec![fill(2)]).await.is_err());
    assert_eq!(store.table().count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_same_fill_sent_twice_is_the_callers_to_prevent() {
    let store = loaded("store_twice", &[fill(1)]).await;
    add(&store, &[fill(1)]).await;
    assert_eq!(store.table().count().await.unwrap(), 2);
}

#[tokio::test]
async fn an_insert_that_is_still_executed_is_waited_for() {
    let table = table("awaited_inserts").await;
    let brief = Duration::from_millis(300);
    assert!(table.await_inserts(brief).await.unwrap());

    let client = table.server().client();
    let mut insert = client
        .insert_formatted_with("INSERT INTO clob_fills_v2_data (timestamp) FORMAT TabSeparated");
    // The server begins once it has `max_query_size` bytes, 256 KiB, and then cannot end it.
    let rows = "1705973400\n".repeat(30_000);
    insert.send(rows.into()).await.unwrap();
    let begun = async {
        while table.await_inserts(Duration::ZERO).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), begun)
        .await
        .unwrap();
    assert!(!table.await_inserts(brief).await.unwrap());

    let waiting = table.await_inserts(Duration::from_secs(60));
    let (ended, done) = tokio::join!(insert.end(), waiting);
    ended.unwrap();
    assert!(done.unwrap());
    assert_eq!(table.count().await.unwrap(), 30_000);
}

#[tokio::test]
async fn refused_rows_are_counted_in_their_own_range() {
    let store = store("store_refused").await;
    let table = store.table();
    let refuse = format!(
        "ALTER TABLE clob_fills_v2_data ADD CONSTRAINT early CHECK toUInt32(timestamp) < {}",
        BEGIN + 2
    );
    table
        .server()
        .client()
        .query(&refuse)
        .execute()
        .await
        .unwrap();
    add(&store, &[fill(0), fill(1), fill(2), fill(3)]).await;
    let second = |n: u32| u64::from(BEGIN + n);
    assert_eq!(table.count().await.unwrap(), 2);
    let refused = |from, to| table.refused_in(Span::new(second(from), second(to)));
    assert_eq!(refused(0, 4).await.unwrap(), 2);
    assert_eq!(refused(0, 3).await.unwrap(), 1);
    assert_eq!(refused(0, 2).await.unwrap(), 0);
}

#[tokio::test]
async fn retain_takes_out_what_is_not_the_source_s_and_keeps_it_beside() {
    let fills = [1, 2, 3, 4].map(fill);
    let store = loaded("store_retain", &fills).await;
    let span = Span::new(fills[0].timestamp.into(), fills[3].timestamp.into());
    // The second one is elsewhere now, the third one was never there, the fourth is not asked about.
    let moved = Fill {
        timestamp: fills[1].timestamp + 1,
        ..fills[1]
    };
    let removed = store.retain(&scope(span), &[fills[0], moved]).await;
    assert_eq!(removed.unwrap(), 2);
    let left = store.loaded(&scope(ALWAYS), 100).await.unwrap();
    assert_eq!(left.ids, ids(&[fills[0], fills[3]]));
    let table = store.table();
    assert_eq!(table.count().await.unwrap(), 2);
    let beside = "SELECT count() FROM clob_fills_v2_quarantine WHERE reason LIKE 'not at%'";
    assert_eq!(number(table, beside).await, 2);

    // Doing it again does nothing, and what was taken out can be put in again.
    let again = store.retain(&scope(span), &[fills[0]]).await;
    assert_eq!(again.unwrap(), 0);
    store.send(vec![moved]).await.unwrap().await.unwrap();
    assert_eq!(table.count().await.unwrap(), 3);
}

#[tokio::test]
async fn retain_leaves_other_tokens_alone() {
    let fills = [1, 2].map(fill);
    let store = loaded("store_retain_tokens", &fills).await;
    let scope = Scope {
        span: ALWAYS,
        tokens: Some([fills[1].token_id].into()),
    };
    let of_both = fills[0].token_id != fills[1].token_id;
    assert!(of_both, "the fixture's fills are of tokens of their own");
    assert_eq!(store.retain(&scope, &[]).await.unwrap(), 1);
    let left = store.table().fills(&self::scope(ALWAYS), 10).await.unwrap();
    assert_eq!(left, Some(vec![fills[0]]));
}
