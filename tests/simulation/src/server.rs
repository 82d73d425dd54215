//! The simulated ClickHouse as its clients see it: HTTP over pipes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use clickhouse_sink::EncodeRow as _;
use clickhouse_sink::row_binary::put_string;
use fill_table::FillRow;
use fills::Summary;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use crate::plan::Plan;
use crate::source::latency;
use crate::table::{Doomed, Fate, Insert, Row, Scope, Table};
use crate::verdict::Judge;
use crate::world::World;

/// What tells rows apart.
const ID_COLUMNS: [&str; 3] = ["tx_hash", "order_hash", "nth_from_last"];
const ID_TYPES: [&str; 3] = ["FixedString(32)", "FixedString(32)", "UInt16"];

/// A server of one table.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) table: Table,
    pub(crate) world: World,
    pub(crate) plan: Plan,
    /// Nothing where no schedule is judged.
    pub(crate) judge: Option<Arc<Judge>>,
}

/// Why no answer is sent.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Broken {}

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

type Answered = Result<Response<Full<Bytes>>, Broken>;

impl Server {
    /// Serves one connection until it ends.
    pub(crate) async fn serve(self, pipe: DuplexStream) {
        let service = service_fn(|request| self.answer(request));
        // A connection that breaks is what some fates are.
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(pipe), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answered {
        let settings = settings(request.uri());
        let body = request.into_body().collect().await.map_err(|_| Broken)?;
        let body = body.to_bytes();
        if !self.table.is_up() {
            return Err(Broken);
        }
        match settings.get("query") {
            Some(sql) if sql.contains("dead_letters") => {
                self.table.bury(body.to_vec());
                self.world.step("dead letters are kept").await;
                Ok(said(200, ""))
            }
            Some(sql) if sql.contains("_quarantine") => {
                self.table.quarantine(&body);
                self.world.step("rows are in the quarantine").await;
                Ok(said(200, ""))
            }
            Some(sql) if sql.starts_with("INSERT") => {
                let setting = |name| settings.get(name).map_or("", String::as_str);
                let token = setting("insert_deduplication_token");
                self.insert(setting("query_id"), token, &body).await
            }
            _ => self.read(&settings, &body).await,
        }
    }

    async fn insert(&self, query_id: &str, token: &str, body: &[u8]) -> Answered {
        let rows = Insert::rows_in(body);
        if let Some(judge) = &self.judge {
            judge.sent(&rows, &self.world);
        }
        let fate = match self.world.happens(self.plan.insert_faults) {
            true => self.world.decide(Fate::bad),
            false => Fate::Done,
        };
        self.world
            .step(format!("insert of {} rows: {fate:?}", rows.len()))
            .await;
        if fate == Fate::CutOff {
            return Err(Broken);
        }
        if let Fate::Refused(code, words) = fate {
            return Ok(exception(code, words));
        }
        if fate == Fate::TooLarge || rows.len() > self.plan.most_rows_in_insert {
            return Ok(said(413, "413 Request Entity Too Large"));
        }
        if rows.iter().any(|row| self.plan.refuses(row)) {
            return Ok(exception(117, "Incorrect data in a row"));
        }
        let Some(ends) = self.table.begin(query_id, token, &rows, fate) else {
            return Ok(exception(216, "Query is already running"));
        };
        let crashes = self.table.crashes();
        let time = ends.saturating_sub(self.world.now());
        self.world.sleep(time).await;
        if self.table.crashes() > crashes {
            return Err(Broken);
        }
        if fate == Fate::ServerDies {
            let pause = self.world.decide(latency) * 8;
            self.table.crash(pause);
            return Err(Broken);
        }
        self.table.catch_up();
        self.world
            .step(format!("insert of {} rows ended", rows.len()))
            .await;
        match fate {
            Fate::AnswerLost => Err(Broken),
            Fate::DoneAndError(code, words) | Fate::HalfDone(code, words) => {
                Ok(exception(code, words))
            }
            _ => Ok(said(200, "")),
        }
    }

    async fn read(&self, settings: &HashMap<String, String>, body: &[u8]) -> Answered {
        let fields = fields(settings, body);
        let sql = fields.get("query").map_or("", String::as_str);
        let name = sql.lines().next().unwrap_or_default();
        let bad = self.world.happens(self.plan.read_faults);
        let time = self.world.decide(latency);
        self.world.step(format!("read: {name}")).await;
        self.world.sleep(time).await;
        self.world.step(format!("read: bad is {bad}")).await;
        if bad {
            return match self.world.decide(|chance| chance.bool()) {
                true => Err(Broken),
                false => Ok(exception(159, "Timeout exceeded")),
            };
        }
        Ok(said(200, self.rows(name, sql, &fields)))
    }

    /// Returns the answer to a question that the program asks.
    fn rows(&self, name: &str, sql: &str, fields: &HashMap<String, String>) -> Vec<u8> {
        let Some(scope) = Scope::of(fields) else {
            return self.rows_of_server(name, sql);
        };
        match name {
            "-- ranges_with_rows" => {
                let hours = self.table.hours(&scope).into_iter();
                table(&["hour"], &["UInt32"], hours.map(u32::to_le_bytes))
            }
            "-- summary" => {
                let mut summary = Summary::default();
                for row in self.table.within(&scope) {
                    summary.add(&row.fill_id());
                }
                let Summary { rows, hash } = summary;
                let bytes = [rows.to_le_bytes(), hash.to_le_bytes()].concat();
                table(&["rows", "hash"], &["UInt64", "UInt64"], [bytes])
            }
            "-- existing_keys" => {
                let rows = self.table.within(&scope);
                let ids = rows.iter().map(Row::id);
                table(&ID_COLUMNS, &ID_TYPES, ids)
            }
            "-- ids_in" => {
                let seconds = fields.get("param_seconds").map_or("", String::as_str);
                let seconds = seconds.trim_matches(['[', ']']).split(',');
                let seconds: Vec<u32> = seconds.filter_map(|n| n.trim().parse().ok()).collect();
                let rows = self.table.in_seconds(&seconds);
                let ids = rows.iter().map(Row::id);
                table(&ID_COLUMNS, &ID_TYPES, ids)
            }
            _ => self.rows_of_server(name, sql),
        }
    }

    fn rows_of_server(&self, name: &str, sql: &str) -> Vec<u8> {
        let number = |n: usize| table(&["n"], &["UInt64"], [(n as u64).to_le_bytes()]);
        match name {
            "-- await_inserts" => number(self.table.running()),
            "-- count" => number(self.table.rows()),
            "-- dead_letters" => number(self.table.dead_letters()),
            "-- create_quarantine" => Vec::new(),
            "-- count_doomed" => number(self.table.doomed(&Doomed::of(sql)).len()),
            "-- take_out" => {
                self.table.take_out(&Doomed::of(sql));
                Vec::new()
            }
            _ if sql.contains("system.settings") => {
                strings(&["name"], [vec!["deduplicate_insert"]])
            }
            _ if sql.starts_with("DESCRIBE") => describe(sql.contains("dead_letters")),
            _ if sql.contains("system.tables") => {
                let engine = format!(
                    "MergeTree SETTINGS non_replicated_deduplication_window = {}",
                    self.plan.window_parts
                );
                strings(&["engine", "engine_full"], [vec!["MergeTree", &engine]])
            }
            _ => {
                self.world
                    .fail(format_args!("no answer is known to\n{sql}"));
                Vec::new()
            }
        }
    }
}

impl Plan {
    /// Tells whether the table refuses a row, whatever is done.
    pub(crate) fn refuses(&self, row: &Row) -> bool {
        let id = row
            .id()
            .first_chunk()
            .copied()
            .map_or(0, u64::from_le_bytes);
        self.refused_rows.is_some_and(|one_in| id % one_in == 0)
    }
}

fn describe(dead_letters: bool) -> Vec<u8> {
    let columns: Vec<(&str, &str)> = match dead_letters {
        true => ["fill_id", "field", "reason", "event"]
            .map(|name| (name, "String"))
            .into(),
        false => {
            let columns = FillRow::columns().into_iter();
            let columns = columns.filter_map(|column| Some((column.name, column.data_type?)));
            columns.collect()
        }
    };
    let names = ["name", "type", "default_type", "default_expression"];
    let names = [
        &names[..],
        &["comment", "codec_expression", "ttl_expression"],
    ]
    .concat();
    let rows = columns.into_iter();
    strings(
        &names,
        rows.map(|(name, data_type)| vec![name, data_type, "", "", "", "", ""]),
    )
}

fn strings<'a>(names: &[&str], rows: impl IntoIterator<Item = Vec<&'a str>>) -> Vec<u8> {
    let rows = rows.into_iter().map(|row| {
        let mut bytes = Vec::new();
        row.iter()
            .for_each(|text| put_string(&mut bytes, text.as_bytes()));
        bytes
    });
    table(names, &vec!["String"; names.len()], rows)
}

