//! Plain HTTP, as curl and other clients speak it.

use bytes::Bytes;
use clickhouse_embedded::{Auth, Server, testing};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn serve(auth: Auth) -> Server {
    let addr = "127.0.0.1:0".parse().unwrap();
    testing::shared_engine().serve(addr, auth).await.unwrap()
}

pub(crate) async fn send(server: &Server, request: http::request::Builder, body: &[u8]) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body)))
        .unwrap();
    let path = request.uri().path_and_query().unwrap().to_string();
    let (mut parts, body) = request.into_parts();
    parts.uri = format!("{}{path}", server.url()).parse().unwrap();
    let response = client
        .request(Request::from_parts(parts, body))
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Posts a body to a path of a listener of its own.
pub(crate) async fn raw(path: &str, body: &[u8]) -> Answer {
    let server = serve(Auth::Open).await;
    send(&server, Request::post(path), body).await
}

async fn get(path: &str) -> Answer {
    let server = serve(Auth::Open).await;
    send(&server, Request::get(path), b"").await
}

#[tokio::test]
async fn the_usual_probes_are_answered() {
    for path in ["/ping", "/", "/replicas_status"] {
        let answer = get(path).await;
        assert_eq!((answer.status, &*answer.text()), (200, "Ok.\n"), "{path}");
    }
    assert_eq!(get("/nowhere").await.status, 404);
}

#[tokio::test]
async fn a_get_reads_and_does_not_write() {
    let answer = get("/?query=SELECT%201%20AS%20x&default_format=JSONEachRow").await;
    assert_eq!((answer.status, &*answer.text()), (200, "{\"x\":1}\n"));
    assert_eq!(answer.header("x-clickhouse-format"), "JSONEachRow");
    for statement in [
        "CREATE%20DATABASE%20http_get",
        "INSERT%20INTO%20system.one%20VALUES%20(1)",
    ] {
        let answer = get(&format!("/?query={statement}")).await;
        assert_eq!(
            answer.header("x-clickhouse-exception-code"),
            "164",
            "{answer:?}"
        );
        assert_eq!(answer.status, 500);
    }
}

#[tokio::test]
async fn the_statement_can_be_split_between_url_and_body() {
    assert_eq!(raw("/?query=SELECT", b"1 + 1").await.text(), "2\n");
    assert_eq!(raw("/", b"SELECT 3 FORMAT CSV").await.text(), "3\n");
    assert_eq!(
        raw("/?param_x=a%5Ctb", b"SELECT length({x:String})")
            .await
            .text(),
        "3\n"
    );
}

#[tokio::test]
async fn headers_tell_how_it_went() {
    let answer = raw("/?query_id=mine", b"SELECT number FROM numbers(10)").await;
    assert_eq!(answer.header("x-clickhouse-query-id"), "mine");
    assert_eq!(answer.header("x-clickhouse-format"), "TabSeparated");
    assert_eq!(answer.header("content-length"), "20");
    let summary = answer.header("x-clickhouse-summary");
    assert!(
        summary.contains("\"read_rows\":\"10\"") && summary.contains("\"result_rows\":\"10\""),
        "{summary}"
    );

    let client = testing::database("http_headers").await;
    client
        .query("CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    let answer = raw(
        "/?database=http_headers&query=INSERT+INTO+t+FORMAT+CSV",
        b"1\n2\n3\n",
    )
    .await;
    let summary = answer.header("x-clickhouse-summary");
    assert!(summary.contains("\"written_rows\":\"3\""), "{summary}");
    let database = Request::post("/")
        .header("X-ClickHouse-Database", "http_headers")
        .header("X-ClickHouse-Format", "Values");
    let answer = send(&serve(Auth::Open).await, database, b"SELECT sum(n) FROM t").await;
    assert_eq!(answer.text(), "(6)");
}

