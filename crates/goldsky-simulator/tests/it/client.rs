//! A plain HTTP client.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// An answer that arrived whole.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends a request on a connection of its own.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Received, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    Ok(Received {
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    })
}

/// Posts a query's JSON.
pub(crate) async fn post(endpoint: &str, body: &Value) -> Result<Received, String> {
    let headers = [("content-type", "application/json")];
    send("POST", endpoint, &headers, body.to_string()).await
}

/// Posts a query without variables and returns its `data`.
pub(crate) async fn data(endpoint: &str, query: &str) -> Value {
    let answer = post(endpoint, &serde_json::json!({ "query": query })).await;
    let mut json = answer.unwrap().json();
    assert!(json["errors"].is_null(), "{json}");
    json["data"].take()
}

/// Gets a path of a host.
pub(crate) async fn get(url: &str) -> Value {
    send("GET", url, &[], "").await.unwrap().json()
}
