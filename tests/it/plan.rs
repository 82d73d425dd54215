//! What a plan says, held against what a run then loads.

use std::path::Path;

use serde_json::Value;

use crate::harness::*;

const FILLS: u64 = 60_000;

fn source(directory: &Path) -> Source {
    let fills = FILLS.to_string();
    Source::start(directory, &["--fills", &fills, "--markets", "1500"])
}

fn planned(directory: &Path, source: &Source, arguments: &[&str]) -> Value {
    let arguments = [&["plan"], arguments].concat();
    Running::start(ingest(directory, source, &arguments))
        .end()
        .expect(0)
        .json()
}

fn loaded(directory: &Path, source: &Source, arguments: &[&str]) -> Value {
    Running::start(ingest(directory, source, arguments))
        .end()
        .expect(0)
        .json()
}

#[track_caller]
fn number(object: &Value, key: &str) -> u64 {
    let number = object[key].as_u64();
    number.unwrap_or_else(|| panic!("no number {key} in {object}"))
}

#[track_caller]
fn assert_within(planned: &Value, fills: u64) {
    let (low, high) = (number(planned, "fills_low"), number(planned, "fills_high"));
    assert!((low..=high).contains(&fills), "{fills} of {planned}");
}

#[tokio::test]
async fn a_plan_counts_what_a_run_then_loads_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let plan = planned(directory.path(), &source, &[]);
    assert_eq!(number(&plan, "fills_total"), FILLS);
    assert_eq!(plan["method"], "exact");
    assert_eq!(plan["strategy"], "scan");
    assert!(plan["why"].as_str().unwrap().contains("fills its pages"));
    assert_eq!(number(&plan, "requests_made"), source.requests().await);
    for key in ["pages", "requests", "bytes", "disk_bytes", "memory_bytes"] {
        assert_ne!(number(&plan, key), 0, "{key}");
    }
    assert!(number(&plan, "seconds_low") <= number(&plan, "seconds_high"));
    let left: Vec<_> = directory.path().read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    let summary = loaded(directory.path(), &source, &[]);
    assert_eq!(number(&summary, "fills_total"), FILLS);
    let same = ["fills_total", "pages", "bytes", "disk_bytes", "strategy"];
    for key in same {
        assert_eq!(summary["plan"][key], plan[key], "{key}");
    }
    let (pages, expected) = (number(&summary, "pages"), number(&plan, "pages"));
    assert!(
        pages.abs_diff(expected) * 10 <= expected,
        "{pages} pages, {expected} planned"
    );
}

#[tokio::test]
async fn too_many_tokens_to_count_are_sampled_in_sixty_requests() {
    let directory = tempfile::tempdir().unwrap();
    let many = ["--fills", "200000", "--markets", "100000"];
    let source = Source::start(directory.path(), &many);
    // One page in a request: the counters of so many tokens take more than their share.
    let plan = planned(directory.path(), &source, &["--pages-per-request", "1"]);
    assert_eq!(plan["method"], "sampled", "{plan}");
    assert_within(&plan, 200_000);
    let made = source.requests().await;
    assert_eq!(number(&plan, "requests_made"), made);
    assert!(made <= 60, "{made} requests");
}

#[tokio::test]
async fn a_part_of_the_time_is_planned_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let part = ["--from", "2025-06-01", "--to", "2025-12-01"];
    let plan = planned(directory.path(), &source, &part);
    let summary = loaded(directory.path(), &source, &part);
    assert_eq!(plan["fills_total"], summary["fills_total"], "{plan}");
    // A run plans with fewer requests, and says the more about how far off it may be.
    assert_within(&summary["plan"], number(&summary, "fills_total"));
    let hour = [
        "--from",
        "2023-01-01T00:00:00Z",
        "--to",
        "2023-01-01T01:00:00Z",
    ];
    assert_eq!(planned(directory.path(), &source, &hour)["method"], "exact");
}

#[tokio::test]
async fn some_markets_are_planned_by_their_counters() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let first = planned(directory.path(), &source, &["--limit", "3"]);
    let summary = loaded(directory.path(), &source, &["--limit", "3"]);
    assert_eq!(
        (&first["method"], &first["strategy"]),
        (&"exact".into(), &"markets".into())
    );
    assert_eq!(first["fills_total"], summary["fills_total"]);

    let expected = source.expected().await;
    let (token, counters) = expected["tokens"]
        .as_object()
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let named = planned(directory.path(), &source, &["--token-id", token]);
    assert_eq!(named["fills_total"], counters["tradesQuantity"]);
    let part = ["--token-id", token, "--from", "2025-06-01"];
    let part = planned(directory.path(), &source, &part);
    assert_eq!(
        (&part["method"], &part["fills_total"]),
        (&"at_most".into(), &named["fills_total"])
    );
}

#[tokio::test]
async fn a_source_that_only_fails_is_not_asked_more_than_sixty_times() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(
        directory.path(),
        &["--fills", "1000", "--fault", "http-500=1"],
    );
    let ended = Running::start(ingest(directory.path(), &source, &["plan"])).end();
    ended.expect(69);
    assert!(source.requests().await <= 60);
}
