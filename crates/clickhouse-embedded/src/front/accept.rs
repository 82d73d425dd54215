//! Takes requests from the network: who, where to, what; then feeds the engine's thread.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use tokio::sync::oneshot;

use super::download::Download;
use super::reply::{self, Replier};
use super::rows::Answer;
use super::{Auth, auth, encode, job, request, upload};
use crate::exception::{Exception, code};
use crate::instance::Instance;

/// How long, and how far, the rest of a body is read after the answer was given.
///
/// A client that is still writing must find the answer rather than a broken connection; one
/// that writes on and on finds it only by the connection's end.
const DRAIN: Duration = Duration::from_secs(30);
const DRAIN_BYTES: usize = 4 << 20;

/// Serves one request; without `auth`, it is from this program itself.
pub(crate) async fn handle(
    instance: Arc<Instance>,
    auth: Option<Arc<Auth>>,
    request: http::Request<Incoming>,
) -> Result<Response<Download>, Infallible> {
    let query = request.uri().query().unwrap_or_default();
    let has_query = query.contains("query=");
    let get = matches!(*request.method(), Method::GET | Method::HEAD);
    Ok(match request.uri().path() {
        "/ping" | "/replicas_status" => reply::text(StatusCode::OK, "Ok.\n"),
        "/" if get && !has_query => reply::text(StatusCode::OK, "Ok.\n"),
        "/" | "/query" => {
            let allowed = match &auth {
                Some(auth) => auth::check(auth, request.headers(), query),
                None => Ok(()),
            };
            match allowed {
                Ok(()) => statement(instance, request).await,
                Err(refusal) => refuse(&instance, &refusal),
            }
        }
        _ => reply::text(
            StatusCode::NOT_FOUND,
            "There is nothing here; statements go to /.\n",
        ),
    })
}

async fn statement(
    instance: Arc<Instance>,
    request: http::Request<Incoming>,
) -> Response<Download> {
    let (parts, mut body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let request = match request::read(&parts.method, query, &parts.headers) {
        Ok(request) => request,
        Err(refusal) => return refuse(&instance, &refusal),
    };
    let replier = Replier::new(
        request.query_id.as_deref(),
        &instance.timezone,
        request.answer_coding,
    );
    let claim = request.query_id.as_deref().map(|id| instance.claim(id));
    let claim = match claim.transpose() {
        Ok(claim) => claim,
        Err(refusal) => return replier.error(&refusal),
    };
    let (sender, upload) = upload::channel(instance.closing());
    let (head, mut answered) = oneshot::channel();
    let answer = Answer::new(replier.clone(), instance.closing(), head);
    let run = instance.run(move |connection| {
        job::run(connection, request, upload, answer);
        drop(claim);
    });
    if let Err(refusal) = run.await {
        return replier.error(&refusal);
    }

    // Dropping this future, as for a client that went away, tears the body, which aborts.
    let answer = {
        let mut pumped = pin!(pump(&mut body, sender));
        tokio::select! {
            biased;
            answer = &mut answered => Err(answer),
            () = &mut pumped => Ok(()),
        }
    };
    let answer = match answer {
        Ok(()) => answered.await,
        Err(early) => {
            tokio::spawn(tokio::time::timeout(DRAIN, drain(body)));
            early
        }
    };
    match answer {
        Ok(answer) => answer.map(|body| body.keep(instance)),
        Err(_) => replier.error(&Exception::new(
            code::LOGICAL_ERROR,
            "The statement was lost. (LOGICAL_ERROR)",
        )),
    }
}

/// Feeds the body to the engine, and its end only if it is one.
async fn pump(body: &mut Incoming, sender: upload::Sender) {
    loop {
        match next_frame(body).await {
            Some(Ok(data)) => {
                if !sender.data(data).await {
                    return;
                }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "a request's body was torn off");
                return;
            }
            None => return sender.end().await,
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut left = DRAIN_BYTES;
    while let Some(Ok(data)) = next_frame(&mut body).await {
        match left.checked_sub(data.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Waits for the next bytes of a body; trailers count as none.
async fn next_frame(body: &mut Incoming) -> Option<hyper::Result<bytes::Bytes>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
    frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default()))
}

fn refuse(instance: &Instance, refusal: &Exception) -> Response<Download> {
    Replier::new(None, &instance.timezone, encode::Coding::Identity).error(refusal)
}
