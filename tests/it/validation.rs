//! `validate` after `ingest`: what is lost is found, repaired and right again.

use std::path::Path;
use std::process::Command;

use crate::harness::*;

fn validate(directory: &Path, source: &Source, arguments: &[&str]) -> Command {
    let mut command = command("validate", directory);
    command
        .args(["--output", "json", "--endpoint", &source.endpoint])
        .args(arguments);
    command
}

/// Runs statements on the data that a command left.
async fn run(directory: &Path, statements: &[&str]) {
    let engine = Engine::start(directory);
    for statement in statements {
        engine.text(statement).await;
    }
}

#[tokio::test]
async fn a_load_is_proven_damaged_and_repaired() {
    let directory = tempfile::tempdir().unwrap();
    let seeded = ["--seed", "5", "--markets", "50", "--fills", "5000"];
    let source = Source::start(directory.path(), &seeded);
    Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0);

    let command = validate(directory.path(), &source, &["--spot", "3"]);
    let report = Running::start(command).end().expect(0).json();
    assert_eq!(report["verdict"], "ok");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    let checks = report["checks"].as_array().unwrap();
    assert!(
        checks.iter().all(|check| check["ok"] == true),
        "{checks:#?}"
    );
    assert!(checks.iter().any(|check| check["level"] == "spot"));

    let lost = "DELETE FROM clob_fills_v2_data WHERE cityHash64(tx_hash) % 50 = 0";
    let twice = "INSERT INTO clob_fills_v2_data SELECT * FROM clob_fills_v2_data LIMIT 1";
    run(directory.path(), &[lost, twice]).await;
    let end = |arguments: &[&str], code| {
        let command = validate(directory.path(), &source, arguments);
        Running::start(command).end().expect(code).json()
    };
    let planned = end(&["--repair", "--dry-run"], 65);
    assert!(!planned["plan"]["loads"].as_array().unwrap().is_empty());
    assert_eq!(planned["repaired"], 0);
    let without_removal = end(&["--repair"], 65);
    assert_eq!(without_removal["findings"][0]["kind"], "duplicate-rows");
    assert_eq!(end(&["--repair", "--remove-extra"], 0)["verdict"], "ok");
    assert_eq!(end(&["--repair", "--remove-extra"], 0)["repaired"], 0);
    assert_eq!(
        end(&["--level", "spot", "--spot", "all"], 0)["verdict"],
        "ok"
    );
}

#[tokio::test]
async fn a_load_of_two_months_is_validated_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--seed", "6", "--fills", "5000"]);
    let months = ["--from", "2026-01-01", "--to", "2026-03-01"];
    Running::start(ingest(directory.path(), &source, &months))
        .end()
        .expect(0);
    // The checkpoint says which part was loaded.
    for arguments in [&months[..], &[]] {
        let command = validate(directory.path(), &source, arguments);
        let report = Running::start(command).end().expect(0).json();
        let checks = report["checks"].as_array().unwrap();
        let totals = checks
            .iter()
            .find(|check| check["name"] == "totals by token");
        let undecided = totals.unwrap()["figures"]["tokens_undecided"].as_u64();
        assert!(undecided.unwrap() > 0, "{totals:#?}");
    }
}

#[tokio::test]
async fn the_report_is_written_as_a_page_and_for_pipelines() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--seed", "8", "--fills", "2000"]);
    Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0);
    let files = ["--report", "report.html", "--junit", "report.xml"];
    let command = validate(directory.path(), &source, &files);
    let report = Running::start(command).end().expect(0).json();
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(read("report.html").contains(report["summary"].as_str().unwrap()));
    let cases = read("report.xml").matches("<testcase ").count();
    assert_eq!(cases, report["checks"].as_array().unwrap().len());
    let days = report["pictures"]["days"].as_array().unwrap();
    let fills: u64 = days.iter().map(|day| day["fills"].as_u64().unwrap()).sum();
    assert_eq!(fills, 2000);
    assert!(!report["pictures"]["months"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_said_before_the_work() {
    let directory = tempfile::tempdir().unwrap();
    for flag in ["--report", "--junit"] {
        let mut command = command("validate", directory.path());
        command.args(["--output", "json", flag, "none/report"]);
        // Whoever asks it first is told that nobody is there, which is another code.
        command.args(["--endpoint", "http://127.0.0.1:9/subgraph"]);
        Running::start(command).end().expect(2);
    }
}

#[tokio::test]
async fn a_source_that_is_not_there_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command("validate", directory.path());
    command.args([
        "--output",
        "json",
        "--endpoint",
        "http://127.0.0.1:9/subgraph",
    ]);
    command.args(["--source-patience-seconds", "1"]);
    Running::start(command).end().expect(69);
}
