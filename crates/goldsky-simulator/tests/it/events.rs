//! Given events, however malformed.

use goldsky_simulator::{Config, Data, Entities, Error, Simulator, Text};
use serde_json::{Value, json};

use crate::client;

async fn start(events: &[Value]) -> Simulator {
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let config = Config {
        data: Data::Entities(Entities::new(Text::Inline(lines.join("\n")))),
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

fn event(id: &str, timestamp: &str) -> Value {
    json!({
        "id": id, "transactionHash": "0x01", "timestamp": timestamp, "orderHash": "0x02",
        "maker": "0x03", "taker": "0x04", "makerAssetId": "0", "takerAssetId": "77",
        "makerAmountFilled": "5", "takerAmountFilled": "10", "fee": "0",
    })
}

#[tokio::test]
async fn malformed_events_are_served_as_they_are() {
    let mut huge = event("b", "20");
    huge["takerAmountFilled"] = json!("340282366920938463463374607431768211456");
    huge["maker"] = json!("not \"hex\"");
    let mut bare = event("c", "30");
    bare.as_object_mut().unwrap().remove("fee");
    bare["orderHash"] = Value::Null;
    let simulator = start(&[event("a", "10"), huge.clone(), bare]).await;
    let data = client::data(
        simulator.endpoint(),
        "{ orderFilledEvents(orderBy: timestamp) { id transactionHash timestamp orderHash maker \
         taker makerAssetId takerAssetId makerAmountFilled takerAmountFilled fee } }",
    )
    .await;
    let rows = data["orderFilledEvents"].as_array().unwrap();
    assert_eq!(rows[0], event("a", "10"));
    assert_eq!(rows[1], huge);
    assert_eq!(rows[2]["fee"], Value::Null);
    assert_eq!(rows[2]["orderHash"], Value::Null);
}

#[tokio::test]
async fn an_event_without_a_readable_time_is_met_by_a_scan() {
    let simulator = start(&[event("a", "10"), event("b", "yesterday"), event("c", "30")]).await;
    let data = client::data(
        simulator.endpoint(),
        "{ orderFilledEvents(orderBy: timestamp, where: {timestamp_gte: 5, timestamp_lt: 20}) \
         { timestamp } }",
    )
    .await;
    assert_eq!(
        data["orderFilledEvents"],
        json!([{"timestamp": "10"}, {"timestamp": "yesterday"}])
    );
}

#[tokio::test]
async fn two_events_of_one_id_are_counted_twice_and_served_once() {
    let simulator = start(&[event("a", "10"), event("a", "10"), event("b", "10")]).await;
    assert_eq!((simulator.fills(), simulator.overwritten()), (2, 1));
    let expected = simulator.expected();
    assert_eq!(expected.fills, 2);
    assert_eq!(expected.tokens["77"].trades_quantity, 3);
    assert_eq!(expected.tokens["77"].collateral_volume, "15");
}

#[tokio::test]
async fn every_token_of_given_events_is_known_unless_some_are_held_back() {
    let mut other = event("b", "10");
    other["takerAssetId"] = json!("88");
    let lines = format!("{}\n{other}", event("a", "10"));
    let known = async |unknown_tokens: f64| -> Value {
        let config = Config {
            data: Data::Entities(Entities {
                unknown_tokens,
                ..Entities::new(Text::Inline(lines.clone()))
            }),
            ..Config::default()
        };
        let simulator = Simulator::start(config).await.unwrap();
        client::data(simulator.endpoint(), "{ marketDatas { id condition } }").await
    };
    let all = known(0.0).await;
    let ids: Vec<&Value> = all["marketDatas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(ids, ["77", "88"]);
    assert_ne!(
        all["marketDatas"][0]["condition"],
        all["marketDatas"][1]["condition"]
    );
    assert_eq!(known(1.0).await["marketDatas"], json!([]));
}

#[tokio::test]
async fn a_line_that_is_no_object_is_named() {
    let config = Config {
        data: Data::Entities(Entities::new(Text::Inline("{}\n\n[1]".to_owned()))),
        ..Config::default()
    };
    let error = Simulator::start(config).await.unwrap_err();
    assert!(matches!(error, Error::Line { line: 3, .. }), "{error}");
}
