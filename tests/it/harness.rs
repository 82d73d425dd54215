//! Real binaries on loopback: started, read from, killed, and always ended.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use processes::Binaries;
use serde_json::Value;

pub(crate) use processes::Ended;

/// Nothing here takes that long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Builds the binaries once and returns where they are.
fn binaries() -> &'static Binaries {
    static BINARIES: OnceLock<Binaries> = OnceLock::new();
    BINARIES.get_or_init(|| Binaries::build().unwrap())
}

/// A command of this project with nothing of the tester's own settings.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    binaries().command(name, directory)
}

/// What tests ask of a command that ended.
pub(crate) trait Outcome {
    /// Returns the final JSON object.
    fn json(&self) -> Value;

    /// Goes on only with this exit code.
    #[track_caller]
    fn expect(self, code: i32) -> Self;
}

impl Outcome for Ended {
    fn json(&self) -> Value {
        serde_json::from_str(self.stdout.trim()).unwrap_or_else(|error| panic!("{error}\n{self:?}"))
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A running command; killed when dropped.
pub(crate) struct Running(processes::Running);

impl Running {
    pub(crate) fn start(command: Command) -> Self {
        Self(processes::Running::start(command).unwrap())
    }

    /// Reads the line that a service prints when it is ready.
    pub(crate) fn ready(&mut self) -> Value {
        self.0.ready().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until standard error holds a text between two others, and returns it.
    pub(crate) async fn find_in_stderr(&mut self, before: &str, behind: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = Instant::now() > deadline || self.has_ended();
            if let Some((_, rest)) = self.0.stderr().split_once(before)
                && let Some((found, _)) = rest.split_once(behind)
            {
                return found.to_owned();
            }
            assert!(!last, "{before:?} is not in\n{}", self.0.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the arguments as everybody on this machine can read them, or nothing where the
    /// system does not show them.
    pub(crate) fn arguments(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.0.id())).unwrap_or_default()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Tells whether it has ended; then everything that it wrote is there.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.has_ended().unwrap()
    }

    /// Sends SIGKILL and waits for the end, which may have come before: then there is a code.
    pub(crate) fn kill(self) -> Ended {
        self.0.kill().unwrap()
    }

    /// Waits for the end, for as long as [`PATIENCE`] allows.
    pub(crate) fn end(self) -> Ended {
        self.0.end(PATIENCE).unwrap()
    }
}

/// Returns a client for plain HTTP on loopback.
pub(crate) fn http() -> reqwest::Client {
    // The client wants one even where nothing is encrypted; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A simulated source in a process of its own.
pub(crate) struct Source {
    process: processes::Source,
    pub(crate) endpoint: String,
}

impl Source {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::start_as_told(directory, &all)
    }

    pub(crate) fn start_as_told(directory: &Path, arguments: &[&str]) -> Self {
        let process = processes::Source::start(binaries(), directory, arguments).unwrap();
        Self {
            endpoint: process.endpoint.clone(),
            process,
        }
    }

    /// Returns the URL of something that it serves beside fills.
    pub(crate) fn url(&self, path: &str) -> String {
        self.process.url(path)
    }

    /// Returns the counters that the source raised, by token.
    pub(crate) async fn expected(&self) -> Value {
        self.told("/expected").await
    }

    /// Returns how many requests it was asked.
    pub(crate) async fn requests(&self) -> u64 {
        self.told("/stats").await["requests"].as_u64().unwrap()
    }

    async fn told(&self, path: &str) -> Value {
        let response = http().get(self.url(path)).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

/// The real ClickHouse engine in a process of its own.
pub(crate) struct Engine {
    engine: processes::Engine,
    pub(crate) url: String,
}

impl Engine {
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_at(directory, &directory.join("data"))
    }

    pub(crate) fn start_at(directory: &Path, data: &Path) -> Self {
        Self::serve(directory, data, "127.0.0.1:0")
    }

    fn serve(directory: &Path, data: &Path, listen: &str) -> Self {
        let engine = processes::Engine::start(binaries(), directory, data, listen).unwrap();
        Self {
            url: engine.url.clone(),
            engine,
        }
    }

    /// Starts at an address, where another one may have been before.
    pub(crate) fn start_on(directory: &Path, listen: &str) -> Self {
        Self::serve(directory, &directory.join("data"), listen)
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(self) -> Ended {
        self.engine.process.kill().unwrap()
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        self.engine.client()
    }

    /// Runs a query and returns its answer as tab-separated text.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let mut lines = self
            .client()
            .query(sql)
            .fetch_bytes("TabSeparated")
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let bytes = lines
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        String::from_utf8(bytes.to_vec())
            .unwrap()
            .trim_end()
            .to_owned()
    }
}

/// An ingest command against a source, with JSON output.
pub(crate) fn ingest(directory: &Path, source: &Source, arguments: &[&str]) -> Command {
    let mut command = command("ingest", directory);
    command
        .args(["--output", "json", "--endpoint", &source.endpoint])
        .args(arguments);
    command
}
