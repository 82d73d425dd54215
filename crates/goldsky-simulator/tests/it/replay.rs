//! Holds the simulator against answers recorded from a real graph-node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use goldsky_simulator::{Config, Data, Entities, Fault, Faults, Head, Host, Simulator, Text};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client;

/// Recorded cases that are deliberately answered otherwise, and why.
const NOT_REPRODUCED: &[(&str, &str)] = &[
    (
        "07a_block_number",
        "the counter at that block includes an event that was overwritten later and is not in \
         the recorded entities: 1603 instead of 1604",
    ),
    (
        "09c_global",
        "OrdersMatchedGlobal is no total to rely on and is not served",
    ),
    (
        "09d_matched",
        "OrdersMatchedEvent loses matches and is not served",
    ),
    ("10b_type", "introspection is not served"),
    ("11a_deep_introspection", "introspection is not served"),
    (
        "13_in_10000",
        "the request was cut in the recording; its like is tested by itself",
    ),
    (
        "13_in_2000",
        "the request was cut in the recording; its like is tested by itself",
    ),
    (
        "13_in_30000",
        "the request was cut in the recording; its like is tested by itself",
    ),
    (
        "13_in_32767",
        "the request was cut in the recording; its like is tested by itself",
    ),
    (
        "21b_query_timeout_1s_locked_aliases",
        "a fault strikes a request, not each of its fields: one error instead of two",
    ),
    (
        "21d_sql_statement_timeout_1s_locked",
        "the echoed statement is always that of a full page",
    ),
    (
        "22a_result_too_big",
        "graph-node weighs its own objects; the simulator counts the bytes of the body",
    ),
];

#[tokio::test]
async fn every_recorded_answer_is_reproduced_or_excused() {
    let mut simulators: BTreeMap<String, Simulator> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut replayed = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap().to_owned();
        if NOT_REPRODUCED.iter().any(|(excused, _)| *excused == name) {
            continue;
        }
        let (key, config) = config(&name, &case);
        if !simulators.contains_key(&key) {
            let simulator = Simulator::start(config).await.unwrap();
            simulators.insert(key.clone(), simulator);
        }
        if let Err(difference) = replay(&simulators[&key], &case).await {
            wrong.push(format!("{name}: {difference}"));
        }
        replayed += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(replayed > 110, "only {replayed} cases were found");
}

#[test]
fn every_excuse_is_for_a_recorded_case() {
    let names: Vec<String> = cases()
        .iter()
        .map(|case| case["name"].as_str().unwrap().to_owned())
        .collect();
    for (excused, reason) in NOT_REPRODUCED {
        assert!(
            names.iter().any(|name| name == excused),
            "{excused}: {reason}"
        );
    }
}

/// Large lists of tokens, as group 13 has them: 30,000 work and 32,767 do not.
#[tokio::test]
async fn a_list_of_30000_works_and_one_of_32767_fails_with_its_statement() {
    let simulator = Simulator::start(recorded(None, recorded_host()))
        .await
        .unwrap();
    let known: Vec<String> = lines("marketDatas.jsonl.gz")
        .iter()
        .map(|object| object["id"].as_str().unwrap().to_owned())
        .collect();
    let ask = async |count: usize| -> Value {
        let unknown = (0..count - known.len()).map(|i| i.to_string() + &"7".repeat(70));
        let ids: Vec<String> = known.iter().cloned().chain(unknown).collect();
        let query = "query Q($t:[String!]){ orderFilledEvents(first:1000,\
                     where:{makerAssetId_in:$t}){id} }";
        let body = json!({"query": query, "variables": {"t": ids}});
        client::post(simulator.endpoint(), &body)
            .await
            .unwrap()
            .json()
    };
    let case = cases()
        .into_iter()
        .find(|case| case["name"] == "13_in_30000")
        .unwrap();
    for count in [2_000, 10_000, 30_000] {
        assert_eq!(summary(&ask(count).await), case["body"]);
    }
    let refused = ask(32_767).await;
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with(
        "Failed to get entities from store: error encoding message to server, query = /*"
    ));
    assert!(message.len() > 2_500_000);
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/graph-node")
}

