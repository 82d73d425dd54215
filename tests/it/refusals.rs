//! What stops a run: one message that says what, where and what to do, and the right exit code.

use std::io::Write;
use std::net::TcpListener;

use crate::harness::*;

/// Asserts that an ending is one message with a cause and a cure.
#[track_caller]
pub(crate) fn assert_message(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let message = ended.stderr.lines().last().unwrap_or_default();
    for part in says {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    // A bad value's message says itself which values are allowed.
    let told = message["error"].as_str().unwrap().contains("allowed is");
    assert!(told || message["mend"].is_string(), "{message}");
    assert_eq!(message["exit_code"], code);
}

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn an_unreachable_endpoint_is_69() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command("ingest", directory.path());
    command.args(["--output", "json", "--endpoint", &closed_port()]);
    let ended = Running::start(command).end();
    assert_message(&ended, 69, &["did not answer", "--endpoint"]);
}

#[tokio::test]
async fn an_endpoint_that_is_no_subgraph_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let mut command = command("ingest", directory.path());
    let elsewhere = format!("{}/nothing/here", source.endpoint);
    command.args(["--output", "json", "--endpoint", &elsewhere]);
    let ended = Running::start(command).end();
    assert_message(&ended, 1, &["--endpoint"]);
}

#[tokio::test]
async fn an_unreachable_server_is_69() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let run = ingest(
        directory.path(),
        &source,
        &["--clickhouse-url", &closed_port()],
    );
    assert_message(&Running::start(run).end(), 69, &["--clickhouse-url"]);
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let mut serve = command("ingest", directory.path());
    serve.args([
        "engine",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--output",
        "json",
    ]);
    serve
        .env("CLICKHOUSE_USER", "fills")
        .env("CLICKHOUSE_PASSWORD", "right");
    let mut serve = Running::start(serve);
    let url = serve.ready()["url"].as_str().unwrap().to_owned();

    let run = |password: &str| {
        let mut run = ingest(directory.path(), &source, &["--clickhouse-url", &url]);
        run.env("CLICKHOUSE_USER", "fills")
            .env("CLICKHOUSE_PASSWORD", password);
        Running::start(run).end()
    };
    let wrong = run("hunter2");
    assert_message(&wrong, 2, &["CLICKHOUSE_PASSWORD"]);
    assert!(!wrong.stderr.contains("hunter2"));
    run("right").expect(0);
}

#[tokio::test]
async fn a_table_with_other_columns_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let engine = Engine::start(directory.path());
    engine
        .text(
            "CREATE TABLE clob_fills_v2 (fill_id String, proxy_wallet String) \
             ENGINE = MergeTree ORDER BY fill_id",
        )
        .await;
    let run = ingest(
        directory.path(),
        &source,
        &["--clickhouse-url", &engine.url],
    );
    assert_message(&Running::start(run).end(), 2, &["clob_fills_v2", "--table"]);
    assert_eq!(engine.text("SELECT count() FROM clob_fills_v2").await, "0");

    let other = ["--clickhouse-url", &engine.url, "--table", "fills"];
    Running::start(ingest(directory.path(), &source, &other))
        .end()
        .expect(0);
    assert_eq!(engine.text("SELECT count() FROM fills").await, "100");
}

#[tokio::test]
async fn bad_settings_are_2_and_name_value_and_place() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = command("ingest", directory.path());
        command.args(["--output", "json"]).args(arguments);
        Running::start(command).end()
    };
    assert_message(&run(&["--workers", "many"]), 2, &["workers", "many"]);
    assert_message(&run(&["--from", "2024-13-01"]), 2, &["from", "2024-13-01"]);
    assert_message(
        &run(&["--strategy", "scan", "--limit", "3"]),
        2,
        &["--strategy markets"],
    );
    let file = directory.path().join("clob-backfill.toml");
    std::fs::write(&file, "wokers = 5\n").unwrap();
    assert_message(&run(&[]), 2, &["wokers", "workers", "clob-backfill.toml"]);
    std::fs::remove_file(file).unwrap();
    assert_eq!(run(&["--no-such-flag"]).code, Some(2));
}

