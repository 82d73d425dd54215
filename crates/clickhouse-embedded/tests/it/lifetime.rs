//! A server begins and ends with its program, and only one has a directory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use clickhouse::Client;
use clickhouse_embedded::testing::{server_options, shared_server};
use clickhouse_embedded::{Connection, Error, Server, ServerOptions};

use crate::{start, start_error};

/// Names the directory that a child process is to serve.
const CHILD_DIR: &str = "CLICKHOUSE_EMBEDDED_TEST_DIR";

/// The value of a variable in the environment of such a process.
const SECRET: &str = "the-key-of-the-source";

async fn count(client: &Client) -> u64 {
    client
        .query("SELECT count() FROM t")
        .fetch_one()
        .await
        .unwrap()
}

async fn create(client: &Client) {
    let create = "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n AS SELECT 7";
    client.query(create).execute().await.unwrap();
}

fn is_alive(process_id: u32) -> bool {
    // A process that has ended and is not waited for yet has no command line.
    fs::read(format!("/proc/{process_id}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn send(signal: &str, process_id: u32) {
    let sent = Command::new("kill")
        .args([signal, &process_id.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_table_is_there_after_a_stop_and_a_start_with_the_same_credentials() {
    let (dir, server) = start(server_options());
    let version = server.version();
    assert!(version.starts_with("26.7."), "{version}");
    let before = server.connection().clone();
    create(&server.client()).await;
    server.stop();
    assert!(!is_alive(before.process_id));
    assert_eq!(Connection::find(dir.path()), None);

    let server = Server::start(dir.path(), server_options()).unwrap();
    assert_eq!(count(&server.client()).await, 1);
    assert_eq!(server.connection().password, before.password);
}

#[tokio::test]
async fn a_killed_server_is_started_again_at_its_address() {
    let (dir, server) = start(server_options());
    let killed = server.connection();
    create(&server.client()).await;
    send("-KILL", killed.process_id);
    let found = || Connection::find(dir.path());
    wait_until("started again", || {
        found().is_some_and(|found| found.process_id != killed.process_id)
    });
    let found = found().unwrap();
    assert_eq!(found.url, killed.url);
    // A new client: the connections of the old one ended with the killed server.
    assert_eq!(count(&found.client()).await, 1);
}

#[test]
fn options_that_the_server_refuses_are_an_error_with_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        settings: vec![("no_such_setting".to_owned(), "1".to_owned())],
        ..server_options()
    };
    let refused = Server::start(dir.path(), options).unwrap_err();
    assert!(refused.to_string().contains("no_such_setting"), "{refused}");
    // A failed start leaves the directory free.
    Server::start(dir.path(), server_options()).unwrap();
}

#[test]
fn a_program_that_does_not_become_a_server_is_told_what_to_call() {
    let refused = start_error(ServerOptions {
        arguments: vec!["no_such_test".into()],
        ..server_options()
    });
    assert!(matches!(refused, Error::NotCalled), "{refused:?}");
}

#[test]
fn a_port_in_use_is_said_to_be() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = start_error(ServerOptions {
        listen: taken.local_addr().unwrap(),
        ..server_options()
    });
    assert!(matches!(refused, Error::Listen { .. }), "{refused:?}");
}

/// A process that runs a server until it is killed.
struct Parent {
    process: Child,
    server: u32,
}

impl Parent {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "lifetime::child_serves", "--nocapture"])
            .env(CHILD_DIR, dir)
            .env("GOLDSKY_API_KEY", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let id = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once("serving ")?.1.parse().ok());
        Self {
            process,
            server: id.unwrap(),
        }
    }

    /// Lets the process stop its server and end.
    fn stop(&mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn child_serves() {
    let Some(dir) = env::var_os(CHILD_DIR).map(PathBuf::from) else {
        return;
    };
    let server = Server::start(dir, server_options()).unwrap();
    println!("serving {}", server.connection().process_id);
    // Until the parent lets go of it.
    std::io::stdin().lines().for_each(drop);
}

#[tokio::test]
async fn another_process_has_the_directory_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut parent = Parent::start(dir.path());
    let refused = Server::start(dir.path(), server_options());
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    let found = Connection::find(dir.path()).unwrap();
    assert_eq!(found.process_id, parent.server);
    create(&found.client()).await;
    assert!(!format!("{found:?}").contains(&found.password));

    parent.stop();
    assert!(!is_alive(parent.server));
}

#[test]
fn the_server_does_not_inherit_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let mut parent = Parent::start(dir.path());
    let environment = |id| fs::read_to_string(format!("/proc/{id}/environ")).unwrap();
    assert!(environment(parent.process.id()).contains(SECRET));
    let inherited = environment(parent.server);
    // The environment is not printed: it may hold secrets of whoever runs the test.
    assert!(!inherited.contains(SECRET), "the secret was inherited");
    assert!(inherited.contains("\0PATH="), "PATH was not inherited");
    parent.stop();
}

#[test]
fn a_server_goes_with_its_killed_program_and_its_address_is_believed_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut parent = Parent::start(dir.path());
    parent.process.kill().unwrap();
    parent.process.wait().unwrap();
    wait_until("ended", || Connection::find(dir.path()).is_none());
    assert!(dir.path().join("embedded/connection.json").exists());
    assert!(!is_alive(parent.server));
    Server::start(dir.path(), server_options()).unwrap();
}

#[tokio::test]
async fn signals_that_end_a_service_leave_the_server_to_its_program() {
    let server = shared_server();
    let process_id = server.connection().process_id;
    for signal in ["-TERM", "-INT", "-HUP"] {
        send(signal, process_id);
    }
    let one = server.client().query("SELECT 1").fetch_one::<u8>().await;
    assert_eq!(one.unwrap(), 1);
    assert!(is_alive(process_id));
}
