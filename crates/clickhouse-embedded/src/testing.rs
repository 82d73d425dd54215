//! One server for all tests of a process, for other crates' tests.
//!
//! Tests of one binary run side by side; they share a server, and each has a database of its own.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs, io, process};

use clickhouse::Client;
use clickhouse::sql::Identifier;
use rustix::process::{Pid, test_kill_process};

use crate::{Error, InstallOptions, Server, ServerOptions, install};

const PREFIX: &str = "clickhouse-embedded-tests-";

/// The test that becomes the server; see [`test_server!`](crate::test_server).
const SERVER_TEST: &str = "clickhouse_server";

/// Makes the test binary able to start servers. It has to stand at the root of the test crate.
#[macro_export]
macro_rules! test_server {
    () => {
        #[test]
        fn clickhouse_server() {
            $crate::run_if_server();
        }
    };
}

/// Returns the options of a server that a test starts.
#[must_use]
pub fn server_options() -> ServerOptions {
    let arguments = [SERVER_TEST, "--exact", "--nocapture"];
    ServerOptions {
        arguments: arguments.map(Into::into).into(),
        ..ServerOptions::default()
    }
}

/// Returns the server of this test process, in a temporary directory.
///
/// Installs the library if it is not there. The server ends with the process, and the directory is
/// removed by the next test process that comes along.
///
/// # Panics
/// If the server cannot be installed or started; what to do is in the message.
#[must_use]
pub fn shared_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let needed = |error| panic!("the tests need a ClickHouse server: {error}");
    SERVER.get_or_init(|| start().unwrap_or_else(needed))
}

fn start() -> Result<Server, Error> {
    install(&InstallOptions::default(), |_| {})?;
    let dir = temporary_dir().map_err(Error::file("make a directory in", env::temp_dir()))?;
    Server::start(dir, server_options())
}

/// Makes an empty database on the shared server and returns a client that uses it.
///
/// # Panics
/// As [`shared_server`], and if the name is none for a database.
pub async fn database(name: &str) -> Client {
    let client = shared_server().client();
    for statement in ["DROP DATABASE IF EXISTS ?", "CREATE DATABASE ?"] {
        let query = client.query(statement).bind(Identifier(name));
        if let Err(error) = query.execute().await {
            panic!("cannot make the test database {name}: {error}");
        }
    }
    client.with_database(name)
}

/// Makes the directory of this process, and removes those of processes that have ended.
fn temporary_dir() -> io::Result<PathBuf> {
    for entry in fs::read_dir(env::temp_dir())?.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        if let Some(owner) = owner.and_then(Pid::from_raw)
            && test_kill_process(owner).is_err()
        {
            // What cannot be removed is another user's, or being removed.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    let dir = env::temp_dir().join(format!("{PREFIX}{}", process::id()));
    fs::create_dir_all(&dir)?;
    Ok(dir)
}
