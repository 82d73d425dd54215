//! Real server processes: clients, access, and ends of every kind.

#![expect(clippy::unwrap_used, reason = "an unmet expectation ends a test")]

use clickhouse_embedded::{Error, Server, ServerOptions};
use tempfile::TempDir;

clickhouse_embedded::test_server!();

mod access;
mod lifetime;

/// Starts a server in a directory of its own.
fn start(options: ServerOptions) -> (TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), options).unwrap();
    (dir, server)
}

/// Returns the error of a server that does not start.
fn start_error(options: ServerOptions) -> Error {
    let dir = tempfile::tempdir().unwrap();
    Server::start(dir.path(), options).unwrap_err()
}
