//! The simulated ClickHouse answers as a real one does.
//!
//! The same statements, those that the program sends, over the same rows, to both. And that the comparison
//! can fail: a statement that is altered on its way to the real server has to be noticed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clickhouse::Client;
use clickhouse_embedded::testing;
use clickhouse_sink::Config;
use clickhouse_sink::EncodeRow as _;
use fastrand::Rng;
use fill_table::{FillRow, FillTable, Removal, Server, Store};
use fills::{
    Block, Fill, FillId, FillStore as _, Malformed, OrderHash, Side, Span, SpanSet, TokenId, TxHash,
};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use simulation::Model;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// 2024-01-31 20:00:00 UTC: four hours before a month ends.
const BEGIN: u32 = 1_706_731_200;
const HOURS: u32 = 8;
const FILLS: u32 = 600;
const BLOCKS: usize = 5;
/// Fills of the block whose first answer is lost.
const LOST_FILLS: u32 = 50;
const QUESTIONS: usize = 40;

/// Parts that the tables remember.
const WINDOW: u64 = 12;

/// In the token of the block whose first answer is lost.
const LOST: &str = "lost";

type Answers = Vec<(String, String)>;

/// Makes fills in some hours on both sides of a month's end; many share a second.
fn fills(chance: &mut Rng) -> Vec<Fill> {
    let hot: Vec<u32> = (0..10).map(|_| chance.u32(0..HOURS * 3600)).collect();
    let second = |chance: &mut Rng, n: u32| match n % 3 {
        0 => hot[chance.usize(0..hot.len())],
        // The first and the last second of an hour.
        1 if n.is_multiple_of(5) => chance.u32(1..HOURS) * 3600 - n % 2,
        _ => chance.u32(0..HOURS * 3600),
    };
    let fill = |n: u32| {
        let mut id = [0; 64];
        chance.fill(&mut id);
        let half = |half: &[u8]| half.try_into().unwrap();
        Fill {
            id: FillId {
                tx_hash: TxHash(half(&id[..32])),
                order_hash: OrderHash(half(&id[32..])),
                nth_from_last: [0, 0, 0, 1, 300][n as usize % 5],
            },
            timestamp: BEGIN + second(chance, n),
            token_id: TokenId::from(u64::from(n % 7)),
            side: [Side::Buy, Side::Sell][n as usize % 2],
            shares_base_units: u128::from(n),
            usdc_base_units: u128::from(chance.u64(..)),
            ..Fill::default()
        }
    };
    (0..FILLS + LOST_FILLS).map(fill).collect()
}

fn block(token: &str, fills: &[Fill]) -> Block {
    Block {
        token: token.to_owned(),
        pages: fills.chunks(9).map(<[Fill]>::to_vec).collect(),
    }
}

/// A table that is asked, and what it answered.
struct Asked {
    store: Store,
    answers: Answers,
}

impl Asked {
    fn note(&mut self, question: impl ToString, answer: impl ToString) {
        self.answers
            .push((question.to_string(), answer.to_string()));
    }

    async fn insert(&mut self, token: &str, fills: &[Fill]) {
        let inserted = self.store.insert(block(token, fills)).await;
        self.note(format_args!("insert {token}"), format_args!("{inserted:?}"));
        let count = self.store.table().count().await;
        self.note("count", format_args!("{count:?}"));
    }

    async fn take_out(&mut self, rows: &[Fill]) {
        let removal = |row: &Fill| Removal {
            row: *row,
            reason: "it is not the source's",
            source: (row.id.nth_from_last == 0).then_some((row.token_id, row.timestamp)),
        };
        let removals: Vec<_> = rows.iter().map(removal).collect();
        let taken = self.store.table().take_out(&removals).await;
        self.note(
            format_args!("take out {}", rows.len()),
            format_args!("{taken:?}"),
        );
    }

    /// Asks all that a run asks of some seconds and tokens.
    async fn ask(&mut self, spans: &SpanSet, tokens: Option<&[TokenId]>) {
        let about = format!("{spans:?} of {tokens:?}");
        let summary = self.store.summary(spans, tokens).await;
        self.note(
            format_args!("summary of {about}"),
            format_args!("{summary:?}"),
        );
        let keys = self.store.existing_keys(spans, tokens).await;
        let keys = keys.map(|keys| {
            keys.iter()
                .map(ToString::to_string)
                .collect::<BTreeSet<_>>()
        });
        self.note(format_args!("keys of {about}"), format_args!("{keys:?}"));
        for span in spans.spans() {
            let ranges = self.store.ranges_with_rows(span).await;
            self.note(format_args!("rows in {span}"), format_args!("{ranges:?}"));
        }
    }

