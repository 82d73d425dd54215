//! The table as the engine uses it.

use std::time::Duration;

use fill_table::Removal;
use fills::{Fill, FillStore, Malformed, MemoryTable, Span, SpanSet, TokenId};

use crate::fixture::{BEGIN, add, block, fill, loaded, number, store, table, text};

const ALWAYS: Span = Span::new(0, u64::MAX);

fn at(n: u8, timestamp: u32) -> Fill {
    Fill {
        timestamp,
        ..fill(n)
    }
}

#[tokio::test]
async fn rows_of_a_block_are_there_when_it_is_inserted_and_a_repeat_changes_nothing() {
    let store = store("store_block").await;
    let rows: Vec<_> = (1..=10).map(fill).collect();
    for _ in 0..2 {
        store.insert(block("one", &rows)).await.unwrap();
        assert_eq!(store.table().count().await.unwrap(), 10);
    }
    let readers = number(store.table(), "SELECT count() FROM clob_fills_v2").await;
    assert_eq!(readers, 10);
    assert_eq!(store.tokens_sent(), 10);
    store.insert(block("two", &[])).await.unwrap();
}

#[tokio::test]
async fn ranges_cover_every_row_and_leave_empty_hours_out() {
    let day = 86_400;
    let last = u32::MAX;
    let fills = [
        at(1, BEGIN),
        at(2, BEGIN + 1),
        at(3, BEGIN + day),
        at(4, last),
    ];
    let store = loaded("store_ranges", &fills).await;
    let ranges = store.ranges_with_rows(ALWAYS).await.unwrap();
    for fill in fills {
        let second = u64::from(fill.timestamp);
        assert!(ranges.covers(Span::new(second, second + 1)), "{fill:?}");
    }
    assert!(!ranges.overlaps(Span::new(
        u64::from(BEGIN) + 7200,
        u64::from(BEGIN) + 80_000
    )));
    assert!(ranges.seconds() <= 3 * 3600);

    let from = u64::from(BEGIN);
    let cut = store
        .ranges_with_rows(Span::new(from + 1, from + 2))
        .await
        .unwrap();
    assert_eq!(
        cut.spans().collect::<Vec<_>>(),
        [Span::new(from + 1, from + 2)]
    );
    let none = store
        .ranges_with_rows(Span::new(from + 7200, from + 7300))
        .await
        .unwrap();
    assert!(none.is_empty());
    assert!(
        store
            .ranges_with_rows(Span::new(5, 5))
            .await
            .unwrap()
            .is_empty()
    );
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
    let memory = MemoryTable::new();
    memory.insert(block("all", &fills)).await.unwrap();
    let from = u64::from(BEGIN);
    let some: Vec<TokenId> = vec![1_u64.into(), 6.into()];
    for (spans, tokens) in [
        (vec![], None),
        (vec![(0, u64::MAX)], None),
        (vec![(from, from + 600_000)], None),
        (vec![(from + 40_000, from + 80_001)], None),
        (vec![(from, from + 1), (from + 40_000, from + 40_001)], None),
        (
            vec![(5, 9), (from + 1, from + 40_000), (from + 80_000, u64::MAX)],
            None,
        ),
        (vec![(0, from + 100_000)], Some(&*some)),
        (vec![(0, from), (from + 1, from + 300_000)], Some(&*some)),
        (vec![(0, u64::MAX)], Some(&[])),
        (vec![(from + 1, from + 2)], None),
    ] {
        let spans = SpanSet::from(spans);
        let ours = disk.summary(&spans, tokens).await.unwrap();
        let theirs = memory.summary(&spans, tokens).await.unwrap();
        assert_eq!(ours, theirs, "{spans:?}");
        let ours = disk.existing_keys(&spans, tokens).await.unwrap();
        let theirs = memory.existing_keys(&spans, tokens).await.unwrap();
        assert_eq!(ours, theirs, "{spans:?}");
        for span in spans.spans() {
            let exact = memory.ranges_with_rows(span).await.unwrap();
            let covered = disk.ranges_with_rows(span).await.unwrap();
            assert!(exact.spans().all(|span| covered.covers(span)));
        }
    }
}

#[tokio::test]
async fn a_dead_letter_that_is_written_again_is_there_once() {
    let store = store("store_letters").await;
    let letter = |fill_id: &str, event: &str| Malformed {
        position: None,
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
    store.write_dead_letters(letters.clone()).await.unwrap();
    store.write_dead_letters(letters).await.unwrap();
    store.write_dead_letters(Vec::new()).await.unwrap();
    assert_eq!(store.table().dead_letters().await.unwrap(), 3);
}

#[tokio::test]
async fn a_closed_store_takes_no_more() {
    let store = store("store_close").await;
    store.insert(block("one", &[fill(1)])).await.unwrap();
    store.close().await.unwrap();
    assert!(store.insert(block("two", &[fill(2)])).await.is_err());
    assert_eq!(store.table().count().await.unwrap(), 1);
}

#[tokio::test]
async fn the_same_fill_in_two_blocks_is_the_callers_to_prevent() {
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
async fn rows_that_were_taken_out_and_not_replaced_are_counted() {
    let store = loaded("store_taken_out", &[fill(1), fill(2), fill(3)]).await;
    let table = store.table();
    assert_eq!(table.taken_out_of(ALWAYS).await.unwrap(), 0);
    let removal = |n, source| Removal {
        row: fill(n),
        reason: "the source has no such fill",
        source,
    };
    let replaced = Some((fill(2).token_id, BEGIN));
    let removals = [removal(1, None), removal(2, replaced)];
    assert_eq!(table.take_out(&removals).await.unwrap(), 2);
    assert_eq!(table.count().await.unwrap(), 1);
    assert_eq!(table.taken_out_of(ALWAYS).await.unwrap(), 1);
    assert_eq!(
        table
            .taken_out_of(Span::new(0, u64::from(BEGIN)))
            .await
            .unwrap(),
        0
    );
    let kept = "SELECT toString(groupArray((hex(maker), toString(side), reason, \
                source_timestamp))) FROM (SELECT * FROM clob_fills_v2_quarantine ORDER BY maker)";
    let (first, second) = ("01".repeat(20), "02".repeat(20));
    let reason = "the source has no such fill";
    assert_eq!(
        text(table, kept).await,
        format!(
            "[('{first}','BUY','{reason}',NULL),('{second}','BUY','{reason}','2024-01-23 01:30:00')]"
        )
    );
}
