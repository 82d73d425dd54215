//! The queries that people run, unchanged, and the index that they rely on.

use clickhouse::Row;
use fill_table::MarketSource;
use fills::{Address, Fill};
use serde::Deserialize;

use crate::fixture::{add, bare_entry, fill, loaded, number, store, text};

/// Two wallets, three tokens of two markets, and one token that the catalogue does not know.
async fn readers_table(database: &str) -> fill_table::Store {
    let fills: Vec<_> = (1..=8)
        .map(|n| Fill {
            maker: Address([n % 2; 20]),
            token_id: u64::from(n % 4).into(),
            ..fill(n)
        })
        .collect();
    let store = loaded(database, &fills).await;
    let catalogue = store.table().catalogue();
    let entries = [bare_entry(0, 1), bare_entry(1, 1), bare_entry(2, 2)];
    let added = catalogue.add(MarketSource::Subgraph, &entries).await;
    added.unwrap();
    catalogue.publish().await.unwrap();
    store
}

#[tokio::test]
async fn the_five_queries_work_unchanged() {
    let store = readers_table("readers_five").await;
    let client = store.table().server().client();

    let sql = "SELECT COUNT(*) AS fills, COUNT(DISTINCT condition_id) AS markets \
               FROM clob_fills_v2";
    let row = client.query_raw(sql).fetch_one::<(u64, u64)>().await;
    assert_eq!(row.unwrap(), (8, 3), "the unknown market counts as one");

    let sql = "SELECT COUNT(*) AS total_fills, COUNT(DISTINCT condition_id) AS \
               markets_processed, COUNT(DISTINCT proxy_wallet) AS unique_wallets,\n\
               round((COUNT(DISTINCT condition_id) / 171305.0) * 100, 2) AS pct_complete \
               FROM clob_fills_v2";
    let row = client
        .query_raw(sql)
        .fetch_one::<(u64, u64, u64, f64)>()
        .await;
    assert_eq!(row.unwrap(), (8, 3, 2, 0.0));

    let sql = "SELECT COUNT(*), COUNT(DISTINCT condition_id), COUNT(DISTINCT proxy_wallet), \
               MIN(timestamp), MAX(timestamp) FROM clob_fills_v2";
    let row = client
        .query_raw(sql)
        .fetch_one::<(u64, u64, u64, u32, u32)>();
    let ends = (fill(1).timestamp, fill(8).timestamp);
    assert_eq!(row.await.unwrap(), (8, 3, 2, ends.0, ends.1));

    let sql = "SELECT COUNT(*) FROM clob_fills_v2 WHERE \
               proxy_wallet = '0x0101010101010101010101010101010101010101'";
    assert_eq!(number(store.table(), sql).await, 4);
}

#[derive(Debug, Row, Deserialize)]
struct Sample {
    proxy_wallet: String,
    condition_id: String,
    side: String,
    price: String,
    size: String,
    timestamp: u32,
}

#[tokio::test]
async fn a_random_sample_shows_readable_rows() {
    let store = readers_table("readers_sample").await;
    let sql = "SELECT proxy_wallet, condition_id, side, toString(assumeNotNull(price)) AS price, \
               toString(size) AS size, timestamp FROM (SELECT proxy_wallet, condition_id, side, \
               price, size, timestamp FROM clob_fills_v2 ORDER BY rand() LIMIT 10)";
    let client = store.table().server().client();
    let rows: Vec<Sample> = client.query_raw(sql).fetch_all().await.unwrap();
    assert_eq!(rows.len(), 8);
    for row in rows {
        assert!(row.proxy_wallet.parse::<Address>().is_ok(), "{row:?}");
        assert!(
            row.condition_id.is_empty() || row.condition_id.len() == 66,
            "{row:?}"
        );
        assert_eq!((row.side.as_str(), row.price.as_str()), ("BUY", "0.8"));
        assert_eq!(row.size, "6");
        assert!(row.timestamp > 0);
    }
}

#[tokio::test]
async fn a_condition_for_one_wallet_reads_by_the_primary_key() {
    // Ten granules of rows, so that there is something to skip.
    let store = store("readers_index").await;
    let fills: Vec<_> = (0..80_000_u32)
        .map(|n| {
            let mut fill = Fill {
                maker: Address([(n % 200) as u8; 20]),
                ..fill(1)
            };
            fill.id.tx_hash.0[..4].copy_from_slice(&n.to_be_bytes());
            fill
        })
        .collect();
    add(&store, &fills).await;
    let wallet = Address([7; 20]);
    let sql = format!("SELECT count() FROM clob_fills_v2 WHERE proxy_wallet = '{wallet}'");
    assert_eq!(number(store.table(), &sql).await, 400);

    let explained = text(
        store.table(),
        &format!(
            "SELECT arrayStringConcat(groupArray(explain), '\n') FROM \
             (EXPLAIN indexes = 1 {sql})"
        ),
    )
    .await;
    let key = explained.split("PrimaryKey").nth(1).unwrap_or_default();
    assert!(
        key.contains("concat('0x', lower(hex(maker))) in ["),
        "{explained}"
    );
    let granules = key.split("Granules: ").nth(1).unwrap_or_default();
    let (read, all) = granules.split_once('/').unwrap_or_default();
    let digits = |text: &str| {
        text.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    let (read, all): (u32, u32) = (read.parse().unwrap(), digits(all).parse().unwrap());
    assert!(read <= 2 && all >= 9, "{explained}");
}

#[tokio::test]
async fn other_filters_work_through_the_view() {
    let store = readers_table("readers_filters").await;
    let condition = format!("0x{}", "01".repeat(32));
    for (filter, rows) in [
        (format!("condition_id = '{condition}'"), 4),
        ("condition_id = ''".to_owned(), 2),
        ("asset_id = '2'".to_owned(), 2),
        ("token_id = 2".to_owned(), 2),
        ("side = 'BUY'".to_owned(), 8),
        ("side = 'neither'".to_owned(), 0),
        ("role = 'taker'".to_owned(), 8),
        ("price BETWEEN 0.01 AND 0.99".to_owned(), 8),
        ("size > 5.5".to_owned(), 8),
        ("timestamp > '2024-01-23 01:30:04'".to_owned(), 4),
        (format!("fill_id = '{}'", fill(3).id), 1),
        (
            format!(
                "token_id IN (SELECT token_id FROM markets \
                 WHERE condition_id = '{condition}')"
            ),
            4,
        ),
    ] {
        let sql = format!("SELECT count() FROM clob_fills_v2 WHERE {filter}");
        assert_eq!(number(store.table(), &sql).await, rows, "{filter}");
    }
}

#[tokio::test]
async fn a_reader_in_another_database_sees_the_same() {
    let store = readers_table("readers_home").await;
    let elsewhere = crate::fixture::bare_table("readers_elsewhere").await;
    let sql = "SELECT COUNT(DISTINCT condition_id) FROM readers_home.clob_fills_v2";
    assert_eq!(number(&elsewhere, sql).await, 3);
    drop(store);
}
