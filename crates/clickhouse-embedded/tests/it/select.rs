//! Results of every kind.

use crate::http::raw;

#[tokio::test]
async fn long_results_are_one_document_in_every_format() {
    let rows = 300_000;
    for (format, lines) in [
        ("CSV", rows),
        ("CSVWithNames", rows + 1),
        ("TSVWithNamesAndTypes", rows + 2),
        ("JSONEachRow", rows),
        ("JSONCompactEachRowWithNames", rows + 1),
    ] {
        let statement =
            format!("SELECT number, toString(number) AS text FROM numbers({rows}) FORMAT {format}");
        let answer = raw("/", statement.as_bytes()).await;
        let found = answer.body.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!((answer.status, found), (200, lines), "{format}");
    }
}

#[tokio::test]
async fn a_long_json_result_is_one_object() {
    let answer = raw(
        "/?default_format=JSONCompact",
        b"SELECT number FROM numbers(300000)",
    )
    .await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["rows"], 300_000);
    assert_eq!(document["data"].as_array().unwrap().len(), 300_000);
}

#[tokio::test]
async fn statements_that_return_rows_without_select_work() {
    for (statement, start) in [
        ("SHOW DATABASES LIKE 'system'", "system\n"),
        ("EXISTS system.one", "1\n"),
        ("EXPLAIN SYNTAX SELECT 1", "SELECT"),
        ("WITH 2 AS x SELECT x", "2\n"),
        ("(SELECT 3)", "3\n"),
        ("FROM system.one SELECT dummy", "0\n"),
        ("SELECT 4;", "4\n"),
        ("/* c */ -- d\nSELECT 5 -- e", "5\n"),
    ] {
        let answer = raw("/", statement.as_bytes()).await;
        assert!(answer.text().starts_with(start), "{statement}: {answer:?}");
    }
}

#[tokio::test]
async fn a_statement_that_sets_does_not_reach_the_next() {
    assert_eq!(raw("/", b"SET max_threads = 1").await.status, 200);
    assert_eq!(raw("/", b"USE system").await.status, 200);
    assert_eq!(
        raw("/", b"SELECT currentDatabase()").await.text(),
        "default\n"
    );
}
