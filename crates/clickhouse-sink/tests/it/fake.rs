//! A `ClickHouse` on the loopback that keeps rows and tokens as the real one does, and that can be
//! told to fail before or after it has done so.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What becomes of one insert.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is committed, unless its token is known, and acknowledged.
    Commit,
    /// An answer with this status and text, and nothing is committed.
    Refuse(u16, String),
    /// It is committed, and this is the answer nevertheless.
    CommitAndAnswer(u16, String),
    /// The connection breaks, and nothing is committed.
    Reset,
    /// It is committed, and the connection breaks.
    CommitAndReset,
    /// Only its token is kept, as by a server that is killed at the wrong moment.
    RememberAndReset,
}

/// `Code: N. DB::Exception: …` as the server says it.
pub(crate) fn exception(code: u32, text: &str) -> Fate {
    Fate::Refuse(500, format!("Code: {code}. DB::Exception: {text}"))
}

/// One insert as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) sql: String,
    pub(crate) settings: HashMap<String, String>,
    pub(crate) body: Bytes,
}

impl Attempt {
    pub(crate) fn token(&self) -> &str {
        &self.settings["insert_deduplication_token"]
    }

    /// Returns the ids of its rows, in order.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let mut rest = &self.body[..];
        let columns = take_leb128(&mut rest);
        for _ in 0..columns * 2 {
            take_string(&mut rest);
        }
        let mut ids = Vec::new();
        while !rest.is_empty() {
            let (id, tail) = rest.split_at(8);
            ids.push(u64::from_le_bytes(id.try_into().unwrap()));
            rest = tail;
            take_string(&mut rest);
        }
        ids
    }
}

fn take_leb128(bytes: &mut &[u8]) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}

fn take_string<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let len = take_leb128(bytes);
    let (text, rest) = bytes.split_at_checked(len).unwrap();
    *bytes = rest;
    text
}

type Judge = Box<dyn FnMut(usize, &Attempt) -> Fate + Send>;

struct State {
    judge: Judge,
    columns: Vec<(&'static str, &'static str)>,
    engine_full: String,
    table: Vec<u64>,
    tokens: HashSet<String>,
    attempts: Vec<Attempt>,
}

/// The server; it ends with its runtime.
#[derive(Clone)]
pub(crate) struct Fake {
    url: String,
    state: Arc<Mutex<State>>,
    /// Inserts wait here before they are judged.
    gate: Arc<Semaphore>,
    /// How many inserts have arrived.
    arrived: watch::Receiver<usize>,
}

impl Fake {
    /// Starts a server that judges the n-th insert (from 0) as told.
    pub(crate) async fn start(judge: impl FnMut(usize, &Attempt) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            judge: Box::new(judge),
            columns: vec![("id", "UInt64"), ("text", "String")],
            engine_full: "MergeTree ORDER BY id SETTINGS \
                          non_replicated_deduplication_window = 10000"
                .to_owned(),
            table: Vec::new(),
            tokens: HashSet::new(),
            attempts: Vec::new(),
        }));
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let (count, arrived) = watch::channel(0);
        let count = Arc::new(count);
        let (served, gated) = (Arc::clone(&state), Arc::clone(&gate));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, gate, count) =
                    (Arc::clone(&served), Arc::clone(&gated), Arc::clone(&count));
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &state, &gate, &count));
                    // A broken connection is what some tests ask for.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            url,
            state,
            gate,
            arrived,
        }
    }

    /// Starts a server that fails as listed, and then takes everything.
    pub(crate) async fn with_fates(fates: impl IntoIterator<Item = Fate>) -> Self {
        let mut fates = fates.into_iter().collect::<Vec<_>>().into_iter();
        Self::start(move |_, _| fates.next().unwrap_or(Fate::Commit)).await
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default()
            .with_url(&self.url)
            .with_compression(clickhouse::Compression::None)
    }

    pub(crate) fn set_columns(&self, columns: &[(&'static str, &'static str)]) {
        self.state.lock().unwrap().columns = columns.to_vec();
    }

    pub(crate) fn set_engine(&self, engine_full: &str) {
        self.state.lock().unwrap().engine_full = engine_full.to_owned();
    }

    /// Lets no insert through until [`Fake::release`].
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets `inserts` more inserts through.
    pub(crate) fn release(&self, inserts: usize) {
        self.gate.add_permits(inserts);
    }

    /// Waits until so many inserts have arrived, held ones too.
    pub(crate) async fn arrived(&self, inserts: usize) {
        let mut arrived = self.arrived.clone();
        arrived.wait_for(|count| *count >= inserts).await.unwrap();
    }

    /// Returns the ids in the table, sorted.
    pub(crate) fn table(&self) -> Vec<u64> {
        let mut ids = self.state.lock().unwrap().table.clone();
        ids.sort_unstable();
        ids
    }

    /// Returns the judged inserts, in order.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.state.lock().unwrap().attempts.clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
    gate: &Semaphore,
    arrived: &watch::Sender<usize>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let mut settings = query_of(request.uri());
    let body = request.into_body().collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    // Long statements come in the body, short ones and those of inserts in the address.
    let sql = settings
        .remove("query")
        .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    if !sql.starts_with("INSERT") {
        return Ok(describe(&state.lock().unwrap(), &sql));
    }
    arrived.send_modify(|count| *count += 1);
    gate.acquire().await.unwrap().forget();
    let attempt = Attempt {
        sql,
        settings,
        body,
    };
    judge(&mut state.lock().unwrap(), attempt)
}

