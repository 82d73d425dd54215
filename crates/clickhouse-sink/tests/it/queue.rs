//! What waits, what is bounded, and what is never lost.

use std::time::Duration;

use clickhouse_sink::{ColumnSpec, Config, EncodeError, EncodeRow, Error, RowOrder, Sink};
use futures::FutureExt;

use crate::fake::Fake;
use crate::row::{Numbered, config, rows};

#[tokio::test]
async fn batches_form_across_senders_and_are_sealed_by_rows() {
    let fake = Fake::with_fates([]).await;
    let config = Config {
        max_rows: 25,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    for start in (0..100).step_by(10) {
        let _receipt = sink.send(rows(start..start + 10)).await.unwrap();
    }
    sink.flush().await.unwrap();
    let mut sizes: Vec<_> = fake.attempts().iter().map(|a| a.ids().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [25, 25, 25, 25]);
    assert_eq!(fake.table(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_old_batch_goes_although_it_is_not_full() {
    let fake = Fake::with_fates([]).await;
    let config = Config {
        max_age: Duration::from_millis(5),
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..3)).await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 3);
}

#[tokio::test]
async fn senders_wait_while_the_queue_is_full() {
    let fake = Fake::with_fates([]).await;
    fake.hold();
    let config = Config {
        max_rows: 10,
        queue_rows: 30,
        parallel_inserts: 2,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    for start in [0, 10, 20] {
        let _receipt = sink.send(rows(start..start + 10)).await.unwrap();
    }
    fake.arrived(2).await;
    let mut fourth = Box::pin(sink.send(rows(30..40)));
    assert!(fourth.as_mut().now_or_never().is_none());
    let stats = sink.stats();
    assert_eq!((stats.rows_waiting, stats.rows_in_flight), (10, 20));

    fake.release(1);
    let receipt = fourth.await.unwrap();
    fake.release(100);
    sink.flush().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_more_inserts_run_at_once_than_allowed() {
    let fake = Fake::with_fates([]).await;
    fake.hold();
    let config = Config {
        max_rows: 1,
        parallel_inserts: 3,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let _receipt = sink.send(rows(0..9)).await.unwrap();
    for done in 0..6 {
        fake.arrived(3 + done).await;
        assert_eq!(sink.stats().rows_in_flight, 3);
        fake.release(1);
    }
    fake.release(100);
    sink.close().await.unwrap();
    assert_eq!(fake.attempts().len(), 9);
}

#[tokio::test]
async fn a_send_larger_than_the_queue_is_taken_when_nothing_else_is_held() {
    let fake = Fake::with_fates([]).await;
    let config = Config {
        max_rows: 10,
        queue_rows: 20,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    // Five rows lie in an open batch that nobody flushes.
    let small = sink.send(rows(0..5)).await.unwrap();
    let large = sink.send(rows(5..100)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(small.await.unwrap().inserted, 5);
    assert_eq!(large.await.unwrap().inserted, 95);
    assert_eq!(fake.table(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_send_takes_all_or_nothing() {
    let fake = Fake::with_fates([]).await;
    fake.hold();
    let config = Config {
        max_rows: 10,
        queue_rows: 10,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let _receipt = sink.send(rows(0..10)).await.unwrap();
    let mut waiting = Box::pin(sink.send(rows(10..20)));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waiting);
    fake.release(100);
    let _receipt = sink.send(rows(20..30)).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(fake.table(), (0..10).chain(20..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn closing_drains_and_then_refuses() {
    let fake = Fake::with_fates([]).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert!(matches!(sink.send(rows(10..11)).await, Err(Error::Closed)));
    assert!(matches!(sink.flush().await, Err(Error::Closed)));
    sink.close().await.unwrap();
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn closing_turns_waiting_senders_away() {
    let fake = Fake::with_fates([]).await;
    fake.hold();
    let config = Config {
        max_rows: 10,
        queue_rows: 10,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let taken = sink.send(rows(0..10)).await.unwrap();
    let mut waiting = Box::pin(sink.send(rows(10..20)));
    assert!(waiting.as_mut().now_or_never().is_none());
    let mut closing = Box::pin(sink.close());
    assert!(closing.as_mut().now_or_never().is_none());
    assert!(matches!(waiting.await, Err(Error::Closed)));
    fake.release(100);
    closing.await.unwrap();
    assert_eq!(taken.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn dropping_the_last_handle_loses_no_rows() {
    let fake = Fake::with_fates([]).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    drop(sink);
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn others_do_not_run_further_ahead_than_the_table_remembers() {
    let fake = Fake::with_fates([]).await;
    fake.set_engine("MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 8");
    fake.hold();
    let config = Config {
        max_rows: 1,
        parallel_inserts: 2,
        partitions_per_batch: 1,
        attempt_timeout: Duration::from_secs(60),
        ..config()
    };
    // The window of 8 lets batches 1, 2 and 3 go while batch 0 is under way.
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let _receipt = sink.send(rows(0..8)).await.unwrap();
    fake.arrived(2).await;
    fake.release(100);
    sink.flush().await.unwrap();
    assert_eq!(fake.table(), (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_empty_send_is_settled_at_once() {
    let fake = Fake::with_fates([]).await;
    let sink = Sink::<Numbered>::start(fake.client(), config())
        .await
        .unwrap();
    let receipt = sink.send(Vec::new()).await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 0);
    sink.flush().await.unwrap();
    assert!(fake.attempts().is_empty());
}

/// A row of which nobody can say where it goes.
struct Brittle(u64);

impl EncodeRow for Brittle {
    fn columns() -> Vec<ColumnSpec> {
        vec![
            ColumnSpec::typed("id", "UInt64"),
            ColumnSpec::typed("text", "String"),
        ]
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(&self.0.to_le_bytes());
        buffer.push(0);
        Ok(())
    }

    fn order() -> Option<RowOrder> {
        Some(RowOrder {
            prefix: |_| panic!("nobody knows where it goes"),
            compare: |_, _| std::cmp::Ordering::Equal,
        })
    }
}

#[tokio::test]
async fn a_close_after_a_panic_says_that_rows_were_lost() {
    let fake = Fake::with_fates([]).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(vec![Brittle(1), Brittle(2)]).await.unwrap();
    let flushed = sink.flush().await;
    assert!(matches!(flushed, Err(Error::Aborted)), "{flushed:?}");
    receipt.await.unwrap_err();
    for _ in 0..2 {
        let closed = sink.close().await;
        assert!(matches!(closed, Err(Error::Aborted)), "{closed:?}");
    }
    let sent = sink.send(vec![Brittle(3)]).await;
    assert!(matches!(sent, Err(Error::Aborted)), "{sent:?}");
    assert!(fake.table().is_empty());
}

#[tokio::test]
async fn a_large_row_before_many_small_ones_takes_no_more_memory_than_they_do() {
    let fake = Fake::with_fates([]).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let mut rows = rows(0..100_000);
    // As many bytes for each of them are more than any machine has.
    rows[0].text = "x".repeat(1 << 20);
    let receipt = sink.send(rows).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 100_000);
}
