//! The real engine.

use std::sync::{Arc, Mutex};

use clickhouse::Client;
use clickhouse_embedded::{Auth, testing};
use clickhouse_sink::{Config, Deduplication, Error, OnRefused, Sink};

use crate::lossy_proxy::LossyProxy;
use crate::row::{Numbered, config, rows};

const MERGE_TREE: &str = "ENGINE = MergeTree PARTITION BY id % 5 ORDER BY id";

fn remembering(parts: u32) -> String {
    format!("{MERGE_TREE} SETTINGS non_replicated_deduplication_window = {parts}")
}

/// Makes `t` in a database of its own, with what is given after the columns.
async fn table(database: &str, rest: &str) -> Client {
    let client = testing::database(database).await;
    execute(
        &client,
        &format!("CREATE TABLE t (id UInt64, text String) {rest}"),
    )
    .await;
    client
}

async fn execute(client: &Client, sql: &str) {
    client.query(sql).execute().await.unwrap();
}

/// Returns rows, and distinct rows.
async fn count(client: &Client) -> (u64, u64) {
    let query = client.query("SELECT count(), uniqExact(id) FROM t");
    query.fetch_one().await.unwrap()
}

#[tokio::test]
async fn rows_arrive_as_they_were_sent() {
    let client = table("sink_round_trip", &remembering(1000)).await;
    let config = Config {
        max_rows: 700,
        partitions_per_batch: 5,
        parallel_inserts: 3,
        ..config()
    };
    let sink = Sink::start(client.clone(), config).await.unwrap();
    let mut receipts = Vec::new();
    for start in (0..5000).step_by(250) {
        receipts.push(sink.send(rows(start..start + 250)).await.unwrap());
    }
    sink.close().await.unwrap();
    for receipt in receipts {
        assert_eq!(receipt.await.unwrap().inserted, 250);
    }
    let query = client.query("SELECT ?fields FROM t ORDER BY id");
    assert_eq!(query.fetch_all::<Numbered>().await.unwrap(), rows(0..5000));
}

#[tokio::test]
async fn a_table_of_any_name_gets_its_rows_and_nothing_else_happens() {
    let client = table("sink_names", "ENGINE = Memory").await;
    for name in [
        "a`b",
        "a'; DROP TABLE t; --",
        "a\\",
        "a.b\"c",
        "дb\u{202e} /*",
    ] {
        let quoted = format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"));
        let make = format!("CREATE TABLE {quoted} (id UInt64, text String) ENGINE = Memory");
        client.query_raw(&make).execute().await.unwrap();
        let config = Config {
            table: name.to_owned(),
            deduplication: Deduplication::Off,
            ..config()
        };
        let sink = Sink::start(client.clone(), config).await.unwrap();
        let receipt = sink.send(rows(0..3)).await.unwrap();
        sink.close().await.unwrap();
        assert_eq!(receipt.await.unwrap().inserted, 3, "{name}");
        let count = client.query_raw(&format!("SELECT count() FROM {quoted}"));
        assert_eq!(count.fetch_one::<u64>().await.unwrap(), 3);
    }
    assert_eq!(count(&client).await, (0, 0));
}

/// Loads 1,000 rows into five partitions while the answers of two inserts are lost, and returns
/// how many rows are there, and how many distinct ones.
async fn load_with_lost_answers(database: &str, rest: &str, config: Config) -> (u64, u64) {
    let direct = table(database, rest).await;
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = testing::shared_engine().serve(listen, Auth::Open).await;
    let server = server.unwrap();
    let proxy = LossyProxy::start(server.addr()).await;
    let client = Client::default()
        .with_url(proxy.url())
        .with_database(database);
    let sink = Sink::start(client, config).await.unwrap();
    proxy.lose(2);
    let receipt = sink.send(rows(0..1000)).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 1000);
    assert_eq!((proxy.to_lose(), sink.stats().retries), (0, 2));
    count(&direct).await
}

#[tokio::test]
async fn a_lost_answer_doubles_no_row() {
    let counted = load_with_lost_answers("sink_lost_answer", &remembering(2000), config()).await;
    assert_eq!(counted, (1000, 1000));
}

