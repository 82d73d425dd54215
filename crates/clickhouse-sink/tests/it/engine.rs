//! The real engine.

use std::sync::{Arc, Mutex};

use clickhouse::Client;
use clickhouse_embedded::testing;
use clickhouse_sink::row_binary::put_string;
use clickhouse_sink::{
    ColumnSpec, Config, Deduplication, EncodeError, EncodeRow, Error, OnRefused, Sink,
};

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

#[derive(Debug, Clone, PartialEq, clickhouse::Row, serde::Serialize)]
struct WithTuple {
    id: u64,
    pair: (u64, String),
}

#[tokio::test]
async fn columns_of_named_tuples_get_their_rows() {
    let client = testing::database("sink_named_tuple").await;
    let columns = "id UInt64, pair Tuple(number UInt64, text String)";
    execute(
        &client,
        &format!("CREATE TABLE t ({columns}) {}", remembering(1000)),
    )
    .await;
    let sink = Sink::start(client.clone(), config()).await.unwrap();
    let rows = (0..5).map(|id| WithTuple {
        id,
        pair: (id + 7, format!("text {id}")),
    });
    let receipt = sink.send(rows.collect()).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 5);
    let query = client.query("SELECT toString(groupArray(pair.text)) FROM t WHERE id = 3");
    assert_eq!(query.fetch_one::<String>().await.unwrap(), "['text 3']");
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
    let server = testing::shared_server().connection();
    let address = server.url.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = LossyProxy::start(address).await;
    // As a user's profile could say.
    let client = direct.clone().with_setting("deduplicate_insert", "disable");
    let client = client.with_url(proxy.url());
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
async fn a_block_is_in_once_whoever_sends_it_again() {
    let client = table("sink_block", &remembering(2000)).await;
    for _process in 0..2 {
        let sink = Sink::start(client.clone(), config()).await.unwrap();
        // In other parts and beside a batch, it is the same block.
        for parts in [vec![rows(0..700), rows(700..1000)], vec![rows(0..1000)]] {
            let delivered = sink.send_block("offsets 0 to 999", parts).await.unwrap();
            assert_eq!(delivered.inserted, 1000);
        }
        let nothing = sink.send_block("nothing", vec![Vec::new()]).await;
        assert_eq!(nothing.unwrap().inserted, 0);
        sink.close().await.unwrap();
        let closed = sink.send_block("late", vec![rows(0..1)]).await;
        assert!(closed.is_err());
    }
    assert_eq!(count(&client).await, (1000, 1000));
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
    // Halved as long as the server was still reading; then it does not say whether it was.
    assert!(
        matches!(
            flushed,
            Err(Error::Undecided {
                rows: 60_000 | 30_000 | 15_000,
                ..
            })
        ),
        "{flushed:?}"
    );
    assert!(matches!(receipt.await, Err(Error::Undecided { .. })));
    let (rows, distinct) = count(&client).await;
    assert_eq!(rows, distinct);
}

/// A row without text, which goes in by column.
struct Fixed(u64);

impl EncodeRow for Fixed {
    fn columns() -> Vec<ColumnSpec> {
        vec![
            ColumnSpec::typed("id", "UInt64"),
            ColumnSpec::typed("text", "FixedString(200)"),
        ]
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        buffer.extend_from_slice(&self.0.to_le_bytes());
        buffer.extend_from_slice(&[b'x'; 200]);
        Ok(())
    }
}

#[tokio::test]
async fn a_batch_goes_in_parts_where_reading_it_takes_too_much_memory() {
    let client = testing::database("sink_memory_by_column").await;
    let create = format!(
        "CREATE TABLE t (id UInt64, text FixedString(200)) {}",
        remembering(2000).replace(" PARTITION BY id % 5", "")
    );
    execute(&client, &create).await;
    let config = Config {
        max_rows: 100_000,
        settings: vec![
            ("max_memory_usage".to_owned(), "23000000".to_owned()),
            ("max_untracked_memory".to_owned(), "1000".to_owned()),
        ],
        ..config()
    };
    let sink = Sink::start(client.clone(), config).await.unwrap();
    let receipt = sink.send((0..100_000).map(Fixed).collect()).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 100_000);
    assert_eq!(count(&client).await, (100_000, 100_000));
    assert!(sink.stats().splits > 0);
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

