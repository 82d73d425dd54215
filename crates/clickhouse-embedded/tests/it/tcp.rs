//! The official client over TCP.

use clickhouse::Row;
use clickhouse_embedded::{Auth, testing};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Row, Serialize, Deserialize)]
struct Number {
    n: u64,
}

#[tokio::test]
async fn the_official_client_works_with_its_defaults() {
    drop(testing::database("tcp").await);
    let server = crate::http::serve(Auth::Credentials {
        user: "ann".into(),
        password: "secret".into(),
    })
    .await;
    let client = clickhouse::Client::default()
        .with_url(server.url())
        .with_user("ann")
        .with_password("secret")
        .with_database("tcp");
    client
        .query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    let mut insert = client.insert::<Number>("t").await.unwrap();
    for n in 0..10_000 {
        insert.write(&Number { n }).await.unwrap();
    }
    insert.end().await.unwrap();
    let sum: u64 = client
        .query("SELECT sum(n) FROM t")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(sum, 49_995_000);
    let rows = client
        .query("SELECT ?fields FROM t WHERE n < {below:UInt64} ORDER BY n")
        .param("below", 3)
        .fetch_all::<Number>()
        .await
        .unwrap();
    assert_eq!(rows, [Number { n: 0 }, Number { n: 1 }, Number { n: 2 }]);
}

#[tokio::test]
async fn wrong_credentials_are_the_clients_error() {
    let server = crate::http::serve(Auth::Credentials {
        user: "ann".into(),
        password: "secret".into(),
    })
    .await;
    let client = clickhouse::Client::default()
        .with_url(server.url())
        .with_user("ann")
        .with_password("guess");
    let error = client.query("SELECT 1").execute().await.unwrap_err();
    assert!(error.to_string().contains("Code: 516."), "{error}");
}

#[tokio::test]
async fn an_error_before_the_data_ends_reaches_the_writer() {
    drop(testing::database("tcp_early_error").await);
    let server = crate::http::serve(Auth::Open).await;
    let client = clickhouse::Client::default()
        .with_url(server.url())
        .with_database("tcp_early_error");
    let mut insert = client.insert_formatted_with("INSERT INTO nowhere FORMAT CSV");
    let error = loop {
        if let Err(error) = insert.send(bytes::Bytes::from("1\n".repeat(100_000))).await {
            break error;
        }
    };
    assert!(error.to_string().contains("Code: 60."), "{error}");
}
