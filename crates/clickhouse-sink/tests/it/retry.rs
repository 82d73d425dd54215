//! Same bytes, same token, until it is in.

use std::time::Duration;

use clickhouse_sink::{Config, Error, RetryPolicy, Sink};

use crate::fake::{Fake, Fate, exception};
use crate::row::{Numbered, config, rows};

/// Sends ten rows through a server that fails as listed, and checks that they are in once.
async fn check(fates: Vec<Fate>) {
    let failures = fates.len();
    let fake = Fake::with_fates(fates).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());

    let attempts = fake.attempts();
    assert_eq!(attempts.len(), failures + 1);
    let first = &attempts[0];
    for attempt in &attempts[1..] {
        assert_eq!(attempt.token(), first.token());
        assert_eq!(attempt.body, first.body);
        // So that a server cannot execute two attempts at once.
        assert_eq!(attempt.settings["query_id"], first.settings["query_id"]);
    }
    let stats = sink.stats();
    assert_eq!(
        (stats.retries, stats.batches_inserted),
        (failures as u64, 1)
    );
}

#[tokio::test]
async fn busy_servers_are_asked_again() {
    let unavailable = Fate::Refuse(503, "Service Unavailable".to_owned());
    check(vec![
        unavailable.clone(),
        exception(202, "Too many queries"),
        unavailable,
    ])
    .await;
}

#[tokio::test]
async fn broken_connections_are_made_again() {
    check(vec![Fate::Reset, Fate::Reset]).await;
}

#[tokio::test]
async fn a_lost_acknowledgement_doubles_nothing() {
    check(vec![Fate::CommitAndReset]).await;
    check(vec![
        Fate::CommitAndAnswer(504, "Gateway Time-out".to_owned()),
        Fate::Reset,
    ])
    .await;
    check(vec![Fate::CommitAndAnswer(
        500,
        "Code: 319. DB::Exception: Unknown status".to_owned(),
    )])
    .await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
    let fake = Fake::with_fates([]).await;
    let config = Config {
        attempt_timeout: Duration::from_millis(50),
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    fake.hold();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let flushing = tokio::spawn(async move { sink.flush().await });
    fake.arrived(3).await;
    fake.release(100);
    flushing.await.unwrap().unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_insert_promises_what_it_should() {
    let fake = Fake::with_fates([]).await;
    let settings = vec![("insert_quorum".to_owned(), "2".to_owned())];
    let config = Config {
        settings,
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let _receipt = sink.send(rows(0..1)).await.unwrap();
    sink.close().await.unwrap();
    let attempt = &fake.attempts()[0];
    assert_eq!(
        attempt.sql,
        "INSERT INTO `t` (`id`, `text`) FORMAT RowBinaryWithNamesAndTypes"
    );
    for (name, value) in [
        ("async_insert", "0"),
        ("wait_end_of_query", "1"),
        ("insert_deduplicate", "1"),
        ("deduplicate_insert", "enable"),
        ("insert_quorum", "2"),
    ] {
        assert_eq!(attempt.settings[name], value, "{name}");
    }
}

#[tokio::test]
async fn what_lasts_stops_the_sink_and_everyone_hears_why() {
    let fake = Fake::with_fates([exception(497, "Not enough privileges")]).await;
    let sink = Sink::start(fake.client(), config()).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let refused = |error: Error| {
        matches!(
            error,
            Error::Refused {
                code: Some(497),
                ..
            }
        )
    };
    assert!(refused(sink.flush().await.unwrap_err()));
    assert!(refused(receipt.await.unwrap_err()));
    assert!(refused(sink.send(rows(10..11)).await.unwrap_err()));
    assert!(refused(sink.clone().close().await.unwrap_err()));
    assert_eq!(fake.attempts().len(), 1);
}

#[tokio::test]
async fn giving_up_is_done_when_configured() {
    let fake = Fake::start(|_, _| exception(210, "Connection refused")).await;
    let config = Config {
        retry: RetryPolicy {
            give_up_after: Some(Duration::ZERO),
            ..config().retry
        },
        ..config()
    };
    let sink = Sink::<Numbered>::start(fake.client(), config)
        .await
        .unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let outcome = sink.flush().await;
    assert!(
        matches!(outcome, Err(Error::Unavailable { attempts: 1, .. })),
        "{outcome:?}"
    );
    assert!(matches!(receipt.await, Err(Error::Unavailable { .. })));
}
