//! What goes out.

use fills::SourceError;
use goldsky_client::{Page, PageQuery};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::fixture::{
    answer, client, events, first_page, page_after, requests_to, serve_always, sound,
};

#[tokio::test]
async fn requests_are_whole_json_and_take_gzip() {
    let server = serve_always(sound()).await;
    client(&server.uri()).pages(&[first_page()]).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let header = |name: &str| requests[0].headers[name].to_str().unwrap();
    assert_eq!(requests[0].method.as_str(), "POST");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("accept-encoding"), "gzip");
    assert_eq!(header("content-length"), requests[0].body.len().to_string());
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert!(body["query"].as_str().unwrap().starts_with("query Pages("));
}

#[tokio::test]
async fn several_pages_go_in_one_request_and_come_back_in_order() {
    let rows = events();
    let mut several = answer(&json!([]));
    several["data"]["p1"] = rows.clone();
    several["data"]["p2"] = json!([rows[2]]);
    let server = serve_always(ResponseTemplate::new(200).set_body_json(several)).await;
    let client = client(&server.uri());
    let first = first_page();
    let pages = client
        .pages(&[first.clone(), first.clone(), first])
        .await
        .unwrap();
    let rows: Vec<_> = pages.iter().map(Page::len).collect();
    assert_eq!(rows, [0, 3, 1]);
    assert_eq!((client.stats().requests, client.stats().pages), (1, 3));
}

#[tokio::test]
async fn an_answer_that_lacks_a_page_is_none() {
    let server = serve_always(sound()).await;
    let error = client(&server.uri())
        .pages(&[first_page(), page_after(None)])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SourceError::Protocol { message } if message.contains("p1")),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_source_would_refuse_is_not_sent() {
    let server = serve_always(sound()).await;
    let client = client(&server.uri());
    for limit in [0, 1001] {
        let query = PageQuery {
            limit,
            ..first_page()
        };
        let error = client.pages(&[first_page(), query]).await.unwrap_err();
        assert!(matches!(error, SourceError::Protocol { .. }), "{error}");
        assert!(client.orderbooks("", limit).await.is_err());
    }
    assert_eq!(client.pages(&[]).await, Ok(Vec::new()));
    assert_eq!(requests_to(&server).await, 0);
}
