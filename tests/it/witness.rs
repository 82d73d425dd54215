//! Fills that Polymarket's own API tells of, against the rows loaded from the subgraph.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::*;

/// Real data that is not part of this repository.
fn real_data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/realdata");
    path.is_dir().then_some(path)
}

/// Writes `28.3` as 28300000: the API's decimals are exact in millionths.
fn micro_units(number: &Value) -> u128 {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<6}").parse().unwrap()
}

#[tokio::test]
async fn real_fills_equal_what_polymarkets_api_says() {
    let Some(real) = real_data() else {
        println!("skipped: there is no ../shared/realdata beside this checkout");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let events = real.join("order_filled_events.jsonl");
    let source = Source::start(directory.path(), &["--events", events.to_str().unwrap()]);
    let run = Running::start(ingest(directory.path(), &source, &[])).end();
    assert_eq!(run.expect(0).json()["fills_total"], 1_852);

    let activity = std::fs::read_to_string(real.join("data_api_activity.jsonl")).unwrap();
    let mut expected: BTreeMap<String, (u128, u128)> = BTreeMap::new();
    for line in activity.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let key = ["transactionHash", "proxyWallet", "asset", "side"]
            .map(|name| row[name].as_str().unwrap())
            .join("\t");
        let sums = expected.entry(key).or_default();
        sums.0 += micro_units(&row["size"]);
        sums.1 += micro_units(&row["usdcSize"]);
    }

    let engine = Engine::start(directory.path());
    let rows = engine
        .text(
            "SELECT tx_hash, proxy_wallet, asset_id, side, toUInt128(sum(size) * 1000000), \
             toUInt128(sum(usdc) * 1000000) FROM clob_fills_v2 GROUP BY ALL",
        )
        .await;
    let found: BTreeMap<String, (u128, u128)> = rows
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            let sums = (cells[4].parse().unwrap(), cells[5].parse().unwrap());
            (cells[..4].join("\t"), sums)
        })
        .collect();
    assert_eq!(found, expected);
}
