//! The way to ClickHouse: the official client's connections, without a network.

use std::io;

use clickhouse::Client;
use clickhouse_embedded::testing::over_pipes;

use crate::server::Server;

/// Makes the client of one process. It connects while the server runs.
pub(crate) fn client(server: Server) -> Client {
    over_pipes(move |pipe| {
        if !server.table.is_up() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        tokio::spawn(server.clone().serve(pipe));
        Ok(())
    })
}
