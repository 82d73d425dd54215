//! Kills and stops at moments that nobody chose.

use std::time::Duration;

use crate::exactness::{assert_counters, counters};
use crate::harness::*;

const FILLS: u64 = 60_000;

fn source(directory: &std::path::Path, more: &[&str]) -> Source {
    let fills = FILLS.to_string();
    let mut arguments = vec!["--fills", &fills, "--markets", "300", "--latency-ms", "20"];
    arguments.extend(more);
    Source::start(directory, &arguments)
}

/// Small batches and many checkpoints, so that a kill finds everything half done.
const FINELY: [&str; 6] = [
    "--insert-batch-size",
    "3000",
    "--workers",
    "4",
    "--checkpoint-interval",
    "1",
];

#[tokio::test]
async fn killed_with_the_engine_inside_the_next_run_completes_it() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path(), &["--requests-per-10s", "100"]);
    let run = |more: &[&str]| {
        let mut run = ingest(directory.path(), &source, more);
        run.args(FINELY);
        Running::start(run)
    };
    for requests in [4, 8, 12] {
        let asked = source.requests().await;
        let mut running = run(&[]);
        // In the middle of the load: the next run has something to complete.
        while source.requests().await < asked + requests {
            assert!(!running.has_ended());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.signal("KILL");
        drop(running);
    }
    run(&[]).end().expect(0);
    let engine = Engine::start(directory.path());
    let count = engine
        .text("SELECT count(), uniqExact(fill_id) FROM clob_fills_v2")
        .await;
    assert_eq!(count, format!("{FILLS}\t{FILLS}"));
    assert_counters(&engine, counters(&source).await).await;
}

#[tokio::test]
async fn an_embedded_server_that_is_killed_comes_back_and_no_row_is_lost_or_doubled() {
    let directory = tempfile::tempdir().unwrap();
    // Slow enough that there is something to load still when the server is back for the third time.
    let source = source(directory.path(), &["--requests-per-10s", "20"]);
    let data = directory.path().join("data/clickhouse");
    let mut running = Running::start(ingest(directory.path(), &source, &FINELY));
    let mut killed = Vec::new();
    while killed.len() < 3 {
        let asked = source.requests().await;
        let server = loop {
            assert!(!running.has_ended(), "{killed:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
            match clickhouse_embedded::Connection::find(&data) {
                Some(found) if !killed.contains(&found.process_id) => break found.process_id,
                _ => {}
            }
        };
        // In the middle of what it does for the run.
        while source.requests().await < asked + 3 {
            assert!(!running.has_ended(), "{killed:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let kill = std::process::Command::new("kill")
            .args(["-KILL", &server.to_string()])
            .status();
        assert!(kill.unwrap().success());
        killed.push(server);
    }
    let ended = running.end();
    assert!(matches!(ended.code, Some(0 | 75)), "{ended:?}");
    if ended.code == Some(75) {
        Running::start(ingest(directory.path(), &source, &[]))
            .end()
            .expect(0);
    }
    let engine = Engine::start(directory.path());
    let count = "SELECT count(), uniqExact(fill_id) FROM clob_fills_v2";
    assert_eq!(engine.text(count).await, format!("{FILLS}\t{FILLS}"));
    assert_counters(&engine, counters(&source).await).await;
}

#[tokio::test]
async fn a_stop_drains_and_the_next_run_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path(), &["--requests-per-10s", "50"]);
    for name in ["TERM", "INT"] {
        let before = source.requests().await;
        let mut running = Running::start(ingest(directory.path(), &source, &[]));
        while source.requests().await < before + 8 {
            assert!(!running.has_ended());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.signal(name);
        let stopped = std::time::Instant::now();
        let summary = running.end().expect(130).json();
        assert!(stopped.elapsed() < Duration::from_secs(10));
        assert_eq!(summary["complete"], false);
        assert_eq!(summary["interrupted"], true);
    }
    let status = {
        let mut status = command("ingest", directory.path());
        status.args(["status", "--output", "json"]);
        Running::start(status).end().expect(0).json()
    };
    assert_eq!(status["state"], "stopped");
    let summary = Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0)
        .json();
    assert_eq!(summary["fills_total"], FILLS);
    // What was drained is known to be done, but for the second that each worker was in.
    assert!(
        summary["fills_found"].as_u64().unwrap() < 1_000,
        "{summary}"
    );
}

#[tokio::test]
async fn a_source_that_goes_away_leaves_work_and_the_next_run_does_it() {
    let directory = tempfile::tempdir().unwrap();
    let fills = FILLS.to_string();
    let listen = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let start = || {
        let listen = listen.to_string();
        let arguments = [
            "--listen",
            &listen,
            "--fills",
            &fills,
            "--markets",
            "300",
            "--latency-ms",
            "100",
        ];
        Source::start_as_told(directory.path(), &arguments)
    };
    let source = start();
    let mut running = Running::start(ingest(
        directory.path(),
        &source,
        &["--workers", "2", "--source-patience-seconds", "3"],
    ));
    // More than three seconds of pages begin here.
    running.find_in_stderr("the backfill ", "\"").await;
    let asked = source.requests().await;
    while source.requests().await < asked + 3 {
        assert!(!running.has_ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(source);
    let summary = running.end().expect(75).json();
    assert_eq!(summary["complete"], false);
    assert!(!summary["failed_units"].as_array().unwrap().is_empty());

    let source = start();
    let summary = Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0)
        .json();
    assert_eq!(summary["fills_total"], FILLS);
    assert_eq!(summary["failed_units"].as_array().unwrap().len(), 0);
}
