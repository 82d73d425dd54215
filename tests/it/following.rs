//! A source that grows and is reorganised, followed by the real program.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use goldsky_simulator::{Config, Data, Entities, Head, Simulator, Text};
use serde_json::{Value, json};

use crate::harness::*;
use crate::refusals::assert_message;

/// Fills that are not older than that are not final.
const SETTLED_AFTER: u64 = 60;

/// What happened, by the number of the order: its second and what was paid.
#[derive(Clone)]
struct Chain {
    fills: Vec<(u64, u64, u64)>,
    head: u64,
    block: u64,
    next: u64,
}

impl Chain {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut chain = Self {
            fills: Vec::new(),
            head: now.as_secs() - 2_000,
            block: 1_000,
            next: 1,
        };
        chain.grow(2_000, 3);
        chain
    }

    /// Moves the head on, with a fill every so many seconds.
    fn grow(&mut self, seconds: u64, every: u64) {
        for at in (0..seconds).step_by(every as usize) {
            let id = self.next;
            self.fills.push((id, self.head + at, 400_000 + id));
            self.next += 1;
        }
        self.head += seconds;
        self.block += seconds / 2 + 1;
    }

    /// Lets what is not final happen another way.
    fn reorganise(&mut self) {
        self.block += 1;
        let from = self.head - SETTLED_AFTER + 5;
        self.fills
            .retain(|&(id, second, _)| second < from || id % 4 > 0);
        for (id, second, usdc) in &mut self.fills {
            match *id % 4 {
                _ if *second < from => {}
                1 => *second -= 2,
                2 => *second += 1,
                _ => *usdc += 1,
            }
        }
    }

    fn data(&self) -> Data {
        let mut events = String::new();
        for (id, second, usdc) in &self.fills {
            let hash = |kind: u64| format!("0x{:064x}", id * 16 + kind);
            let event = json!({
                "id": format!("{}_{}", hash(1), hash(2)),
                "transactionHash": hash(1),
                "orderHash": hash(2),
                "timestamp": second.to_string(),
                "maker": format!("0x{:040x}", id % 7 + 1),
                "taker": format!("0x{:040x}", id % 5 + 1),
                "makerAssetId": "0",
                // A new token comes up from time to time.
                "takerAssetId": (id / 100 + 10).to_string(),
                "makerAmountFilled": usdc.to_string(),
                "takerAmountFilled": "1000000",
                "fee": "0",
            });
            writeln!(events, "{event}").unwrap();
        }
        Data::Entities(Entities {
            head: Some(Head {
                number: self.block,
                timestamp: self.head as i64,
                hash: format!("0x{:064x}", self.block),
                parent_hash: format!("0x{:064x}", self.block - 1),
            }),
            ..Entities::new(Text::Inline(events))
        })
    }

    /// Returns what readers should see, as the query below says it.
    fn expected(&self) -> String {
        let (mut count, mut sum, mut seconds) = (0, 0_u64, 0_u64);
        let end = self.head - SETTLED_AFTER;
        for (id, second, usdc) in self.fills.iter().filter(|fill| fill.1 < end) {
            count += 1;
            sum += usdc;
            seconds += second * (id % 1000);
        }
        format!("{count}\t{count}\t{sum}\t{seconds}\t0")
    }
}

const SEEN: &str = "SELECT count(), uniqExact(fill_id), toUInt64(sum(usdc) * 1000000), \
    sum(toUInt64(toUnixTimestamp(timestamp)) * \
    (intDiv(reinterpretAsUInt64(reverse(unhex(substring(order_hash, 51)))), 16) % 1000)), \
    countIf(condition_id = '') FROM clob_fills_v2";

