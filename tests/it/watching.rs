//! A run that is watched from outside.

use std::net::TcpListener;

use serde_json::Value;

use crate::harness::*;
use crate::refusals::assert_message;

async fn asked(url: &str) -> (u16, String) {
    let answer = http().get(url).send().await.unwrap();
    let code = answer.status().as_u16();
    (code, answer.text().await.unwrap())
}

/// Returns the value of a metric.
#[track_caller]
fn metric(text: &str, name: &str) -> f64 {
    let mut values = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// A source that a run with few workers takes some seconds for.
const SLOW: [&str; 6] = [
    "--fills",
    "60000",
    "--markets",
    "200",
    "--latency-ms",
    "200",
];

#[tokio::test]
async fn a_run_tells_scrapers_and_browsers_how_it_goes_and_what_it_knows_of_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &SLOW);
    let engine = Engine::start(directory.path());
    let arguments = ["--metrics-listen", "127.0.0.1:0", "--workers", "2"];
    let mut run = ingest(directory.path(), &source, &arguments);
    run.args(["--clickhouse-url", &engine.url]);
    let mut run = Running::start(run);
    let url = run.find_in_stderr("\"url\":\"", "\"").await;

    let mut text = String::new();
    for _ in 0..600 {
        text = asked(&format!("{url}/metrics")).await.1;
        if text.contains("clob_backfill_time_left_seconds ")
            && metric(&text, "clob_backfill_fills_inserted_total") > 0.0
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(metric(&text, "clob_backfill_fills_expected"), 60_000.0);
    let share = metric(&text, "clob_backfill_share_done_ratio");
    assert!(0.0 < share && share < 1.0, "{share}");
    let markets = metric(&text, "clob_backfill_markets_met_total");
    assert!((1.0..=200.0).contains(&markets), "{markets}");
    assert!(metric(&text, "clob_backfill_requests_in_flight") <= 2.0);
    assert!(metric(&text, "clob_backfill_request_latency_seconds") >= 0.2);
    assert!(metric(&text, "clob_backfill_disk_free_bytes") > 0.0);

    let (code, health) = asked(&format!("{url}/health")).await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!((code, &health["ok"]), (200, &Value::Bool(true)));
    let (_, status) = asked(&format!("{url}/status.json")).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["status"]["months"].as_array().unwrap().len(), 42);

    let mut events = http().get(format!("{url}/events")).send().await.unwrap();
    let (mut told, mut last) = (0, String::new());
    while let Some(chunk) = events.chunk().await.unwrap() {
        last += std::str::from_utf8(&chunk).unwrap();
        told += 1;
        if last.contains("event: ended") && last.ends_with("\n\n") {
            break;
        }
    }
    assert!(told > 2, "{told} events");
    let (_, last) = last.rsplit_once("event: ended\ndata: ").unwrap();
    let last: Value = serde_json::from_str(last.trim()).unwrap();
    let summary = run.end().expect(0).json();
    // The last word has the same figures under the same names as the final object.
    for key in [
        "fills_inserted",
        "requests",
        "pages",
        "retries",
        "rate_limited",
    ] {
        let at_most = summary[key].as_u64().unwrap();
        let told = last["status"][key].as_u64().unwrap();
        assert!(told <= at_most, "{key}: {told}, {at_most} in the summary");
    }
    assert_eq!(last["status"]["fills_inserted"], summary["fills_inserted"]);
    assert_eq!(last["status"]["state"], "ended");
    assert_eq!(last["status"]["share_done"], 1.0);
    // Nobody listens any more.
    assert!(http().get(&url).send().await.is_err());
}

#[tokio::test]
async fn what_holds_a_run_up_is_told_once_with_what_helps() {
    let directory = tempfile::tempdir().unwrap();
    let bad = [
        "--fills",
        "30000",
        "--markets",
        "100",
        "--fault",
        "http-500=0.5",
    ];
    let source = Source::start(directory.path(), &bad);
    let run = ingest(directory.path(), &source, &["--workers", "2"]);
    let ended = Running::start(run).end().expect(0);
    let warned = ended
        .stderr
        .lines()
        .filter(|line| line.contains("\"warning\":\"source_failing\""))
        .filter(|line| line.contains("\"level\":\"WARN\""));
    let warned: Vec<&str> = warned.collect();
    assert_eq!(warned.len(), 1, "{}", ended.stderr);
    let warned: Value = serde_json::from_str(warned[0]).unwrap();
    assert!(
        warned["message"]
            .as_str()
            .unwrap()
            .contains("of the last minute failed")
    );
    assert!(warned["mend"].as_str().unwrap().contains("--workers"));
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = ingest(directory.path(), &source, &["--metrics-listen", &address]);
    let ended = Running::start(run).end();
    assert_message(&ended, 2, &[&address, "--metrics-listen"]);
}

