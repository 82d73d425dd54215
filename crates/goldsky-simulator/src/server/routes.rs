//! Which path answers what.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::body::{AnswerBody, BrokenOff};
use super::state::State;
use super::stream::ResetSwitch;
use super::{answers, query};
use crate::data_api::Listing;
use crate::{expected, gamma};

/// The subgraph's path on the recorded graph-node.
pub(crate) const SUBGRAPH: &str = "/subgraphs/name/polymarket/orderbook";

/// Answers one request. The error closes the connection without an answer.
pub(crate) async fn route(
    request: Request<Incoming>,
    state: &State,
    switch: &ResetSwitch,
) -> Result<Response<AnswerBody>, BrokenOff> {
    let path = request.uri().path().to_owned();
    let node = state.node();
    let dataset = &node.dataset;
    Ok(match (request.method(), path.as_str()) {
        (&Method::POST, path) if is_subgraph(path) => {
            return graphql(request, state, switch).await;
        }
        (&Method::GET, path) if is_subgraph(path) => answers::redirect(path),
        (&Method::OPTIONS, path) if is_subgraph(path) => answers::options(),
        (&Method::POST, path) => match path.strip_prefix("/subgraphs/name/") {
            Some(name) => {
                let message = format!("deployment `{name}` does not exist");
                let body = serde_json::json!({ "errors": [{ "message": message }] });
                answers::with_graph_headers(answers::json(body.to_string()), false, None)
            }
            None => answers::not_found(),
        },
        (&Method::GET, "/expected") => answers::json(expected::write(dataset)),
        (&Method::GET, "/stats") => {
            let stats = serde_json::to_vec(&state.counts.snapshot());
            answers::json(stats.unwrap_or_default())
        }
        (&Method::GET, "/gamma/markets") => {
            let wanted = gamma::MarketQuery::parse(request.uri().query().unwrap_or_default());
            answers::json(gamma::markets(dataset, &wanted))
        }
        (&Method::GET, "/data-api/activity") => data_api(&request, state, Listing::Activity),
        (&Method::GET, "/data-api/trades") => data_api(&request, state, Listing::Trades),
        _ => answers::not_found(),
    })
}

fn data_api(request: &Request<Incoming>, state: &State, listing: Listing) -> Response<AnswerBody> {
    let query = request.uri().query().unwrap_or_default();
    match state.data_api.answer(&state.node().dataset, listing, query) {
        Ok(rows) => answers::json(rows),
        Err(reason) => answers::bad_request(&reason),
    }
}

/// Accepts the recorded node's path and that of the public host.
fn is_subgraph(path: &str) -> bool {
    path == SUBGRAPH
        || (path.starts_with("/api/public/")
            && path.contains("/subgraphs/orderbook-subgraph/")
            && path.ends_with("/gn"))
}

async fn graphql(
    request: Request<Incoming>,
    state: &State,
    switch: &ResetSwitch,
) -> Result<Response<AnswerBody>, BrokenOff> {
    let headers = request.headers();
    if !headers.contains_key(CONTENT_TYPE) {
        return Ok(answers::bad_request("Content-Type header is required"));
    }
    if headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_LENGTH) {
        return Ok(answers::bad_request("Content-Length header is required"));
    }
    let accepts_gzip = query::accepts_gzip(headers);
    let Ok(body) = request.into_body().collect().await else {
        return Err(BrokenOff);
    };
    query::answer(&body.to_bytes(), accepts_gzip, state, switch).await
}
