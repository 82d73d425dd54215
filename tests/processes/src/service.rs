//! Services: running commands that say where they listen.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::{Binaries, Running};

/// A simulated source in a process of its own.
#[derive(Debug)]
pub struct Source {
    _process: Running,
    /// Where to ask it for fills.
    pub endpoint: String,
}

impl Source {
    /// Starts `goldsky-sim` with these arguments and waits until it is ready.
    ///
    /// # Errors
    /// What keeps it from being ready.
    pub fn start(binaries: &Binaries, directory: &Path, arguments: &[&str]) -> io::Result<Self> {
        let mut command = binaries.command("goldsky-sim", directory);
        command.args(arguments);
        let mut process = Running::start(command)?;
        let endpoint = text(&process.ready()?, "endpoint")?;
        Ok(Self {
            _process: process,
            endpoint,
        })
    }

    /// Returns the URL of something that it serves beside fills, such as `/expected`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let host: Vec<_> = self.endpoint.splitn(4, '/').take(3).collect();
        host.join("/") + path
    }
}

/// The real ClickHouse engine in a process of its own.
#[derive(Debug)]
pub struct Engine {
    /// The process.
    pub process: Running,
    /// The process of the server, which ends with the other.
    pub server_id: u32,
    /// Its HTTP interface.
    pub url: String,
}

impl Engine {
    /// Starts `ingest engine serve` on a data directory and waits until it is ready.
    ///
    /// # Errors
    /// What keeps it from being ready.
    pub fn start(
        binaries: &Binaries,
        directory: &Path,
        data: &Path,
        listen: &str,
    ) -> io::Result<Self> {
        let mut command = binaries.command("ingest", directory);
        command
            .args(["engine", "serve", "--output", "json", "--listen", listen])
            .arg("--data-dir")
            .arg(data);
        let mut process = Running::start(command)?;
        let ready = process.ready()?;
        let server_id = ready["process_id"]
            .as_u64()
            .and_then(|id| id.try_into().ok());
        Ok(Self {
            server_id: server_id.ok_or_else(|| io::Error::other(format!("{ready}")))?,
            url: text(&ready, "url")?,
            process,
        })
    }

    /// Returns a client of it, without credentials and without compression.
    #[must_use]
    pub fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default()
            .with_url(&self.url)
            .with_compression(clickhouse::Compression::None)
    }
}

fn text(ready: &Value, key: &str) -> io::Result<String> {
    let text = ready[key].as_str();
    text.map(str::to_owned)
        .ok_or_else(|| io::Error::other(format!("{ready} has no {key}")))
}