    /// Asks of spans whose edges lie at rows, beside them, between them and beyond them.
    async fn ask_at_random(&mut self, chance: &mut Rng, fills: &[Fill]) {
        self.ask(&SpanSet::new(), None).await;
        self.ask(&[Span::new(0, u64::MAX)].into_iter().collect(), Some(&[]))
            .await;
        for _ in 0..QUESTIONS {
            let mut edge = || {
                let fill = u64::from(fills[chance.usize(0..fills.len())].timestamp);
                match chance.u8(0..8) {
                    0..3 => fill,
                    3..6 => fill + 1,
                    6 => u64::from(BEGIN) + chance.u64(0..10 * 3600),
                    _ => [0, u64::MAX][chance.usize(0..2)],
                }
            };
            let mut edges: Vec<u64> = (0..8).map(|_| edge()).collect();
            edges.sort_unstable();
            edges.truncate(2 * chance.usize(1..=4));
            let spans = edges.chunks(2).map(|edges| Span::new(edges[0], edges[1]));
            let spans = spans.collect();
            let some: Vec<_> = (0..3).map(|_| TokenId::from(chance.u64(0..9))).collect();
            let tokens = chance.bool().then_some(&*some);
            self.ask(&spans, tokens).await;
        }
    }
}

/// Asks a table everything, in one order; what takes rows out, which a real server takes seconds for, only
/// where that is wanted.
async fn answers(table: FillTable, takes_out: bool) -> Answers {
    let mut sink = Config::new("");
    sink.parallel_inserts = 1;
    sink.partitions_per_batch = 2;
    let mut asked = Asked {
        answers: description(&table).await,
        store: table.open(sink).await.unwrap(),
    };
    let chance = &mut Rng::with_seed(7);
    let fills = fills(chance);
    asked.ask_at_random(chance, &fills).await;
    let (of_blocks, lost) = fills.split_at(FILLS as usize);
    let blocks: Vec<&[Fill]> = of_blocks.chunks(FILLS as usize / BLOCKS).collect();
    for (number, block) in blocks.iter().enumerate() {
        asked.insert(&format!("block {number}"), block).await;
    }
    asked.ask_at_random(chance, &fills).await;
    let waited = asked.store.wait_for_inflight_inserts().await;
    asked.note("wait for inserts", format_args!("{waited:?}"));

    // A token that is remembered adds nothing, whatever comes with it.
    asked.insert("block 4", blocks[4]).await;
    asked.insert("block 4", &blocks[3][..7]).await;
    let is_before = |fill: &Fill| fill.timestamp < BEGIN + 4 * 3600;
    let (before, after): (Vec<Fill>, Vec<Fill>) =
        blocks[0].iter().partition(|fill| is_before(fill));
    if takes_out {
        asked.take_rows_out(&blocks, &before, &after).await;
        asked.ask_at_random(chance, &fills).await;
    }
    // An answer is lost: the rows of the block are looked up.
    asked.insert(&format!("{LOST} one"), lost).await;
    asked.ask_at_random(chance, &fills).await;

    let letter = |n: u8| Malformed {
        position: None,
        fill_id: n.to_string(),
        field: "fee".to_owned(),
        reason: "it is no number".to_owned(),
        event: "{}".to_owned(),
    };
    for n in [1, 2, 1] {
        asked
            .store
            .write_dead_letters(vec![letter(n)])
            .await
            .unwrap();
        let letters = asked.store.table().dead_letters().await;
        asked.note(format_args!("letter {n}"), format_args!("{letters:?}"));
    }
    asked.answers
}

