//! The HTTP side: metrics, health, the live page and what keeps it up to date.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::live::Live;
use crate::page::{POLICY, page};
use crate::status::State;

/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 64;
/// Who has sent no request by then is no client.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Text for Prometheus, and for browsers, which show it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

type Body = BoxBody<Bytes, Infallible>;

/// A listener for scrapers and browsers. Dropping it ends the listening and its connections.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `addr` and serves what is told of `run`; `title` is the page's.
    ///
    /// # Errors
    /// That the address cannot be listened on.
    pub async fn start(
        addr: SocketAddr,
        title: String,
        live: watch::Receiver<Live>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let page = Bytes::from(page(&title));
        let accepting = tokio::spawn(accept(listener, Arc::new(Served { page, live })));
        Ok(Self { addr, accepting })
    }

    /// Returns the URL of the live page for browsers on this machine.
    pub fn url(&self) -> String {
        let mut addr = self.addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{addr}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Served {
    page: Bytes,
    live: watch::Receiver<Live>,
}

async fn accept(listener: TcpListener, served: Arc<Served>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&served)));
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection");
                    // Out of file descriptors, most often: let some connections end.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, served: Arc<Served>) {
    // Events are small, and should not wait for more.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let answer = answer(&request, &served);
        async move { Ok::<_, Infallible>(answer) }
    });
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn answer(request: &Request<Incoming>, served: &Served) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            "only GET\n".into(),
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        refused.headers_mut().insert(ALLOW, allowed);
        return refused;
    }
    let live = || served.live.borrow().clone();
    let ok = |kind, body| text(StatusCode::OK, kind, body);
    match request.uri().path() {
        "/" => {
            let mut page = ok("text/html; charset=utf-8", served.page.clone());
            let policy = HeaderValue::from_static(POLICY);
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            page
        }
        "/metrics" => {
            let kind = if prefers_a_page(request) {
                PLAIN
            } else {
                OPEN_METRICS
            };
            ok(kind, crate::metrics::metrics(&live().status).into())
        }
        "/health" => health(&live()),
        "/status.json" => ok("application/json", status(&live()).into()),
        "/events" => events(served.live.clone()),
        _ => {
            let known = "not here: /, /metrics, /health, /status.json, /events\n";
            text(StatusCode::NOT_FOUND, "text/plain", known.into())
        }
    }
}

/// Whether a browser asks, which would save what it cannot show.
fn prefers_a_page(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get(ACCEPT);
    accepted.is_some_and(|kinds| {
        kinds
            .to_str()
            .is_ok_and(|kinds| kinds.contains("text/html"))
    })
}

/// Whether the run is alive, which is not whether the source is: a restart mends nothing there.
fn health(live: &Live) -> Response<Body> {
    let state = live.status.state;
    let body = json!({"ok": true, "state": state.as_str(), "share_done": live.status.share_done});
    text(
        StatusCode::OK,
        "application/json",
        format!("{body}\n").into(),
    )
}

fn status(live: &Live) -> String {
    let all = json!({"status": *live.status, "history": *live.history});
    format!("{all}\n")
}

fn text(code: StatusCode, kind: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What keeps a page up to date: an event with everything whenever something was told, and the last
/// one when the run has ended.
fn events(live: watch::Receiver<Live>) -> Response<Body> {
    let frames = stream_of(live);
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn stream_of(
    live: watch::Receiver<Live>,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync + 'static {
    let begin = (live, true);
    stream::unfold(begin, |(mut live, is_first)| async move {
        // The first comes at once; after the last there is nothing more.
        if !is_first && live.changed().await.is_err() {
            return None;
        }
        let now = live.borrow_and_update().clone();
        if !is_first && now.status.state == State::Ended {
            // A client would connect again and again to what is over.
            let last = format!("event: ended\ndata: {}\n\n", status(&now).trim_end());
            return Some((Ok(Frame::data(Bytes::from(last))), (live, false)));
        }
        let event = format!("data: {}\n\n", status(&now).trim_end());
        Some((Ok(Frame::data(Bytes::from(event))), (live, false)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;
    use crate::status::Status;

    async fn served() -> (watch::Sender<Live>, Server) {
        let (sender, live) = Live::channel();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(any, "a run".to_owned(), live).await.unwrap();
        (sender, server)
    }

    fn client() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::new()
    }

    fn told(fills_inserted: u64, state: State) -> Live {
        let reading = Reading {
            fills_inserted,
            ..Reading::default()
        };
        let status = Status {
            state,
            reading,
            ..Status::default()
        };
        Live {
            status: Arc::new(status),
            ..Live::default()
        }
    }

    #[tokio::test]
    async fn everything_has_its_place_and_type() {
        let (sender, server) = served().await;
        sender.send_replace(told(77, State::Running));
        let check = async |path: &str, code: u16, kind: &str, says: &str| {
            let url = format!("{}{path}", server.url());
            let answer = client().get(url).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), code, "{path}");
            let found = answer.headers()["content-type"].to_str().unwrap();
            assert!(found.starts_with(kind), "{path}: {found}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            let text = answer.text().await.unwrap();
            assert!(text.contains(says), "{path}: {text}");
        };
        check("/", 200, "text/html", "<title>a run").await;
        check(
            "/metrics",
            200,
            "application/openmetrics-text",
            "fills_inserted_total 77",
        )
        .await;
        let shown = client().get(format!("{}/metrics", server.url()));
        let shown = shown
            .header(ACCEPT, "text/html,*/*;q=0.8")
            .send()
            .await
            .unwrap();
        assert_eq!(shown.headers()["content-type"], PLAIN);
        check("/health", 200, "application/json", "\"state\":\"running\"").await;
        check(
            "/status.json",
            200,
            "application/json",
            "\"fills_inserted\":77",
        )
        .await;
        check("/elsewhere", 404, "text/plain", "/metrics").await;
        let posted = client().post(server.url()).send().await.unwrap();
        assert_eq!(posted.status().as_u16(), 405);
    }

    #[tokio::test]
    async fn events_come_with_what_is_told_and_end_with_it() {
        let (sender, server) = served().await;
        sender.send_replace(told(1, State::Running));
        let url = format!("{}/events", server.url());
        let mut answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut next = async || {
            let chunk = answer.chunk().await.unwrap();
            chunk.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap())
        };
        assert!(next().await.unwrap().contains("\"fills_inserted\":1,"));
        sender.send_replace(told(2, State::Running));
        assert!(next().await.unwrap().contains("\"fills_inserted\":2,"));
        sender.send_replace(told(3, State::Ended));
        let last = next().await.unwrap();
        assert!(last.starts_with("event: ended\ndata: {"), "{last}");
        drop(sender);
        assert_eq!(next().await, None);
    }
}
