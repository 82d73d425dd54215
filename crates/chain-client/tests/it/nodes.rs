//! Nodes that answer as providers do, on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chain_client::RpcClient;
use fills::SourceError;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// How a node behaves.
#[derive(Clone, Default)]
struct Behaviour {
    /// Logs that it has, as it serves them.
    logs: Vec<Value>,
    max_blocks: Option<u64>,
    max_logs: Option<usize>,
    max_addresses: Option<usize>,
    /// Every call fails like this.
    error: Option<(i64, &'static str)>,
    knows_no_finality: bool,
    sends_no_times: bool,
    /// Answers a batch in another order.
    shuffles: bool,
    /// Blocks that it has not seen the first time it is asked.
    lags: bool,
}

const HEAD: u64 = 100_000_000;

struct Node {
    behaviour: Behaviour,
    calls: Arc<AtomicUsize>,
}

impl Respond for Node {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = match &call {
            Value::Array(calls) => {
                let mut answers: Vec<Value> =
                    calls.iter().map(|call| self.answer(call, number)).collect();
                if self.behaviour.shuffles {
                    answers.reverse();
                }
                Value::Array(answers)
            }
            call => self.answer(call, number),
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

impl Node {
    fn answer(&self, call: &Value, number: usize) -> Value {
        match self.result(call, number) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": message } })
            }
        }
    }

    fn result(&self, call: &Value, calls: usize) -> Result<Value, (i64, String)> {
        let behaviour = &self.behaviour;
        if let Some((code, message)) = behaviour.error {
            return Err((code, message.to_owned()));
        }
        match call["method"].as_str().unwrap() {
            "eth_chainId" => Ok(json!("0x89")),
            "eth_blockNumber" => Ok(json!(format!("{HEAD:#x}"))),
            "eth_getBlockByNumber" if call["params"][0] == "finalized" => {
                match behaviour.knows_no_finality {
                    true => Err((-32000, "finalized block not found".to_owned())),
                    false => Ok(block(HEAD - 7)),
                }
            }
            "eth_getBlockByNumber" => Ok(block(number(&call["params"][0]))),
            "eth_getLogs" => self.logs(&call["params"][0], calls),
            other => Err((-32601, format!("the method {other} does not exist"))),
        }
    }

    fn logs(&self, filter: &Value, calls: usize) -> Result<Value, (i64, String)> {
        let behaviour = &self.behaviour;
        let (from, to) = (number(&filter["fromBlock"]), number(&filter["toBlock"]));
        if behaviour.lags && calls == 0 {
            return Err((-32000, "invalid block range params".to_owned()));
        }
        if let Some(max) = behaviour.max_blocks.filter(|max| to - from + 1 > *max) {
            return Err((-32602, format!("eth_getLogs is limited to a {max} range")));
        }
        let addresses = filter["address"].as_array().unwrap();
        if behaviour
            .max_addresses
            .is_some_and(|max| addresses.len() > max)
        {
            let words = "please specify less number of address in the getLogs query";
            return Err((-32000, words.to_owned()));
        }
        let topics = filter["topics"][0].as_array().unwrap();
        let mut logs = behaviour.logs.clone();
        logs.retain(|log| {
            (from..=to).contains(&number(&log["blockNumber"]))
                && addresses.contains(&log["address"])
                && topics.contains(&log["topics"][0])
        });
        if let Some(max) = behaviour.max_logs.filter(|max| logs.len() > *max) {
            return Err((-32005, format!("query returned more than {max} results")));
        }
        if behaviour.sends_no_times {
            for log in &mut logs {
                log.as_object_mut().unwrap().remove("blockTimestamp");
            }
        }
        Ok(json!(logs))
    }
}

/// A block's time follows from its number here.
fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"),
        "hash": format!("{number:#066x}"),
        "timestamp": format!("{:#x}", 1_000 + 2 * number),
    })
}

