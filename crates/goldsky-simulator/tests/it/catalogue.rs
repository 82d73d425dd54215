//! Markets, tokens and what is told about them.

use goldsky_simulator::{Config, Data, Seeded, Simulator};
use serde_json::Value;

use crate::client;

async fn start(unknown_tokens: f64) -> Simulator {
    let config = Config {
        data: Data::Seeded(Seeded {
            markets: 60,
            fills: 500,
            unknown_tokens,
            ..Seeded::default()
        }),
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

fn list(text: &Value) -> Vec<String> {
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn gamma_pages_through_every_market_with_lists_in_texts() {
    let simulator = start(0.0).await;
    let mut markets = Vec::new();
    for offset in [0, 25, 50, 75] {
        let url = format!("{}/markets?limit=25&offset={offset}", simulator.gamma_url());
        markets.extend(client::get(&url).await.as_array().unwrap().clone());
    }
    assert_eq!(markets.len(), 60);
    let mut tokens = 0;
    for market in &markets {
        let ids = list(&market["clobTokenIds"]);
        assert_eq!(list(&market["outcomes"]).len(), ids.len());
        tokens += ids.len() as u64;
        let query = format!("{{ marketData(id: \"{}\") {{ condition }} }}", ids[0]);
        let data = client::data(simulator.endpoint(), &query).await;
        assert_eq!(data["marketData"]["condition"], market["conditionId"]);
    }
    assert_eq!(tokens, simulator.tokens());
}

#[tokio::test]
async fn gamma_tells_open_markets_from_closed_ones() {
    let simulator = start(0.0).await;
    let count = async |closed: &str| {
        let url = format!(
            "{}/markets?limit=500&closed={closed}",
            simulator.gamma_url()
        );
        client::get(&url).await.as_array().unwrap().len()
    };
    let (open, closed) = (count("false").await, count("true").await);
    assert!(open > 0 && closed > open);
    assert_eq!(open + closed, 60);
}

#[tokio::test]
async fn a_share_of_the_tokens_can_be_unknown() {
    let simulator = start(0.25).await;
    let data = client::data(simulator.endpoint(), "{ marketDatas(first: 1000) { id } }").await;
    let known = data["marketDatas"].as_array().unwrap().len() as f64;
    let share = known / simulator.tokens() as f64;
    assert!((0.6..0.9).contains(&share), "{share}");
}
