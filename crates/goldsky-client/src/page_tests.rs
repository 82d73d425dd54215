use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sound;
use crate::wire::Data;
use api_client::Class;

/// An event of the given second whose transaction hash ends in `tail`: later tails sort later.
fn event(second: u64, tail: u8) -> Value {
    let transaction = format!("0x{:064x}", 0x1000 + u32::from(tail));
    let order = format!("0x{:064x}", 0x77);
    json!({
        "id": format!("{transaction}_{order}"),
        "transactionHash": transaction,
        "timestamp": second.to_string(),
        "orderHash": order,
        "maker": format!("0x{:040x}", 1),
        "taker": format!("0x{:040x}", 2),
        "makerAssetId": "0",
        "takerAssetId": "647",
        "makerAmountFilled": "42420000",
        "takerAmountFilled": "67333333",
        "fee": "0",
    })
}

fn with(mut event: Value, field: &str, value: Value) -> Value {
    event[field] = value;
    event
}

fn without(mut event: Value, field: &str) -> Value {
    event.as_object_mut().unwrap().remove(field);
    event
}

fn id(tail: u8) -> String {
    event(0, tail)["id"].as_str().unwrap().to_owned()
}

fn query(limit: u16) -> PageQuery {
    PageQuery {
        filter: Filter::All,
        from: 100,
        after: None,
        until: 200,
        limit,
    }
}