#[tokio::test]
async fn a_checkpoint_of_another_source_or_strategy_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = Source::start(
        directory.path(),
        &["--seed", "1", "--fills", "500", "--markets", "5"],
    );
    Running::start(ingest(directory.path(), &first, &[]))
        .end()
        .expect(0);
    let second = Source::start(
        directory.path(),
        &["--seed", "2", "--fills", "500", "--markets", "5"],
    );
    let other_source = Running::start(ingest(directory.path(), &second, &[])).end();
    assert_message(&other_source, 2, &["another job", "source", "--fresh"]);
    let by_market = ingest(directory.path(), &first, &["--strategy", "markets"]);
    assert_message(
        &Running::start(by_market).end(),
        2,
        &["another job", "--fresh"],
    );
    let unconfirmed = ingest(directory.path(), &first, &["--fresh"]);
    assert_message(&Running::start(unconfirmed).end(), 2, &["--yes"]);
}

#[tokio::test]
async fn a_checkpoint_that_promises_more_than_the_table_holds_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "500", "--markets", "5"]);
    let engine = Engine::start(directory.path());
    let run = |arguments: &[&str]| {
        let mut run = ingest(
            directory.path(),
            &source,
            &["--clickhouse-url", &engine.url],
        );
        run.args(arguments);
        Running::start(run).end()
    };
    run(&[]).expect(0);
    engine.text("TRUNCATE TABLE clob_fills_v2_data").await;
    assert_message(&run(&[]), 65, &["promises 500", "--fresh"]);
    let summary = run(&["--fresh", "--yes"]).expect(0).json();
    assert_eq!(summary["fills_total"], 500);
}

#[tokio::test]
async fn a_full_disk_stops_the_run_and_the_next_one_completes_it() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "20000", "--markets", "50"]);
    let engine = Engine::start(directory.path());
    let arguments = [
        "--clickhouse-url",
        &engine.url,
        "--insert-batch-size",
        "2000",
    ];
    let run = |more: &[&str]| {
        let mut run = ingest(directory.path(), &source, &arguments);
        run.args(more);
        Running::start(run).end()
    };
    run(&["--to", "2025-06-01", "--checkpoint", "first"]).expect(0);
    // What ClickHouse says of a disk with less room than this is what it says of a full one.
    let room = "ALTER TABLE clob_fills_v2_data MODIFY SETTING \
                min_free_disk_bytes_to_perform_insert = ";
    engine.text(&format!("{room} 1000000000000000")).await;
    assert_message(&run(&[]), 1, &["NOT_ENOUGH_SPACE", "make room"]);
    engine.text(&format!("{room} 0")).await;
    let summary = run(&[]).expect(0).json();
    assert_eq!(summary["fills_total"], 20_000);
    let distinct = engine
        .text("SELECT uniqExact(fill_id) FROM clob_fills_v2")
        .await;
    assert_eq!(distinct, "20000");
}

#[tokio::test]
async fn a_data_directory_that_is_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let _engine = Engine::start(directory.path());
    let mut serve = command("ingest", directory.path());
    serve.args(["engine", "serve", "--listen", "127.0.0.1:0"]);
    for second in [serve, ingest(directory.path(), &source, &[])] {
        let refused = Running::start(second).end();
        assert_message(&refused, 2, &["open in another process"]);
    }
}

#[tokio::test]
async fn a_damaged_checkpoint_is_never_taken_for_none() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let checkpoint = directory.path().join("progress");
    let mut file = std::fs::File::create(&checkpoint).unwrap();
    file.write_all(b"not a checkpoint").unwrap();
    let run = ingest(
        directory.path(),
        &source,
        &["--checkpoint", checkpoint.to_str().unwrap()],
    );
    assert_message(&Running::start(run).end(), 1, &["damaged", "--fresh"]);
}
