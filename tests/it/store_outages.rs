//! A ClickHouse that goes away.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::exactness::{assert_counters, counters};
use crate::harness::*;
use crate::proxy::{Fate, Proxy, exception};

const FILLS: u64 = 12_000;

fn source(directory: &Path) -> Source {
    let fills = FILLS.to_string();
    // A second and a half of pages.
    let slowly = ["--fills", &fills, "--markets", "40", "--latency-ms", "250"];
    Source::start(directory, &slowly)
}

/// Starts a run, and kills ClickHouse while it inserts. Returns where ClickHouse was, too.
async fn run_without_its_engine(directory: &Path, source: &Source) -> (Running, String) {
    let engine = Engine::start(directory);
    let arguments = ["--clickhouse-url", &engine.url];
    let mut run = ingest(directory, source, &arguments);
    run.args(["--insert-batch-size", "500", "--workers", "2"]);
    let mut run = Running::start(run);
    run.find_in_stderr("the backfill ", "\"").await;
    let count = "SELECT count() FROM clob_fills_v2";
    while engine.text(count).await.parse::<u64>().unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let address = engine.url.strip_prefix("http://").unwrap().to_owned();
    engine.kill();
    (run, address)
}

const REPEATED: &str = "an insert failed and is repeated";

#[tokio::test]
async fn an_outage_is_waited_for_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let (mut run, address) = run_without_its_engine(directory.path(), &source).await;
    // By the sixth attempt some seconds have passed.
    run.find_in_stderr("\"attempt\":6", "\"").await;
    let engine = Engine::start_on(directory.path(), &address);
    let ended = run.end().expect(0);
    assert!(ended.stderr.contains(REPEATED), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Connection refused"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.json()["fills_total"], FILLS);
    assert_counters(&engine, counters(&source).await).await;
}

#[tokio::test]
async fn a_run_whose_clickhouse_stays_away_can_still_be_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let (mut run, address) = run_without_its_engine(directory.path(), &source).await;
    run.find_in_stderr(REPEATED, "\"").await;
    assert!(!run.has_ended());
    let asked = Instant::now();
    run.signal("TERM");
    let ended = run.end().expect(130);
    assert!(asked.elapsed() < Duration::from_secs(10), "{ended:?}");
    let summary = ended.json();
    assert_eq!(summary["interrupted"], true);
    assert_eq!(summary["complete"], false);

    let engine = Engine::start_on(directory.path(), &address);
    let arguments = ["--clickhouse-url", &engine.url];
    let summary = Running::start(ingest(directory.path(), &source, &arguments)).end();
    assert_eq!(summary.expect(0).json()["fills_total"], FILLS);
    assert_counters(&engine, counters(&source).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_clickhouse_before_it_begins_can_be_stopped_too() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let proxy = Proxy::start(&engine.url, |asked| {
        match asked.sql.contains("-- await_inserts") {
            true => exception(202, "Too many simultaneous queries"),
            false => Fate::Pass,
        }
    })
    .await;
    let arguments = ["--clickhouse-url", &proxy.url];
    let mut run = Running::start(ingest(directory.path(), &source, &arguments));
    run.find_in_stderr("a read failed and is repeated", "\"")
        .await;
    let asked = Instant::now();
    run.signal("TERM");
    run.end().expect(130);
    assert!(asked.elapsed() < Duration::from_secs(10));
}