fn judge(state: &mut State, attempt: Attempt) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let fate = (state.judge)(state.attempts.len(), &attempt);
    let commits = matches!(
        fate,
        Fate::Commit | Fate::CommitAndAnswer(..) | Fate::CommitAndReset
    );
    if commits && state.tokens.insert(attempt.token().to_owned()) {
        state.table.extend(attempt.ids());
    }
    if matches!(fate, Fate::RememberAndReset) {
        state.tokens.insert(attempt.token().to_owned());
    }
    state.attempts.push(attempt);
    match fate {
        Fate::Commit => Ok(response(200, String::new())),
        Fate::Refuse(status, text) | Fate::CommitAndAnswer(status, text) => {
            Ok(response(status, text))
        }
        Fate::Reset | Fate::CommitAndReset | Fate::RememberAndReset => {
            Err(std::io::Error::other("reset"))
        }
    }
}

fn response(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status);
    response.body(Full::new(body.into())).unwrap()
}

/// Answers the sink's questions about its table.
fn describe(state: &State, sql: &str) -> Response<Full<Bytes>> {
    if sql.starts_with("DESCRIBE") {
        let names = ["name", "type", "default_type", "default_expression"];
        let names = names.into_iter();
        let names = names.chain(["comment", "codec_expression", "ttl_expression"]);
        let rows = state.columns.iter();
        let rows = rows.map(|(name, data_type)| vec![*name, *data_type, "", "", "", "", ""]);
        response(200, strings(&names.collect::<Vec<_>>(), rows))
    } else if sql.contains("system.tables") {
        let engine = state.engine_full.split(' ').next().unwrap();
        let rows = [vec![engine, &state.engine_full]];
        response(200, strings(&["engine", "engine_full"], rows.into_iter()))
    } else {
        response(200, strings(&["value"], [vec!["0"]].into_iter()))
    }
}

/// Writes strings as `RowBinaryWithNamesAndTypes`.
fn strings<'s>(names: &[&str], rows: impl Iterator<Item = Vec<&'s str>>) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(names.len()).unwrap()];
    let mut put = |text: &str| clickhouse_sink::row_binary::put_string(&mut bytes, text.as_bytes());
    names.iter().for_each(|name| put(name));
    names.iter().for_each(|_| put("String"));
    rows.flatten().for_each(put);
    bytes
}

fn query_of(uri: &http::Uri) -> HashMap<String, String> {
    let url = url::Url::parse(&format!("http://fake{uri}")).unwrap();
    url.query_pairs().into_owned().collect()
}
