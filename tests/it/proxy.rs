//! A proxy on loopback between a run and ClickHouse, that can be told what becomes of a request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It reaches ClickHouse, and so does the answer the run.
    Pass,
    /// The same, after a while.
    PassAfter(Duration),
    /// It does not reach ClickHouse; this status and text are the answer.
    Answer(u16, String),
    /// It reaches ClickHouse; this is the answer nevertheless.
    PassAndAnswer(u16, String),
    /// It reaches ClickHouse, and the connection breaks.
    PassAndReset,
    /// The same, once [`Proxy::release`] was called.
    PassAndHold,
}

/// `Code: N. DB::Exception: …`, as ClickHouse says it, without its having seen the request.
pub(crate) fn exception(code: u32, text: &str) -> Fate {
    Fate::Answer(500, format!("Code: {code}. DB::Exception: {text}"))
}

/// What is asked of ClickHouse.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) sql: String,
    /// Which insert of fills it is, counted from 0; nothing if it is none.
    pub(crate) insert: Option<usize>,
}

type Judge = Box<dyn FnMut(&Asked) -> Fate + Send>;

struct State {
    engine: String,
    client: reqwest::Client,
    judge: Mutex<(Judge, usize)>,
    held: Semaphore,
    released: Semaphore,
}

/// The proxy; it ends with its runtime, which needs threads besides the one that waits for a run.
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<State>,
}

impl Proxy {
    pub(crate) async fn start(
        engine: &str,
        judge: impl FnMut(&Asked) -> Fate + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            engine: engine.to_owned(),
            client: crate::harness::http(),
            judge: Mutex::new((Box::new(judge), 0)),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&served);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &state));
                    // A broken connection is what some tests ask for.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state }
    }

    /// Starts a proxy that fails the first inserts of fills as listed, and passes everything else.
    pub(crate) async fn with_fates(engine: &str, fates: Vec<Fate>) -> Self {
        Self::start(engine, move |asked| {
            let fate = asked.insert.and_then(|insert| fates.get(insert));
            fate.cloned().unwrap_or(Fate::Pass)
        })
        .await
    }

    /// Returns how many inserts of fills were seen.
    pub(crate) fn inserts(&self) -> usize {
        self.state.judge.lock().unwrap().1
    }

    /// Waits until ClickHouse has answered a request that is held.
    pub(crate) async fn held(&self) {
        self.state.held.acquire().await.unwrap().forget();
    }

    pub(crate) fn release(&self) {
        self.state.released.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl State {
    fn judge(&self, sql: String) -> Fate {
        let mut guard = self.judge.lock().unwrap();
        let (judge, inserts) = &mut *guard;
        let is_insert = sql.starts_with("INSERT INTO `clob_fills_v2_data`");
        let insert = is_insert.then_some(*inserts);
        *inserts += usize::from(is_insert);
        judge(&Asked { sql, insert })
    }

    async fn pass(
        &self,
        target: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<Response<Full<Bytes>>> {
        let url = format!("{}{target}", self.engine);
        let asked = self.client.post(url).headers(headers).body(body);
        let answer = asked.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = Response::new(Full::new(answer.bytes().await?));
        *response.status_mut() = status;
        for (name, value) in &headers {
            if name.as_str().starts_with("x-clickhouse") || name == "content-encoding" {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &State,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let target = request.uri().to_string();
    let mut headers = request.headers().clone();
    for name in ["host", "content-length", "transfer-encoding"] {
        headers.remove(name);
    }
    let body = request.into_body().collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    let url = reqwest::Url::parse(&format!("http://proxy{target}")).unwrap();
    let mut pairs = url.query_pairs();
    // Statements of inserts come in the address, others in the body.
    let sql = pairs
        .find(|(name, _)| name == "query")
        .map(|(_, sql)| sql.into_owned())
        .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    let fate = state.judge(sql);
    if let Fate::Answer(status, text) = fate {
        return Ok(told(status, text));
    }
    if let Fate::PassAfter(delay) = fate {
        tokio::time::sleep(delay).await;
    }
    let answer = state.pass(&target, headers, body).await;
    let answer = answer.map_err(std::io::Error::other)?;
    match fate {
        Fate::PassAndAnswer(status, text) => Ok(told(status, text)),
        Fate::PassAndReset => Err(std::io::Error::other("reset")),
        Fate::PassAndHold => {
            state.held.add_permits(1);
            state.released.acquire().await.unwrap().forget();
            Err(std::io::Error::other("reset"))
        }
        _ => Ok(answer),
    }
}

fn told(status: u16, text: String) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response.body(Full::new(text.into())).unwrap()
}
