//! A proxy in front of a simulated source, which spoils the answers that it is told to spoil.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::harness::{Source, http};

const HUGE: usize = 100 << 20;

/// What goes wrong with one answer.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Other bytes come, head and body.
    Instead(Vec<u8>),
    /// The source's answer comes changed.
    Edited(fn(&mut Value)),
    /// The source's first page comes, whatever was asked for.
    FirstPage,
    /// The connection is reset before an answer.
    Reset,
    /// The connection is reset in the middle of the body.
    ResetWithin,
    /// The body ends in the middle.
    CutOff,
    /// The compressed body ends in the middle, and HTTP says that this is all.
    CutGzip,
    /// Less comes than the head announces.
    LengthTooLong,
    /// More comes than the head announces.
    LengthTooShort,
    /// The source's answer comes with 100 MiB of white space behind it.
    Huge,
    /// The source's answer comes with white space behind it that never ends.
    Endless,
}

/// Returns an answer with this status, these headers and this body.
pub(crate) fn status(status: u16, headers: &str, body: &str) -> Fault {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n");
    Fault::Instead(format!("{head}connection: close\r\n\r\n{body}").into_bytes())
}

/// Returns an answer with status 200 that is this GraphQL error.
pub(crate) fn graph_error(message: &str) -> Fault {
    let body = serde_json::json!({"data": null, "errors": [{"message": message}]});
    status(200, "", &body.to_string())
}

/// Decides what goes wrong with an answer, by the operation that was asked for (`Survey`, `Pages`,
/// `Entities`; nothing where it is no query) and how often it was before.
type Plan = Box<dyn FnMut(&str, usize) -> Option<Fault> + Send>;

struct State {
    upstream: String,
    client: reqwest::Client,
    plan: Mutex<Plan>,
    operations: Mutex<Vec<String>>,
    first_page: Mutex<Option<Vec<u8>>>,
}

/// The proxy, which has a thread of its own, so that tests may wait for a program.
pub(crate) struct Proxy {
    state: Arc<State>,
    runtime: Option<Runtime>,
    pub(crate) endpoint: String,
}

impl Proxy {
    pub(crate) fn start(
        source: &Source,
        plan: impl FnMut(&str, usize) -> Option<Fault> + Send + 'static,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}/gn", listener.local_addr().unwrap());
        let state = Arc::new(State {
            upstream: source.endpoint.clone(),
            client: http(),
            plan: Mutex::new(Box::new(plan)),
            operations: Mutex::default(),
            first_page: Mutex::default(),
        });
        runtime.spawn(accept(listener, Arc::clone(&state)));
        Self {
            state,
            runtime: Some(runtime),
            endpoint,
        }
    }

    /// Lets every answer through from now on.
    pub(crate) fn heal(&self) {
        *self.state.plan.lock().unwrap() = Box::new(|_, _| None);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::net::TcpListener, state: Arc<State>) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        // What a client does with a spoilt answer, such as hanging up, is not this side's fault.
        let state = Arc::clone(&state);
        tokio::spawn(async move { exchange(stream, &state).await });
    }
}

async fn exchange(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    let fault = state.fault(&request);
    match fault {
        Some(Fault::Instead(bytes)) => stream.write_all(&bytes).await,
        Some(Fault::Reset) => stream.set_zero_linger(),
        fault => {
            let body = state.ask(&request).await;
            respond(&mut stream, &body, fault, state).await
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? <= 2 {
            break;
        }
        if let Some(("content-length", value)) = line.to_lowercase().split_once(": ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    Ok(body)
}

impl State {
    fn fault(&self, request: &[u8]) -> Option<Fault> {
        let request: Value = serde_json::from_slice(request).unwrap_or_default();
        let query = request["query"].as_str().unwrap_or_default();
        let operation = query.split([' ', '(']).nth(1).unwrap_or_default();
        let mut operations = self.operations.lock().unwrap();
        let before = operations.iter().filter(|&o| *o == operation).count();
        operations.push(operation.to_owned());
        (self.plan.lock().unwrap())(operation, before)
    }

    async fn ask(&self, request: &[u8]) -> Vec<u8> {
        let request = self.client.post(&self.upstream).body(request.to_vec());
        let request = request.header("content-type", "application/json");
        let body = request
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec();
        // Of fills: other entities and times come in pages too.
        if body.windows(11).any(|bytes| bytes == b"\"orderHash\"") {
            let mut first_page = self.first_page.lock().unwrap();
            first_page.get_or_insert_with(|| body.clone());
        }
        body
    }
}

async fn respond(
    stream: &mut TcpStream,
    body: &[u8],
    fault: Option<Fault>,
    state: &State,
) -> io::Result<()> {
    let half = &body[..body.len() / 2];
    let (framing, body) = match &fault {
        Some(Fault::CutOff | Fault::ResetWithin) => (length(body.len()), half.to_vec()),
        Some(Fault::LengthTooLong) => (length(body.len() + 9), body.to_vec()),
        Some(Fault::LengthTooShort) => (length(body.len() - 9), body.to_vec()),
        Some(Fault::CutGzip) => {
            let mut gzip = gzip(body);
            gzip.truncate(gzip.len() / 2);
            let framing = length(gzip.len()) + "content-encoding: gzip\r\n";
            (framing, gzip)
        }
        Some(Fault::Huge) => (length(HUGE), body.to_vec()),
        Some(Fault::Endless) => ("transfer-encoding: chunked\r\n".to_owned(), chunk(body)),
        Some(Fault::FirstPage) => {
            let first_page = state.first_page.lock().unwrap().clone();
            let body = first_page.unwrap_or_else(|| body.to_vec());
            (length(body.len()), body)
        }
        Some(Fault::Edited(edit)) => {
            let mut answer = serde_json::from_slice(body).unwrap();
            edit(&mut answer);
            let body = answer.to_string().into_bytes();
            (length(body.len()), body)
        }
        _ => (length(body.len()), body.to_vec()),
    };
    let head = format!("HTTP/1.1 200 OK\r\n{framing}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    match fault {
        Some(Fault::ResetWithin) => stream.set_zero_linger(),
        Some(Fault::Huge) => {
            let mut space = tokio::io::repeat(b' ').take((HUGE - body.len()) as u64);
            tokio::io::copy(&mut space, stream).await.map(drop)
        }
        // Ends when the client hangs up.
        Some(Fault::Endless) => loop {
            stream.write_all(&chunk(&[b' '; 1 << 16])).await?;
        },
        _ => Ok(()),
    }
}

fn length(bytes: usize) -> String {
    format!("content-length: {bytes}\r\n")
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