#[tokio::test]
async fn a_lost_answer_doubles_rows_where_the_table_remembers_nothing() {
    let config = Config {
        deduplication: Deduplication::Off,
        ..config()
    };
    let counted = load_with_lost_answers("sink_forgetful", MERGE_TREE, config).await;
    assert_eq!(counted, (3000, 1000));
}

#[tokio::test]
async fn a_table_without_a_window_is_refused_with_a_mend_that_works() {
    let client = table("sink_mend", MERGE_TREE).await;
    let error = Sink::<Numbered>::start(client.clone(), config()).await;
    let error = error.unwrap_err().to_string();
    let (_, mend) = error.split_once(": ALTER").unwrap();
    execute(&client, &format!("ALTER{mend}")).await;
    Sink::<Numbered>::start(client, config()).await.unwrap();
}

#[tokio::test]
async fn a_refused_row_leaves_nothing_of_its_batch_behind() {
    // Several megabytes, so that the batch arrives in several pieces; the last row is the bad one.
    let client = table("sink_refused_row", &remembering(2000)).await;
    execute(
        &client,
        "ALTER TABLE t ADD CONSTRAINT small CHECK id < 59999",
    )
    .await;
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    let config = Config {
        on_refused: Some(OnRefused::new(move |refused| {
            keeper.lock().unwrap().push(refused.message);
            async { Ok(()) }
        })),
        ..config()
    };
    let sink = Sink::start(client.clone(), config).await.unwrap();
    let mut long = rows(0..60_000);
    for row in &mut long {
        row.text = row.text.repeat(10);
    }
    let receipt = sink.send(long).await.unwrap();
    sink.close().await.unwrap();
    let delivered = receipt.await.unwrap();
    assert_eq!((delivered.inserted, delivered.refused), (59_999, 1));
    assert_eq!(count(&client).await, (59_999, 59_999));
    let kept = kept.lock().unwrap();
    assert!(kept.len() == 1 && kept[0].contains("Code: 469"), "{kept:?}");
}

#[tokio::test]
async fn a_batch_into_too_many_partitions_goes_in_parts() {
    let client = table(
        "sink_partitions",
        "ENGINE = MergeTree PARTITION BY intDiv(id, 10) ORDER BY id \
         SETTINGS non_replicated_deduplication_window = 2000",
    )
    .await;
    let sink = Sink::start(client.clone(), config()).await.unwrap();
    let receipt = sink.send(rows(0..3000)).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 3000);
    assert_eq!(count(&client).await, (3000, 3000));
    assert_eq!(sink.stats().splits, 3);
}

#[tokio::test]
async fn a_table_altered_under_way_stops_the_sink() {
    let client = table("sink_altered", &remembering(2000)).await;
    let sink = Sink::start(client.clone(), config()).await.unwrap();
    execute(
        &client,
        "ALTER TABLE t MODIFY COLUMN text LowCardinality(String)",
    )
    .await;
    let receipt = sink.send(rows(0..10)).await.unwrap();
    let flushed = sink.flush().await;
    assert!(matches!(flushed, Err(Error::Schema { .. })), "{flushed:?}");
    assert!(matches!(receipt.await, Err(Error::Schema { .. })));
    assert_eq!(count(&client).await, (0, 0));
}

#[tokio::test]
async fn a_batch_beyond_the_memory_of_one_query_is_not_loaded_in_guesses() {
    let client = table("sink_memory", &remembering(2000)).await;
    let config = Config {
        settings: vec![("max_memory_usage".to_owned(), "20000000".to_owned())],
        ..config()
    };
    let sink = Sink::start(client.clone(), config).await.unwrap();
    let mut long = rows(0..60_000);
    for row in &mut long {
        row.text = row.text.repeat(30);
    }
    let receipt = sink.send(long).await.unwrap();
    let flushed = sink.flush().await;
    // The engine does not say whether it was still reading.
    assert!(
        matches!(flushed, Err(Error::Undecided { rows: 60_000, .. })),
        "{flushed:?}"
    );
    assert!(matches!(receipt.await, Err(Error::Undecided { .. })));
    let (rows, distinct) = count(&client).await;
    assert_eq!(rows, distinct);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_said_to_be() {
    let client = testing::database("sink_no_table").await;
    let error = Sink::<Numbered>::start(client, config()).await.unwrap_err();
    assert!(
        matches!(error, Error::Refused { code: Some(60), .. }),
        "{error}"
    );
}