impl Asked {
    /// Takes rows out and inserts them again, under tokens that are remembered and that are not.
    async fn take_rows_out(&mut self, blocks: &[&[Fill]], before: &[Fill], after: &[Fill]) {
        self.take_out(blocks[4]).await;
        self.insert("block 4", blocks[4]).await;
        // The rows are gone, and go in under another token; each month's part counts as one.
        self.insert("another", blocks[4]).await;
        self.take_out(blocks[0]).await;
        for (number, fill) in before.iter().enumerate().take(9) {
            self.insert(&format!("filler {number}"), &[*fill]).await;
        }
        // Is it forgotten? If so they are there again.
        self.take_out(blocks[1]).await;
        self.insert("block 1", blocks[1]).await;
        self.take_out(blocks[4]).await;
        self.insert("another", blocks[4]).await;
        self.insert("after", after).await;

        // A repair is about its own rows: not about those of one before that have come back, nor about
        // those of which another value was to be taken out.
        self.take_out(&blocks[2][..5]).await;
        self.insert("come back", &blocks[2][..5]).await;
        let other = Fill {
            fee_base_units: 9,
            ..blocks[2][7]
        };
        self.take_out(&[blocks[2][5], other, blocks[2][6]]).await;
        self.take_out(&[blocks[2][5]]).await;
    }
}

/// Asks what a sink asks before it starts.
async fn description(table: &FillTable) -> Answers {
    let (client, data) = (table.server().client(), table.names().data());
    let columns = client.query_raw(&format!("DESCRIBE TABLE {data}"));
    let columns: Vec<[String; 7]> = columns
        .fetch_all::<(String, String, String, String, String, String, String)>()
        .await
        .unwrap()
        .into_iter()
        .map(<[String; 7]>::from)
        .collect();
    // The time of the insert is the server's own.
    let written = FillRow::columns();
    let is_written = |column: &&[String; 7]| written.iter().any(|one| one.name == column[0]);
    let columns = columns.iter().filter(is_written);
    let columns: Vec<_> = columns.map(|column| &column[..2]).collect();
    let known =
        client.query_raw("SELECT name FROM system.settings WHERE name = 'deduplicate_insert'");
    let known: Vec<String> = known.fetch_all().await.unwrap();
    let engine = client.query(
        "SELECT engine, engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?",
    );
    let engine = engine.bind(data.name.as_str());
    let engine: Vec<(String, String)> = engine.fetch_all().await.unwrap();
    let window = format!("non_replicated_deduplication_window = {WINDOW}");
    let engine: Vec<_> = engine
        .iter()
        .map(|(engine, full)| (engine, full.contains(&window)))
        .collect();
    vec![
        ("columns".to_owned(), format!("{columns:?}")),
        ("settings".to_owned(), format!("{known:?}")),
        ("engine".to_owned(), format!("{engine:?}")),
    ]
}

fn runtime(builder: &mut Builder) -> Runtime {
    builder.enable_all().build().unwrap()
}

fn of_the_model(takes_out: bool) -> Answers {
    let model = Model::new(WINDOW);
    let mut builder = Builder::new_current_thread();
    runtime(builder.start_paused(true)).block_on(async {
        let server = Server::embedded(model.client(), "simulated");
        let answers = answers(FillTable::new(server, "fills").unwrap(), takes_out).await;
        assert_eq!(model.broken(), None);
        answers
    })
}

