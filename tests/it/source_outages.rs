//! Faults of the source that last: how the run ends, what it says, and that the next one completes it.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::*;
use crate::source_faults::{burdens, ingest_through, outages};
use crate::source_proxy::{Fault, Proxy, graph_error, status};

const FILLS: u64 = 8_000;

/// Seconds in which all attempts that are bounded by their number are made.
const PATIENT: &str = "60";

/// How a run ends while the source answers with these faults in turn: with this code, and with this
/// in its words.
struct Case {
    name: &'static str,
    faults: Vec<Fault>,
    code: i32,
    says: &'static str,
}

impl Case {
    fn new(name: &'static str, fault: Fault, code: i32, says: &'static str) -> Self {
        Self::of(name, vec![fault], code, says)
    }

    fn of(name: &'static str, faults: Vec<Fault>, code: i32, says: &'static str) -> Self {
        Self {
            name,
            faults,
            code,
            says,
        }
    }

    /// Puts a proxy before the source that answers soundly to so many requests for pages.
    fn proxy(&self, source: &Source, sound: usize) -> Proxy {
        let faults = self.faults.clone();
        Proxy::start(source, move |operation, before| {
            let spoilt = sound == 0 || operation == "Pages" && before >= sound;
            spoilt.then(|| faults[before % faults.len()].clone())
        })
    }
}

/// Faults that nothing is gained from asking again under.
fn refusals() -> Vec<Case> {
    let syntax = json!({"errors": [{"message": "Unexpected token", "locations": [{"line": 1}]}]});
    let elsewhere = "location: http://127.0.0.1:9/\r\n";
    let graph = |name, words| Case::new(name, graph_error(words), 1, "--endpoint");
    vec![
        Case::new("indexing", graph_error("indexing_error"), 1, "operator"),
        graph("limit", "The `first` argument must be between 0 and 1000"),
        graph("filter", "Cannot mix column filters with 'or' operator"),
        Case::new(
            "syntax",
            status(200, "", &syntax.to_string()),
            1,
            "--endpoint",
        ),
        Case::new("gone", status(404, "", "not found"), 1, "HTTP 404"),
        Case::new("redirect", status(302, elsewhere, ""), 1, "HTTP 302"),
        Case::new("other json", status(200, "", "[3]"), 1, "--endpoint"),
        Case::new(
            "a day",
            status(429, "retry-after: 86400\r\n", ""),
            69,
            "86400 s",
        ),
    ]
}

#[tokio::test]
async fn faults_at_the_start_end_the_run_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let engine = Engine::start(directory.path());
    let mut cases = refusals();
    let unavailable = outages().into_iter();
    cases.extend(unavailable.map(|(name, fault)| Case::new(name, fault, 69, "did not answer")));
    let heavy = burdens().into_iter();
    cases.extend(heavy.map(|(name, fault)| Case::new(name, fault, 69, "too heavy")));
    let started: Vec<_> = cases
        .iter()
        .map(|case| {
            let proxy = case.proxy(&source, 0);
            let arguments = [
                "--clickhouse-url",
                &engine.url,
                "--source-patience-seconds",
                PATIENT,
            ];
            let run = ingest_through(directory.path(), &proxy, &arguments);
            (proxy, run)
        })
        .collect();
    for (case, (_proxy, run)) in cases.iter().zip(started) {
        let ended = run.end();
        let message = ended.stderr.lines().last().unwrap_or_default();
        assert_eq!(ended.code, Some(case.code), "{}: {message}", case.name);
        assert!(message.contains(case.says), "{}: {message}", case.name);
        assert!(message.contains("mend"), "{}: {message}", case.name);
    }
    let tables = "SELECT count() FROM system.tables WHERE database = 'default'";
    assert_eq!(engine.text(tables).await, "0");
}

fn older(answer: &mut Value) {
    let block = &mut answer["data"]["_meta"]["block"]["number"];
    *block = json!(block.as_u64().unwrap() - 1_000);
}

fn moved(answer: &mut Value) {
    answer["data"]["_meta"]["deployment"] = json!("QmOther");
}

fn empty(answer: &mut Value) {
    answer["data"]["p0"] = json!([]);
}

/// Runs into a database of its own.
fn run_into(
    directory: &Path,
    proxy: &Proxy,
    engine: &Engine,
    database: &str,
    patience: &str,
) -> Running {
    let arguments = [
        "--clickhouse-url",
        &engine.url,
        "--clickhouse-database",
        database,
        "--checkpoint",
        database,
        "--insert-batch-size",
        "1000",
        "--workers",
        "2",
        "--source-patience-seconds",
        patience,
    ];
    ingest_through(directory, proxy, &arguments)
}

