use api_client::Class;
use serde_json::json;

use super::*;

const EXCERPT: &str = include_str!("../tests/answers/gamma_markets.json");

fn market_json() -> Value {
    let markets: Vec<Value> = serde_json::from_str(EXCERPT).unwrap();
    markets[0].clone()
}

fn with(field: &str, value: Value) -> GammaPage {
    let mut market = market_json();
    market[field] = value;
    read(json!([market]).to_string().as_bytes()).unwrap()
}

#[test]
fn recorded_markets_read() {
    let page = read(EXCERPT.as_bytes()).unwrap();
    assert!(page.malformed.is_empty(), "{page:?}");
    assert_eq!(page.len(), 3);
    let first = &page.markets[0];
    assert_eq!(
        first.slug,
        "will-clubhouse-officially-announce-theyve-been-acquired-before-june-1st-2021"
    );
    let names: Vec<_> = first
        .outcomes
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(names, ["Yes", "No"]);
    assert_eq!(
        first.outcomes[1].0.to_string(),
        "86755814132271621353205937473106005291252957672432528348045139880424905546066"
    );
}

#[test]
fn all_markets_of_the_real_data_read() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/realdata/gamma_markets.json"
    );
    let Ok(body) = std::fs::read(path) else {
        println!("skipped: there is no real data beside the project");
        return;
    };
    let page = read(&body).unwrap();
    assert!(page.malformed.is_empty(), "{:?}", page.malformed);
    assert!(page.markets.iter().all(|market| market.outcomes.len() >= 2));
}

#[test]
fn lists_may_be_lists_or_text_or_absent() {
    let tokens = |page: GammaPage| page.markets[0].outcomes.len();
    assert_eq!(tokens(with("clobTokenIds", json!(["1", "2"]))), 2);
    assert_eq!(tokens(with("clobTokenIds", json!("[\"1\",\"2\"]"))), 2);
    for absent in [json!(null), json!(""), json!("[]"), json!([])] {
        assert_eq!(tokens(with("clobTokenIds", absent)), 0);
    }
}

#[test]
fn a_market_that_does_not_read_names_its_field() {
    let check = |field: &str, value: Value| {
        let page = with(field, value.clone());
        assert!(page.markets.is_empty(), "{field} {value}");
        assert_eq!(page.malformed[0].field, field, "{}", page.malformed[0]);
    };
    check("clobTokenIds", json!("[\"1\"]"));
    check("clobTokenIds", json!("[\"x\",\"2\"]"));
    check("clobTokenIds", json!("nothing"));
    check("clobTokenIds", json!(7));
    check("outcomes", json!([1, 2]));
    check("conditionId", json!(""));
    check("conditionId", json!(null));
    check("slug", json!(null));
}

#[test]
fn what_is_no_list_is_misshapen_and_what_is_cut_off_passes() {
    let class = |body: &str| read(body.as_bytes()).unwrap_err().class;
    assert_eq!(class("{\"error\":\"no\"}"), Class::Misshapen);
    assert_eq!(class(&EXCERPT[..EXCERPT.len() / 2]), Class::Passing);
    assert_eq!(class(""), Class::Passing);
    assert_eq!(class("<html>"), Class::Passing);
}

#[test]
fn however_deep_a_market_is_nested_it_is_malformed() {
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    let text = serde_json::to_string(&deep).unwrap();
    for market in [
        deep.clone(),
        format!(r#"{{"slug":{deep}}}"#),
        format!(r#"{{"clobTokenIds":{text}}}"#),
    ] {
        let page = read(format!("[{market}]").as_bytes()).unwrap();
        assert_eq!((page.markets.len(), page.malformed.len()), (0, 1));
    }
}
