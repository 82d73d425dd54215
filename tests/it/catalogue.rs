//! Markets that the catalogue learns of after their fills were loaded.

use crate::harness::*;

const FEW: [&str; 4] = ["--fills", "5000", "--markets", "60"];

#[tokio::test]
async fn a_later_catalogue_fills_conditions_and_texts_in() {
    let directory = tempfile::tempdir().unwrap();
    let mut forgetful = FEW.to_vec();
    forgetful.extend(["--unknown-tokens", "0.4"]);
    let source = Source::start(directory.path(), &forgetful);
    let run = Running::start(ingest(directory.path(), &source, &[])).end();
    let summary = run.expect(0).json();
    let unknown = summary["unknown_fills"].as_u64().unwrap();
    assert!(unknown > 0, "{summary}");
    drop(source);

    let engine = Engine::start(directory.path());
    let without = "SELECT count() FROM clob_fills_v2 WHERE condition_id = ''";
    assert_eq!(engine.text(without).await, unknown.to_string());
    let texts = "SELECT count() FROM clob_fills_v2 WHERE market_slug != '' AND outcome != ''";
    assert_eq!(engine.text(texts).await, "0");

    let source = Source::start(directory.path(), &FEW);
    let gamma = source
        .endpoint
        .splitn(4, '/')
        .take(3)
        .collect::<Vec<_>>()
        .join("/")
        + "/gamma";
    let mut markets = ingest(
        directory.path(),
        &source,
        &["--clickhouse-url", &engine.url],
    );
    markets.args(["markets", "--gamma", "--gamma-url", &gamma]);
    let loaded = Running::start(markets).end().expect(0).json();
    assert_eq!(loaded["unknown_fills"], 0);
    assert_eq!(engine.text(without).await, "0");
    assert_eq!(engine.text(texts).await, "5000");
    assert_eq!(
        engine.text("SELECT count() FROM clob_fills_v2").await,
        "5000"
    );
}

#[tokio::test]
async fn only_the_markets_asked_for_are_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &FEW);
    let engine = Engine::start(directory.path());
    let run = |table: &str, arguments: &[&str]| {
        let mut run = ingest(
            directory.path(),
            &source,
            &["--clickhouse-url", &engine.url],
        );
        let checkpoint = directory.path().join(table);
        run.args(["--table", table, "--checkpoint"])
            .arg(checkpoint)
            .args(arguments);
        Running::start(run).end()
    };
    run("everything", &[]).expect(0);
    let busiest = engine
        .text(
            "SELECT condition_id, count() FROM everything GROUP BY condition_id \
             ORDER BY count() DESC, condition_id LIMIT 1",
        )
        .await;
    let (condition, fills) = busiest.split_once('\t').unwrap();

    let one = run("one_market", &["--condition-id", condition])
        .expect(0)
        .json();
    assert_eq!(one["strategy"], "markets");
    assert_eq!(one["fills_total"].to_string(), fills);
    assert_eq!(one["markets"], 1);

    let first = run("first_markets", &["--limit", "3"]).expect(0).json();
    let of_three = engine
        .text(
            "SELECT count() FROM everything WHERE condition_id IN \
             (SELECT DISTINCT condition_id FROM markets ORDER BY condition_id LIMIT 3)",
        )
        .await;
    assert_eq!(first["fills_total"].to_string(), of_three);

    let nobody = format!("0x{}", "0".repeat(64));
    let unknown = run("nothing", &["--condition-id", &nobody]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains(&nobody));
}

#[tokio::test]
async fn a_run_by_market_without_a_catalogue_is_no_success() {
    let directory = tempfile::tempdir().unwrap();
    let mut nothing_known = FEW.to_vec();
    nothing_known.extend(["--unknown-tokens", "1"]);
    let source = Source::start(directory.path(), &nothing_known);
    let run = ingest(directory.path(), &source, &["--strategy", "markets"]);
    let ended = Running::start(run).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("--strategy scan"), "{ended:?}");
}
