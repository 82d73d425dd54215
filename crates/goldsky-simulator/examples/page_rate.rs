//! Measures how many pages a second a running simulator serves to one connection.
//!
//! `page_rate http://127.0.0.1:PORT/subgraphs/name/polymarket/orderbook [PAGES [scan|tokens|id]]`,
//! with the simulator pinned to another core.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const FIELDS: &str = "id transactionHash timestamp orderHash maker taker makerAssetId \
                      takerAssetId makerAmountFilled takerAmountFilled fee";

/// One kept connection.
struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
    path: String,
    bytes: u64,
}

impl Connection {
    fn open(endpoint: &str) -> Result<Self> {
        let rest = endpoint.strip_prefix("http://").ok_or("no http:// URL")?;
        let (host, path) = rest.split_once('/').ok_or("no path")?;
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::with_capacity(1 << 20, stream),
            host: host.to_owned(),
            path: format!("/{path}"),
            bytes: 0,
        })
    }

    fn post(&mut self, body: &Value) -> Result<Vec<u8>> {
        let body = body.to_string();
        write!(
            self.reader.get_mut(),
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.path,
            self.host,
            body.len()
        )?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
        }
        let mut answer = vec![0; length];
        self.reader.read_exact(&mut answer)?;
        self.bytes += length as u64;
        Ok(answer)
    }
}

/// Takes the last event's time and id without parsing the page.
fn last_event(page: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(page).ok()?;
    let field = |name: &str| {
        let from = text.rfind(&format!("\"{name}\":\""))? + name.len() + 4;
        let until = text[from..].find('"')?;
        Some(text[from..from + until].to_owned())
    };
    Some((field("timestamp")?, field("id")?))
}

fn scan(connection: &mut Connection, pages: u32) -> Result<()> {
    let query = format!(
        "query P($t: BigInt, $end: BigInt, $i: ID) {{ orderFilledEvents(first: 1000, orderBy: \
         timestamp, where: {{and: [{{timestamp_gte: $t}}, {{timestamp_lt: $end}}, {{or: \
         [{{timestamp_gt: $t}}, {{id_gt: $i}}]}}]}}) {{ {FIELDS} }} }}"
    );
    let (mut time, mut id) = ("0".to_owned(), String::new());
    measure("time-window keyset", connection, pages, |connection| {
        let variables = json!({"t": time, "end": "4000000000", "i": id});
        let page = connection.post(&json!({"query": query, "variables": variables}))?;
        (time, id) = last_event(&page).unwrap_or(("0".to_owned(), String::new()));
        Ok(())
    })
}

fn by_tokens(connection: &mut Connection, pages: u32, count: usize) -> Result<()> {
    let answer = connection.post(&json!({
        "query": "{ orderbooks(first: 1000, orderBy: tradesQuantity, orderDirection: desc) { id } }"
    }))?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let ids: Vec<&str> = answer["data"]["orderbooks"]
        .as_array()
        .ok_or("no orderbooks")?
        .iter()
        .filter_map(|orderbook| orderbook["id"].as_str())
        .take(count)
        .collect();
    let query = format!(
        "query P($t: BigInt, $i: ID, $tokens: [String!]) {{ orderFilledEvents(first: 1000, \
         orderBy: timestamp, where: {{and: [{{makerAssetId_in: $tokens}}, {{timestamp_gte: $t}}, \
         {{or: [{{timestamp_gt: $t}}, {{id_gt: $i}}]}}]}}) {{ {FIELDS} }} }}"
    );
    let (mut time, mut id) = ("0".to_owned(), String::new());
    let name = format!("makerAssetId_in {}", ids.len());
    measure(&name, connection, pages, |connection| {
        let variables = json!({"t": time, "i": id, "tokens": ids});
        let page = connection.post(&json!({"query": query, "variables": variables}))?;
        (time, id) = last_event(&page).unwrap_or(("0".to_owned(), String::new()));
        Ok(())
    })
}

fn by_id(connection: &mut Connection, pages: u32) -> Result<()> {
    let query = format!(
        "query P($i: ID) {{ orderFilledEvents(first: 1000, orderBy: id, where: {{id_gt: $i}}) \
         {{ {FIELDS} }} }}"
    );
    let mut id = String::new();
    measure("id_gt by id", connection, pages, |connection| {
        let page = connection.post(&json!({"query": query, "variables": {"i": id}}))?;
        id = last_event(&page).map_or(String::new(), |(_, id)| id);
        Ok(())
    })
}

fn measure(
    name: &str,
    connection: &mut Connection,
    pages: u32,
    mut page: impl FnMut(&mut Connection) -> Result<()>,
) -> Result<()> {
    page(connection)?;
    let (start, before) = (Instant::now(), connection.bytes);
    for _ in 0..pages {
        page(connection)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = (connection.bytes - before) as f64 / 1e6;
    println!(
        "{name}: {:.0} pages/s, {:.0} MB/s, {:.0} bytes a page",
        f64::from(pages) / seconds,
        megabytes / seconds,
        megabytes * 1e6 / f64::from(pages)
    );
    Ok(())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments
        .next()
        .ok_or("usage: page_rate ENDPOINT [PAGES]")?;
    let pages = arguments.next().map_or(Ok(2_000), |pages| pages.parse())?;
    let only = arguments.next();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut connection = Connection::open(&endpoint)?;
    if wanted("scan") {
        scan(&mut connection, pages)?;
    }
    if wanted("tokens") {
        for count in [1, 50, 500] {
            by_tokens(&mut connection, pages / 4, count)?;
        }
    }
    if wanted("id") {
        by_id(&mut connection, pages)?;
    }
    Ok(())
}
