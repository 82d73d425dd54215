//! Batches that the server does not take as they are.

use std::sync::{Arc, Mutex};

use clickhouse_sink::{Config, Delivered, Error, OnRefused, Sink};

use crate::fake::{Attempt, Fake, Fate, exception};
use crate::row::{config, rows};

fn too_large(most: usize) -> impl FnMut(usize, &Attempt) -> Fate + Send {
    move |_, attempt| {
        if attempt.ids().len() > most {
            Fate::Refuse(413, String::new())
        } else {
            Fate::Commit
        }
    }
}

fn bad_rows(bad: &'static [u64]) -> impl FnMut(usize, &Attempt) -> Fate + Send {
    move |_, attempt| {
        if attempt.ids().iter().any(|id| bad.contains(id)) {
            exception(117, "cannot read")
        } else {
            Fate::Commit
        }
    }
}

/// A configuration that keeps refused rows in a list.
fn keeping() -> (Config, Arc<Mutex<Vec<u64>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    let on_refused = OnRefused::new(move |refused| {
        let id = u64::from_le_bytes(refused.row[..8].try_into().unwrap());
        assert_eq!(refused.columns[0].name, "id");
        keeper.lock().unwrap().push(id);
        async { Ok(()) }
    });
    let config = Config {
        on_refused: Some(on_refused),
        ..config()
    };
    (config, kept)
}

#[tokio::test]
async fn a_batch_that_is_too_large_goes_in_parts_under_their_own_tokens() {
    let fake = Fake::start(too_large(3)).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
    let attempts = fake.attempts();
    let tokens: std::collections::HashSet<_> = attempts.iter().map(Attempt::token).collect();
    assert_eq!(tokens.len(), attempts.len());
    assert_eq!(sink.stats().splits, 3);
}

#[tokio::test]
async fn refused_rows_are_put_aside_and_the_rest_loads() {
    let fake = Fake::start(bad_rows(&[3, 7])).await;
    let (config, kept) = keeping();
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let clean = sink.send(rows(0..3)).await.unwrap();
    let mixed = sink.send(rows(3..10)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(clean.await.unwrap().inserted, 3);
    let Delivered {
        inserted, refused, ..
    } = mixed.await.unwrap();
    assert_eq!((inserted, refused), (5, 2));
    assert_eq!(fake.table(), [0, 1, 2, 4, 5, 6, 8, 9]);
    assert_eq!(*kept.lock().unwrap(), [3, 7]);
}

#[tokio::test]
async fn a_refused_row_stops_a_sink_that_has_nowhere_to_put_it() {
    let fake = Fake::start(bad_rows(&[3])).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    assert!(matches!(sink.flush().await, Err(Error::RowRefused { .. })));
    assert!(matches!(receipt.await, Err(Error::RowRefused { .. })));
}

#[tokio::test]
async fn too_many_refused_rows_stop_the_sink() {
    let fake = Fake::start(bad_rows(&[1, 2, 3])).await;
    let (config, kept) = keeping();
    let config = Config {
        max_refused_rows: 2,
        ..config
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    assert!(matches!(
        receipt_after_flush(&sink, receipt).await,
        Err(Error::RowRefused { .. })
    ));
    assert_eq!(*kept.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_row_that_cannot_be_put_aside_stops_the_sink() {
    let fake = Fake::start(bad_rows(&[3])).await;
    let config = Config {
        on_refused: Some(OnRefused::new(|_| async { Err("disk full".into()) })),
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let outcome = receipt_after_flush(&sink, receipt).await;
    assert!(matches!(outcome, Err(Error::DeadLetter { message }) if message == "disk full"));
}

#[tokio::test]
async fn a_batch_that_may_be_committed_is_not_split() {
    // The first answer is lost after the commit; from then on the server says no.
    let fake = Fake::start(|number, _| match number {
        0 => Fate::CommitAndReset,
        _ => exception(117, "cannot read"),
    })
    .await;
    let (config, kept) = keeping();
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let outcome = receipt_after_flush(&sink, receipt).await;
    assert!(
        matches!(outcome, Err(Error::Undecided { rows: 10, .. })),
        "{outcome:?}"
    );
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
    assert!(kept.lock().unwrap().is_empty());
    assert_eq!(sink.stats().splits, 0);
}

#[tokio::test]
async fn an_altered_table_is_not_blamed_on_the_rows() {
    let fake = Fake::start(|_, _| exception(117, "Type of `text` must be UInt8")).await;
    let (config, kept) = keeping();
    let sink = Sink::start(fake.client(), config).await.unwrap();
    fake.set_columns(&[("id", "UInt64"), ("text", "UInt8")]);
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let outcome = receipt_after_flush(&sink, receipt).await;
    assert!(matches!(outcome, Err(Error::Schema { .. })), "{outcome:?}");
    assert!(kept.lock().unwrap().is_empty());
}

async fn receipt_after_flush(
    sink: &Sink<crate::row::Numbered>,
    receipt: clickhouse_sink::Receipt,
) -> Result<Delivered, Error> {
    let flushed = sink.flush().await;
    let outcome = receipt.await;
    assert_eq!(flushed.is_err(), outcome.is_err());
    outcome
}
