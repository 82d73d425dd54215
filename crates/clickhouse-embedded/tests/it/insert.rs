//! What inserts promise.

use clickhouse_embedded::testing;

async fn count(client: &clickhouse::Client) -> u64 {
    client
        .query("SELECT count() FROM t")
        .fetch_one()
        .await
        .unwrap()
}

async fn insert(
    client: &clickhouse::Client,
    statement: &str,
    data: &[u8],
) -> Result<(), clickhouse::error::Error> {
    let mut insert = client.insert_formatted_with(statement);
    insert.send(bytes::Bytes::copy_from_slice(data)).await?;
    insert.end().await
}

#[tokio::test]
async fn a_repeated_insert_with_its_token_is_harmless() {
    let client = testing::database("insert_token").await;
    client
        .query(
            "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n \
             SETTINGS non_replicated_deduplication_window = 100",
        )
        .execute()
        .await
        .unwrap();
    let with_token = |token: &str| {
        client
            .clone()
            .with_setting("insert_deduplication_token", token)
    };
    for _ in 0..3 {
        insert(
            &with_token("it's one"),
            "INSERT INTO t FORMAT CSV",
            b"1\n2\n",
        )
        .await
        .unwrap();
    }
    assert_eq!(count(&client).await, 2);
    insert(&with_token("two"), "INSERT INTO t FORMAT CSV", b"1\n2\n")
        .await
        .unwrap();
    assert_eq!(count(&client).await, 4);
}

#[tokio::test]
async fn blank_lines_and_statements_in_data_stay_data() {
    let client = testing::database("insert_binary").await;
    client
        .query("CREATE TABLE t (s String) ENGINE = MergeTree ORDER BY ()")
        .execute()
        .await
        .unwrap();
    let text = b"\n\n; DROP TABLE t;\n\nINSERT INTO t FORMAT CSV\n\0\xff";
    let mut row = vec![text.len() as u8];
    row.extend_from_slice(text);
    insert(&client, "INSERT INTO t FORMAT RowBinary", &row.repeat(3))
        .await
        .unwrap();
    // The statement and its data in one body, and the data cut in the middle of a blank line.
    let body = [&b"INSERT INTO t FORMAT RowBinary\n"[..], &row].concat();
    let raw = crate::http::raw(&client_url(&client), &body).await;
    assert_eq!(raw.status, 200, "{raw:?}");
    let same: u64 = client
        .query("SELECT countIf(hex(s) = ?) FROM t")
        .bind(
            text.iter()
                .map(|byte| format!("{byte:02X}"))
                .collect::<String>(),
        )
        .fetch_one()
        .await
        .unwrap();
    assert_eq!((same, count(&client).await), (4, 4));
}

/// The statement URL of a test's database, for [`crate::http::raw`].
fn client_url(_: &clickhouse::Client) -> String {
    "/?database=insert_binary".to_owned()
}

#[tokio::test]
async fn values_can_be_expressions_and_parameters() {
    let client = testing::database("insert_values").await;
    client
        .query("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    client
        .query("INSERT INTO t VALUES (1 + 1, upper('a;\n\nb')), ({n:UInt64}, {s:String})")
        .param("n", 3)
        .param("s", "it's")
        .execute()
        .await
        .unwrap();
    client
        .query("INSERT INTO t SELECT number, 'x' FROM numbers(10, 2)")
        .execute()
        .await
        .unwrap();
    let rows = client
        .query("SELECT n, s FROM t ORDER BY n")
        .fetch_all::<(u64, String)>()
        .await
        .unwrap();
    let expected = [(2, "A;\n\nB"), (3, "it's"), (10, "x"), (11, "x")];
    assert_eq!(rows, expected.map(|(n, s)| (n, s.to_owned())));
}

#[tokio::test]
async fn data_that_does_not_parse_inserts_nothing() {
    let client = testing::database("insert_wrong").await;
    client
        .query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    let cut = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0];
    for (statement, data, code) in [
        ("INSERT INTO t FORMAT RowBinary", &cut[..], "Code: 33."),
        ("INSERT INTO t FORMAT CSV", b"1\nx\n", "Code: 117."),
        ("INSERT INTO nowhere FORMAT CSV", b"1\n", "Code: 60."),
        ("INSERT INTO t FORMAT Nothing", b"1\n", "Code: 73."),
        ("INSERT INTO t (x) FORMAT CSV", b"1\n", "Code: 16."),
    ] {
        let error = insert(&client, statement, data).await.unwrap_err();
        assert!(error.to_string().contains(code), "{statement}: {error}");
    }
    assert_eq!(count(&client).await, 0);
}

#[tokio::test]
async fn an_asynchronous_insert_that_is_waited_for_is_there() {
    let client = testing::database("insert_async").await;
    client
        .query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    for mode in ["0", "1"] {
        let client = client
            .clone()
            .with_setting("async_insert", mode)
            .with_setting("wait_for_async_insert", "1");
        insert(&client, "INSERT INTO t FORMAT CSV", b"1\n")
            .await
            .unwrap();
    }
    assert_eq!(count(&client).await, 2);
}