/// A column of each type whose values have one length, and a value of it.
const FIXED: [(&str, &[u8]); 18] = [
    ("Bool", &[1]),
    ("Enum8('a' = -7, 'b' = 2)", &[0xf9]),
    ("Enum16('a' = -7, 'b' = 300)", &[0x2c, 1]),
    ("Int8", &[0x80]),
    ("UInt16", &[1, 2]),
    ("Date", &[1, 0x40]),
    ("Date32", &[0xff, 0xff, 0xff, 0xff]),
    ("DateTime('UTC')", &[1, 2, 3, 4]),
    ("Float32", &[0, 0, 0x80, 0x3f]),
    ("IPv4", &[4, 3, 2, 1]),
    ("Decimal(9, 2)", &[0xff, 0xff, 0xff, 0xff]),
    ("DateTime64(3, 'UTC')", &[1, 2, 3, 4, 5, 0, 0, 0]),
    ("Decimal(18, 2)", &[7; 8]),
    ("UUID", b"0123456789abcdef"),
    ("IPv6", b"0123456789abcdef"),
    (
        "Decimal(38, 2)",
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ),
    ("Int256", &[0xfe; 32]),
    ("FixedString(5)", b"a\0b\nc"),
];

/// A value in each column of [`FIXED`], and with `TEXT` one in a column of text.
struct EachType<const TEXT: bool>(u32);

impl<const TEXT: bool> EncodeRow for EachType<TEXT> {
    fn columns() -> Vec<ColumnSpec> {
        const NAMES: [&str; 18] = [
            "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13",
            "c14", "c15", "c16", "c17",
        ];
        let fixed = NAMES.iter().zip(FIXED);
        let fixed = fixed.map(|(name, (data_type, _))| ColumnSpec::typed(name, data_type));
        let ends = [("n", "UInt32"), ("text", "String")];
        let ends = ends.map(|(name, data_type)| ColumnSpec::typed(name, data_type));
        fixed
            .chain(ends.into_iter().take(1 + usize::from(TEXT)))
            .collect()
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        for (_, value) in FIXED {
            buffer.extend_from_slice(value);
        }
        buffer.extend_from_slice(&self.0.to_le_bytes());
        if TEXT {
            put_string(buffer, b"text");
        }
        Ok(())
    }
}

async fn insert_each_type<const TEXT: bool>(client: &Client, table: &str) {
    let columns = EachType::<TEXT>::columns().into_iter();
    let columns = columns.map(|column| format!("{} {}", column.name, column.data_type.unwrap()));
    let columns = columns.collect::<Vec<_>>().join(", ");
    execute(
        client,
        &format!(
            "CREATE TABLE {table} ({columns}) {}",
            remembering(1000).replace("id", "n")
        ),
    )
    .await;
    let config = Config {
        table: table.to_owned(),
        ..config()
    };
    let sink = Sink::start(client.clone(), config).await.unwrap();
    let rows = (0..3000).map(EachType::<TEXT>).collect();
    let receipt = sink.send(rows).await.unwrap();
    sink.close().await.unwrap();
    assert_eq!(receipt.await.unwrap().inserted, 3000);
}

#[tokio::test]
async fn values_go_in_by_column_as_they_go_in_by_row() {
    let client = testing::database("sink_by_column").await;
    insert_each_type::<false>(&client, "by_column").await;
    insert_each_type::<true>(&client, "by_row").await;
    let read = async |table: &str| {
        let rows = format!("SELECT toString(tuple(* EXCEPT text)) FROM {table} ORDER BY n");
        let rows = match table {
            "by_row" => rows,
            _ => rows.replace(" EXCEPT text", ""),
        };
        client.query(&rows).fetch_all::<String>().await.unwrap()
    };
    let by_row = read("by_row").await;
    assert_eq!(by_row.len(), 3000);
    assert!(
        by_row[7].contains("'b'") && by_row[7].ends_with(",7)"),
        "{}",
        by_row[7]
    );
    assert!(read("by_column").await == by_row);
}
