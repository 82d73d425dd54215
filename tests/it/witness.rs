//! What Polymarket's own API tells of wallets, against the rows loaded from the subgraph.

use std::error::Error;
use std::path::{Path, PathBuf};

use fill_table::{FillTable, Server};
use fills::{Address, Side, Span, Trade};
use futures::{Stream, TryStreamExt as _, stream};
use polymarket_api::{Compared, Comparison, Config, DataApi, History};

use crate::harness::*;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Every second there is.
const ALL: Span = Span::new(0, u64::MAX);

/// Real data that is not part of this repository.
pub(crate) fn real_data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/realdata");
    if !path.is_dir() {
        println!("skipped: there is no ../shared/realdata beside this checkout");
        return None;
    }
    Some(path)
}

/// Serves the real fills, and the real API's rows beside them.
pub(crate) fn start_source(directory: &Path, real: &Path) -> Source {
    let path = |name: &str| real.join(name).to_str().unwrap().to_owned();
    let (events, activity) = (
        path("order_filled_events.jsonl"),
        path("data_api_activity.jsonl"),
    );
    Source::start(directory, &["--events", &events, "--activity", &activity])
}

fn table(engine: &Engine) -> FillTable {
    let server = Server::embedded(engine.client(), "default");
    FillTable::new(server, "clob_fills_v2").unwrap()
}

fn trades(table: &FillTable, wallet: Address) -> impl Stream<Item = Fallible<Trade>> {
    let cursor = table.wallet_trades(wallet, ALL).unwrap();
    stream::try_unfold(cursor, async |mut cursor| {
        let next = cursor.next().await?;
        Ok(next.map(|trade| (trade, cursor)))
    })
}

async fn compare(table: &FillTable, source: &Source, wallet: Address) -> Compared {
    let endpoint = source.url("/data-api").parse().unwrap();
    let api = DataApi::new(Config::new(endpoint), DataApi::pacer()).unwrap();
    let witness = History::new(&api, wallet, ALL).into_stream();
    let compared = Comparison::default()
        .compare(trades(table, wallet), witness.map_err(Into::into))
        .await;
    compared.unwrap()
}

/// Loads the real fills; returns the engine that holds them and the wallets, the larger first.
async fn load(directory: &Path, source: &Source) -> (Engine, FillTable, Vec<Address>) {
    let run = Running::start(ingest(directory, source, &[])).end();
    assert_eq!(run.expect(0).json()["fills_total"], 1_852);
    let engine = Engine::start(directory);
    let table = table(&engine);
    let sample = table.sample_wallets(10, 1).await.unwrap();
    let wallets = sample.into_iter().map(|sampled| sampled.wallet).collect();
    (engine, table, wallets)
}

#[tokio::test]
async fn real_fills_equal_what_polymarkets_api_says() {
    let Some(real) = real_data() else { return };
    let directory = tempfile::tempdir().unwrap();
    let source = start_source(directory.path(), &real);
    let (_engine, table, wallets) = load(directory.path(), &source).await;
    assert_eq!(wallets.len(), 2);
    let mut matching = 0;
    for wallet in wallets {
        let compared = compare(&table, &source, wallet).await;
        assert_eq!(compared.differences, [], "{wallet}");
        assert!(compared.is_alike() && compared.is_complete());
        assert_eq!(compared.table, compared.witness);
        matching += compared.matching;
    }
    assert_eq!(matching, 1_852);
}

#[tokio::test]
async fn rows_that_were_damaged_in_the_table_are_named() {
    let Some(real) = real_data() else { return };
    let directory = tempfile::tempdir().unwrap();
    let source = start_source(directory.path(), &real);
    let (engine, table, wallets) = load(directory.path(), &source).await;
    let wallet = wallets[0];
    let whole: Vec<Trade> = trades(&table, wallet).try_collect().await.unwrap();
    let [lost, off, turned] = [10, 400, 700].map(|place| whole[place]);
    for (damage, trade) in [
        ("DELETE", lost),
        ("UPDATE usdc = usdc + 1", off),
        ("UPDATE side = if(side = 'BUY', 'SELL', 'BUY')", turned),
    ] {
        let transaction = trade.key.tx_hash.to_string();
        let token = trade.key.token_id;
        let sql = format!(
            "ALTER TABLE clob_fills_v2_data {damage} WHERE tx_hash = unhex('{}') \
             AND token_id = toUInt256('{token}') SETTINGS mutations_sync = 2",
            &transaction[2..]
        );
        engine.client().query(&sql).execute().await.unwrap();
    }

    let mut one_more = off;
    one_more.usdc_base_units = off.usdc_base_units.map(|usdc| usdc + 1);
    let mut other_side = turned;
    other_side.key.side = match turned.key.side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    };
    let mut expected = [
        (lost.key, Some(lost.into()), None),
        (off.key, Some(off.into()), Some(one_more.into())),
        (turned.key, Some(turned.into()), None),
        (other_side.key, None, Some(other_side.into())),
    ];
    expected.sort_by_key(|&(key, ..)| key);
    let compared = compare(&table, &source, wallet).await;
    let named: Vec<_> = compared
        .differences
        .iter()
        .map(|one| (one.key, one.expected, one.found))
        .collect();
    assert_eq!(named, expected);
    assert_eq!(compared.matching as usize, whole.len() - 3);
}
