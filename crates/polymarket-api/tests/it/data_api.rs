//! How the data API is asked.

use fills::{Address, SourceError};
use polymarket_api::{DataApi, PageOf};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::fixture::{hasty, hasty_pacer, serve_always};

const WALLET: Address = Address([0xaa; 20]);

const ACTIVITY: PageOf = PageOf::Activity {
    wallet: WALLET,
    first: 7,
    last: 9,
    offset: 500,
};

const TRADES: PageOf = PageOf::Trades {
    wallet: WALLET,
    offset: 1000,
};

#[tokio::test]
async fn pages_are_asked_for_as_polymarket_documents_them() {
    let server = serve_always(ResponseTemplate::new(200).set_body_json(json!([]))).await;
    let api = DataApi::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    for of in [ACTIVITY, TRADES] {
        let page = api.page(of).await.unwrap().unwrap();
        assert!(page.rows.is_empty() && page.malformed.is_empty());
    }
    let requests = server.received_requests().await.unwrap();
    let asked: Vec<_> = requests
        .iter()
        .map(|request| {
            let query = request.url.query().unwrap_or_default();
            format!("{}?{query}", request.url.path())
        })
        .collect();
    let wallet = "aa".repeat(20);
    assert_eq!(
        asked,
        [
            format!(
                "/activity?user=0x{wallet}&type=TRADE&sortBy=TIMESTAMP&sortDirection=ASC&start=7\
                 &end=9&limit=500&offset=500"
            ),
            format!("/trades?user=0x{wallet}&takerOnly=false&limit=500&offset=1000"),
        ]
    );
    assert_eq!((api.stats().requests, api.stats().pages), (2, 2));
}

#[tokio::test]
async fn an_offset_beyond_the_cap_is_nothing_and_another_refusal_is_an_error() {
    let refusal = |words: &str| ResponseTemplate::new(400).set_body_json(json!({"error": words}));
    let cap = "max historical activity offset of 400 exceeded";
    let server = serve_always(refusal(cap)).await;
    let api = DataApi::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    assert_eq!(api.page(ACTIVITY).await, Ok(None));

    let server = serve_always(refusal("invalid user")).await;
    let api = DataApi::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    let error = api.page(ACTIVITY).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Protocol { message } if message.contains("invalid user")),
        "{error}"
    );
}

#[tokio::test]
async fn no_offset_is_asked_for_that_no_version_of_the_api_takes() {
    let server = serve_always(ResponseTemplate::new(200).set_body_json(json!([]))).await;
    let api = DataApi::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    let of = |offset| PageOf::Trades {
        wallet: WALLET,
        offset,
    };
    assert!(api.page(of(10_000)).await.unwrap().is_some());
    assert_eq!(api.page(of(10_001)).await, Ok(None));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_passes_is_asked_again_and_what_stays_is_an_error() {
    let server = serve_always(ResponseTemplate::new(502)).await;
    let api = DataApi::new(hasty(&server.uri()), hasty_pacer()).unwrap();
    let error = api.page(TRADES).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Unavailable { attempts: 4, .. }),
        "{error}"
    );
}