/// Waits until readers see what they should.
async fn until_seen(engine: &Engine, chain: &Chain) {
    let (expected, deadline) = (chain.expected(), Instant::now() + PATIENCE);
    let mut seen = String::new();
    while Instant::now() < deadline {
        let there = engine.text("EXISTS clob_fills_v2").await;
        if there == "1" {
            seen = engine.text(SEEN).await;
        }
        if seen == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{seen} is seen instead of {expected}");
}

fn follow(directory: &Path, endpoint: &str, engine: &Engine) -> Command {
    follow_settled(directory, endpoint, engine, SETTLED_AFTER)
}

fn follow_settled(directory: &Path, endpoint: &str, engine: &Engine, seconds: u64) -> Command {
    let mut command = command("ingest", directory);
    command.args(["--output", "json", "--endpoint", endpoint]);
    command.args(["--clickhouse-url", &engine.url, "--follow"]);
    command.args(["--look-every-seconds", "1"]);
    command.args(["--settled-after-seconds", &seconds.to_string()]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_is_loaded_once_it_is_final() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start(directory.path());
    let mut chain = Chain::new();
    let config = Config {
        data: chain.data(),
        ..Config::default()
    };
    let source = Simulator::start(config).await.unwrap();
    let start = || Running::start(follow(directory.path(), source.endpoint(), &engine));
    let run = start();
    until_seen(&engine, &chain).await;
    for _ in 0..3 {
        chain.reorganise();
        chain.grow(40, 2);
        source.replace(chain.data()).await.unwrap();
        until_seen(&engine, &chain).await;
    }
    // What happens while nobody follows is made up for, and nothing that was there comes twice.
    run.kill();
    chain.reorganise();
    chain.grow(300, 2);
    source.replace(chain.data()).await.unwrap();
    let run = start();
    until_seen(&engine, &chain).await;
    run.signal("INT");
    let summary = run.end().expect(130).json();
    assert_eq!(summary["interrupted"], true);
    assert_eq!(summary["failed_units"], json!([]));

    // Without --follow the newest fills count as final, and the source's counters agree.
    let mut once = command("ingest", directory.path());
    once.args(["--output", "json", "--endpoint", source.endpoint()]);
    once.args(["--clickhouse-url", &engine.url]);
    let once = Running::start(once).end().expect(0).json();
    assert_eq!(once["complete"], true);
    assert_eq!(once["fills_total"], chain.fills.len());
    let mut validate = command("validate", directory.path());
    validate.args(["--output", "json", "--endpoint", source.endpoint()]);
    validate.args(["--clickhouse-url", &engine.url]);
    validate.args(["--level", "counts", "--level", "source"]);
    let verdict = Running::start(validate).end().expect(0).json();
    assert_eq!(verdict["verdict"], "ok");
}

fn promises_less_than_all(directory: &Path) -> bool {
    let mut status = command("ingest", directory);
    status.args(["status", "--output", "json"]);
    let status = Running::start(status).end().expect(0).json();
    status["fills_promised"] != 3000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stands_still_is_told_and_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "3000", "--markets", "20"]);
    let engine = Engine::start(directory.path());
    let arguments = ["--metrics-listen", "127.0.0.1:0"];
    let mut run = follow_settled(directory.path(), &source.endpoint, &engine, 3);
    run.args(arguments);
    let mut run = Running::start(run);
    let url = run.find_in_stderr("\"url\":\"", "\"").await;
    run.find_in_stderr("the source has stopped moving", "\n")
        .await;
    let deadline = Instant::now() + PATIENCE;
    let mut state = Value::Null;
    while state != "following" && Instant::now() < deadline {
        let status = http()
            .get(format!("{url}/status.json"))
            .send()
            .await
            .unwrap();
        let status: Value = serde_json::from_str(&status.text().await.unwrap()).unwrap();
        state = status["status"]["state"].clone();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(state, "following");
    // Once it was seen to stand for as long as settling takes, all of it is promised.
    let deadline = Instant::now() + PATIENCE;
    while promises_less_than_all(directory.path()) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    run.signal("TERM");
    let summary = run.end().expect(130).json();
    assert_eq!(summary["fills_total"], 3000);
    let count = "SELECT count() FROM clob_fills_v2";
    assert_eq!(engine.text(count).await, "3000");
    // All of it was settled, so there is nothing left for a run that does not follow.
    let requests = source.requests().await;
    let once = ingest(
        directory.path(),
        &source,
        &["--clickhouse-url", &engine.url],
    );
    let once = Running::start(once).end().expect(0).json();
    assert_eq!(once["pages"], 0);
    assert!(source.requests().await > requests);
}

#[test]
fn what_would_leave_fills_out_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let mut command = command("ingest", directory.path());
        command.arg("--follow").args(arguments);
        Running::start(command).end()
    };
    assert_message(
        &refused(&["--to", "1700000000"]),
        2,
        &["--follow", "--to", "FOLLOW=false"],
    );
    for by_market in [["--strategy", "markets"], ["--limit", "5"]] {
        assert_message(&refused(&by_market), 2, &["--follow", "--limit"]);
    }
}
