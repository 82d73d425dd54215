//! Clients that go away.

use std::future::pending;
use std::sync::Arc;

use clickhouse_embedded::{Auth, testing};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn table(database: &str) -> clickhouse::Client {
    let client = testing::database(database).await;
    client
        .query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    client
}

async fn count(client: &clickhouse::Client) -> u64 {
    client
        .query("SELECT count() FROM t")
        .fetch_one()
        .await
        .unwrap()
}

/// Waits until so many inserts into the database are running.
async fn until_running(client: &clickhouse::Client, database: &str, inserts: u64) {
    let running = "SELECT count() FROM system.processes WHERE query ILIKE 'INSERT INTO%' AND current_database = ?";
    let looking = async {
        loop {
            let running = client.query(running).bind(database);
            if running.fetch_one::<u64>().await.unwrap() == inserts {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), looking)
        .await
        .unwrap();
}

/// Waits until no insert into the database is running, which an aborted one ends by itself.
async fn until_idle(client: &clickhouse::Client, database: &str) {
    until_running(client, database, 0).await;
}

#[tokio::test]
async fn an_insert_that_is_dropped_inserts_nothing() {
    let client = table("abort_dropped").await;
    let mut insert = client.insert_formatted_with("INSERT INTO t FORMAT CSV");
    for _ in 0..100 {
        insert
            .send(bytes::Bytes::from("1\n".repeat(1_000)))
            .await
            .unwrap();
    }
    drop(insert);
    until_idle(&client, "abort_dropped").await;
    assert_eq!(count(&client).await, 0);
}

#[tokio::test]
async fn a_connection_that_breaks_in_a_body_inserts_nothing() {
    let client = table("abort_tcp").await;
    let server = crate::http::serve(Auth::Open).await;
    let head =
        "POST /?database=abort_tcp&query=INSERT+INTO+t+FORMAT+CSV HTTP/1.1\r\nHost: localhost\r\n";
    for framing in [
        "Content-Length: 1000000\r\n\r\n1\n2\n",
        "Transfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream
            .write_all(format!("{head}{framing}").as_bytes())
            .await
            .unwrap();
        stream.flush().await.unwrap();
        drop(stream);
    }
    // Dropping the listener ends its connections, and the engine their inserts.
    drop(server);
    until_idle(&client, "abort_tcp").await;
    assert_eq!(count(&client).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_id_stands_for_one_query_at_a_time() {
    let client = table("abort_query_id").await;
    let insert = || {
        client
            .insert_formatted_with("INSERT INTO t FORMAT CSV")
            .with_setting("query_id", "one at a time")
    };
    let mut first = insert();
    first.send(bytes::Bytes::from_static(b"1\n")).await.unwrap();
    until_running(&client, "abort_query_id", 1).await;
    let second = client
        .query("SELECT 1")
        .with_setting("query_id", "one at a time");
    let refused = second.fetch_one::<u8>().await.unwrap_err().to_string();
    assert!(refused.starts_with("bad response: Code: 216."), "{refused}");
    first.end().await.unwrap();

    // Its end is known a moment after its answer.
    let mut again = insert();
    while again.send(bytes::Bytes::from_static(b"2\n")).await.is_err() || again.end().await.is_err()
    {
        again = insert();
    }
    assert_eq!(count(&client).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_side_by_side() {
    let client = Arc::new(table("abort_parallel").await);
    // Eight inserts that wait for data, each on a connection of its own, do not hold up others.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut insert = client.insert_formatted_with("INSERT INTO t FORMAT CSV");
        insert
            .send(bytes::Bytes::from_static(b"1\n"))
            .await
            .unwrap();
        waiting.push(insert);
    }
    assert_eq!(count(&client).await, 0);
    for insert in waiting {
        insert.end().await.unwrap();
    }
    assert_eq!(count(&client).await, 8);
}

#[tokio::test]
async fn a_select_that_nobody_reads_ends() {
    let client = testing::database("abort_select").await;
    let endless = "SELECT number FROM system.numbers /* abort_select */";
    let mut cursor = client.query(endless).fetch::<u64>().unwrap();
    assert_eq!(cursor.next().await.unwrap(), Some(0));
    tokio::select! {
        biased;
        () = async { drop(cursor) } => {}
        () = pending() => {}
    }
    let running = "SELECT count() FROM system.processes WHERE query LIKE '%abort_select%' AND query NOT LIKE '%processes%'";
    while client.query(running).fetch_one::<u64>().await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}
