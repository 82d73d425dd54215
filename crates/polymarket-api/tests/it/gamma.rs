//! Markets, page by page.

use std::collections::BTreeSet;

use fills::SourceError;
use goldsky_simulator::{Config, Simulator};
use polymarket_api::Gamma;
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::fixture::{hasty, hasty_pacer, serve_always};

#[tokio::test]
async fn gamma_is_asked_for_markets_by_offset() {
    let markets: Value =
        serde_json::from_str(include_str!("../answers/gamma_markets.json")).unwrap();
    let server = serve_always(ResponseTemplate::new(200).set_body_json(markets)).await;
    let base = format!("{}/base/", server.uri());
    let gamma = Gamma::new(hasty(&base), hasty_pacer()).unwrap();
    assert_eq!(gamma.markets(true, 500, 1000).await.unwrap().len(), 3);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].method.as_str(), "GET");
    assert_eq!(requests[0].url.path(), "/base/markets");
    assert_eq!(
        requests[0].url.query(),
        Some("limit=500&offset=1000&closed=true")
    );
}

#[tokio::test]
async fn gamma_is_paged_to_the_end() {
    let source = Simulator::start(Config::default()).await.unwrap();
    let gamma = Gamma::new(hasty(&source.gamma_url()), hasty_pacer()).unwrap();
    let mut conditions = BTreeSet::new();
    for closed in [true, false] {
        let mut offset = 0;
        loop {
            let page = gamma.markets(closed, 20, offset).await.unwrap();
            assert!(page.malformed.is_empty(), "{:?}", page.malformed);
            if page.is_empty() {
                break;
            }
            offset += u32::try_from(page.len()).unwrap();
            conditions.extend(page.markets.into_iter().map(|market| market.condition_id));
        }
    }
    assert_eq!(conditions.len() as u64, source.markets());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = serve_always(ResponseTemplate::new(200).set_body_string("[]")).await;
    let redirect = ResponseTemplate::new(302).insert_header("location", elsewhere.uri());
    let server = serve_always(redirect).await;
    let gamma = Gamma::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    let error = gamma.markets(false, 1, 0).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Protocol { message } if message.contains("Gamma")),
        "{error}"
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}