async fn node(behaviour: Behaviour) -> (MockServer, Arc<AtomicUsize>) {
    let server = MockServer::start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let node = Node {
        behaviour,
        calls: Arc::clone(&calls),
    };
    let mock = Mock::given(wiremock::matchers::any()).respond_with(node);
    mock.mount(&server).await;
    (server, calls)
}

fn client(nodes: &[&MockServer]) -> RpcClient {
    let providers = nodes.iter().map(|node| {
        let mut config = api_client::Config::new(node.uri().parse().unwrap());
        config.retry.attempts = 3;
        config.retry.first_wait = std::time::Duration::from_millis(1);
        (config, pacer::Pacer::new(pacer::Config::default()))
    });
    RpcClient::new(providers.collect(), chain_client::EXCHANGES).unwrap()
}

/// Real fills of V1 from block 78,000,000, and the ends of their matches, as a node serves them.
fn logs() -> Vec<Value> {
    let mut logs = Vec::new();
    for row in include_str!("../data/logs_78000000.jsonl").lines() {
        let mut log: Value = serde_json::from_str(row).unwrap();
        let time = format!("{:#x}", 1_000 + 2 * 78_000_000_u64);
        log["blockTimestamp"] = json!(time);
        logs.push(log.clone());
        if log["topics"][3].as_str().unwrap()[26..] == log["address"].as_str().unwrap()[2..] {
            let matched = format!(
                "0x{}",
                const_hex::encode(chain_client::topic::ORDERS_MATCHED_V1)
            );
            log["topics"] = json!([matched, log["topics"][1], log["topics"][2]]);
            log["data"] = json!(log["data"].as_str().unwrap()[..2 + 64 * 4]);
            log["logIndex"] = json!(format!("{:#x}", number(&log["logIndex"]) + 1));
            logs.push(log);
        }
    }
    logs
}

const FIRST: u32 = 77_999_000;
const LAST: u32 = 78_000_999;

/// Reads the range to its end; returns the fills, and how many transactions do not add up.
async fn read(client: &RpcClient) -> Result<(Vec<fills::Fill>, usize), SourceError> {
    let (mut from, mut fills, mut violations) = (FIRST, Vec::new(), 0);
    while from <= LAST {
        let blocks = client.blocks(from..=LAST).await?;
        assert!((from..=LAST).contains(&blocks.last));
        assert_eq!(blocks.decoded.malformed, []);
        fills.extend(blocks.decoded.fills);
        violations += blocks.decoded.violations.len();
        from = blocks.last + 1;
    }
    Ok((fills, violations))
}

