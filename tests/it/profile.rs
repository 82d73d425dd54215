//! The measurement against limits that are known: it has to find them again.

use std::time::Duration;

use serde_json::Value;

use crate::harness::*;
use crate::proxy::{Fate, Proxy};

/// What the first implementation was measured with.
const SOURCE_MS: f64 = 205.0;
const INSERT_MS: f64 = 236.0;
/// What else the machine does can only add to a figure, so one that is off is measured again.
const TRIES: u32 = 3;

fn profiled(directory: &std::path::Path, source: &Source, url: &str, arguments: &[&str]) -> Value {
    let mut command = command("profile-fills", directory);
    command
        .args(["--output", "json", "--endpoint", &source.endpoint])
        .args(["--clickhouse-url", url, "--pages-per-request", "1"])
        .args(arguments);
    Running::start(command).end().expect(0).json()
}

fn step<'a>(profile: &'a Value, name: &str) -> &'a Value {
    let steps = profile["steps"].as_array().unwrap();
    let named = steps.iter().find(|step| step["name"] == name);
    named.unwrap_or_else(|| panic!("no step {name} in {profile}"))
}

fn is_within_a_tenth(found: f64, expected: f64) -> bool {
    let off = (found / expected - 1.0).abs();
    if off > 0.1 {
        eprintln!("{found} ms are not {expected} ms");
    }
    off <= 0.1
}

fn p50_ms(profile: &Value, name: &str) -> f64 {
    match profile {
        Value::Null => f64::NAN,
        profile => step(profile, name)["p50_ms"].as_f64().unwrap(),
    }
}

async fn own_tables(engine: &Engine) -> String {
    engine
        .text("SELECT count() FROM system.tables WHERE name LIKE 'clob_fills_v2_profile%'")
        .await
}

#[tokio::test]
async fn a_slow_source_is_named_with_its_latency_within_the_allowed_requests() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(
        directory.path(),
        &[
            "--fills",
            "40000",
            "--markets",
            "100",
            "--latency-ms",
            "205",
        ],
    );
    let engine = Engine::start(directory.path());
    let arguments = ["--workers", "4", "--max-requests", "400", "--sweep", "1,4"];
    let arguments = [&arguments[..], &["--report", "profile.html"]].concat();
    let mut asked = 0;
    let (mut profile, mut tries) = (Value::Null, 0);
    // On a machine that is busy with other tests, inserts can take longer than the source.
    let is_told = |profile: &Value| {
        profile["bottleneck"] == "source"
            && is_within_a_tenth(p50_ms(profile, "first_byte"), SOURCE_MS)
    };
    while tries < TRIES && !is_told(&profile) {
        asked = source.requests().await;
        profile = profiled(directory.path(), &source, &engine.url, &arguments);
        tries += 1;
    }

    assert!(is_within_a_tenth(p50_ms(&profile, "first_byte"), SOURCE_MS));
    assert_eq!(profile["bottleneck"], "source", "{profile}");
    for name in [
        "pacer_wait",
        "connect",
        "body",
        "decode",
        "transform",
        "sort",
        "encode",
        "insert",
    ] {
        assert_ne!(step(&profile, name)["count"], 0, "{name}");
    }
    assert_eq!(profile["recommended"]["workers"], 4, "{profile}");
    let projection = &profile["projection"];
    assert_eq!(projection["fills_total"], 40_000);
    let seconds = |key| projection[key].as_f64().unwrap();
    assert!(0.0 < seconds("seconds_low"), "{projection}");
    assert!(
        seconds("seconds_low") < seconds("seconds_high"),
        "{projection}"
    );

    let page = std::fs::read_to_string(directory.path().join("profile.html")).unwrap();
    assert!(page.contains("bound by source") && page.contains("latency-by-workers"));

    let counted = source.requests().await - asked;
    assert_eq!(profile["requests"], counted);
    assert!(counted <= 400, "{counted} requests");
    assert_eq!(own_tables(&engine).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_inserts_are_named_with_what_they_take() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "20000", "--markets", "100"]);
    let engine = Engine::start(directory.path());
    let delay = Duration::from_secs_f64(INSERT_MS / 1000.0);
    let proxy = Proxy::start(&engine.url, move |asked| {
        match asked.sql.starts_with("INSERT INTO `clob_fills_v2_profile_") {
            true => Fate::PassAfter(delay),
            false => Fate::Pass,
        }
    })
    .await;
    let through = |url| {
        let arguments = ["--workers", "4", "--max-requests", "100", "--sweep", "4"];
        let batches = ["--insert-batch-size", "1000"];
        let arguments = [&arguments[..], &batches].concat();
        profiled(directory.path(), &source, url, &arguments)
    };
    let is_found = (0..TRIES).any(|_| {
        let engines_own = p50_ms(&through(&engine.url), "insert");
        let profile = through(&proxy.url);
        assert_eq!(profile["bottleneck"], "clickhouse", "{profile}");
        is_within_a_tenth(p50_ms(&profile, "insert"), INSERT_MS + engines_own)
    });
    assert!(is_found);
    assert_eq!(own_tables(&engine).await, "0");
}

#[tokio::test]
async fn an_interrupted_measurement_leaves_no_table() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(
        directory.path(),
        &[
            "--fills",
            "40000",
            "--markets",
            "100",
            "--latency-ms",
            "205",
        ],
    );
    let engine = Engine::start(directory.path());
    let mut command = command("profile-fills", directory.path());
    command
        .args(["--output", "json", "--endpoint", &source.endpoint])
        .args(["--clickhouse-url", &engine.url, "--sweep", "1,2,3"]);
    let mut running = Running::start(command);
    // The first value of the sweep was tried, and another one is being tried.
    running.find_in_stderr("\"setting\":", ",").await;
    assert_ne!(own_tables(&engine).await, "0");
    running.signal("INT");
    running.end().expect(130);
    assert_eq!(own_tables(&engine).await, "0");
}
