use api_client::Class;
use fills::TokenId;
use serde_json::{Value, json};

use super::*;
use crate::catalog::MarketData;
use crate::orderbooks::Orderbook;

const CONDITION: &str = "0x953f48f1a09f76b5a170b33839263059f28c105d1fb17c2390c192cfd3ac94af";

fn market(id: &str) -> Value {
    json!({"id": id, "condition": CONDITION, "outcomeIndex": null})
}

fn orderbook() -> Value {
    json!({
        "id": "12799763337183801343810299225895346812478552327748147268088896497776223653289",
        "tradesQuantity": "1620",
        "buysQuantity": "805",
        "sellsQuantity": "815",
        "collateralVolume": "196338614348",
        "collateralBuyVolume": "101730544079",
        "collateralSellVolume": "94608070269",
    })
}

fn page<T: Entity>(after: &str, limit: u16, rows: &Value) -> Result<EntityPage<T>, Failure> {
    read(
        after,
        limit,
        &RawValue::from_string(rows.to_string()).unwrap(),
    )
}

#[test]
fn tokens_and_conditions_are_read_in_the_order_of_their_ids_as_text() {
    let rows = json!([market("12"), market("128"), market("9")]);
    let page: EntityPage<MarketData> = page("", 1000, &rows).unwrap();
    let tokens: Vec<_> = page.entities.iter().map(|market| market.token_id).collect();
    assert_eq!(tokens, [12, 128, 9].map(TokenId::from));
    assert_eq!(page.entities[0].condition_id, CONDITION.parse().unwrap());
    assert_eq!(page.last_id.as_deref(), Some("9"));
}

#[test]
fn an_outcome_index_may_be_absent_or_there() {
    let check = |value: Value, expected| {
        let mut row = market("1");
        row["outcomeIndex"] = value;
        let page: EntityPage<MarketData> = page("", 9, &json!([row])).unwrap();
        assert_eq!(page.entities[0].outcome_index, expected);
    };
    check(json!(null), None);
    check(json!("1"), Some(1));
    check(json!(0), Some(0));
}

#[test]
fn counters_are_exact() {
    let page: EntityPage<Orderbook> = page("", 9, &json!([orderbook()])).unwrap();
    let book = page.entities[0];
    assert_eq!(
        (
            book.trades_quantity,
            book.buys_quantity,
            book.sells_quantity
        ),
        (1620, 805, 815)
    );
    assert_eq!(book.collateral_volume, 196_338_614_348);
    assert_eq!(
        book.collateral_volume,
        book.collateral_buy_volume + book.collateral_sell_volume
    );
}

#[test]
fn an_entity_that_does_not_read_spoils_no_other() {
    let check = |field: &str, value: Value| {
        let mut bad = orderbook();
        bad["id"] = json!("2");
        bad[field] = value;
        let page: EntityPage<Orderbook> = page("", 9, &json!([orderbook(), bad])).unwrap();
        assert_eq!((page.entities.len(), page.malformed.len()), (1, 1));
        assert_eq!(page.malformed[0].field, field);
    };
    check("tradesQuantity", json!("18446744073709551616"));
    check(
        "collateralVolume",
        json!("340282366920938463463374607431768211456"),
    );
    check("collateralVolume", json!("-1"));
    check("buysQuantity", json!(null));
    check("id", json!("two"));
}

#[test]
fn a_page_that_is_not_what_was_asked_for_is_misshapen() {
    let check = |after: &str, limit: u16, rows: Value| {
        let failure = page::<MarketData>(after, limit, &rows).unwrap_err();
        assert_eq!(failure.class, Class::Misshapen, "{rows}");
    };
    check("", 9, json!({}));
    check("", 1, json!([market("1"), market("2")]));
    check("", 9, json!([market("2"), market("1")]));
    check("", 9, json!([market("1"), market("1")]));
    check("5", 9, json!([market("5")]));
    check("", 2, json!([market("1"), {"condition": CONDITION}]));
    check("", 1, json!([null]));
}
