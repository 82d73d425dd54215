//! Portals that answer as the public one does, on loopback.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chain_client::{EXCHANGES, PortalClient};
use fills::{Fill, SourceError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const FIRST: u32 = 77_999_900;
const LAST: u32 = 78_000_099;
const FINALIZED: u32 = 78_000_099;

/// How a portal behaves.
#[derive(Clone, Default)]
struct Behaviour {
    /// Blocks of one answer at the most, whatever was asked for.
    chunk: Option<u32>,
    /// The second and the third answer are cut by so many bytes.
    cut: usize,
    /// What the first requests are answered with.
    first: Vec<ResponseTemplate>,
}

struct Portal {
    behaviour: Behaviour,
    requests: Arc<AtomicUsize>,
}

fn hash(number: u32) -> String {
    format!("{number:#066x}")
}

/// A real block's fills of V1, and the ends of their matches, as a portal serves them.
fn block_78000000() -> Value {
    let row = include_str!("../data/portal_stream_78000000.jsonl");
    let mut block: Value = serde_json::from_str(row.lines().next().unwrap()).unwrap();
    let mut logs = Vec::new();
    for log in block["logs"].as_array().unwrap() {
        logs.push(log.clone());
        if log["topics"][3].as_str().unwrap()[26..] == log["address"].as_str().unwrap()[2..] {
            let mut end = log.clone();
            let matched = const_hex::encode(chain_client::topic::ORDERS_MATCHED_V1);
            end["topics"] = json!([format!("0x{matched}"), log["topics"][1], log["topics"][2]]);
            end["data"] = json!(log["data"].as_str().unwrap()[..2 + 64 * 4]);
            end["logIndex"] = json!(log["logIndex"].as_u64().unwrap() + 1);
            logs.push(end);
        }
    }
    block["logs"] = json!(logs);
    block["header"]["hash"] = json!(hash(78_000_000));
    block
}

impl Portal {
    fn stream(&self, query: &Value, number: usize) -> ResponseTemplate {
        let block = |key: &str| u32::try_from(query[key].as_u64().unwrap()).unwrap();
        let (from, mut to) = (block("fromBlock"), block("toBlock").min(FINALIZED));
        let addresses = query["logs"][0]["address"].as_array().unwrap();
        assert!(!addresses.is_empty() && query["logs"].as_array().unwrap().len() == 1);
        if from > FINALIZED {
            return ResponseTemplate::new(204);
        }
        if let Some(parent) = query["parentBlockHash"].as_str()
            && parent != hash(from - 1)
        {
            let before = json!({ "number": from - 1, "hash": hash(from - 1) });
            return ResponseTemplate::new(409).set_body_json(json!({ "previousBlocks": [before] }));
        }
        if let Some(chunk) = self.behaviour.chunk {
            to = to.min(from + chunk - 1);
        }
        // The first and the last block, and those with logs.
        let mut lines = BTreeMap::new();
        for number in [from, to] {
            let header = json!({ "number": number, "hash": hash(number), "timestamp": number });
            lines.insert(number, json!({ "header": header }));
        }
        if (from..=to).contains(&78_000_000) {
            lines.insert(78_000_000, block_78000000());
        }
        let text: Vec<String> = lines.values().map(|line| format!("{line}\n")).collect();
        let mut text = text.concat().into_bytes();
        if (1..3).contains(&number) {
            text.truncate(text.len() - self.behaviour.cut.min(text.len()));
        }
        // Several members one after another.
        let mut body = Vec::new();
        for part in text.chunks(1_000) {
            let mut member = GzEncoder::new(&mut body, Compression::fast());
            member.write_all(part).unwrap();
            member.finish().unwrap();
        }
        ResponseTemplate::new(200)
            .set_body_raw(body, "application/jsonl")
            .insert_header("content-encoding", "gzip")
    }
}

impl Respond for Portal {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        if let Some(first) = self.behaviour.first.get(number) {
            return first.clone();
        }
        let head = json!({ "number": FINALIZED, "hash": hash(FINALIZED) });
        match request
            .url
            .path()
            .strip_prefix("/datasets/polygon-mainnet/")
            .unwrap()
        {
            "finalized-stream" => {
                let query: Value = serde_json::from_slice(&request.body).unwrap();
                self.stream(&query, number)
            }
            "finalized-head" => ResponseTemplate::new(200).set_body_json(head),
            "head" => {
                let head = json!({ "number": FINALIZED + 5, "hash": hash(FINALIZED + 5) });
                ResponseTemplate::new(200).set_body_json(head)
            }
            "timestamps/1761104776/block" => {
                ResponseTemplate::new(200).set_body_json(json!({ "block_number": 78_000_000 }))
            }
            _ => ResponseTemplate::new(404),
        }
    }
}