fn cases() -> Vec<Value> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(fixtures().join("answers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

fn lines(file: &str) -> Vec<Value> {
    let file = std::fs::File::open(fixtures().join(file)).unwrap();
    let text = std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The host that was recorded, with its deployment's own hash.
fn recorded_host() -> Host {
    Host {
        deployment: "QmQ5pD4wYF4pSVSvmPV9Rg3wDGr7NxkAKnSy5C6ttPYwy2".to_owned(),
        ..Host::default()
    }
}

/// The recorded entities at a head.
fn recorded(head: Option<Head>, host: Host) -> Config {
    let file = |name: &str| Text::File(fixtures().join(name));
    let last = Head {
        number: 33_609_402,
        timestamp: 1_707_666_300,
        hash: "0xb9dec9e4f1d2a5e3ce36fcef2b360bf745e5faeb72fec0606b088d416284829d".to_owned(),
        parent_hash: "0xff0bd10250d072df6f4a46e60c7cdbe1012df9f3b3f906cf9cd13e87b52caab7"
            .to_owned(),
    };
    let head = head.unwrap_or_else(|| last.clone());
    Config {
        data: Data::Entities(Entities {
            // The counters are those of the last head.
            orderbooks: (head == last).then(|| file("orderbooks.jsonl.gz")),
            market_data: Some(file("marketDatas.jsonl.gz")),
            head: Some(head),
            seconds_per_block: Some(900),
            ..Entities::new(file("orderFilledEvents.jsonl.gz"))
        }),
        host,
        ..Config::default()
    }
}

/// Returns the configuration that a case was recorded with, and a name for it.
fn config(name: &str, case: &Value) -> (String, Config) {
    let indexed: Value = case["headers"]["graph-indexed"]
        .as_str()
        .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let head = indexed["number"]
        .as_u64()
        .filter(|number| *number != 33_609_402)
        .map(|number| Head {
            number,
            timestamp: indexed["timestamp"].as_i64().unwrap(),
            hash: indexed["hash"].as_str().unwrap().to_owned(),
            parent_hash: String::new(),
        });
    let mut host = recorded_host();
    let mut faults = Faults::default();
    match &name[..3] {
        "20a" => host.most_skip = 5_000,
        "20e" => host.most_entities = Some(10_000),
        "20f" => host.most_depth = 4,
        "21a" | "21c" => faults = faults.with(Fault::QueryTimeout, 1.0),
        "33a" | "33b" => faults = faults.with(Fault::StoreError, 1.0),
        // 34e failed for good, which queries do not notice.
        "34a" | "34b" | "34c" | "34d" | "34g" | "34h" => {
            faults = faults.with(Fault::IndexingError, 1.0);
        }
        group if group.starts_with("20") => host.validates = true,
        _ => {}
    }
    let key = format!("{head:?} {host:?} {faults:?}");
    let config = Config {
        faults,
        ..recorded(head, host)
    };
    (key, config)
}

async fn replay(simulator: &Simulator, case: &Value) -> Result<(), String> {
    let request = &case["request"];
    let url = format!(
        "http://{}{}",
        simulator.addr(),
        request["path"].as_str().unwrap()
    );
    let headers: Vec<(&str, &str)> = request["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let method = request["method"].as_str().unwrap();
    let body = request["body"].as_str().unwrap_or_default().to_owned();
    let received = client::send(method, &url, &headers, body).await?;
    check("status", &json!(received.status.as_u16()), &case["status"])?;
    for (name, expected) in case["headers"].as_object().unwrap() {
        let found = received
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap());
        check(name, &json!(found), expected)?;
    }
    match serde_json::from_slice::<Value>(&received.body) {
        Ok(body) => check("body", &summary(&body), &case["body"]),
        Err(_) if received.body.is_empty() => check("body", &Value::Null, &case["body"]),
        Err(_) => {
            let text = String::from_utf8_lossy(&received.body);
            check("text", &json!(text), &case["body_text"])
        }
    }
}

fn check(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}\n  found    {found}\n  recorded {expected}"))
}

/// Cuts long lists as the recordings do.
fn summary(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() > 12 => {
            let ids: Vec<&str> = items
                .iter()
                .map(|item| item["id"].as_str().unwrap_or_default())
                .collect();
            let digest = Sha256::digest(ids.join("\n"));
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({
                "_rows": items.len(),
                "_first": items[..2],
                "_last": items[items.len() - 1],
                "_sha256_of_ids_joined_by_newline": digest,
            })
        }
        Value::Array(items) => items.iter().map(summary).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), summary(value)))
            .collect(),
        other => other.clone(),
    }
}
