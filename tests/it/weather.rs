//! A source that fails in every way that passes.

use crate::exactness::{assert_counters, counters};
use crate::harness::*;

#[tokio::test]
async fn errors_that_pass_lose_and_double_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--fills", "40000", "--markets", "200"];
    let faults = [
        "http-500=0.03",
        "http-502-html=0.03",
        "http-504-empty=0.03",
        "reset=0.03",
        "truncated=0.03",
        "statement-timeout=0.03",
        "store-error=0.02",
        "query-timeout=0.02",
        "too-expensive=0.02",
        "overloaded=0.02",
        "null-data=0.02",
    ];
    arguments.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let source = Source::start(directory.path(), &arguments);
    for strategy in ["scan", "markets"] {
        let data = directory.path().join(strategy);
        let arguments = ["--strategy", strategy, "--data-dir", data.to_str().unwrap()];
        let run = Running::start(ingest(directory.path(), &source, &arguments)).end();
        let summary = run.expect(0).json();
        assert_eq!(summary["complete"], true);
        assert_eq!(summary["fills_total"], 40_000);
        assert!(summary["retries"].as_u64().unwrap() > 0, "{summary}");
        let engine = Engine::start_at(directory.path(), &data);
        assert_counters(&engine, counters(&source).await).await;
    }
}

#[tokio::test]
async fn a_broken_deployment_stops_the_run_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "--fills",
        "1000",
        "--markets",
        "10",
        "--fault",
        "indexing-error=1",
    ];
    let source = Source::start(directory.path(), &arguments);
    let ended = Running::start(ingest(directory.path(), &source, &[])).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("indexing"), "{ended:?}");
}
