//! Secrets stay where they were given: nothing that the program prints, writes or hands to others
//! to see holds one, however it ends and however much it logs.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::harness::*;

/// Marks of secrets: a key in the endpoint's path and one in its query, the password, and one that
/// is wrong.
const PATH_KEY: &str = "k3ypath5ecret";
const QUERY_KEY: &str = "k3yquery5ecret";
const PASSWORD: &str = "pa55w0rd5ecret";
const WRONG: &str = "wr0ng5ecret";
const ALL: [&str; 4] = [PATH_KEY, QUERY_KEY, PASSWORD, WRONG];

/// An ingest command with keys in its endpoint, all by the environment, that logs what it can.
fn talkative(directory: &Path, endpoint: &str) -> Command {
    let mut command = command("ingest", directory);
    command
        .env("GOLDSKY_ENDPOINT", endpoint)
        .env("SOURCE_PATIENCE_SECONDS", "1")
        .env("RUST_LOG", "trace");
    command
}

/// The endpoint of a source, with a key in its path and one in its query.
fn keyed(source: &Source) -> String {
    let host = source.endpoint.splitn(4, '/').take(3).collect::<Vec<_>>();
    format!(
        "{}/api/public/{PATH_KEY}/subgraphs/orderbook-subgraph/0.0.1/gn?key={QUERY_KEY}",
        host.join("/")
    )
}

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[track_caller]
fn assert_kept(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in ALL {
        if let Some(line) = text.lines().find(|line| line.contains(secret)) {
            panic!("{secret} is in {what}: {line}");
        }
    }
}

/// Runs a command to its end, and searches its arguments, its output and what it wrote.
#[track_caller]
fn run(command: Command, directory: &Path, code: i32) -> Ended {
    let running = Running::start(command);
    let arguments = running.arguments();
    let ended = running.end().expect(code);
    assert_kept("the arguments", &arguments);
    assert_kept("standard output", ended.stdout.as_bytes());
    assert_kept("standard error", ended.stderr.as_bytes());
    search(directory);
    ended
}

/// Searches all files below a directory, by name too.
#[track_caller]
fn search(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert_kept("a name", path.to_string_lossy().as_bytes());
        if path.is_dir() {
            search(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            assert_kept(&path.to_string_lossy(), &bytes);
        }
    }
}

#[tokio::test]
async fn a_run_into_the_embedded_engine_keeps_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "300", "--markets", "5"]);
    for output in ["human", "json"] {
        let mut load = talkative(directory.path(), &keyed(&source));
        load.env("CLICKHOUSE_PASSWORD", PASSWORD);
        load.args(["--output", output]);
        let ended = run(load, directory.path(), 0);
        // Else there would be nothing to find.
        assert!(ended.stderr.contains("TRACE"), "{}", ended.stderr);
    }
    for arguments in [&["status"][..], &["markets"], &["config", "show"]] {
        let mut command = talkative(directory.path(), &keyed(&source));
        command.args(arguments).env("CLICKHOUSE_PASSWORD", PASSWORD);
        let ended = run(command, directory.path(), 0);
        let host = source.endpoint.split('/').nth(2).unwrap();
        assert!(arguments != ["config", "show"] || ended.stdout.contains(host));
    }
}

#[tokio::test]
async fn a_run_into_a_server_with_a_password_keeps_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "300", "--markets", "5"]);
    let secret = elsewhere.path().join("password");
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();

    let mut serve = command("ingest", elsewhere.path());
    serve
        .args([
            "engine",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--output",
            "json",
        ])
        .env("CLICKHOUSE_PASSWORD_FILE", &secret)
        .env("RUST_LOG", "trace");
    let mut serve = Running::start(serve);
    let url = serve.ready()["url"].as_str().unwrap().to_owned();
    let load = |name: &str, value: &str| {
        let mut load = talkative(directory.path(), &keyed(&source));
        load.env("CLICKHOUSE_URL", &url).env(name, value);
        load
    };
    let path = secret.to_str().unwrap();
    run(load("CLICKHOUSE_PASSWORD_FILE", path), directory.path(), 0);
    run(load("CLICKHOUSE_PASSWORD", WRONG), directory.path(), 2);

    let client = clickhouse::Client::default()
        .with_url(&url)
        .with_user("default")
        .with_password(PASSWORD)
        .with_compression(clickhouse::Compression::None);
    // The dictionary is made with the password where the server asks for one.
    let told = "SELECT create_table_query, engine_full FROM system.tables";
    let mut told = client.query(told).fetch_bytes("TabSeparated").unwrap();
    assert_kept("what the server tells", &told.collect().await.unwrap());
    serve.signal("TERM");
    let served = serve.end().expect(0);
    assert_kept("the server's standard error", served.stderr.as_bytes());
}

#[tokio::test]
async fn a_run_that_fails_keeps_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "300", "--markets", "5"]);
    let nobody = closed_port();
    let host = nobody.trim_start_matches("http://");
    let fails = |endpoint: &str, name: &str, value: &str, code: i32| {
        let mut command = talkative(directory.path(), endpoint);
        command.env(name, value);
        run(command, directory.path(), code)
    };
    let unreachable = format!("{nobody}/api/{PATH_KEY}/gn?key={QUERY_KEY}");
    fails(&unreachable, "CLICKHOUSE_PASSWORD", PASSWORD, 69);
    // The source says which deployment it does not have.
    let unknown = keyed(&source).split("/api/").next().unwrap().to_owned();
    let unknown = format!("{unknown}/subgraphs/name/{PATH_KEY}?key={QUERY_KEY}");
    fails(&unknown, "CLICKHOUSE_PASSWORD", PASSWORD, 1);
    let with_user = format!("http://{WRONG}:{PASSWORD}@{host}/gn");
    fails(&with_user, "CLICKHOUSE_PASSWORD", PASSWORD, 2);
    fails(&keyed(&source), "CLICKHOUSE_URL", &with_user, 2);
    let with_query = format!("{nobody}/?user=u&password={PASSWORD}");
    fails(&keyed(&source), "CLICKHOUSE_URL", &with_query, 2);
    fails(&keyed(&source), "CLICKHOUSE_URL", &nobody, 69);
    fails(&keyed(&source), "GAMMA_URL", &with_user, 2);
    fails(PATH_KEY, "WORKER_COUNT", "3", 2);
}