fn told(directory: &std::path::Path, arguments: &[&str]) -> Value {
    let mut command = command("ingest", directory);
    command.args(["--output", "json"]).args(arguments);
    Running::start(command).end().expect(0).json()
}

#[tokio::test]
async fn each_run_leaves_a_report_that_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "3000", "--markets", "20"]);
    let none = told(directory.path(), &["runs"]);
    assert_eq!(none, serde_json::json!({"runs": []}));

    let run = || Running::start(ingest(directory.path(), &source, &[])).end();
    let (first, second) = (run().expect(0).json(), run().expect(0).json());
    for summary in [&first, &second] {
        let report = summary["report"].as_str().unwrap();
        let left = std::fs::read_to_string(directory.path().join(report)).unwrap();
        assert_eq!(&serde_json::from_str::<Value>(&left).unwrap(), summary);
    }
    std::fs::write(directory.path().join("data/runs/zzz.json"), "cut off").unwrap();
    let listed = told(directory.path(), &["runs"]);
    let listed = listed["runs"].as_array().unwrap();
    assert_eq!(listed[..2], [first.clone(), second]);
    assert!(
        listed[2]["error"].is_string() && listed.len() == 3,
        "{listed:?}"
    );

    let mut shown = command("ingest", directory.path());
    shown.args(["runs", "--output", "human"]);
    let shown = Running::start(shown).end().expect(0).stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[0].starts_with(first["run_id"].as_str().unwrap()),
        "{shown}"
    );
    assert!(
        lines[0].contains("complete") && lines[0].contains("3,000 fills"),
        "{shown}"
    );
    assert!(lines[2].contains("zzz.json"), "{shown}");
}

#[tokio::test]
async fn a_status_that_is_watched_goes_on_while_the_run_does() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &SLOW);
    let engine = Engine::start(directory.path());
    let server = ["--clickhouse-url", &engine.url];
    let mut run = ingest(directory.path(), &source, &["--workers", "1"]);
    run.args(server);
    let mut run = Running::start(run);
    run.find_in_stderr("the backfill begins", "\n").await;

    let mut watched = command("ingest", directory.path());
    watched
        .args(["--output", "json", "status", "--watch"])
        .args(server);
    let mut watched = Running::start(watched);
    let mut looks = Vec::new();
    for _ in 0..60 {
        looks.push(watched.ready());
        let last: &Value = looks.last().unwrap();
        if looks.len() > 1 && last["fills"].as_u64() > Some(0) {
            break;
        }
    }
    let last = looks.last().unwrap();
    assert_eq!(last["state"], "running");
    assert!(last["fills_per_second"].as_f64().unwrap() >= 0.0);
    assert!(looks[0]["fills_per_second"].is_null());
    assert_eq!(last["markets_known"], 200);
    watched.signal("INT");
    watched.end().expect(130);
    run.signal("INT");
    run.end().expect(130);

    let after = ["--output", "json", "status", server[0], server[1]];
    assert_eq!(told(directory.path(), &after[2..])["state"], "stopped");
}

#[tokio::test]
async fn a_status_that_is_watched_when_nothing_runs_sees_the_same_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "3000", "--markets", "20"]);
    let before = told(directory.path(), &["status"]);
    assert_eq!(before["state"], "not started");
    Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0);
    let mut watched = command("ingest", directory.path());
    watched.args(["--output", "json", "status", "--watch"]);
    let mut watched = Running::start(watched);
    for _ in 0..3 {
        let look: Value = watched.ready();
        assert_eq!(
            (&look["state"], &look["fills"]),
            (&"complete".into(), &3000.into())
        );
    }
    watched.signal("INT");
    watched.end().expect(130);
}
