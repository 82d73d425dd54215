//! Answers that do not come from a query.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};

use super::body::AnswerBody;
use crate::faults::Fault;

const JSON: &str = "application/json";

/// Builds an answer.
pub(crate) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(body.into()));
    *response.status_mut() = status;
    if !content_type.is_empty() {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

pub(crate) fn json(body: impl Into<Bytes>) -> Response<AnswerBody> {
    answer(StatusCode::OK, JSON, body)
}

/// What graph-node says of a request that holds no query.
pub(crate) fn bad_request(reason: &str) -> Response<AnswerBody> {
    let body = serde_json::json!({ "error": reason }).to_string();
    answer(StatusCode::BAD_REQUEST, JSON, body)
}

pub(crate) fn not_found() -> Response<AnswerBody> {
    json(r#"{"message":"Not found"}"#)
}

/// Sends a browser to the page for trying queries.
pub(crate) fn redirect(path: &str) -> Response<AnswerBody> {
    let mut response = answer(
        StatusCode::FOUND,
        "text/plain; charset=utf-8",
        "Redirecting...",
    );
    if let Ok(location) = HeaderValue::try_from(format!("{path}/graphql")) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

pub(crate) fn options() -> Response<AnswerBody> {
    answer(StatusCode::OK, "text/html; charset=utf-8", "")
}

/// Refuses a request of which there were too many.
pub(crate) fn too_many(retry_after_seconds: Option<u64>) -> Response<AnswerBody> {
    let mut response = answer(
        StatusCode::TOO_MANY_REQUESTS,
        "text/plain; charset=utf-8",
        "Sorry, you've surpassed your query allowance. Please note that limits reset every 10 \
         seconds",
    );
    if let Some(seconds) = retry_after_seconds {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The answer of a fault that is one by itself.
pub(crate) fn fault(fault: Fault) -> Option<Response<AnswerBody>> {
    const HTML: &str = "text/html";
    Some(match fault {
        Fault::Http429 => too_many(None),
        Fault::Http503 => answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain; charset=utf-8",
            "Service unavailable: too many failing queries in the past 60 seconds",
        ),
        Fault::Http500 => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            "Internal server error",
        ),
        Fault::Http502Html => answer(
            StatusCode::BAD_GATEWAY,
            HTML,
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 \
             Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
        ),
        Fault::Http504Empty => answer(StatusCode::GATEWAY_TIMEOUT, "", ""),
        Fault::NullData => json(r#"{"data":null}"#),
        _ => return None,
    })
}

/// Adds the headers of a query's answer.
pub(crate) fn with_graph_headers(
    mut response: Response<AnswerBody>,
    attestable: bool,
    indexed: Option<&crate::data::Head>,
) -> Response<AnswerBody> {
    let indexed = match indexed {
        Some(head) => format!(
            r#"{{"hash":"{}","number":{},"timestamp":{}}}"#,
            head.hash, head.number, head.timestamp
        ),
        None => "null".to_owned(),
    };
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("graph-attestable"),
        HeaderValue::from_static(if attestable { "true" } else { "false" }),
    );
    if let Ok(indexed) = HeaderValue::try_from(indexed) {
        headers.insert(HeaderName::from_static("graph-indexed"), indexed);
    }
    response
}
