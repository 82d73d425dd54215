//! What a wallet did, as Polymarket's data API tells it.

use goldsky_simulator::{Config, Data, DataApi, Entities, Simulator, Text};
use serde_json::{Value, json};

use crate::client;

const WALLET: &str = "0x00000000000000000000000000000000000000aa";
const EXCHANGE: &str = "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e";

/// The wallet's fill of an order: a BUY of token 7 for 2 USDC a share.
fn event(second: u64, transaction: u64, order: u64, taker: &str) -> String {
    let transaction = format!("0x{transaction:064x}");
    let order = format!("0x{order:064x}");
    json!({
        "id": format!("{transaction}_{order}"), "transactionHash": transaction,
        "timestamp": second.to_string(), "orderHash": order, "maker": WALLET, "taker": taker,
        "makerAssetId": "0", "takerAssetId": "7", "makerAmountFilled": "3000000",
        "takerAmountFilled": "1500000", "fee": "0",
    })
    .to_string()
}

/// Serves four fills of three transactions, one of them the crossing order's.
async fn start(data_api: DataApi) -> Simulator {
    let events = [
        event(100, 1, 1, WALLET),
        event(200, 2, 2, WALLET),
        event(200, 2, 3, WALLET),
        event(200, 3, 4, EXCHANGE),
    ];
    let config = Config {
        data: Data::Entities(Entities::new(Text::Inline(events.join("\n")))),
        data_api,
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

async fn get(simulator: &Simulator, query: &str) -> Value {
    client::get(&format!("{}/{query}", simulator.data_api_url())).await
}

fn transactions(rows: &Value) -> Vec<u64> {
    let hashes = rows.as_array().unwrap().iter();
    hashes
        .map(|row| {
            let hash = row["transactionHash"].as_str().unwrap();
            u64::from_str_radix(&hash[50..], 16).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn fills_of_one_transaction_token_and_side_are_one_row() {
    let simulator = start(DataApi::default()).await;
    let rows = get(&simulator, &format!("activity?user={WALLET}&type=TRADE")).await;
    assert_eq!(transactions(&rows), [3, 2, 1]);
    let merged = &rows[1];
    assert_eq!(
        (&merged["size"], &merged["usdcSize"]),
        (&json!(3.0), &json!(6.0))
    );
    assert_eq!(
        (&merged["asset"], &merged["side"]),
        (&json!("7"), &json!("BUY"))
    );
    assert_eq!(merged["timestamp"], 200);
    assert_eq!(merged["type"], "TRADE");
}

#[tokio::test]
async fn trades_are_those_of_crossing_orders_unless_all_are_asked_for() {
    let simulator = start(DataApi::default()).await;
    let crossing = get(&simulator, &format!("trades?user={WALLET}")).await;
    assert_eq!(transactions(&crossing), [3]);
    assert!(crossing[0]["usdcSize"].is_null());
    let all = get(&simulator, &format!("trades?user={WALLET}&takerOnly=false")).await;
    assert_eq!(transactions(&all), [3, 2, 1]);
}

#[tokio::test]
async fn both_ends_of_a_window_belong_to_it_and_rows_come_in_the_order_asked_for() {
    let simulator = start(DataApi::default()).await;
    let check = async |window: &str, expected: &[u64]| {
        let rows = get(&simulator, &format!("activity?user={WALLET}&{window}")).await;
        assert_eq!(transactions(&rows), expected, "{window}");
    };
    check("start=100&end=200", &[3, 2, 1]).await;
    check("start=100&end=199", &[1]).await;
    check("start=101&end=200", &[3, 2]).await;
    check("sortDirection=ASC", &[1, 2, 3]).await;
    check("sortDirection=ASC&start=200&limit=1", &[2]).await;
}

#[tokio::test]
async fn answers_end_at_the_most_rows_and_offsets_at_their_cap() {
    let simulator = start(DataApi {
        most_rows: 2,
        most_activity_offset: 1,
        most_trades_offset: 0,
        ..DataApi::default()
    })
    .await;
    let page = async |listing: &str, offset: u32| {
        let query = format!("{listing}&user={WALLET}&limit=500&offset={offset}");
        get(&simulator, &query).await
    };
    assert_eq!(transactions(&page("activity?", 0).await), [3, 2]);
    assert_eq!(transactions(&page("activity?", 1).await), [2, 1]);
    let refused =
        |cap: u32| json!({"error": format!("max historical activity offset of {cap} exceeded")});
    assert_eq!(page("activity?", 2).await, refused(1));
    assert_eq!(page("trades?", 1).await, refused(0));
}

#[tokio::test]
async fn given_rows_are_shown_to_the_last_digit() {
    let row = r#"{"proxyWallet":"0xAA","side":"SELL","asset":"9","conditionId":"0xc","transactionHash":"0x1","size":28.300001,"usdcSize":16.697,"price":0.59,"timestamp":7}"#;
    let simulator = start(DataApi {
        rows: Some(Text::Inline(row.to_owned())),
        ..DataApi::default()
    })
    .await;
    let url = format!("{}/activity?user=0xaa&start=1", simulator.data_api_url());
    let body = client::send("GET", &url, &[], "").await.unwrap().body;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains(r#""size":28.300001,"#), "{body}");
    assert!(body.contains(r#""usdcSize":16.697,"#), "{body}");
}