#[tokio::test]
async fn errors_have_clickhouses_statuses() {
    for (path, body, status, code) in [
        ("/", "SELECT * FROM nowhere", 404, "60"),
        ("/", "SELEC", 400, "62"),
        ("/?database=nowhere", "SELECT 1", 404, "81"),
        ("/?no_such_setting=1", "SELECT 1", 404, "115"),
        ("/?max_threads=many", "SELECT 1", 400, "27"),
        ("/?session_id=x", "SELECT 1", 501, "48"),
        ("/", "SELECT 1 INTO OUTFILE '/tmp/x'", 501, "48"),
        (
            "/?max_execution_time=1&decompress=1",
            "SELECT 1",
            500,
            "271",
        ),
    ] {
        let answer = raw(path, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert_eq!(
            answer.header("x-clickhouse-exception-code"),
            code,
            "{path} {body}"
        );
        assert!(
            answer
                .text()
                .starts_with(&format!("Code: {code}. DB::Exception: "))
        );
    }
}

#[tokio::test]
async fn waiting_for_the_end_turns_a_late_error_into_a_status() {
    let statement = b"SELECT throwIf(number = 900000) FROM numbers(1000000)";
    let streamed = raw("/", statement).await;
    assert_eq!(streamed.status, 200);
    let tag = streamed.header("x-clickhouse-exception-tag");
    let end = format!(" {tag}\r\n__exception__\r\n");
    assert!(!tag.is_empty() && streamed.body.ends_with(end.as_bytes()));
    let waited = raw("/?wait_end_of_query=1", statement).await;
    assert_eq!(
        (waited.status, waited.header("x-clickhouse-exception-code")),
        (500, "395")
    );
}

#[tokio::test]
async fn coded_bodies_and_answers_work() {
    let server = serve(Auth::Open).await;
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::read::GzEncoder::new(data, flate2::Compression::fast());
        let mut coded = Vec::new();
        std::io::Read::read_to_end(&mut encoder, &mut coded).unwrap();
        coded
    };
    let request = Request::post("/").header("Content-Encoding", "gzip");
    assert_eq!(
        send(&server, request, &gzip(b"SELECT 5")).await.text(),
        "5\n"
    );

    let request = Request::post("/?enable_http_compression=1").header("Accept-Encoding", "gzip");
    let answer = send(&server, request, b"SELECT 5").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(&answer.body[..]),
        &mut text,
    )
    .unwrap();
    assert_eq!(text, "5\n");

    let answer = send(&server, Request::post("/?compress=1"), b"SELECT 5").await;
    assert_eq!(answer.body[16], 0x82);
}

#[tokio::test]
async fn credentials_are_asked_for() {
    let server = serve(Auth::Credentials {
        user: "ann".into(),
        password: "secret".into(),
    })
    .await;
    let ask = |request| send(&server, request, b"SELECT 1");
    assert_eq!(ask(Request::post("/")).await.status, 403);
    assert_eq!(
        ask(Request::post("/?user=ann&password=wrong")).await.status,
        403
    );
    assert_eq!(
        ask(Request::post("/?user=ann&password=secret"))
            .await
            .text(),
        "1\n"
    );
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header("X-ClickHouse-User", "ann")
        .header("X-ClickHouse-Key", "secret");
    assert_eq!(ask(request).await.text(), "1\n");
    assert_eq!(ask(Request::get("/ping")).await.status, 200);
}

#[tokio::test]
async fn an_address_beyond_this_machine_needs_credentials() {
    let refused = testing::shared_engine()
        .serve("0.0.0.0:0".parse().unwrap(), Auth::Open)
        .await;
    assert!(matches!(
        refused,
        Err(clickhouse_embedded::Error::CredentialsNeeded { .. })
    ));
}

#[tokio::test]
async fn an_open_listener_refuses_web_pages() {
    let server = serve(Auth::Open).await;
    let request = Request::post("/").header("Origin", "https://example.org");
    assert_eq!(send(&server, request, b"SELECT 1").await.status, 403);
}
