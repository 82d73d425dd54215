//! What goes wrong on purpose.

use std::time::Duration;

use goldsky_simulator::{Config, Data, Fault, Faults, Host, RateLimit, Seeded, Simulator};
use serde_json::{Value, json};

use crate::client::{self, Received};

const ONE_PAGE: &str = "{ orderFilledEvents(first: 1000, orderBy: timestamp) { id } }";
const TWO_PAGES: &str = "{ a: orderFilledEvents(first: 1) { id } b: orderFilledEvents { id } }";

fn small() -> Config {
    Config {
        data: Data::Seeded(Seeded {
            markets: 5,
            fills: 2_000,
            ..Seeded::default()
        }),
        ..Config::default()
    }
}

async fn with(fault: Fault) -> Simulator {
    let config = Config {
        faults: Faults::default().with(fault, 1.0),
        ..small()
    };
    Simulator::start(config).await.unwrap()
}

async fn ask(simulator: &Simulator, query: &str) -> Result<Received, String> {
    client::post(simulator.endpoint(), &json!({ "query": query })).await
}

async fn error_of(fault: Fault, query: &str) -> String {
    let simulator = with(fault).await;
    let answer = ask(&simulator, query).await.unwrap();
    assert_eq!(answer.status, 200);
    let json = answer.json();
    json["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn http_faults_have_their_status_and_body() {
    let check = async |fault: Fault, status: u16, part: &str| {
        let simulator = with(fault).await;
        let answer = ask(&simulator, ONE_PAGE).await.unwrap();
        assert_eq!(answer.status, status, "{fault}");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(text.contains(part), "{fault}: {text}");
        assert_eq!(simulator.stats().faults[fault.name()], 1);
        answer.body.len()
    };
    check(Fault::Http429, 429, "surpassed your query allowance").await;
    check(Fault::Http429, 429, "limits reset every 10 seconds").await;
    check(Fault::Http503, 503, "in the past 60 seconds").await;
    check(Fault::Http500, 500, "error").await;
    check(Fault::Http502Html, 502, "<html>").await;
    assert_eq!(check(Fault::Http504Empty, 504, "").await, 0);
    check(Fault::NullData, 200, r#"{"data":null}"#).await;
}

#[tokio::test]
async fn graphql_faults_come_with_http_200_and_the_recorded_words() {
    let check = async |fault: Fault, part: &str| {
        let message = error_of(fault, ONE_PAGE).await;
        assert!(message.contains(part), "{fault}: {message}");
    };
    check(
        Fault::StatementTimeout,
        "canceling statement due to statement timeout",
    )
    .await;
    check(Fault::StoreError, "Store error").await;
    check(Fault::QueryTimeout, "Query timed out").await;
    check(Fault::TooExpensive, "query is too expensive").await;
    check(Fault::Overloaded, "service is overloaded").await;
    check(Fault::IndexingError, "indexing_error").await;
}

#[tokio::test]
async fn a_reset_connection_has_no_answer_and_a_truncated_one_no_end() {
    let simulator = with(Fault::Reset).await;
    assert!(ask(&simulator, ONE_PAGE).await.is_err());
    simulator.set_faults(Faults::default().with(Fault::Truncated, 1.0));
    assert!(ask(&simulator, ONE_PAGE).await.is_err());
    simulator.set_faults(Faults::default());
    assert!(ask(&simulator, ONE_PAGE).await.is_ok());
    let stats = simulator.stats();
    assert_eq!((stats.faults["reset"], stats.faults["truncated"]), (1, 1));
}

#[tokio::test]
async fn a_stalled_request_is_answered_late_but_well() {
    let config = Config {
        faults: Faults::default()
            .with(Fault::Stall, 1.0)
            .stalling_for(Duration::from_millis(50)),
        ..small()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let start = std::time::Instant::now();
    let answer = ask(&simulator, ONE_PAGE).await.unwrap();
    // Sleeps never end early, so this holds on any machine.
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(
        answer.json()["data"]["orderFilledEvents"]
            .as_array()
            .unwrap()
            .len(),
        1000
    );
}

#[tokio::test]
async fn many_pages_in_a_request_can_be_too_heavy_while_one_is_not() {
    let config = Config {
        host: Host {
            most_pages_per_request: Some(1),
            ..Host::default()
        },
        ..small()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let heavy = ask(&simulator, TWO_PAGES).await.unwrap().json();
    let message = heavy["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("statement timeout"), "{message}");
    let light = ask(&simulator, ONE_PAGE).await.unwrap().json();
    assert!(light["errors"].is_null());

    let message = error_of(Fault::HeavyAliases, TWO_PAGES).await;
    assert!(message.contains("statement timeout"), "{message}");
}

#[tokio::test]
async fn a_node_that_lags_shows_an_older_head_and_nothing_after_it() {
    let query = "{ _meta { block { number timestamp } } orderFilledEvents(first: 1, orderBy: \
                 timestamp, orderDirection: desc) { timestamp } }";
    let simulator = Simulator::start(small()).await.unwrap();
    let now = client::data(simulator.endpoint(), query).await;
    simulator.set_faults(Faults::default().with(Fault::OldState, 1.0));
    let then = client::data(simulator.endpoint(), query).await;
    let number = |data: &Value| data["_meta"]["block"]["number"].as_i64().unwrap();
    assert_eq!(number(&then), number(&now) - 1_000);
    let newest = |data: &Value| -> i64 {
        let text = data["orderFilledEvents"][0]["timestamp"].as_str().unwrap();
        text.parse().unwrap()
    };
    assert!(newest(&then) <= then["_meta"]["block"]["timestamp"].as_i64().unwrap());
    assert!(newest(&then) < newest(&now));
}

#[tokio::test]
async fn the_same_seed_hits_the_same_requests() {
    let hits = async |fault_seed: u64| -> Vec<u16> {
        let config = Config {
            faults: Faults::default().with(Fault::Http503, 0.4),
            fault_seed,
            ..small()
        };
        let simulator = Simulator::start(config).await.unwrap();
        let mut hits = Vec::new();
        for _ in 0..40 {
            hits.push(
                ask(&simulator, "{ __typename }")
                    .await
                    .unwrap()
                    .status
                    .as_u16(),
            );
        }
        hits
    };
    let (first, again, other) = (hits(1).await, hits(1).await, hits(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first.contains(&503) && first.contains(&200));
}

#[tokio::test]
async fn a_spent_budget_is_refused_and_counted() {
    let config = Config {
        rate_limit: Some(RateLimit {
            requests_per_10s: 3,
            retry_after: true,
        }),
        ..small()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let mut refused = 0;
    // More than two windows' budget, so that one is spent even if it ends meanwhile.
    for _ in 0..8 {
        let answer = ask(&simulator, "{ __typename }").await.unwrap();
        if answer.status == 429 {
            refused += 1;
            let seconds: u64 = answer.headers["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap();
            assert!((1..=10).contains(&seconds));
        }
    }
    assert!(refused >= 1);
    assert_eq!(simulator.stats().rate_limited, refused);
}

#[tokio::test]
async fn answers_are_compressed_only_if_the_host_does_and_the_client_asks() {
    let encoding = async |compresses: bool, accepts: &str| {
        let config = Config {
            host: Host {
                compresses,
                ..Host::default()
            },
            ..small()
        };
        let simulator = Simulator::start(config).await.unwrap();
        let headers = [
            ("content-type", "application/json"),
            ("accept-encoding", accepts),
        ];
        let body = json!({ "query": ONE_PAGE }).to_string();
        let answer = client::send("POST", simulator.endpoint(), &headers, body)
            .await
            .unwrap();
        let encoding = answer.headers.get("content-encoding").cloned();
        let body = match &encoding {
            Some(_) => {
                let gzip = flate2::read::GzDecoder::new(answer.body.as_ref());
                std::io::read_to_string(gzip).unwrap()
            }
            None => String::from_utf8(answer.body.to_vec()).unwrap(),
        };
        let json: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            json["data"]["orderFilledEvents"].as_array().unwrap().len(),
            1000
        );
        encoding
    };
    assert!(encoding(true, "br, gzip").await.is_some());
    assert!(encoding(true, "identity").await.is_none());
    assert!(encoding(false, "gzip").await.is_none());
}

#[tokio::test]
async fn a_simulator_that_was_shut_down_refuses_connections() {
    let simulator = Simulator::start(small()).await.unwrap();
    let endpoint = simulator.endpoint().to_owned();
    simulator.shutdown().await;
    let asked = client::post(&endpoint, &json!({ "query": ONE_PAGE })).await;
    assert!(asked.is_err());
}
