//! Rows that ClickHouse does not take.

use crate::exactness::{assert_counters, counters};
use crate::harness::*;

#[tokio::test]
async fn a_refused_row_is_kept_aside_and_the_others_load() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "5000", "--markets", "30"]);
    let engine = Engine::start(directory.path());
    let run = |more: &[&str]| {
        let mut run = ingest(
            directory.path(),
            &source,
            &["--clickhouse-url", &engine.url],
        );
        run.args(more);
        Running::start(run).end()
    };
    run(&["--checkpoint", "first"]).expect(0);
    let bad = "SELECT fill_id, tx_hash FROM clob_fills_v2 ORDER BY fill_id LIMIT 3 BY side LIMIT 3";
    let bad = engine.text(bad).await;
    let (ids, hashes): (Vec<_>, Vec<_>) = bad
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .unzip();
    let lone = format!(
        "SELECT countIf(tx_hash IN ('{}')) FROM clob_fills_v2",
        hashes.join("', '")
    );
    let refused: u64 = engine.text(&lone).await.parse().unwrap();
    engine.text("TRUNCATE TABLE clob_fills_v2_data").await;
    let hashes: Vec<_> = hashes.iter().map(|hash| &hash[2..]).collect();
    engine
        .text(&format!(
            "ALTER TABLE clob_fills_v2_data ADD CONSTRAINT known CHECK \
             lower(hex(tx_hash)) NOT IN ('{}')",
            hashes.join("', '")
        ))
        .await;

    let summary = run(&[]).expect(65).json();
    assert_eq!(summary["dead_letters"], refused);
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["fills_total"], 5_000 - refused);
    assert_eq!(summary["fills_inserted"], 5_000 - refused);
    let letters = "SELECT fill_id, field, reason, event FROM clob_fills_v2_dead_letters FINAL";
    let letters = engine.text(letters).await;
    assert_eq!(letters.lines().count() as u64, refused);
    for id in ids {
        let of_id = |line: &&str| line.starts_with(id);
        let letter: Vec<_> = letters.lines().find(of_id).unwrap().split('\t').collect();
        assert_eq!(letter[1], "row");
        assert!(letter[2].contains("Code: 469"), "{letter:?}");
        let event: serde_json::Value = serde_json::from_str(letter[3]).unwrap();
        assert_eq!(event["fill_id"], id);
        assert!(event["proxy_wallet"].as_str().unwrap().starts_with("0x"));
    }

    // Nothing is left to do, and what was put aside is still said.
    assert_eq!(run(&[]).expect(65).json()["dead_letters"], refused);
    engine
        .text("ALTER TABLE clob_fills_v2_data DROP CONSTRAINT known")
        .await;
    engine
        .text("TRUNCATE TABLE clob_fills_v2_dead_letters")
        .await;
    let summary = run(&["--fresh", "--yes"]).expect(0).json();
    assert_eq!(summary["fills_inserted"], refused);
    assert_counters(&engine, counters(&source).await).await;
}