async fn portal(behaviour: Behaviour) -> (MockServer, PortalClient) {
    let server = MockServer::start().await;
    let portal = Portal {
        behaviour,
        requests: Arc::default(),
    };
    let mock = Mock::given(wiremock::matchers::any()).respond_with(portal);
    mock.mount(&server).await;
    let endpoint = format!("{}/datasets/polygon-mainnet", server.uri());
    let mut config = api_client::Config::new(endpoint.parse().unwrap());
    config.retry.attempts = 3;
    config.retry.first_wait = std::time::Duration::from_millis(1);
    let pacer = pacer::Pacer::new(pacer::Config {
        window: std::time::Duration::from_millis(20),
        ..pacer::Config::default()
    });
    let client = PortalClient::new(config, pacer, EXCHANGES).unwrap();
    (server, client)
}

/// Reads the range to its end, each part behind the hash of the one before.
async fn read(client: &PortalClient) -> Result<Vec<Fill>, SourceError> {
    let (mut from, mut parent, mut fills) = (FIRST, None, Vec::new());
    while from <= LAST {
        let blocks = client.blocks(from..=LAST, parent).await?.unwrap();
        assert!((from..=LAST).contains(&blocks.last));
        assert_eq!(blocks.decoded.malformed, []);
        assert_eq!(blocks.decoded.violations, []);
        fills.extend(blocks.decoded.fills);
        (from, parent) = (blocks.last + 1, blocks.last_hash);
    }
    Ok(fills)
}

#[tokio::test]
async fn all_fills_come_once_wherever_a_portal_ends_its_answers() {
    for chunk in [None, Some(1), Some(7), Some(100), Some(150)] {
        let (_server, client) = portal(Behaviour {
            chunk,
            ..Behaviour::default()
        })
        .await;
        let fills = read(&client).await.unwrap();
        assert_eq!(fills.len(), 7, "{chunk:?}");
        assert!(fills.iter().all(|fill| fill.block_number == 78_000_000));
        assert_eq!(fills[0].timestamp, 1_761_104_776);
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_counts_up_to_its_last_whole_line() {
    // Within the last line, and just before its line feed: that cannot be told from a cut.
    for cut in [1, 2, 60, 120] {
        let behaviour = Behaviour {
            chunk: Some(120),
            cut,
            ..Behaviour::default()
        };
        let (_server, client) = portal(behaviour).await;
        assert_eq!(read(&client).await.unwrap().len(), 7, "{cut}");
    }
    let nothing_whole = Behaviour {
        first: vec![ResponseTemplate::new(200).set_body_string("{\"header\":"); 3],
        ..Behaviour::default()
    };
    let (_server, client) = portal(nothing_whole).await;
    let error = client.blocks(FIRST..=LAST, None).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Unavailable { attempts: 3, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let status = ResponseTemplate::new;
    for first in [
        status(429).insert_header("retry-after", "0"),
        status(500).set_body_string("worker 12D3 failed: timeout"),
        status(502),
        status(503).set_body_string("No available workers to serve the request"),
        status(529).insert_header("retry-after", "0"),
    ] {
        let behaviour = Behaviour {
            first: vec![first],
            ..Behaviour::default()
        };
        let (_server, client) = portal(behaviour).await;
        assert_eq!(read(&client).await.unwrap().len(), 7);
    }
}

#[tokio::test]
async fn another_block_before_is_an_error_and_none_yet_is_nothing() {
    let (_server, client) = portal(Behaviour::default()).await;
    let error = client
        .blocks(FIRST..=LAST, Some([7; 32]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("previousBlocks"), "{error}");
    let ahead = FINALIZED + 1..=FINALIZED + 10;
    assert_eq!(client.blocks(ahead, None).await.unwrap(), None);
    // Before any exchange there is nothing to ask for.
    let early = client.blocks(5..=9, None).await.unwrap().unwrap();
    assert_eq!((early.last, early.decoded.fills.len()), (9, 0));
}

#[tokio::test]
async fn heads_and_times_are_found_by_a_portal_that_has_just_started() {
    let behaviour = Behaviour {
        first: vec![ResponseTemplate::new(200).set_body_string("null")],
        ..Behaviour::default()
    };
    let (_server, client) = portal(behaviour).await;
    let head = client.head().await.unwrap();
    assert_eq!((head.finalized, head.latest), (FINALIZED, FINALIZED + 5));
    let found = client.first_block_since(1_761_104_776).await.unwrap();
    assert_eq!(found, 78_000_000);
}
