//! Faults of the source that pass: each hits some requests, and the load is exact all the same.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::exactness::{assert_counters, counters};
use crate::harness::*;
use crate::source_proxy::{Fault, Proxy, graph_error, status};

pub(crate) const STATEMENT_TIMEOUT: &str = "Failed to get entities from store: canceling \
                                            statement due to statement timeout, query = select";

/// An ingest command that asks through the proxy.
pub(crate) fn ingest_through(directory: &Path, proxy: &Proxy, arguments: &[&str]) -> Running {
    let mut command = command("ingest", directory);
    command
        .args(["--output", "json", "--endpoint", &proxy.endpoint])
        .args(arguments);
    Running::start(command)
}

/// Answers that say that the service has trouble, or that are no answers.
pub(crate) fn outages() -> Vec<(&'static str, Fault)> {
    let html = "<html><h1>Bad Gateway</h1></html>";
    vec![
        ("500 html", status(500, "", html)),
        ("500 empty", status(500, "", "")),
        ("502 html", status(502, "", html)),
        ("502 empty", status(502, "", "")),
        ("503", status(503, "", "no healthy upstream")),
        ("504 html", status(504, "", html)),
        ("504 empty", status(504, "", "")),
        ("200 html", status(200, "", html)),
        ("200 empty", status(200, "", "")),
        ("no data", status(200, "", r#"{"data":null}"#)),
        ("reset", Fault::Reset),
        ("reset within", Fault::ResetWithin),
        ("cut off", Fault::CutOff),
        ("gzip cut off", Fault::CutGzip),
        ("length too long", Fault::LengthTooLong),
        ("length too short", Fault::LengthTooShort),
    ]
}

/// Answers that call for smaller requests.
pub(crate) fn burdens() -> Vec<(&'static str, Fault)> {
    vec![
        ("statement timeout", graph_error(STATEMENT_TIMEOUT)),
        ("store error", graph_error("Store error: something broke")),
        ("query timed out", graph_error("Query timed out")),
        ("too expensive", graph_error("query is too expensive")),
        (
            "overloaded",
            graph_error("service is overloaded and can not run the query right now"),
        ),
        ("100 MiB", Fault::Huge),
        ("endless", Fault::Endless),
    ]
}

/// Lets each fault strike `times`, at two of three requests for pages.
fn queue_of(faults: Vec<(&'static str, Fault)>, times: usize) -> Arc<Mutex<VecDeque<Fault>>> {
    let faults = faults.into_iter().map(|(_, fault)| fault);
    let queue = faults.flat_map(|fault| std::iter::repeat_n(fault, times));
    Arc::new(Mutex::new(queue.collect()))
}

#[tokio::test]
async fn faults_that_pass_cost_time_and_no_fill() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "40000", "--markets", "200"]);
    let faults = queue_of([outages(), burdens()].concat(), 2);
    let struck = faults.lock().unwrap().len() as u64;
    let left = Arc::clone(&faults);
    let proxy = Proxy::start(&source, move |operation, before| match operation {
        "Pages" if before % 3 != 0 => faults.lock().unwrap().pop_front(),
        // The run's first request, and the catalogue's.
        "Survey" | "Entities" if before == 0 => Some(Fault::CutOff),
        _ => None,
    });
    let run = ingest_through(directory.path(), &proxy, &[]).end();
    let summary = run.expect(0).json();
    assert_eq!(left.lock().unwrap().len(), 0, "not every fault struck");
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["fills_total"], 40_000);
    assert_eq!(summary["failed_units"], json!([]));
    assert_eq!(summary["unknown_tokens"], 0);
    // What asks for less is another request and no retry.
    let requests = summary["requests"].as_u64().unwrap();
    assert!(requests >= struck + 40, "{summary}");
    let engine = Engine::start(directory.path());
    assert_counters(&engine, counters(&source).await).await;
}

#[tokio::test]
async fn refusals_for_the_rate_are_waited_out() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "30000", "--markets", "50"]);
    // Late, since what was granted before is all that is asked for in a window from then on.
    let proxy = Proxy::start(&source, |operation, before| match (operation, before) {
        ("Pages", 25) => Some(status(429, "retry-after: 1\r\n", "slow down")),
        ("Pages", 29) => Some(status(429, "", "surpassed your query allowance")),
        _ => None,
    });
    let flags = ["--workers", "2", "--pages-per-request", "1"];
    let run = ingest_through(directory.path(), &proxy, &flags).end();
    assert!(run.stderr.contains("all requests pause"), "{}", run.stderr);
    let summary = run.expect(0).json();
    assert_eq!(summary["fills_total"], 30_000);
    assert_eq!(summary["rate_limited"], 2);
    assert_eq!(summary["retries"], 0);
}
