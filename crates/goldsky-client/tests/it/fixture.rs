//! What the tests share: a hasty client and the answers that it is given.

use std::time::Duration;

use fills::Filter;
use goldsky_client::{Client, Config, Cursor, PageQuery, RetryPolicy};
use pacer::Pacer;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Most attempts of a hasty client.
pub(crate) const ATTEMPTS: u32 = 4;

/// Makes a configuration that waits milliseconds where the default waits seconds.
pub(crate) fn hasty(endpoint: &str) -> Config {
    Config {
        request_timeout: Duration::from_secs(20),
        retry: RetryPolicy {
            attempts: ATTEMPTS,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(2),
            ..RetryPolicy::default()
        },
        ..Config::new(endpoint.parse().unwrap())
    }
}

/// Makes a pacer that pauses milliseconds where the default pauses seconds.
pub(crate) fn hasty_pacer() -> Pacer {
    Pacer::new(pacer::Config {
        window: Duration::from_millis(20),
        overload_pause: Duration::from_millis(20),
        ..pacer::Config::default()
    })
}

pub(crate) fn client(endpoint: &str) -> Client {
    Client::new(hasty(endpoint), hasty_pacer()).unwrap()
}

/// The first page of all fills there are.
pub(crate) fn first_page() -> PageQuery {
    PageQuery {
        filter: Filter::All,
        from: 0,
        after: None,
        until: u64::from(u32::MAX),
        limit: 1000,
    }
}

pub(crate) fn page_after(last: Option<Cursor>) -> PageQuery {
    PageQuery {
        after: last,
        ..first_page()
    }
}

/// An answer to one page, from block 100.
pub(crate) fn answer(rows: &Value) -> Value {
    answer_from_block(100, rows)
}

pub(crate) fn answer_from_block(number: u64, rows: &Value) -> Value {
    json!({"data": {
        "_meta": {"block": {"number": number}, "hasIndexingErrors": false},
        "p0": rows,
    }})
}

/// Three events, as recorded.
pub(crate) fn events() -> Value {
    let recorded = include_str!("../answers/08n_variables.json");
    let answer: Value = serde_json::from_str(recorded).unwrap();
    let mut rows = answer["body"]["data"]["orderFilledEvents"].clone();
    // Recorded in the order of ids; asked for by time.
    rows.as_array_mut()
        .unwrap()
        .sort_by_key(|row| (row["timestamp"].to_string(), row["id"].to_string()));
    rows
}

pub(crate) fn errors(message: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"errors": [{"message": message}]}))
}

pub(crate) fn sound() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(answer(&events()))
}

/// Serves `first` once and then `then`.
pub(crate) async fn serve(first: ResponseTemplate, then: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(first)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(then).mount(&server).await;
    server
}

/// Serves one thing only.
pub(crate) async fn serve_always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

pub(crate) async fn requests_to(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}
