//! What is found out before a row is taken.

use std::time::Duration;

use clickhouse_sink::{
    ColumnSpec, Config, Deduplication, EncodeError, EncodeRow, Error, RetryPolicy, Sink,
};

use crate::fake::Fake;
use crate::row::{Numbered, config, rows};

#[tokio::test]
async fn a_missing_column_is_named() {
    let fake = Fake::with_fates([]).await;
    fake.set_columns(&[("id", "UInt64")]);
    let error = Sink::<Numbered>::start(fake.client(), config())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "table t does not fit the rows: it has no column `text`"
    );
}

#[tokio::test]
async fn a_column_of_another_type_is_named_with_the_first_row() {
    let fake = Fake::with_fates([]).await;
    fake.set_columns(&[("id", "UInt32"), ("text", "String")]);
    let sink = Sink::<Numbered>::start(fake.client(), config())
        .await
        .unwrap();
    let error = sink.send(rows(0..1)).await.unwrap_err().to_string();
    assert!(
        error.contains("column `id` is UInt32: the row writes a u64"),
        "{error}"
    );
}

struct ByHand(u32);

impl EncodeRow for ByHand {
    fn columns() -> Vec<ColumnSpec> {
        vec![ColumnSpec::typed("id", "UInt32")]
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.0 == 13 {
            return Err(EncodeError("thirteen".to_owned()));
        }
        buffer.extend_from_slice(&self.0.to_le_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn declared_types_are_compared_before_the_first_row() {
    let fake = Fake::with_fates([]).await;
    fake.set_columns(&[("id", "UInt64")]);
    let error = Sink::<ByHand>::start(fake.client(), config())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("column `id` is UInt64, rows write UInt32"),
        "{error}"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_encoded_takes_none_of_its_send() {
    let fake = Fake::with_fates([]).await;
    fake.set_columns(&[("id", "UInt32")]);
    let sink = Sink::<ByHand>::start(fake.client(), config())
        .await
        .unwrap();
    let outcome = sink.send(vec![ByHand(1), ByHand(13)]).await;
    assert!(
        matches!(outcome, Err(Error::Encode { row: 1, .. })),
        "{outcome:?}"
    );
    sink.close().await.unwrap();
    assert!(fake.attempts().is_empty());
}

#[tokio::test]
async fn a_table_that_forgets_too_soon_is_refused_with_the_mend() {
    let fake = Fake::with_fates([]).await;
    fake.set_engine("MergeTree ORDER BY id");
    let error = Sink::<Numbered>::start(fake.client(), config())
        .await
        .unwrap_err();
    let mend = "ALTER TABLE `t` MODIFY SETTING non_replicated_deduplication_window = 400";
    assert!(error.to_string().ends_with(mend), "{error}");

    fake.set_engine("Memory");
    let error = Sink::<Numbered>::start(fake.client(), config())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Deduplication { .. }), "{error}");
    let config = Config {
        deduplication: Deduplication::Off,
        ..config()
    };
    Sink::<Numbered>::start(fake.client(), config)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_waited_for_without_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = clickhouse::Client::default()
        .with_url(url)
        .with_password("hunter2");
    let config = Config {
        retry: RetryPolicy {
            give_up_start_after: Duration::from_millis(20),
            ..config().retry
        },
        ..config()
    };
    let error = Sink::<Numbered>::start(client, config).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}