/// A statement that is not what the program sent: in those with this name, one text for another.
type Alteration = (&'static str, &'static str, &'static str);

/// Asks a real server, on the way to which a statement is altered.
fn of_a_server(database: &str, altered: Option<Alteration>, takes_out: bool) -> Answers {
    runtime(&mut Builder::new_current_thread()).block_on(async {
        let direct = testing::database(database).await;
        let made = FillTable::new(Server::embedded(direct, database), "fills").unwrap();
        made.ensure().await.unwrap();
        let setting = format!(
            "ALTER TABLE {} MODIFY SETTING non_replicated_deduplication_window = {WINDOW}",
            made.names().data()
        );
        made.run(&setting).await.unwrap();
        let proxy = Arc::new(Proxy {
            to: testing::shared_server().connection().url.clone(),
            client: hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http(),
            altered,
            was_altered: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
        });
        let client = proxy_client(Arc::clone(&proxy)).await;
        let table = FillTable::new(Server::embedded(client, database), "fills").unwrap();
        let answers = answers(table, takes_out).await;
        let seen = proxy.was_altered.load(Ordering::Relaxed);
        assert_eq!(seen, altered.is_some(), "{altered:?} is in no statement");
        assert!(proxy.has_lost.load(Ordering::Relaxed), "no answer was lost");
        answers
    })
}

/// What stands between a client and the real server.
struct Proxy {
    to: String,
    client: hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>,
    altered: Option<Alteration>,
    was_altered: AtomicBool,
    has_lost: AtomicBool,
}

async fn proxy_client(proxy: Arc<Proxy>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let proxy = Arc::clone(&proxy);
            let service = service_fn(move |request| Arc::clone(&proxy).pass(request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    testing::shared_server().client().with_url(url)
}

impl Proxy {
    /// Passes a request on, and its answer back; of the first insert with a certain token it does not.
    async fn pass(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Lost> {
        let (mut head, body) = request.into_parts();
        let mut body = body.collect().await.unwrap().to_bytes();
        if let (Some((name, from, to)), Ok(sql)) = (self.altered, std::str::from_utf8(&body))
            && sql.contains(&format!("{name}\n"))
            && sql.contains(from)
        {
            self.was_altered.store(true, Ordering::Relaxed);
            body = sql.replace(from, to).into();
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_lost =
            path.contains(LOST) && !self.has_lost.swap(path.contains(LOST), Ordering::Relaxed);
        head.uri = format!("{}{path}", self.to).parse::<Uri>().unwrap();
        head.headers.remove(http::header::CONTENT_LENGTH);
        head.headers.remove(http::header::TRANSFER_ENCODING);
        head.headers.remove(http::header::HOST);
        let request = Request::from_parts(head, Full::new(body));
        let (mut head, body) = self.client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if is_lost {
            return Err(Lost);
        }
        head.headers.remove(http::header::TRANSFER_ENCODING);
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost")
    }
}

impl std::error::Error for Lost {}

/// Returns the first question that is answered differently.
fn difference<'a>(model: &'a Answers, server: &'a Answers) -> Option<(&'a str, &'a str, &'a str)> {
    assert_eq!(model.len(), server.len());
    let mut pairs = model.iter().zip(server);
    let (model, server) = pairs.find(|(model, server)| model != server)?;
    assert_eq!(model.0, server.0, "they were asked different questions");
    Some((&model.0, &model.1, &server.1))
}

#[test]
fn the_model_answers_as_a_server_does() {
    let (model, server) = (of_the_model(true), of_a_server("conformance", None, true));
    if let Some((question, model, server)) = difference(&model, &server) {
        panic!("{question}\nmodel:  {model}\nserver: {server}");
    }
    assert!(model.len() > 5 * QUESTIONS, "{}", model.len());
}

#[test]
fn a_statement_that_asks_for_something_else_is_noticed() {
    const ALTERED: [Alteration; 15] = [
        (
            "-- summary",
            " IN {starts:Array(UInt32)}",
            " IN {edges:Array(UInt32)}",
        ),
        (
            "-- summary",
            "roundDown(toUInt32(timestamp)",
            "roundDown(toUInt32(timestamp) + 1",
        ),
        ("-- summary", "AND token_id IN", "OR token_id IN"),
        ("-- summary", "{last:UInt32})", "{last:UInt32} - 1)"),
        (
            "-- summary",
            "concat(tx_hash, order_hash,",
            "concat(order_hash, tx_hash,",
        ),
        (
            "-- summary",
            "if(nth_from_last = 0, ''",
            "if(nth_from_last = 1, ''",
        ),
        ("-- existing_keys", "{first:UInt32})", "{first:UInt32} + 1)"),
        (
            "-- existing_keys",
            " IN {starts:Array(UInt32)}",
            " NOT IN {starts:Array(UInt32)}",
        ),
        (
            "-- ranges_with_rows",
            "{first:UInt32})",
            "{first:UInt32} + 1)",
        ),
        (
            "-- ranges_with_rows",
            "{last:UInt32})",
            "{last:UInt32} - 1)",
        ),
        (
            "-- ids_in",
            "IN {seconds:Array(UInt32)}",
            "NOT IN {seconds:Array(UInt32)}",
        ),
        ("-- take_out", " WHERE repair = ", " WHERE repair != "),
        (
            "-- take_out",
            "side, shares, usdc, fee",
            "side, shares, usdc",
        ),
        ("-- count_doomed", " WHERE repair = ", " WHERE repair != "),
        ("-- dead_letters", " FINAL", " FINAL WHERE field != 'fee'"),
    ];
    // What takes rows out waits for the server most of the time.
    std::thread::scope(|scope| {
        for (number, altered) in ALTERED.into_iter().enumerate() {
            scope.spawn(move || {
                let takes_out = ["-- take_out", "-- count_doomed"].contains(&altered.0);
                let database = format!("conformance_{number}");
                let server = of_a_server(&database, Some(altered), takes_out);
                let model = of_the_model(takes_out);
                assert!(
                    difference(&model, &server).is_some(),
                    "nobody noticed {altered:?}"
                );
            });
        }
    });
}