#[tokio::test]
async fn faults_in_the_middle_leave_work_that_the_next_run_does() {
    let directory = tempfile::tempdir().unwrap();
    let fills = FILLS.to_string();
    let source = Source::start(directory.path(), &["--fills", &fills, "--markets", "50"]);
    let engine = Engine::start(directory.path());
    let faults = |faults: Vec<(_, Fault)>| faults.into_iter().map(|(_, fault)| fault).collect();
    let day = status(429, "retry-after: 86400\r\n", "");
    let cases = [
        Case::of("outages", faults(outages()), 75, "given up"),
        Case::of("burdens", faults(burdens()), 75, "given up"),
        Case::new("rate", day, 75, "retry after 86400 s"),
        Case::new("older", Fault::Edited(older), 75, "that was seen already"),
        Case::new("empty", Fault::Edited(empty), 75, "its newest fill is"),
        Case::new("first_page", Fault::FirstPage, 1, "outside of"),
        Case::new("moved", Fault::Edited(moved), 1, "QmOther"),
        Case::new("indexing", graph_error("indexing_error"), 1, "operator"),
        Case::new(
            "redirect",
            status(307, "location: /\r\n", ""),
            1,
            "HTTP 307",
        ),
    ];
    for case in &cases {
        let name = case.name;
        let proxy = case.proxy(&source, 3);
        let patience = if case.code == 75 { "1" } else { PATIENT };
        let run = || run_into(directory.path(), &proxy, &engine, name, patience).end();
        let ended = run().expect(case.code);
        assert!(ended.stderr.contains(case.says), "{name}: {ended:?}");
        let query = format!("SELECT count(), uniqExact(fill_id) FROM {name}.clob_fills_v2");
        let rows = engine.text(&query).await;
        let (count, distinct) = rows.split_once('\t').unwrap();
        assert_eq!(count, distinct, "{name}");
        // All but the second in which the last of three pages ended, which is not complete.
        let count: u64 = count.parse().unwrap();
        assert!((2_950..=3_000).contains(&count), "{name}: {count}");

        proxy.heal();
        let summary = run().expect(0).json();
        assert_eq!(summary["fills_total"], FILLS, "{name}");
        assert_eq!(summary["complete"], true, "{name}");
    }
}

fn lagging(answer: &mut Value) {
    older(answer);
    answer["data"]["newest"] = answer["data"]["oldest"].clone();
}

#[tokio::test]
async fn a_survey_from_an_older_node_leaves_the_rest_to_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let fills = FILLS.to_string();
    let source = Source::start(directory.path(), &["--fills", &fills, "--markets", "50"]);
    let proxy = Proxy::start(&source, |operation, before| {
        (operation == "Survey" && before == 0).then_some(Fault::Edited(lagging))
    });
    let run = || {
        ingest_through(directory.path(), &proxy, &[])
            .end()
            .expect(0)
    };
    let first = run().json()["fills_total"].as_u64().unwrap();
    assert!((1..FILLS).contains(&first), "{first}");
    assert_eq!(run().json()["fills_total"], FILLS);
}

#[tokio::test]
async fn a_scan_needs_no_catalogue_and_a_run_by_market_stops_without_one() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "2000", "--markets", "50"]);
    let twice = |answer: &mut Value| {
        let rows = answer["data"]["rows"].as_array_mut().unwrap();
        rows.extend(rows.clone());
    };
    let proxy = Proxy::start(&source, move |operation, _| {
        (operation == "Entities").then_some(Fault::Edited(twice))
    });
    let scan = ingest_through(directory.path(), &proxy, &[])
        .end()
        .expect(0);
    assert!(scan.stderr.contains("out of order or twice"), "{scan:?}");
    assert!(scan.stderr.contains("`ingest markets` loads"), "{scan:?}");
    assert_eq!(scan.json()["complete"], true);
    assert_eq!(scan.json()["fills_total"], 2_000);
    let by_market = ["--strategy", "markets", "--data-dir", "by-market"];
    let by_market = ingest_through(directory.path(), &proxy, &by_market);
    let ended = by_market.end().expect(1);
    assert!(ended.stderr.contains("out of order or twice"), "{ended:?}");
}

#[tokio::test]
async fn a_list_of_markets_that_never_ends_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "100", "--markets", "5"]);
    let markets = include_str!("../../crates/polymarket-api/tests/answers/gamma_markets.json");
    let gamma = Proxy::start(&source, move |_, _| Some(status(200, "", markets)));
    let mut command = ingest(directory.path(), &source, &["markets", "--gamma"]);
    command.env("GAMMA_URL", &gamma.endpoint);
    let ended = Running::start(command).end().expect(1);
    assert!(ended.stderr.contains("--gamma-url"), "{ended:?}");
}
