use std::sync::atomic::{AtomicUsize, Ordering};

use clickhouse_sink::Config;
use fill_table::{FillTable, MarketEntry, Server, Store};
use fills::{Address, Block, CTF_EXCHANGE, ConditionId, Fill, FillId, OrderHash, Side, TxHash};

pub(crate) const NAME: &str = "clob_fills_v2";
/// 2024-01-23 01:30:00 UTC.
pub(crate) const BEGIN: u32 = 1_705_973_400;

/// Returns a client in an empty database of its own.
pub(crate) async fn database(name: &str) -> clickhouse::Client {
    clickhouse_embedded::testing::database(name).await
}

/// Returns a table's handle in an empty database of its own.
pub(crate) async fn bare_table(database: &str) -> FillTable {
    let client = self::database(database).await;
    FillTable::new(Server::embedded(client, database), NAME).unwrap()
}

/// Returns a table that is there and empty.
pub(crate) async fn table(database: &str) -> FillTable {
    let table = bare_table(database).await;
    table.ensure().await.unwrap();
    table
}

pub(crate) async fn store(database: &str) -> Store {
    table(database).await.open(Config::new("")).await.unwrap()
}

/// Returns the store of a table that holds the fills.
pub(crate) async fn loaded(database: &str, fills: &[Fill]) -> Store {
    let store = store(database).await;
    add(&store, fills).await;
    store
}

pub(crate) async fn add(store: &Store, fills: &[Fill]) {
    use fills::FillStore;
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    store
        .insert(block(&number.to_string(), fills))
        .await
        .unwrap();
}

pub(crate) fn block(token: &str, fills: &[Fill]) -> Block {
    Block {
        token: token.to_owned(),
        pages: fills.chunks(3).map(<[Fill]>::to_vec).collect(),
    }
}

/// Makes the `n`th of different fills: a wallet, a second and a token of its own each.
pub(crate) fn fill(n: u8) -> Fill {
    Fill {
        id: FillId {
            tx_hash: TxHash([n; 32]),
            order_hash: OrderHash([n | 0x80; 32]),
            nth_from_last: 0,
        },
        timestamp: BEGIN + u32::from(n),
        maker: Address([n; 20]),
        taker: CTF_EXCHANGE,
        token_id: u64::from(n).into(),
        side: Side::Buy,
        shares_base_units: 6_000_000,
        usdc_base_units: 4_800_000,
        fee_base_units: 0,
        ..Fill::default()
    }
}

pub(crate) fn condition(n: u8) -> ConditionId {
    ConditionId([n; 32])
}

/// Makes what the subgraph knows of a token.
pub(crate) fn bare_entry(token: u64, condition_byte: u8) -> MarketEntry {
    MarketEntry {
        token_id: token.into(),
        condition_id: condition(condition_byte),
        outcome_index: None,
        outcome: String::new(),
        slug: String::new(),
        question: String::new(),
    }
}

/// Makes what Gamma knows of a token.
pub(crate) fn full_entry(token: u64, condition_byte: u8) -> MarketEntry {
    MarketEntry {
        outcome_index: Some(1),
        outcome: "No".to_owned(),
        slug: "will-it-rain".to_owned(),
        question: "Will it rain?".to_owned(),
        ..bare_entry(token, condition_byte)
    }
}

/// Runs a query whose answer is one text.
pub(crate) async fn text(table: &FillTable, sql: &str) -> String {
    let answer = table.server().client().query_raw(sql).fetch_one::<String>();
    answer.await.unwrap()
}

/// Runs a query whose answer is one number.
pub(crate) async fn number(table: &FillTable, sql: &str) -> u64 {
    let answer = table.server().client().query_raw(sql).fetch_one::<u64>();
    answer.await.unwrap()
}

pub(crate) async fn execute(table: &FillTable, sql: &str) {
    let client = table.server().client();
    client.query_raw(sql).execute().await.unwrap();
}
