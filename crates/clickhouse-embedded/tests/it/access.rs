//! Who may do what, over HTTP and the native protocol, and that no client ends the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use clickhouse_embedded::testing::{server_options, shared_server};
use clickhouse_embedded::{Access, Error, Server, ServerOptions};

/// Sends a statement and returns status and answer.
async fn ask(url: &str, login: Login, statement: &str) -> (u16, String) {
    // The client wants one even where nothing is encrypted; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().post(url).body(statement.to_owned());
    let request = match login {
        Login::None => request,
        Login::Basic(user, password) => request.basic_auth(user, Some(password)),
        Login::Headers(user, password) => request
            .header("X-ClickHouse-User", user)
            .header("X-ClickHouse-Key", password),
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[derive(Debug, Clone, Copy)]
enum Login {
    None,
    Basic(&'static str, &'static str),
    Headers(&'static str, &'static str),
}

/// The ways in which clients without a password come.
const OPEN: [Login; 3] = [
    Login::None,
    Login::Basic("default", ""),
    Login::Headers("default", ""),
];

#[tokio::test]
async fn without_a_password_everyone_on_this_machine_queries_and_inserts() {
    let server = shared_server();
    let url = &server.connection().url;
    for (at, login) in OPEN.into_iter().enumerate() {
        for statement in [
            &format!("CREATE DATABASE open_{at}"),
            &format!("CREATE TABLE open_{at}.t (n UInt64) ENGINE = MergeTree ORDER BY n"),
            &format!("INSERT INTO open_{at}.t VALUES (1), (2)"),
            &format!("CREATE VIEW open_{at}.v AS SELECT n FROM open_{at}.t"),
            &format!(
                "CREATE DICTIONARY open_{at}.d (n UInt64, m UInt64) PRIMARY KEY n \
                 SOURCE(CLICKHOUSE(QUERY 'SELECT n, n AS m FROM open_{at}.t')) \
                 LIFETIME(0) LAYOUT(FLAT())"
            ),
            &format!("SYSTEM RELOAD DICTIONARY open_{at}.d"),
            &format!("SELECT sum(n) + dictGet('open_{at}.d', 'm', 2) FROM open_{at}.v"),
            &format!("ALTER TABLE open_{at}.t DELETE WHERE n = 1"),
            &format!("OPTIMIZE TABLE open_{at}.t FINAL"),
            &format!("DROP DATABASE open_{at}"),
        ] {
            let (status, answer) = ask(url, login, statement).await;
            assert_eq!(status, 200, "{login:?} {statement}: {answer}");
            if statement.starts_with("SELECT") {
                assert_eq!(answer.trim(), "5");
            }
        }
    }
}

#[tokio::test]
async fn without_a_password_nobody_reaches_files_servers_and_users() {
    let server = shared_server();
    let url = &server.connection().url;
    let secret = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    std::fs::write(secret.path(), "top,secret\n").unwrap();
    let secret = secret.path().display();
    // Whoever reaches another server is seen here.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let port = other.local_addr().unwrap().port();
    let unreached = |statement: &str| {
        let reached = other.accept();
        assert!(reached.is_err(), "{statement} reached another server");
    };
    for login in OPEN {
        for statement in [
            format!("SELECT * FROM file('{secret}', 'LineAsString')"),
            format!("SELECT * FROM `{secret}`"),
            format!("SELECT * FROM default.`{secret}`"),
            format!("SELECT file('{secret}')"),
            format!("SELECT file('{secret}', '')"),
            format!("SELECT arrayMap(file, ['{secret}'])"),
            format!("SELECT file('{secret}') SETTINGS enable_analyzer = 0"),
            format!("INSERT INTO FUNCTION null('l String') VALUES (file('{secret}'))"),
            format!(
                "SELECT hasColumnInTable('127.0.0.1:{port}', 'default', '', 'system', 'one', 'x')"
            ),
            "DROP FUNCTION file".to_owned(),
            "CREATE OR REPLACE FUNCTION file AS x -> x".to_owned(),
            format!("INSERT INTO FUNCTION file('{secret}.out', 'CSV', 'n UInt8') VALUES (1)"),
            format!("SELECT 1 INTO OUTFILE '{secret}.out'"),
            format!("SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString')"),
            format!("SELECT * FROM s3('http://127.0.0.1:{port}/b/k', 'LineAsString')"),
            format!("SELECT * FROM remote('127.0.0.1:{port}', system.one)"),
            format!("SELECT * FROM mysql('127.0.0.1:{port}', 'd', 't', 'u', 'p')"),
            "SELECT * FROM executable('id', 'TSV', 'x String')".to_owned(),
            "CREATE DATABASE f ENGINE = Filesystem('/tmp')".to_owned(),
            format!("CREATE DATABASE f ENGINE = PostgreSQL('127.0.0.1:{port}', 'd', 'u', 'p')"),
            format!("CREATE DATABASE f ENGINE = MySQL('127.0.0.1:{port}', 'd', 'u', 'p')"),
            "CREATE DATABASE f ENGINE = SQLite('/tmp/x')".to_owned(),
            format!("CREATE DATABASE f ENGINE = S3('http://127.0.0.1:{port}/b')"),
            "CREATE DATABASE f ENGINE = Backup('b', File('/tmp/x'))".to_owned(),
            format!("CREATE TABLE f (l String) ENGINE = File(LineAsString, '{secret}')"),
            format!("CREATE TABLE f (l String) ENGINE = URL('http://127.0.0.1:{port}/', 'CSV')"),
            "CREATE TABLE f (l String) ENGINE = Executable('id', 'TSV')".to_owned(),
            "CREATE TABLE f (l String) ENGINE = Distributed('default', 'd', 't')".to_owned(),
            "CREATE USER intruder".to_owned(),
            "GRANT ALL ON *.* TO default".to_owned(),
            "SHOW CREATE USER clickhouse_embedded".to_owned(),
            "EXECUTE AS clickhouse_embedded SELECT 1".to_owned(),
            "CREATE NAMED COLLECTION c AS a = 1".to_owned(),
            "BACKUP DATABASE default TO File('/tmp/x')".to_owned(),
            "SYSTEM SHUTDOWN".to_owned(),
            "SYSTEM KILL".to_owned(),
        ] {
            let (status, answer) = ask(url, login, &statement).await;
            assert_ne!(status, 200, "{login:?} {statement}: {answer}");
            assert!(!answer.contains("secret\n"), "{statement}: {answer}");
            unreached(&statement);
        }
    }
    for source in [
        format!("FILE(PATH '{secret}' FORMAT 'CSV')"),
        format!("HTTP(URL 'http://127.0.0.1:{port}/' FORMAT 'CSV')"),
        "EXECUTABLE(COMMAND 'id' FORMAT 'CSV')".to_owned(),
        format!("CLICKHOUSE(HOST '127.0.0.1' PORT {port} QUERY 'SELECT 1, 2')"),
        format!("MYSQL(HOST '127.0.0.1' PORT {port} USER 'u' DB 'd' TABLE 't')"),
    ] {
        let create = format!(
            "CREATE OR REPLACE DICTIONARY default.intruder (a String, b String) PRIMARY KEY a \
             SOURCE({source}) LIFETIME(0) LAYOUT(COMPLEX_KEY_HASHED()) SETTINGS(http_max_tries = 1)"
        );
        ask(url, Login::None, &create).await;
        let (status, answer) = ask(
            url,
            Login::None,
            "SELECT * FROM dictionary('default.intruder')",
        )
        .await;
        assert_ne!(status, 200, "{source}: {answer}");
        unreached(&source);
    }
}

#[tokio::test]
async fn without_a_password_web_pages_are_kept_out_but_the_servers_own() {
    let url = &shared_server().connection().url;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let status = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = client.post(format!("{url}{path}")).body("SELECT 1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    for headers in [
        &[("Origin", "http://evil.example")][..],
        &[("Origin", "null")],
        &[("Origin", "http://127.0.0.1.evil.example")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Host", "evil.example:8123")],
        &[
            ("Host", "evil.example:8123"),
            ("X-ClickHouse-User", "default"),
        ],
        &[
            ("Origin", "http://evil.example"),
            ("X-ClickHouse-User", "default"),
        ],
    ] {
        assert_eq!(status("/", headers).await, 403, "{headers:?}");
        assert_eq!(
            status("/?query=SELECT+2", headers).await,
            403,
            "{headers:?}"
        );
    }
    for headers in [
        &[][..],
        &[("Host", "localhost")],
        &[
            ("Origin", "http://localhost:8123"),
            ("Sec-Fetch-Site", "same-origin"),
        ],
    ] {
        assert_eq!(
            status("/?database=system", headers).await,
            200,
            "{headers:?}"
        );
    }
    for page in ["/ping", "/play", "/dashboard", "/replicas_status"] {
        let answer = client.get(format!("{url}{page}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{page}");
    }
    let script = client
        .get(format!("{url}/js/uplot.js"))
        .send()
        .await
        .unwrap();
    assert_eq!(script.status(), 200);
}

#[tokio::test]
async fn listeners_that_somebody_stops_are_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), server_options()).unwrap();
    let url = &server.connection().url;
    for statement in ["SYSTEM STOP LISTEN HTTP", "SYSTEM STOP LISTEN TCP"] {
        let (status, answer) = ask(url, Login::None, statement).await;
        assert_ne!(status, 200, "{statement}: {answer}");
    }
    let stopped = server.client().query("SYSTEM STOP LISTEN HTTP").execute();
    // The answer may be lost with its connection.
    drop(stopped.await);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while let Err(error) = server.client().query("SELECT 1").fetch_one::<u8>().await {
        assert!(std::time::Instant::now() < deadline, "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn with_a_password_nobody_without_it_does_anything() {
    for user in ["default", "writer"] {
        let dir = tempfile::tempdir().unwrap();
        let options = ServerOptions {
            access: Access::Password {
                user: user.to_owned(),
                password: "r'ight<&".to_owned(),
            },
            ..server_options()
        };
        let server = Server::start(dir.path(), options).unwrap();
        let url = &server.connection().url;
        for login in [
            Login::None,
            Login::Basic("default", ""),
            Login::Basic(user, "wrong"),
            Login::Headers("default", ""),
            Login::Headers(user, ""),
            Login::Basic("guest", ""),
            Login::Basic("clickhouse_embedded", ""),
        ] {
            let (status, answer) = ask(url, login, "SELECT 1").await;
            assert!(
                status == 403 || status == 401,
                "{login:?}: {status} {answer}"
            );
        }
        let hidden = "SELECT file('/etc/hostname')";
        let (status, answer) = ask(url, Login::Basic(user, "r'ight<&"), hidden).await;
        assert_eq!(status, 200, "{answer}");
        for login in [
            Login::Basic(user, "r'ight<&"),
            Login::Headers(user, "r'ight<&"),
        ] {
            let (status, answer) = ask(
                url,
                login,
                "CREATE OR REPLACE TABLE t ENGINE = Log AS SELECT 1",
            )
            .await;
            assert_eq!(status, 200, "{answer}");
        }
        let native = server.connection().native;
        assert!(!native_login(native, "default", ""));
        assert!(!native_login(native, user, "wrong"));
        assert!(native_login(native, user, "r'ight<&"));
    }
}

/// Says hello in the native protocol, and returns whether the server says it too.
fn native_login(address: SocketAddr, user: &str, password: &str) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    // Hello, and version 1.1 at revision 50000.
    let mut hello = vec![0];
    let text = |hello: &mut Vec<u8>, text: &str| {
        hello.push(u8::try_from(text.len()).unwrap());
        hello.extend_from_slice(text.as_bytes());
    };
    text(&mut hello, "test");
    hello.extend([1, 1, 0xd0, 0x86, 3]);
    for field in ["", user, password] {
        text(&mut hello, field);
    }
    stream.write_all(&hello).unwrap();
    let mut kind = [0];
    stream.read_exact(&mut kind).unwrap();
    kind == [0]
}

#[test]
fn beyond_this_machine_a_server_asks_for_a_password() {
    let dir = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let options = ServerOptions {
            listen: listen.parse().unwrap(),
            ..server_options()
        };
        let refused = Server::start(dir.path(), options);
        assert!(
            matches!(refused, Err(Error::CredentialsNeeded { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn no_client_ends_the_server_by_what_it_sends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), server_options()).unwrap();
    let process = server.connection().process_id;
    let http = server.connection().url.strip_prefix("http://").unwrap();
    let http: SocketAddr = http.parse().unwrap();
    let native = server.connection().native;
    let insert = "POST /?query=INSERT+INTO+FUNCTION+null('x+String')+FORMAT+TSV HTTP/1.1\r\n\
                  Transfer-Encoding: chunked\r\n\r\n";
    for (address, bytes) in [
        (http, &b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n"[..]),
        (http, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        (
            http,
            b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nSELECT",
        ),
        (http, &[insert.as_bytes(), b"zz\r\nabc"].concat()),
        (http, &[insert.as_bytes(), b"5\r\nabc"].concat()),
        (
            http,
            b"GET /?query=SELECT+number+FROM+system.numbers HTTP/1.1\r\n\r\n",
        ),
        (http, b""),
        (native, b"GET / HTTP/1.1\r\n\r\n"),
        (native, b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        (native, b""),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
        let mut start = [0; 10];
        if bytes.starts_with(b"GET /?query") {
            stream.read_exact(&mut start).unwrap();
        }
        drop(stream);
        assert!(!native_login(native, "nobody", "wrong"));
        let one = server.client().query("SELECT 1").fetch_one::<u8>().await;
        assert_eq!(one.unwrap(), 1, "{}", bytes.escape_ascii());
    }
    assert_eq!(server.connection().process_id, process);
    let found = clickhouse_embedded::Connection::find(dir.path()).unwrap();
    assert_eq!(found.process_id, process, "it was started again");
}
