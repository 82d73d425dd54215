//! Whole crawls, the ways a loader does them.

use std::collections::BTreeMap;

use goldsky_simulator::{Config, Data, Expected, Seeded, Simulator};
use serde_json::{Value, json};

use crate::client;

const FIELDS: &str = "id timestamp makerAssetId takerAssetId makerAmountFilled takerAmountFilled";

async fn start() -> Simulator {
    let config = Config {
        data: Data::Seeded(Seeded {
            fills: 12_000,
            markets: 30,
            seed: 3,
            ..Seeded::default()
        }),
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap()
}

async fn page(simulator: &Simulator, query: &str, variables: &Value) -> Vec<Value> {
    let body = json!({"query": query, "variables": variables});
    let answer = client::post(simulator.endpoint(), &body)
        .await
        .unwrap()
        .json();
    let page = answer["data"]["orderFilledEvents"].as_array();
    page.unwrap_or_else(|| panic!("{answer}")).clone()
}

/// Reads everything by keyset on time and id.
async fn by_time(simulator: &Simulator) -> Vec<Value> {
    let query = format!(
        "query P($t: BigInt!, $i: ID!) {{ orderFilledEvents(first: 1000, orderBy: timestamp, \
         where: {{and: [{{timestamp_gte: $t}}, {{timestamp_lt: 2000000000}}, {{or: \
         [{{timestamp_gt: $t}}, {{id_gt: $i}}]}}]}}) {{ {FIELDS} }} }}"
    );
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let (time, id) = match rows.last() {
            Some(row) => (text(row, "timestamp"), text(row, "id")),
            None => ("0", ""),
        };
        let next = page(simulator, &query, &json!({"t": time, "i": id})).await;
        if next.is_empty() {
            return rows;
        }
        rows.extend(next);
    }
}

fn order(row: &Value) -> (u64, &str) {
    (text(row, "timestamp").parse().unwrap(), text(row, "id"))
}

/// Counts as the indexer does.
fn counted(rows: &[Value]) -> BTreeMap<String, (u64, u64, u128)> {
    let mut counted: BTreeMap<String, (u64, u64, u128)> = BTreeMap::new();
    for row in rows {
        let buy = text(row, "makerAssetId") == "0";
        let (token, usdc) = if buy {
            (text(row, "takerAssetId"), text(row, "makerAmountFilled"))
        } else {
            (text(row, "makerAssetId"), text(row, "takerAmountFilled"))
        };
        let entry = counted.entry(token.to_owned()).or_default();
        entry.0 += u64::from(buy);
        entry.1 += u64::from(!buy);
        entry.2 += usdc.parse::<u128>().unwrap();
    }
    counted
}

fn agrees(rows: &[Value], expected: &Expected) -> bool {
    let counted = counted(rows);
    counted.len() == expected.tokens.len()
        && counted.iter().all(|(token, (buys, sells, volume))| {
            expected.tokens.get(token).is_some_and(|expected| {
                expected.buys_quantity == *buys
                    && expected.sells_quantity == *sells
                    && expected.trades_quantity == buys + sells
                    && expected.collateral_volume == volume.to_string()
            })
        })
}

#[tokio::test]
async fn a_keyset_scan_meets_every_event_once_and_in_order_through_a_burst() {
    let simulator = start().await;
    let rows = by_time(&simulator).await;
    assert_eq!(rows.len(), 12_000);
    assert!(
        rows.windows(2)
            .all(|pair| order(&pair[0]) < order(&pair[1]))
    );
    assert!(agrees(&rows, &simulator.expected()));
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *at.entry(text(row, "timestamp")).or_default() += 1;
    }
    let burst = at.values().max().unwrap();
    assert!(*burst > 1_000, "the tie of {burst} fits into a page");
}

