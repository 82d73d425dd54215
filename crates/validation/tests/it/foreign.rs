//! Tables that this program did not write.

use validation::{Kind, Level, Report, Verdict};

use crate::fixture::{LEVELS, World, seeded};

/// The table of the first implementation.
const ORIGINAL: &str = "CREATE TABLE clob_fills_v2 (fill_id String, proxy_wallet String, \
    user_eoa String, market_slug String, condition_id String, asset_id String, \
    outcome LowCardinality(String), side LowCardinality(String), price Float64, size Float64, \
    fee_rate_bps UInt32, timestamp DateTime, order_hash String, tx_hash String, \
    bucket_index UInt32, ingested_at DateTime) \
    ENGINE = MergeTree ORDER BY (proxy_wallet, timestamp, fill_id)";

/// Puts somebody else's table in the place of the view, with the rows of the view.
async fn original(database: &str) -> World {
    let world = World::loaded(database, seeded(8, 3_000, 20)).await;
    let columns = "fill_id, proxy_wallet, user_eoa, market_slug, condition_id, asset_id, outcome, \
                   side, ifNull(toFloat64(price), 0.5), toFloat64(size), fee_rate_bps, timestamp, \
                   order_hash, tx_hash, bucket_index, ingested_at";
    let names = world.validation.table.names();
    let (fills, data) = (names.fills(), names.data());
    for statement in [
        "CREATE TABLE kept AS clob_fills_v2 ENGINE = Memory".to_owned(),
        format!("INSERT INTO kept SELECT * FROM {fills}"),
        format!("DROP VIEW {fills}"),
        format!("DROP TABLE {data}"),
        ORIGINAL.to_owned(),
        format!("INSERT INTO {fills} SELECT {columns} FROM kept"),
    ] {
        world.validation.table.run(&statement).await.unwrap();
    }
    world
}

fn verdict(report: &Report, level: Level, name: &str) -> &'static str {
    let found = |check: &&validation::Check| check.level == level && check.name == name;
    report.checks.iter().find(found).unwrap().verdict.name()
}

#[tokio::test]
async fn the_originals_columns_are_checked_and_what_cannot_be_is_said() {
    let world = original("foreign_right").await;
    let (validated, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    assert_eq!(verdict(&report, Level::Counts, "duplicates"), "ok");
    assert_eq!(verdict(&report, Level::Source, "fills by token"), "ok");
    assert_eq!(verdict(&report, Level::Quality, "transactions"), "not run");
    assert_eq!(verdict(&report, Level::Source, "fills"), "not run");
    assert_eq!(world.repair(&validated).await, 0);
}

#[tokio::test]
async fn what_the_original_did_wrong_is_found() {
    let world = original("foreign_wrong").await;
    let run = |statement: &'static str| world.validation.table.run(statement);
    run("ALTER TABLE clob_fills_v2 UPDATE order_hash = '' WHERE 1 SETTINGS mutations_sync = 2")
        .await
        .unwrap();
    run("DELETE FROM clob_fills_v2 WHERE asset_id = (SELECT min(asset_id) FROM clob_fills_v2)")
        .await
        .unwrap();
    run("INSERT INTO clob_fills_v2 SELECT * FROM clob_fills_v2 LIMIT 1")
        .await
        .unwrap();
    let (_, report) = world.validate(&LEVELS).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    for kind in [
        Kind::ImpossibleRow,
        Kind::DuplicateRows,
        Kind::BookWithoutRows,
        Kind::TotalsDiffer,
    ] {
        assert!(kinds.contains(&kind), "{kind:?}: {report:#?}");
    }
}

#[tokio::test]
async fn a_level_that_can_check_nothing_is_incomplete() {
    let mut world = original("foreign_incomplete").await;
    let (_, report) = world.validate(&[Level::Counts, Level::Spot]).await;
    assert_eq!(report.verdict, Verdict::Incomplete, "{report:#?}");
    assert_eq!(report.incomplete_levels, [Level::Spot]);
    world.validation.coverage.is_whole_archive = false;
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.incomplete_levels, [Level::Source], "{report:#?}");
}

#[tokio::test]
async fn no_table_is_an_error_that_names_it() {
    let world = World::empty("foreign_none", seeded(9, 100, 1)).await;
    let names = world.validation.table.names();
    let (fills, data) = (names.fills(), names.data());
    for statement in [format!("DROP VIEW {fills}"), format!("DROP TABLE {data}")] {
        world.validation.table.run(&statement).await.unwrap();
    }
    let error = world.validation.run(&LEVELS).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no table clob_fills_v2");
}
