//! What is made, and what in the way is refused.

use fill_table::{Difference, Error, FILL_COLUMNS, FillTable, MarketSource};

use fills::{Scope, Span};

use crate::fixture::{add, bare_entry, bare_table, execute, fill, loaded, number, table, text};

async fn differences(table: &fill_table::FillTable) -> Vec<Difference> {
    match table.check().await {
        Err(Error::Schema(differences)) => differences,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_ensure_makes_check_accepts_and_ensure_leaves() {
    let table = table("schema_made").await;
    table.check().await.unwrap();
    let store = table.open(clickhouse_sink::Config::new("")).await.unwrap();
    add(&store, &[fill(1)]).await;
    let state = "SELECT cityHash64(groupArray((name, uuid, create_table_query))) FROM \
                 (SELECT * FROM system.tables WHERE database = 'schema_made' ORDER BY name)";
    let before = number(&table, state).await;
    table.ensure().await.unwrap();
    assert_eq!(number(&table, state).await, before);
    assert_eq!(table.count().await.unwrap(), 1);
}

#[tokio::test]
async fn readers_see_the_promised_columns_and_types() {
    let table = table("schema_columns").await;
    let columns = table
        .server()
        .client()
        .query_raw(
            "SELECT name, type FROM system.columns WHERE database = 'schema_columns' \
             AND table = 'clob_fills_v2' ORDER BY position",
        )
        .fetch_all::<(String, String)>()
        .await
        .unwrap();
    let columns: Vec<_> = columns
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    assert_eq!(columns, FILL_COLUMNS);
}

#[tokio::test]
async fn a_table_of_the_first_implementation_is_left_alone() {
    let table = bare_table("schema_original").await;
    execute(
        &table,
        "CREATE TABLE clob_fills_v2 (fill_id String, proxy_wallet String, timestamp DateTime) \
         ENGINE = MergeTree ORDER BY (proxy_wallet, timestamp, fill_id)",
    )
    .await;
    let Err(Error::Schema(refused)) = table.ensure().await else {
        panic!("the table was not refused");
    };
    assert_eq!(refused.len(), 1);
    assert_eq!(
        refused[0].to_string(),
        "clob_fills_v2: definition is a MergeTree that this program did not make instead of its \
         view (choose another table name with --table, or rename what is there)"
    );
    let tables = "SELECT count() FROM system.tables WHERE database = 'schema_original'";
    assert_eq!(number(&table, tables).await, 1, "nothing else was made");
}

#[tokio::test]
async fn what_is_missing_is_named_by_check() {
    let table = bare_table("schema_missing").await;
    let missing = differences(&table).await;
    assert_eq!(missing.len(), 6);
    assert!(
        missing
            .iter()
            .all(|difference| difference.found == "missing")
    );
}

#[tokio::test]
async fn a_column_of_another_type_is_named_with_both_types() {
    let table = table("schema_column").await;
    execute(
        &table,
        "ALTER TABLE clob_fills_v2_data MODIFY COLUMN fee UInt256",
    )
    .await;
    let [difference] = differences(&table).await.try_into().unwrap();
    assert_eq!(difference.table, "clob_fills_v2_data");
    assert_eq!(difference.what, "column fee");
    assert_eq!(difference.expected, "UInt128");
    assert_eq!(difference.found, "UInt256");
    assert!(difference.mend.contains("--table"));
    assert!(matches!(table.ensure().await, Err(Error::Schema(_))));
}

#[tokio::test]
async fn a_window_too_small_comes_with_the_statement_that_mends_it() {
    let table = table("schema_window").await;
    let setting = "ALTER TABLE clob_fills_v2_data MODIFY SETTING \
                   non_replicated_deduplication_window = 7";
    execute(&table, setting).await;
    let [difference] = differences(&table).await.try_into().unwrap();
    assert_eq!(difference.what, "non_replicated_deduplication_window");
    assert_eq!(difference.found, "7");
    execute(&table, &difference.mend).await;
    table.check().await.unwrap();
}

#[tokio::test]
async fn another_engine_or_key_is_named() {
    let table = bare_table("schema_engine").await;
    execute(
        &table,
        "CREATE TABLE clob_fills_v2_dead_letters (fill_id String) ENGINE = MergeTree \
         ORDER BY fill_id",
    )
    .await;
    let Err(Error::Schema(refused)) = table.ensure().await else {
        panic!("the table was not refused");
    };
    assert_eq!(refused[0].what, "engine");
    assert_eq!(refused[0].expected, "ReplacingMergeTree");
    assert_eq!(refused[0].found, "MergeTree");
}

#[tokio::test]
async fn a_view_of_an_older_version_is_replaced_and_rows_stay() {
    let table = table("schema_older").await;
    let store = table.open(clickhouse_sink::Config::new("")).await.unwrap();
    add(&store, &[fill(1)]).await;
    execute(
        &table,
        "CREATE OR REPLACE VIEW clob_fills_v2 AS SELECT maker FROM clob_fills_v2_data \
         COMMENT 'clob-backfill schema 0'",
    )
    .await;
    let [difference] = differences(&table).await.try_into().unwrap();
    assert_eq!(difference.found, "clob-backfill schema 0");
    table.ensure().await.unwrap();
    table.check().await.unwrap();
    assert_eq!(number(&table, "SELECT count() FROM clob_fills_v2").await, 1);
}

#[tokio::test]
async fn columns_that_came_later_are_added_and_rows_stay() {
    let store = loaded("schema_added", &[fill(1)]).await;
    let table = store.table();
    // As schema 2 made it.
    execute(
        table,
        "ALTER TABLE clob_fills_v2_data DROP COLUMN nth_from_last, DROP COLUMN version, \
         DROP COLUMN exchange, DROP COLUMN block_number, DROP COLUMN log_index, DROP COLUMN builder",
    )
    .await;
    execute(
        table,
        "ALTER TABLE clob_fills_v2 MODIFY COMMENT 'clob-backfill schema 2'",
    )
    .await;
    let found = differences(table).await;
    let missing = found.iter().filter(|one| one.found == "missing");
    assert_eq!(missing.count(), 6, "{found:?}");
    table.ensure().await.unwrap();
    table.check().await.unwrap();
    let store = table.open(clickhouse_sink::Config::new("")).await.unwrap();
    add(&store, &[fill(2)]).await;
    let rows = "SELECT toString(groupArray((version, exchange, block_number, log_index, builder, \
                length(fill_id)))) FROM clob_fills_v2";
    let one = "(1,'',0,0,'',133)";
    assert_eq!(text(table, rows).await, format!("[{one},{one}]"));
    let scope = Scope {
        span: Span::new(0, u64::MAX),
        tokens: None,
    };
    let mut fills = table.fills(&scope, 10).await.unwrap().unwrap();
    fills.sort_by_key(|fill| fill.timestamp);
    assert_eq!(fills, [fill(1), fill(2)]);
}

#[tokio::test]
async fn two_tables_live_side_by_side() {
    let first = table("schema_two").await;
    let second = fill_table::FillTable::new(first.server().clone(), "others").unwrap();
    second.ensure().await.unwrap();
    let store = second.open(clickhouse_sink::Config::new("")).await.unwrap();
    add(&store, &[fill(1), fill(2)]).await;
    assert_eq!(first.count().await.unwrap(), 0);
    assert_eq!(second.count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_server_that_can_merges_many_parts_at_once() {
    let table = table("schema_merges").await;
    let set = "SELECT count() FROM system.tables WHERE database = 'schema_merges' \
               AND name = 'clob_fills_v2_data' \
               AND engine_full LIKE '%min_parts_to_merge_at_once = 64%'";
    assert_eq!(number(&table, set).await, 1);
}

#[tokio::test]
async fn a_table_of_somebody_else_that_is_called_markets_is_left_alone() {
    let table = bare_table("schema_markets").await;
    let theirs = "CREATE TABLE markets (n UInt8) ENGINE = MergeTree ORDER BY n";
    execute(&table, theirs).await;
    table.ensure().await.unwrap();
    table.check().await.unwrap();
    let columns = "SELECT count() FROM system.columns \
                   WHERE database = 'schema_markets' AND table = 'markets'";
    assert_eq!(number(&table, columns).await, 1);
    let ours = "SELECT count() FROM clob_fills_v2_markets";
    assert_eq!(number(&table, ours).await, 0);
    table.remove().await.unwrap();
    assert_eq!(number(&table, columns).await, 1);
}

#[tokio::test]
async fn the_first_table_of_a_database_gets_the_short_name_and_takes_it_along() {
    let first = table("schema_short").await;
    let second = FillTable::new(first.server().clone(), "with-dash").unwrap();
    second.ensure().await.unwrap();
    let entry = bare_entry(1, 1);
    for (table, source) in [
        (&first, MarketSource::Gamma),
        (&second, MarketSource::Subgraph),
    ] {
        let entries = [entry.clone()];
        table.catalogue().add(source, &entries).await.unwrap();
    }
    assert_eq!(
        text(&first, "SELECT toString(source) FROM markets").await,
        "gamma"
    );
    second.remove().await.unwrap();
    assert_eq!(
        text(&first, "SELECT toString(source) FROM markets").await,
        "gamma"
    );
    first.remove().await.unwrap();
    let left = "SELECT count() FROM system.tables WHERE database = 'schema_short'";
    assert_eq!(number(&first, left).await, 0);
}
