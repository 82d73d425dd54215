//! Everything that a real graph-node served, through the simulator, in every field.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::harness::*;

const EXCHANGES: [&str; 2] = [
    "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e",
    "0xc5d563a36ae78145c45a50134d48a1215220f80a",
];

pub(crate) fn recorded(name: &str) -> Vec<Value> {
    let simulator = "../crates/goldsky-simulator/tests/fixtures/graph-node";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(simulator)
        .join(name);
    let file = std::fs::File::open(path).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

pub(crate) fn write_events(directory: &Path, events: &[Value]) -> PathBuf {
    let path = directory.join("events.jsonl");
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// Writes an event as the row that readers must see, by the rules of the exchange contracts and
/// without any code of the program.
fn expected_row(event: &Value) -> String {
    let field = |name: &str| event[name].as_str().unwrap();
    let amount = |name: &str| field(name).parse::<u128>().unwrap();
    let buys = field("makerAssetId") == "0";
    let (side, asset, usdc, shares) = if buys {
        (
            "BUY",
            "takerAssetId",
            "makerAmountFilled",
            "takerAmountFilled",
        )
    } else {
        (
            "SELL",
            "makerAssetId",
            "takerAmountFilled",
            "makerAmountFilled",
        )
    };
    let role = if EXCHANGES.contains(&field("taker")) {
        "taker"
    } else {
        "maker"
    };
    let (usdc, shares) = (amount(usdc), amount(shares));
    let price = match shares {
        0 => "\\N".to_owned(),
        _ => decimal(usdc * 10_u128.pow(18) / shares, 18),
    };
    [
        field("id"),
        field("maker"),
        field("taker"),
        field(asset),
        side,
        role,
        &price,
        &decimal(shares, 6),
        &decimal(usdc, 6),
        &decimal(amount("fee"), 6),
        if buys { "SHARES" } else { "USDC" },
        field("timestamp"),
        field("orderHash"),
        field("transactionHash"),
    ]
    .join("\t")
}

/// Writes an integer as a decimal without trailing zeros.
fn decimal(number: u128, scale: u32) -> String {
    let one = 10_u128.pow(scale);
    let fraction = format!("{:0width$}", number % one, width = scale as usize);
    match fraction.trim_end_matches('0') {
        "" => (number / one).to_string(),
        fraction => format!("{}.{fraction}", number / one),
    }
}

const ROWS: &str = "SELECT fill_id, proxy_wallet, counterparty, asset_id, side, role, price, size, \
                    usdc, fee, fee_asset, toUnixTimestamp(timestamp), order_hash, tx_hash \
                    FROM clob_fills_v2 ORDER BY fill_id";

/// Asserts that the table's sums by token are the counters that the source raised.
pub(crate) async fn assert_counters(engine: &Engine, counters: BTreeMap<String, Value>) {
    let sums = engine
        .text(
            "SELECT asset_id, count(), countIf(side = 'BUY'), countIf(side = 'SELL'), \
             toUInt128(sum(usdc) * 1000000) FROM clob_fills_v2 GROUP BY asset_id",
        )
        .await;
    let found: BTreeMap<String, Value> = sums
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let number = |index: usize| cells[index].parse::<u64>().unwrap();
            let counters = json!({
                "tradesQuantity": number(1), "buysQuantity": number(2),
                "sellsQuantity": number(3), "collateralVolume": cells[4],
            });
            (cells[0].to_owned(), counters)
        })
        .collect();
    assert_eq!(found.len(), counters.len());
    for (token, expected) in counters {
        assert_eq!(found.get(&token), Some(&expected), "token {token}");
    }
}

/// Returns the counters that a simulated source raised, of tokens that were traded.
pub(crate) async fn counters(source: &Source) -> BTreeMap<String, Value> {
    let expected = source.expected().await;
    let tokens = expected["tokens"].as_object().unwrap().clone();
    tokens
        .into_iter()
        .filter(|(_, counters)| counters["tradesQuantity"] != 0)
        .collect()
}

#[tokio::test]
async fn both_strategies_load_every_recorded_fill_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let events = recorded("orderFilledEvents.jsonl.gz");
    let path = write_events(directory.path(), &events);
    let source = Source::start(directory.path(), &["--events", path.to_str().unwrap()]);
    let mut expected: Vec<String> = events.iter().map(expected_row).collect();
    expected.sort();

    for strategy in ["scan", "markets"] {
        let data = directory.path().join(strategy);
        let arguments = ["--strategy", strategy, "--data-dir", data.to_str().unwrap()];
        let run = Running::start(ingest(directory.path(), &source, &arguments));
        let summary = run.end().expect(0).json();
        assert_eq!(summary["fills_total"], events.len(), "{strategy}");
        let pages = summary["pages"].as_u64().unwrap();
        println!("{strategy}: {pages} pages for {} fills", events.len());

        let engine = Engine::start_at(directory.path(), &data);
        let rows = engine.text(ROWS).await;
        let rows: Vec<&str> = rows.lines().collect();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(&expected) {
            assert_eq!(row, expected, "{strategy}");
        }
        assert_counters(&engine, counters(&source).await).await;
        let unknown = engine.text("SELECT count() FROM clob_fills_v2 WHERE condition_id = ''");
        assert_eq!(unknown.await, "0");
    }
}

#[tokio::test]
async fn events_that_cannot_be_fills_are_kept_and_the_run_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut events = recorded("orderFilledEvents.jsonl.gz");
    events.truncate(1_500);
    let broken: [(&str, &str); 5] = [
        ("maker", "0xnothex"),
        ("takerAssetId", "0"),
        (
            "makerAmountFilled",
            "340282366920938463463374607431768211456",
        ),
        ("fee", "-1"),
        ("orderHash", "0x12"),
    ];
    for (index, (field, value)) in broken.iter().enumerate() {
        let event = &mut events[index * 100];
        if *field == "takerAssetId" {
            event["makerAssetId"] = json!("0");
        }
        event[*field] = json!(value);
    }
    let largest = &mut events[700];
    largest["makerAmountFilled"] = json!(u128::MAX.to_string());
    let path = write_events(directory.path(), &events);
    let source = Source::start(directory.path(), &["--events", path.to_str().unwrap()]);
    let run = Running::start(ingest(directory.path(), &source, &[]));
    let summary = run.end().expect(65).json();
    assert_eq!(summary["dead_letters"], broken.len());
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["fills_total"], events.len() - broken.len());

    let engine = Engine::start(directory.path());
    let letters = engine
        .text("SELECT field FROM clob_fills_v2_dead_letters FINAL ORDER BY field")
        .await;
    assert_eq!(
        letters.lines().collect::<Vec<_>>(),
        [
            "fee",
            "maker",
            "makerAmountFilled",
            "makerAssetId",
            "orderHash"
        ]
    );
    drop(engine);

    // They are still there when nothing is left to load.
    let again = Running::start(ingest(directory.path(), &source, &[])).end();
    assert_eq!(again.expect(65).json()["dead_letters"], broken.len());
}