fn answered(query: &PageQuery, rows: &Value) -> Result<Page, Failure> {
    let raw = RawValue::from_string(rows.to_string()).unwrap();
    let page = read(query, "p0", &raw);
    let meta = r#""_meta":{"block":{"number":7},"hasIndexingErrors":false}"#;
    let body = format!(r#"{{"data":{{{meta},"p0":{rows}}}}}"#);
    // What is read in one pass is read the same.
    if let Some((_, pages)) = sound::read(body.as_bytes(), 0, std::slice::from_ref(query)) {
        assert_eq!(page.as_ref(), Ok(&pages[0]));
    }
    page
}

fn misshapen(query: &PageQuery, rows: &Value, words: &str) {
    let failure = answered(query, rows).unwrap_err();
    assert_eq!(failure.class, Class::Misshapen);
    assert!(failure.message.contains(words), "{}", failure.message);
}

#[test]
fn a_page_holds_its_fills_and_where_it_ended() {
    let rows = json!([event(100, 5), event(100, 6), event(150, 1)]);
    let page = answered(&query(3), &rows).unwrap();
    assert_eq!(page.fills.len(), 3);
    assert!(page.malformed.is_empty());
    let last = Cursor {
        timestamp: 150,
        id: id(1),
    };
    assert_eq!(page.last, Some(last));
}

#[test]
fn an_empty_page_has_no_end() {
    assert_eq!(answered(&query(3), &json!([])).unwrap(), Page::default());
}

#[test]
fn a_row_that_does_not_fit_spoils_no_other_and_names_its_field() {
    let check = |bad: Value, field: &str, reason: &str| {
        let rows = json!([event(100, 5), bad, event(150, 7)]);
        let page = answered(&query(4), &rows).unwrap();
        assert_eq!(page.fills.len(), 2);
        let [malformed] = page.malformed.as_slice() else {
            panic!("{page:?}");
        };
        assert_eq!(malformed.field, field);
        assert!(malformed.reason.contains(reason), "{malformed}");
        assert_eq!(
            serde_json::from_str::<Value>(&malformed.event).unwrap(),
            bad
        );
        assert_eq!(page.last.unwrap().id, id(7));
    };
    let good = event(120, 6);
    check(without(good.clone(), "maker"), "maker", "missing");
    check(with(good.clone(), "fee", Value::Null), "fee", "null");
    check(with(good.clone(), "fee", json!(7)), "fee", "a number");
    check(with(good.clone(), "taker", json!({})), "taker", "an object");
    check(
        with(good.clone(), "timestamp", json!(120)),
        "timestamp",
        "a number",
    );
    check(
        with(good.clone(), "timestamp", json!("soon")),
        "timestamp",
        "decimal",
    );
    check(
        with(good.clone(), "timestamp", Value::Null),
        "timestamp",
        "null",
    );
    check(with(good.clone(), "maker", json!("0xzz")), "maker", "hex");
    check(
        with(good.clone(), "takerAssetId", json!("0")),
        "makerAssetId",
        "both 0",
    );
    check(without(good, "id"), "id", "missing");
    check(json!("row"), "event", "text");
    check(Value::Null, "event", "null");
}

#[test]
fn a_malformed_last_row_is_where_the_page_ended() {
    let bad = with(event(150, 7), "fee", Value::Null);
    let page = answered(&query(2), &json!([event(100, 5), bad])).unwrap();
    assert_eq!(page.malformed[0].fill_id, id(7));
    let last = page.last.unwrap();
    assert_eq!((last.timestamp, last.id), (150, id(7)));
}

#[test]
fn a_last_row_without_a_place_ends_only_a_short_page() {
    for field in ["timestamp", "id"] {
        let rows = json!([event(100, 5), with(event(150, 7), field, Value::Null)]);
        misshapen(&query(2), &rows, "tells no place");
        let page = answered(&query(3), &rows).unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(page.last.unwrap().id, id(5));
    }
}

#[test]
fn a_field_that_is_there_twice_is_malformed() {
    let twice = event(120, 6).to_string().replace('{', r#"{"fee":"1","#);
    let rows = format!("[{},{twice}]", event(100, 5));
    let page = read(&query(3), "p0", &RawValue::from_string(rows).unwrap()).unwrap();
    assert_eq!(page.fills.len(), 1);
    assert!(
        page.malformed[0].reason.contains("duplicate field"),
        "{page:?}"
    );
}

#[test]
fn what_is_no_list_or_too_long_is_misshapen() {
    misshapen(&query(3), &json!({}), "not a list");
    misshapen(&query(3), &Value::Null, "not a list");
    let rows = json!([event(100, 1), event(100, 2)]);
    misshapen(&query(1), &rows, "2 rows, 1 were asked for");
}

#[test]
fn rows_out_of_order_or_twice_are_misshapen() {
    let check = |rows: &Value, words| misshapen(&query(9), rows, words);
    check(&json!([event(110, 1), event(100, 2)]), "out of order");
    check(&json!([event(100, 2), event(100, 1)]), "out of order");
    check(&json!([event(100, 1), event(100, 1)]), "twice");
    // A malformed row has a place in the order too.
    let bad = with(event(150, 7), "fee", Value::Null);
    check(&json!([bad, event(120, 1)]), "out of order");
    // One that tells no place does not hide the disorder around it.
    let bad = with(event(150, 7), "timestamp", Value::Null);
    check(&json!([event(120, 1), bad, event(110, 1)]), "out of order");
}

#[test]
fn rows_outside_of_the_window_are_misshapen() {
    misshapen(&query(9), &json!([event(99, 1)]), "outside of [100, 200)");
    misshapen(&query(9), &json!([event(200, 1)]), "outside of [100, 200)");
    assert_eq!(
        answered(&query(9), &json!([event(100, 1), event(199, 1)]))
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn rows_not_behind_the_cursor_are_misshapen() {
    let query = PageQuery {
        after: Some(Cursor {
            timestamp: 120,
            id: id(5),
        }),
        ..query(9)
    };
    misshapen(&query, &json!([event(119, 9)]), "not behind");
    misshapen(&query, &json!([event(120, 4)]), "not behind");
    misshapen(&query, &json!([event(120, 5)]), "not behind");
    assert_eq!(
        answered(&query, &json!([event(120, 6), event(121, 1)]))
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn fills_of_other_tokens_or_of_the_other_side_are_misshapen() {
    let of = |filter: fn(Arc<[TokenId]>) -> Filter, token: u64| PageQuery {
        filter: filter([TokenId::from(token)].into()),
        ..query(9)
    };
    let rows = json!([event(100, 1)]);
    assert_eq!(
        answered(&of(Filter::TakerAssetIn, 647), &rows)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        answered(&of(Filter::MakerAssetIn, 0), &rows).unwrap().len(),
        1
    );
    misshapen(&of(Filter::TakerAssetIn, 648), &rows, "not asked for");
    misshapen(&of(Filter::MakerAssetIn, 647), &rows, "not asked for");
}

#[test]
fn recorded_rows_read_as_fills() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/answers/08n_variables.json"
    );
    let answer: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows = answer["body"]["data"]["orderFilledEvents"]
        .as_array()
        .unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let query = PageQuery {
            from: 0,
            until: u64::MAX,
            ..query(1)
        };
        let page = answered(&query, &json!([row])).unwrap();
        assert_eq!(page.fills.len(), 1, "{page:?}");
    }
}

#[test]
fn no_beginning_of_an_answer_is_an_answer() {
    let rows = json!([event(100, 5), event(100, 6)]);
    let meta = json!({"block": {"number": 7}, "hasIndexingErrors": false});
    let body = json!({"data": {"_meta": meta, "p0": rows}}).to_string();
    let opened = |body: &str| Data::open(body.as_bytes(), 0).map(|data| data.meta.block.number);
    assert_eq!(opened(&body), Ok(7));
    for end in 0..body.len() {
        let failure = opened(&body[..end]).unwrap_err();
        assert_eq!(failure.class, Class::Passing, "{}", &body[..end]);
    }
}

/// What a row may be spoilt with.
fn spoilt() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    let field = proptest::sample::select(vec!["id", "maker", "timestamp", "fee", "takerAssetId"]);
    let value = proptest::sample::select(vec![json!(null), json!(7), json!("x"), json!([])]);
    proptest::option::weighted(0.3, (field, value))
}

proptest! {
    #[test]
    fn every_row_is_a_fill_or_malformed_in_its_order(
        rows in proptest::collection::vec((100_u64..110, any::<u8>(), spoilt()), 0..30),
    ) {
        let places: std::collections::BTreeMap<_, _> =
            rows.into_iter().map(|(at, tail, spoilt)| ((at, tail), spoilt)).collect();
        let sound: Vec<String> = places
            .iter()
            .filter(|(_, spoilt)| spoilt.is_none())
            .map(|((_, tail), _)| id(*tail))
            .collect();
        let rows: Vec<Value> = places
            .iter()
            .map(|(&(at, tail), spoilt)| match spoilt {
                None => event(at, tail),
                Some((field, value)) => with(event(at, tail), field, value.clone()),
            })
            .collect();
        // An id that is text, but another one, is another place: such a page may be refused.
        if let Ok(page) = answered(&query(1000), &json!(rows)) {
            prop_assert_eq!(page.len(), rows.len());
            let fills: Vec<String> = page.fills.iter().map(|fill| fill.id.to_string()).collect();
            prop_assert_eq!(fills, sound);
        } else {
            prop_assert!(rows.iter().any(|row| row["id"] == "x" || row["timestamp"] == 7));
        }
    }
}

#[test]
fn however_deep_an_answer_is_nested_it_is_read_or_refused() {
    let deep = |open: &str, close: &str| open.repeat(1 << 20) + "1" + &close.repeat(1 << 20);
    for body in [deep("[", "]"), deep("{\"data\":", "}"), "[".repeat(1 << 20)] {
        assert!(Data::open(body.as_bytes(), 0).is_err());
    }
    let meta = r#""_meta":{"block":{"number":1},"hasIndexingErrors":false}"#;
    for value in [deep("[", "]"), deep("{\"id\":", "}")] {
        let field = |rows: &str| {
            let body = format!(r#"{{"data":{{{meta},"p0":{rows}}}}}"#);
            let data = Data::open(body.as_bytes(), 0).map_err(|failure| failure.message)?;
            let page = read(&query(9), "p0", data.field("p0").unwrap());
            page.map_err(|failure| failure.message)
        };
        assert!(field(&format!("{{\"id\":{value}}}")).is_err());
        // As a row, and within one.
        for row in [value.clone(), format!("{{\"id\":{value}}}")] {
            let page = field(&format!("[{row}]")).unwrap();
            assert_eq!((page.fills.len(), page.malformed.len()), (0, 1));
        }
        let errors = format!(r#"{{"errors":[{{"message":"x","locations":{value}}}]}}"#);
        assert!(Data::open(errors.as_bytes(), 0).is_err());
    }
}

#[test]
fn a_fill_that_is_served_again_with_its_id_in_capitals_is_no_second_fill() {
    let small = event(120, 0xab);
    let id = id(0xab).to_uppercase().replace('X', "x");
    // Capitals sort before small letters.
    let rows = json!([with(small.clone(), "id", json!(id)), small]);
    let page = answered(&query(4), &rows).unwrap();
    assert_eq!((page.fills.len(), page.malformed.len()), (1, 1));
    assert_eq!(page.malformed[0].field, "id");
}