#[tokio::test]
async fn a_crawl_by_id_and_one_by_tokens_meet_the_same_events() {
    let simulator = start().await;
    let mut by_id: Vec<Value> = Vec::new();
    let query = format!(
        "query P($i: ID!) {{ orderFilledEvents(first: 1000, where: {{id_gt: $i}}) {{ {FIELDS} }} }}"
    );
    loop {
        let last = by_id.last().map_or("", |row| text(row, "id"));
        let next = page(&simulator, &query, &json!({"i": last})).await;
        if next.is_empty() {
            break;
        }
        by_id.extend(next);
    }
    let ids = |rows: &[Value]| -> Vec<String> {
        rows.iter().map(|row| text(row, "id").to_owned()).collect()
    };
    assert!(ids(&by_id).is_sorted());

    let mut by_token: Vec<Value> = Vec::new();
    let tokens: Vec<String> = simulator.expected().tokens.into_keys().collect();
    for side in ["makerAssetId_in", "takerAssetId_in"] {
        let query = format!(
            "query P($t: [String!]!, $i: ID!) {{ orderFilledEvents(first: 1000, orderBy: id, \
             where: {{{side}: $t, id_gt: $i}}) {{ {FIELDS} }} }}"
        );
        for some in tokens.chunks(7) {
            let mut last = String::new();
            loop {
                let next = page(&simulator, &query, &json!({"t": some, "i": last})).await;
                let Some(row) = next.last() else {
                    break;
                };
                last = text(row, "id").to_owned();
                by_token.extend(next);
            }
        }
    }
    by_token.sort_by(|a, b| text(a, "id").cmp(text(b, "id")));
    assert_eq!(by_token, by_id);
    assert!(agrees(&by_id, &simulator.expected()));
}

#[tokio::test]
async fn orderbooks_say_what_is_expected() {
    let simulator = start().await;
    let data = client::data(
        simulator.endpoint(),
        "{ orderbooks(first: 1000) { id tradesQuantity buysQuantity sellsQuantity \
         collateralVolume } }",
    )
    .await;
    let orderbooks = data["orderbooks"].as_array().unwrap();
    let expected = simulator.expected();
    assert_eq!(orderbooks.len(), expected.tokens.len());
    for orderbook in orderbooks {
        let token = &expected.tokens[text(orderbook, "id")];
        assert_eq!(
            text(orderbook, "tradesQuantity"),
            token.trades_quantity.to_string()
        );
        assert_eq!(text(orderbook, "collateralVolume"), token.collateral_volume);
    }
    let served = client::get(&format!("http://{}/expected", simulator.addr())).await;
    assert_eq!(served, serde_json::to_value(&expected).unwrap());
}

#[tokio::test]
async fn a_query_pinned_to_a_block_sees_nothing_later() {
    let simulator = start().await;
    let head = client::data(
        simulator.endpoint(),
        "{ _meta { block { number timestamp } } }",
    )
    .await;
    let number = head["_meta"]["block"]["number"].as_u64().unwrap() - 100_000;
    let seconds = head["_meta"]["block"]["timestamp"].as_i64().unwrap() - 200_000;
    let query = format!(
        "{{ newest: orderFilledEvents(first: 1, orderBy: timestamp, orderDirection: desc, block: \
         {{number: {number}}}) {{ timestamp }} later: orderFilledEvents(first: 1, where: \
         {{timestamp_gt: {seconds}}}, block: {{number: {number}}}) {{ id }} orderbooks(first: \
         1000, block: {{number: {number}}}) {{ tradesQuantity }} then: orderFilledEvents(first: \
         1, where: {{timestamp_gt: {seconds}}}) {{ id }} }}"
    );
    let data = client::data(simulator.endpoint(), &query).await;
    let newest: i64 = text(&data["newest"][0], "timestamp").parse().unwrap();
    assert!(newest <= seconds);
    assert_eq!(data["later"], json!([]));
    assert_ne!(data["then"], json!([]));
    let counted: usize = data["orderbooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|orderbook| text(orderbook, "tradesQuantity").parse::<usize>().unwrap())
        .sum();
    let rows = by_time(&simulator).await;
    let before = rows
        .iter()
        .filter(|row| order(row).0 as i64 <= seconds)
        .count();
    assert_eq!(counted, before);
}