/// Writes rows as `RowBinaryWithNamesAndTypes`.
fn table<R: AsRef<[u8]>>(
    names: &[&str],
    types: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(names.len()).unwrap_or(u8::MAX)];
    for text in names.iter().chain(types) {
        put_string(&mut bytes, text.as_bytes());
    }
    for row in rows {
        bytes.extend_from_slice(row.as_ref());
    }
    bytes
}

fn exception(code: u32, words: &str) -> Response<Full<Bytes>> {
    said(500, format!("Code: {code}. DB::Exception: {words}"))
}

fn said(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

fn settings(uri: &http::Uri) -> HashMap<String, String> {
    let pairs = uri.query().unwrap_or_default().as_bytes();
    url::form_urlencoded::parse(pairs).into_owned().collect()
}

/// Adds what stands in the body: the fields of a form, or the query alone.
fn fields(settings: &HashMap<String, String>, body: &[u8]) -> HashMap<String, String> {
    let mut fields = settings.clone();
    let text = String::from_utf8_lossy(body);
    if !text.starts_with("--") || text.starts_with("-- ") {
        fields
            .entry("query".to_owned())
            .or_insert(text.into_owned());
        return fields;
    }
    for part in text
        .split("Content-Disposition: form-data; name=\"")
        .skip(1)
    {
        let Some((name, rest)) = part.split_once('"') else {
            continue;
        };
        let value = rest.trim_start_matches("\r\n");
        let value = value.split("\r\n--").next().unwrap_or_default();
        fields.insert(name.to_owned(), value.to_owned());
    }
    fields
}
