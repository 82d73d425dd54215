//! One query from budget to body.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};

use super::answers;
use super::body::{AnswerBody, BrokenOff};
use super::state::State;
use super::stream::ResetSwitch;
use crate::faults::Fault;
use crate::graphql::{self, Answer, CHEAPEST_MS, Failure, QueryError, Request, Stage, View};
use crate::node::Node;

/// How many blocks a node that lags is behind.
const LAG_BLOCKS: u64 = 1_000;

/// Answers a query, or something worse.
pub(crate) async fn answer(
    body: &Bytes,
    accepts_gzip: bool,
    state: &State,
    switch: &ResetSwitch,
) -> Result<Response<AnswerBody>, BrokenOff> {
    let counts = &state.counts;
    counts.requests.fetch_add(1, Ordering::Relaxed);
    let _in_flight = counts.enter();
    if let Err(refused) = state.take_request() {
        counts.rate_limited.fetch_add(1, Ordering::Relaxed);
        return Ok(answers::too_many(refused.retry_after_seconds));
    }
    let request = match Request::read(body) {
        Ok(request) => request,
        Err(reason) => return Ok(answers::bad_request(&reason)),
    };
    let fault = state.strike();
    match fault {
        Some(Fault::Reset) => {
            switch.throw();
            return Err(BrokenOff);
        }
        Some(Fault::Stall) => tokio::time::sleep(state.stall()).await,
        _ => {}
    }
    if let Some(response) = fault.and_then(answers::fault) {
        wait(state, 0.0).await;
        return Ok(response);
    }
    let node = state.node();
    let view = view(&node, fault);
    let answer = match fault.and_then(|fault| failure(fault, view.head.number)) {
        Some(failure) => failure.into(),
        None => graphql::execute(&view, request),
    };
    wait(state, answer.cost_ms).await;
    Ok(respond(state, &view, answer, fault, accepts_gzip))
}

fn view(node: &Node, fault: Option<Fault>) -> View<'_> {
    let blocks = &node.dataset.blocks;
    View {
        dataset: &node.dataset,
        host: &node.host,
        head: match fault {
            Some(Fault::OldState) => blocks.head_before(LAG_BLOCKS),
            _ => blocks.head.clone(),
        },
        has_indexing_errors: fault == Some(Fault::IndexingError),
        heavy_aliases: fault == Some(Fault::HeavyAliases),
    }
}

/// The error that a fault makes of any query.
fn failure(fault: Fault, block: u64) -> Option<Failure> {
    Some(match fault {
        Fault::StatementTimeout => graphql::statement_timeout(block),
        Fault::StoreError => Failure {
            stage: Stage::Validating,
            errors: vec![QueryError::new("Store error: database unavailable")],
        },
        Fault::QueryTimeout => Failure::here("Query timed out"),
        Fault::TooExpensive => Failure::here("query is too expensive"),
        Fault::Overloaded => Failure::here(
            "service is overloaded and can not run the query right now. Please try again in a few \
             minutes",
        ),
        _ => return None,
    })
}

/// Takes the configured time, or longer if the query is dearer than the cheapest page.
async fn wait(state: &State, cost_ms: f64) {
    if state.latency > Duration::ZERO {
        let times = (cost_ms / CHEAPEST_MS).max(1.0);
        tokio::time::sleep(state.latency.mul_f64(times)).await;
    }
}

fn respond(
    state: &State,
    view: &View<'_>,
    answer: Answer,
    fault: Option<Fault>,
    accepts_gzip: bool,
) -> Response<AnswerBody> {
    let counts = &state.counts;
    counts.pages.fetch_add(answer.pages, Ordering::Relaxed);
    counts.rows.fetch_add(answer.rows, Ordering::Relaxed);
    let compressed = (accepts_gzip && view.host.compresses)
        .then(|| gzip(&answer.body))
        .flatten();
    let is_compressed = compressed.is_some();
    let body = Bytes::from(compressed.unwrap_or(answer.body));
    counts.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    let response = answers::json(body.clone());
    let indexed = answer.indexed.then_some(&view.head);
    let mut response = answers::with_graph_headers(response, answer.attestable, indexed);
    if is_compressed {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if fault == Some(Fault::Truncated) {
        *response.body_mut() = AnswerBody::broken_off(body);
    }
    response
}

/// Tells whether a client can read gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().starts_with("gzip"))
}

/// Compresses fast; an answer that cannot be compressed is sent as it is.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
