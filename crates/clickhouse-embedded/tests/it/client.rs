//! The official client, unmodified, over the in-memory pipe.

use clickhouse::Row;
use clickhouse_embedded::testing;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
struct Named {
    n: u64,
    name: String,
}

fn named(n: u64) -> Named {
    Named {
        n,
        name: format!("name\n\n{n}"),
    }
}

async fn table(database: &str) -> clickhouse::Client {
    let client = testing::database(database).await;
    client
        .query("CREATE TABLE t (n UInt64, name String) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn rows_come_back_as_they_went_in() {
    let client = table("client_round_trip").await;
    let rows: Vec<Named> = (0..1_000).map(named).collect();

    let mut insert = client.insert::<Named>("t").await.unwrap();
    for row in &rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();

    let back = client
        .query("SELECT ?fields FROM t ORDER BY n")
        .fetch_all::<Named>()
        .await
        .unwrap();
    assert_eq!(back, rows);
}

#[tokio::test]
async fn compressed_inserts_and_answers_work() {
    let client = table("client_lz4")
        .await
        .with_compression(clickhouse::Compression::Lz4);
    let rows: Vec<Named> = (0..50_000).map(named).collect();
    let mut insert = client.insert::<Named>("t").await.unwrap();
    for row in &rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();
    for compressed in ["0", "1"] {
        let back = client
            .query("SELECT ?fields FROM t ORDER BY n")
            .with_setting("enable_http_compression", compressed)
            .fetch_all::<Named>()
            .await
            .unwrap();
        assert!(back == rows, "enable_http_compression={compressed}");
    }
}

#[tokio::test]
async fn an_inserter_works() {
    let client = table("client_inserter").await;
    let mut inserter = client.inserter::<Named>("t").with_max_rows(100);
    let mut inserted = 0;
    for n in 0..1_000 {
        inserter.write(&named(n)).await.unwrap();
        inserted += inserter.commit().await.unwrap().rows;
    }
    inserted += inserter.end().await.unwrap().rows;
    assert_eq!(inserted, 1_000);
    let count: u64 = client
        .query("SELECT count() FROM t")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(count, 1_000);
}

#[tokio::test]
async fn a_row_that_does_not_fit_the_table_is_refused_by_the_client() {
    #[derive(Row, Serialize)]
    struct Wrong {
        n: u64,
        name: i32,
    }
    let client = table("client_validation").await;
    let mut insert = client.insert::<Wrong>("t").await.unwrap();
    let written = insert.write(&Wrong { n: 1, name: 2 }).await;
    assert!(
        matches!(written, Err(clickhouse::error::Error::SchemaMismatch(_))),
        "{written:?}"
    );
}

#[tokio::test]
async fn binds_and_parameters_keep_every_character() {
    let client = testing::database("client_params").await;
    let nasty = "a'b\\c\"d`e\t\r\n\n;-- \u{0} {x:String} ?? 日本 %20+&=";
    let bound: String = client
        .query("SELECT ?")
        .bind(nasty)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(bound, nasty);
    #[derive(Debug, PartialEq, Row, Deserialize)]
    struct Given {
        text: String,
        number: u32,
        list: Vec<String>,
    }
    let given: Given = client
        .query(
            "SELECT {text:String} AS text, {number:UInt32} AS number, \
             {list:Array(String)} AS list",
        )
        .param("text", nasty)
        .param("number", 7)
        .param("list", vec![nasty, ""])
        .fetch_one()
        .await
        .unwrap();
    let expected = Given {
        text: nasty.to_owned(),
        number: 7,
        list: vec![nasty.to_owned(), String::new()],
    };
    assert_eq!(given, expected);
}

#[tokio::test]
async fn settings_hold_for_one_statement() {
    let client = testing::database("client_settings").await;
    let value = "SELECT toUInt64(getSetting('max_block_size'))";
    let before: u64 = client.query(value).fetch_one().await.unwrap();
    let changed: u64 = client
        .query(value)
        .with_setting("max_block_size", "123")
        .fetch_one()
        .await
        .unwrap();
    let after: u64 = client.query(value).fetch_one().await.unwrap();
    assert_eq!((changed, after), (123, before));
}

#[tokio::test]
async fn errors_have_clickhouses_codes() {
    let client = testing::database("client_errors").await;
    for (statement, code) in [
        ("SELECT * FROM nowhere", "Code: 60."),
        ("SELEC 1", "Code: 62."),
        ("SELECT 1; SELECT 2", "Code: 62."),
        ("SELECT 1; DROP DATABASE client_errors; x", "Code: 62."),
        ("garbage", "Code: 62."),
        ("", "Code: 62."),
        ("SELECT no_such_function()", "Code: 46."),
        ("SELECT throwIf(1)", "Code: 395."),
    ] {
        let error = client.query(statement).execute().await;
        let error = error.expect_err(statement);
        assert!(error.to_string().contains(code), "{statement}: {error}");
    }
    let unknown = client
        .query("SELECT 1")
        .with_setting("no_such_setting", "1");
    let error = unknown.execute().await.unwrap_err();
    assert!(error.to_string().contains("Code: 115."), "{error}");
    // Nothing of the refused texts ran.
    client
        .query("SHOW TABLES FROM client_errors")
        .execute()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_result_reaches_the_reader() {
    let client = testing::database("client_late_error").await;
    let mut cursor = client
        .query("SELECT number + throwIf(number = 900000) AS n FROM numbers(1000000)")
        .with_setting("max_block_size", "65536")
        .fetch::<u64>()
        .unwrap();
    let mut rows = 0;
    let error = loop {
        match cursor.next().await {
            Ok(Some(_)) => rows += 1,
            Ok(None) => panic!("{rows} rows passed for a whole result"),
            Err(error) => break error,
        }
    };
    assert!(rows > 0);
    assert!(error.to_string().contains("Code: 395."), "{error}");
}

#[tokio::test]
async fn results_without_rows_are_empty_not_errors() {
    let client = table("client_no_rows").await;
    let none = client
        .query("SELECT ?fields FROM t")
        .fetch_optional::<Named>()
        .await
        .unwrap();
    assert_eq!(none, None);
    let described = client
        .query("DESCRIBE TABLE t")
        .fetch_bytes("TSV")
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert!(described.starts_with(b"n\tUInt64"));
}
