//! Who may do what, over HTTP and the native protocol, and that no client ends the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use clickhouse_embedded::testing::{server_options, shared_server};
use clickhouse_embedded::{Access, Connection, Error, ServerOptions};

use crate::{start, start_error};

/// The name and the value of a request's header.
type Header<Value> = (&'static str, Value);
type Headers = Vec<Header<String>>;

fn basic(user: &str, password: &str) -> Headers {
    let credentials = BASE64.encode(format!("{user}:{password}"));
    vec![("Authorization", format!("Basic {credentials}"))]
}

fn own_headers(user: &str, password: &str) -> Headers {
    vec![
        ("X-ClickHouse-User", user.to_owned()),
        ("X-ClickHouse-Key", password.to_owned()),
    ]
}

/// The ways in which clients without a password log in.
fn guests() -> [Headers; 3] {
    [vec![], basic("default", ""), own_headers("default", "")]
}

fn http_client() -> reqwest::Client {
    // The client wants one even where nothing is encrypted; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Sends a statement and returns the status and the body of the response.
async fn post(url: &str, headers: &[Header<impl AsRef<str>>], sql: &str) -> (u16, String) {
    let mut request = http_client().post(url).body(sql.to_owned());
    for (name, value) in headers {
        request = request.header(*name, value.as_ref());
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn without_a_password_everyone_on_this_machine_queries_and_inserts() {
    let url = &shared_server().connection().url;
    for login in guests() {
        for statement in [
            "CREATE DATABASE open",
            "CREATE TABLE open.t (n UInt64) ENGINE = MergeTree ORDER BY n",
            "INSERT INTO open.t VALUES (1), (2)",
            "CREATE VIEW open.v AS SELECT n FROM open.t",
            "CREATE DICTIONARY open.d (n UInt64, m UInt64) PRIMARY KEY n \
             SOURCE(CLICKHOUSE(QUERY 'SELECT n, n AS m FROM open.t')) LIFETIME(0) LAYOUT(FLAT())",
            "SYSTEM RELOAD DICTIONARY open.d",
            "SELECT sum(n) + dictGet('open.d', 'm', 2) FROM open.v",
            "ALTER TABLE open.t DELETE WHERE n = 1",
            "OPTIMIZE TABLE open.t FINAL",
            "DROP DATABASE open",
        ] {
            let (status, answer) = post(url, &login, statement).await;
            assert_eq!(status, 200, "{login:?} {statement}: {answer}");
            if statement.starts_with("SELECT") {
                assert_eq!(answer.trim(), "5");
            }
        }
    }
}

/// Statements that clients without a password are refused, one in a line. `SECRET` stands for a
/// file, `ADDRESS` for another server.
const REFUSED: &str = include_str!("refused.sql");

/// Sources of dictionaries, from which such clients load nothing.
const REFUSED_SOURCES: [&str; 5] = [
    "FILE(PATH 'SECRET' FORMAT 'CSV')",
    "HTTP(URL 'http://ADDRESS/' FORMAT 'CSV')",
    "EXECUTABLE(COMMAND 'id' FORMAT 'CSV')",
    "CLICKHOUSE(HOST '127.0.0.1' PORT PORT_NUMBER QUERY 'SELECT 1, 2')",
    "MYSQL(HOST '127.0.0.1' PORT PORT_NUMBER USER 'u' DB 'd' TABLE 't')",
];

#[tokio::test]
async fn without_a_password_nobody_reaches_files_servers_and_users() {
    let url = &shared_server().connection().url;
    let secret = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(secret.path(), "top,secret\n").unwrap();
    // Whoever reaches another server is seen here.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let address = other.local_addr().unwrap();
    let fill_in = |text: &str| {
        text.replace("SECRET", secret.path().to_str().unwrap())
            .replace("ADDRESS", &address.to_string())
            .replace("PORT_NUMBER", &address.port().to_string())
    };
    let refused = async |login: &Headers, statement: &str| {
        let (status, answer) = post(url, login, statement).await;
        assert_ne!(status, 200, "{login:?} {statement}: {answer}");
        assert!(!answer.contains("secret\n"), "{statement}: {answer}");
        assert!(other.accept().is_err(), "{statement} reached a server");
    };
    for login in guests() {
        for statement in fill_in(REFUSED).lines() {
            refused(&login, statement).await;
        }
    }
    for source in REFUSED_SOURCES {
        let source = fill_in(source);
        let create = format!(
            "CREATE OR REPLACE DICTIONARY default.intruder (a String, b String) PRIMARY KEY a \
             SOURCE({source}) LIFETIME(0) LAYOUT(COMPLEX_KEY_HASHED()) SETTINGS(http_max_tries = 1)"
        );
        post(url, &Headers::new(), &create).await;
        let read = format!("SELECT * FROM dictionary('default.intruder') -- {source}");
        refused(&Headers::new(), &read).await;
    }
}

#[tokio::test]
async fn without_a_password_web_pages_are_kept_out_but_the_servers_own() {
    let url = &shared_server().connection().url;
    let origin = ("Origin", "http://evil.example");
    let host = ("Host", "evil.example:8123");
    let user = ("X-ClickHouse-User", "default");
    for headers in [
        &[origin][..],
        &[origin, user],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1.evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[host],
        &[host, user],
    ] {
        for path in ["/", "/?query=SELECT+2"] {
            let (status, _) = post(&format!("{url}{path}"), headers, "SELECT 1").await;
            assert_eq!(status, 403, "{headers:?} {path}");
        }
    }
    let own_origin = ("Origin", "http://localhost:8123");
    for headers in [
        &[][..],
        &[("Host", "localhost")],
        &[own_origin, ("Sec-Fetch-Site", "same-origin")],
    ] {
        let (status, _) = post(&format!("{url}/?database=system"), headers, "SELECT 1").await;
        assert_eq!(status, 200, "{headers:?}");
    }
    for page in [
        "ping",
        "play",
        "dashboard",
        "replicas_status",
        "js/uplot.js",
    ] {
        let response = http_client().get(format!("{url}/{page}")).send().await;
        assert_eq!(response.unwrap().status(), 200, "{page}");
    }
}

#[tokio::test]
async fn listeners_that_somebody_stops_are_opened_again() {
    let (_dir, server) = start(server_options());
    let url = &server.connection().url;
    for statement in ["SYSTEM STOP LISTEN HTTP", "SYSTEM STOP LISTEN TCP"] {
        let (status, answer) = post(url, &Headers::new(), statement).await;
        assert_ne!(status, 200, "{statement}: {answer}");
    }
    let stopped = server.client().query("SYSTEM STOP LISTEN HTTP").execute();
    // The answer may be lost with its connection.
    drop(stopped.await);
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = server.client().query("SELECT 1").fetch_one::<u8>().await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn with_a_password_nobody_without_it_does_anything() {
    const PASSWORD: &str = "r'ight<&";
    for user in ["default", "writer"] {
        let (_dir, server) = start(ServerOptions {
            access: Access::Password {
                user: user.to_owned(),
                password: PASSWORD.to_owned(),
            },
            ..server_options()
        });
        let url = &server.connection().url;
        for login in [
            vec![],
            basic("default", ""),
            basic(user, "wrong"),
            own_headers("default", ""),
            own_headers(user, ""),
            basic("guest", ""),
            basic("clickhouse_embedded", ""),
        ] {
            let (status, answer) = post(url, &login, "SELECT 1").await;
            assert!(matches!(status, 401 | 403), "{login:?}: {status} {answer}");
        }
        for login in [basic(user, PASSWORD), own_headers(user, PASSWORD)] {
            for statement in [
                "SELECT file('/etc/hostname')",
                "CREATE OR REPLACE TABLE t ENGINE = Log AS SELECT 1",
            ] {
                let (status, answer) = post(url, &login, statement).await;
                assert_eq!(status, 200, "{login:?} {statement}: {answer}");
            }
        }
        let native = server.connection().native;
        assert!(!native_login(native, "default", ""));
        assert!(!native_login(native, user, "wrong"));
        assert!(native_login(native, user, PASSWORD));
    }
}

/// Says hello in the native protocol, and returns whether the server says it too.
fn native_login(address: SocketAddr, user: &str, password: &str) -> bool {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    // Version 1.1 at revision 50000, and no database.
    let version = vec![1, 1, 0xd0, 0x86, 3];
    let client = [vec![0], text("test"), version, text("")].concat();
    let hello = [client, text(user), text(password)].concat();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&hello).unwrap();
    let mut kind = [0];
    stream.read_exact(&mut kind).unwrap();
    kind == [0]
}

#[test]
fn beyond_this_machine_a_server_asks_for_a_password() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let refused = start_error(ServerOptions {
            listen: listen.parse().unwrap(),
            ..server_options()
        });
        let is_expected = matches!(refused, Error::CredentialsNeeded { .. });
        assert!(is_expected, "{refused:?}");
    }
}

#[tokio::test]
async fn no_client_ends_the_server_by_what_it_sends() {
    let (dir, server) = start(server_options());
    let connection = server.connection();
    let http = connection.url.strip_prefix("http://").unwrap();
    let native = connection.native;
    let http: SocketAddr = http.parse().unwrap();
    let insert = "POST /?query=INSERT+INTO+FUNCTION+null('x+String')+FORMAT+TSV HTTP/1.1\r\n\
                  Transfer-Encoding: chunked\r\n\r\n";
    let endless = "GET /?query=SELECT+number+FROM+system.numbers HTTP/1.1\r\n\r\n";
    let cut_off = "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nSELECT";
    for (address, bytes) in [
        (http, &b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n"[..]),
        (http, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        (http, cut_off.as_bytes()),
        (http, format!("{insert}zz\r\nabc").as_bytes()),
        (http, format!("{insert}5\r\nabc").as_bytes()),
        (http, endless.as_bytes()),
        (http, b""),
        (native, b"GET / HTTP/1.1\r\n\r\n"),
        (native, b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        (native, b""),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
        if bytes == endless.as_bytes() {
            stream.read_exact(&mut [0; 10]).unwrap();
        }
        drop(stream);
        assert!(!native_login(native, "nobody", "wrong"));
        let one = server.client().query("SELECT 1").fetch_one::<u8>().await;
        assert_eq!(one.unwrap(), 1, "{}", bytes.escape_ascii());
    }
    let found = Connection::find(dir.path()).unwrap();
    assert_eq!(found.process_id, connection.process_id, "restarted");
}
