//! Acknowledgements that follow a lost answer.

use clickhouse_sink::{Config, Error, OnDoubt, Sink};

use crate::fake::{Fake, Fate};
use crate::row::{config, rows};

/// A configuration that looks rows up in the table of a server.
fn looking(fake: &Fake) -> Config {
    let fake = fake.clone();
    let on_doubt = OnDoubt::new(move |doubtful| {
        let table = fake.table();
        assert_eq!(doubtful.columns[0].name, "id");
        let id = |row: &[u8]| u64::from_le_bytes(row[..8].try_into().unwrap());
        let rows = doubtful.rows.iter().enumerate();
        let missing = rows.filter(|(_, row)| !table.contains(&id(row)));
        let missing = missing.map(|(index, _)| index).collect();
        async { Ok(missing) }
    });
    Config {
        on_doubt: Some(on_doubt),
        ..config()
    }
}

#[tokio::test]
async fn rows_that_are_remembered_and_not_there_are_sent_again() {
    for engine in ["MergeTree", "ReplicatedMergeTree"] {
        sent_again(engine).await;
    }
}

async fn sent_again(engine: &str) {
    let fake = Fake::with_fates([Fate::RememberAndReset, Fate::Commit, Fate::RememberAndReset]);
    let fake = fake.await;
    fake.set_engine(&format!(
        "{engine} ORDER BY id SETTINGS non_replicated_deduplication_window = 10000, \
         replicated_deduplication_window = 10000, \
         replicated_deduplication_window_seconds = 604800"
    ));
    let sink = Sink::start(fake.client(), looking(&fake)).await.unwrap();
    let receipts = [0..10, 10..15].map(|ids| sink.send(rows(ids)));
    let [one, two] = receipts;
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    sink.flush().await.unwrap();
    assert_eq!(one.await.unwrap().inserted, 10);
    assert_eq!(two.await.unwrap().inserted, 5);
    assert_eq!(fake.table(), (0..15).collect::<Vec<_>>());
    let stats = sink.stats();
    assert_eq!((stats.rows_inserted, stats.rows_in_flight), (15, 0));
}

#[tokio::test]
async fn rows_that_are_there_are_not_sent_again() {
    let fake = Fake::with_fates([Fate::CommitAndReset]).await;
    let sink = Sink::start(fake.client(), looking(&fake)).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
    assert_eq!(fake.table(), (0..10).collect::<Vec<_>>());
    assert_eq!(fake.attempts().len(), 2);
}

#[tokio::test]
async fn nobody_is_asked_without_a_doubt() {
    let fake = Fake::with_fates([]).await;
    let config = Config {
        on_doubt: Some(OnDoubt::new(|_| async { panic!("asked") })),
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 10);
}

#[tokio::test]
async fn a_doubt_that_cannot_be_settled_stops_the_sink() {
    let fake = Fake::with_fates([Fate::CommitAndReset]).await;
    let config = Config {
        on_doubt: Some(OnDoubt::new(|_| async { Err("no rights to read".into()) })),
        ..config()
    };
    let sink = Sink::start(fake.client(), config).await.unwrap();
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let flushed = sink.flush().await;
    assert!(
        matches!(&flushed, Err(Error::Undecided { rows: 10, message }) if message == "no rights to read"),
        "{flushed:?}"
    );
    assert!(receipt.await.is_err());
}