#[tokio::test]
async fn all_fills_come_once_however_a_provider_limits_its_answers() {
    let sound = Behaviour {
        logs: logs(),
        ..Behaviour::default()
    };
    let (reference, _) = node(sound.clone()).await;
    let expected = read(&client(&[&reference])).await.unwrap();
    assert_eq!((expected.0.len(), expected.1), (7, 0));
    assert_eq!(expected.0[0].timestamp, 156_001_000);
    for (name, behaviour) in [
        (
            "10 blocks",
            Behaviour {
                max_blocks: Some(10),
                ..sound.clone()
            },
        ),
        (
            "one block",
            Behaviour {
                max_blocks: Some(1),
                ..sound.clone()
            },
        ),
        (
            "10 logs",
            Behaviour {
                max_logs: Some(10),
                ..sound.clone()
            },
        ),
        (
            "one contract",
            Behaviour {
                max_addresses: Some(1),
                ..sound.clone()
            },
        ),
        (
            "no times",
            Behaviour {
                sends_no_times: true,
                shuffles: true,
                ..sound.clone()
            },
        ),
        (
            "behind the head",
            Behaviour {
                lags: true,
                ..sound.clone()
            },
        ),
    ] {
        let (server, _) = node(behaviour).await;
        assert_eq!(read(&client(&[&server])).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn one_block_that_is_too_much_is_read_contract_by_contract() {
    // Ten logs of one contract in a block, and one of another.
    let mut logs = logs();
    let mut other = logs[0].clone();
    other["address"] = json!("0xc5d563a36ae78145c45a50134d48a1215220f80a");
    other["logIndex"] = json!("0x0");
    logs.insert(0, other);
    let behaviour = Behaviour {
        logs,
        max_logs: Some(10),
        ..Behaviour::default()
    };
    let (server, _) = node(behaviour).await;
    let (fills, _) = read(&client(&[&server])).await.unwrap();
    assert_eq!(fills.len(), 8);
    assert!(fills.is_sorted_by_key(|fill| (fill.block_number, fill.log_index)));
}

#[tokio::test]
async fn a_log_that_a_provider_leaves_out_comes_from_another_one() {
    let all = logs();
    for index in 0..all.len() {
        let mut logs = all.clone();
        logs.remove(index);
        let (lacking, _) = node(Behaviour {
            logs,
            ..Behaviour::default()
        })
        .await;
        let (alone, violations) = read(&client(&[&lacking])).await.unwrap();
        assert!(violations == 1 && alone.len() <= 7, "{index}: {violations}");
        let (whole, _) = node(Behaviour {
            logs: all.clone(),
            ..Behaviour::default()
        })
        .await;
        let (fills, violations) = read(&client(&[&lacking, &whole])).await.unwrap();
        assert_eq!((fills.len(), violations), (7, 0), "without log {index}");
    }
}

#[tokio::test]
async fn the_next_provider_is_asked_where_one_cannot_answer() {
    let sound = Behaviour {
        logs: logs(),
        ..Behaviour::default()
    };
    let (whole, _) = node(sound.clone()).await;
    for (error, gives_up_at_once) in [
        ((-32000, "History has been pruned for this block"), true),
        ((-32005, "Monthly capacity limit exceeded"), true),
        ((-32000, "invalid block range params"), false),
        ((-32601, "Method not found"), true),
    ] {
        let (failing, calls) = node(Behaviour {
            error: Some(error),
            ..sound.clone()
        })
        .await;
        let error = client(&[&failing]).blocks(FIRST..=LAST).await.unwrap_err();
        assert!(error.to_string().contains("("), "{error}");
        assert_eq!(
            calls.load(Ordering::SeqCst) == 1,
            gives_up_at_once,
            "{error}"
        );
        let client = client(&[&failing, &whole]);
        assert_eq!(read(&client).await.unwrap().0.len(), 7);
        // It stays with the one that answered.
        let asked = calls.load(Ordering::SeqCst);
        client.blocks(FIRST..=LAST).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn the_head_is_final_as_far_as_the_node_says_or_200_blocks_behind() {
    let (server, _) = node(Behaviour::default()).await;
    let head = client(&[&server]).head().await.unwrap();
    assert_eq!((head.chain_id, u64::from(head.latest)), (Some(137), HEAD));
    assert_eq!(u64::from(head.finalized), HEAD - 7);
    let knows_no_finality = true;
    let (server, _) = node(Behaviour {
        knows_no_finality,
        ..Behaviour::default()
    })
    .await;
    let head = client(&[&server]).head().await.unwrap();
    assert_eq!(u64::from(head.finalized), HEAD - 200);
}

#[tokio::test]
async fn a_block_is_found_by_its_time() {
    let (server, _) = node(Behaviour::default()).await;
    let client = client(&[&server]);
    for (second, found) in [
        (1_000, Some(10)),
        (1_021, Some(11)),
        (1_022, Some(11)),
        (1_023, Some(12)),
        (1_040, Some(20)),
        (1_041, None),
    ] {
        assert_eq!(
            client.first_block_since(second, 10..=20).await.unwrap(),
            found,
            "{second}"
        );
    }
}

#[tokio::test]
async fn logs_out_of_order_or_of_other_blocks_are_not_believed() {
    let mut out_of_order = logs();
    out_of_order.swap(0, 1);
    let (server, _) = node(Behaviour {
        logs: out_of_order,
        ..Behaviour::default()
    })
    .await;
    let error = read(&client(&[&server])).await.unwrap_err();
    assert!(matches!(error, SourceError::Protocol { .. }), "{error}");
}
