//! Real binaries on loopback: started, read from, killed, and always ended.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes that long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Builds the binaries once, with the profile of the tests, and returns where they are.
fn binaries() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        // `target/PROFILE/deps/it-…` is this test.
        let test = std::env::current_exe().unwrap();
        let directory = test.parent().unwrap().parent().unwrap().to_path_buf();
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "-p", "ingest", "-p", "goldsky-sim"])
            .arg("--target-dir")
            .arg(directory.parent().unwrap());
        // What cargo told this test of its own package makes build scripts run again, and half of
        // the dependencies be compiled again, every time.
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(name);
            }
        }
        if directory.ends_with("release") {
            build.arg("--release");
        }
        assert!(
            build.status().unwrap().success(),
            "the binaries do not build"
        );
        directory
    })
}

/// A command of this project with nothing of the tester's own settings.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(binaries().join(name));
    for variable in [
        "GOLDSKY_ENDPOINT",
        "CLICKHOUSE_URL",
        "CLICKHOUSE_USER",
        "CLICKHOUSE_PASSWORD",
        "CLICKHOUSE_DATABASE",
        "DATA_DIR",
        "FILLS_TABLE",
        "WORKER_COUNT",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command.current_dir(directory).stdin(Stdio::null());
    command
}

/// What a command that ended left.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Returns the final JSON object.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.stdout.trim()).unwrap_or_else(|error| panic!("{error}\n{self:?}"))
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
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
pub(crate) struct Running {
    child: Child,
    stdout: Option<BufReader<std::process::ChildStdout>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().map(BufReader::new);
        // Read at once, or a full pipe would stop the command.
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let reader = child.stderr.take().map(|mut pipe| {
            let stderr = Arc::clone(&stderr);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                    stderr.lock().unwrap().extend_from_slice(&bytes[..read]);
                }
            })
        });
        Self {
            child,
            stdout,
            stderr,
            reader,
        }
    }

    /// Reads the line that a service prints when it is ready.
    pub(crate) fn ready(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| {
            let _ = self.child.kill();
            self.reader.take().unwrap().join().unwrap();
            panic!("{error}: {line:?}\n{}", self.stderr())
        })
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// Waits until standard error holds a text between two others, and returns it.
    pub(crate) async fn find_in_stderr(&mut self, before: &str, behind: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = Instant::now() > deadline || self.has_ended();
            if let Some((_, rest)) = self.stderr().split_once(before)
                && let Some((found, _)) = rest.split_once(behind)
            {
                return found.to_owned();
            }
            assert!(!last, "{before:?} is not in\n{}", self.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the arguments as everybody on this machine can read them, or nothing where the
    /// system does not show them.
    pub(crate) fn arguments(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.child.id())).unwrap_or_default()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Tells whether it has ended; then everything that it wrote is there.
    pub(crate) fn has_ended(&mut self) -> bool {
        let ended = self.child.try_wait().unwrap().is_some();
        if ended && let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        ended
    }

    /// Sends SIGKILL and waits for the end, which may have come before: then there is a code.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the end, for as long as [`PATIENCE`] allows.
    pub(crate) fn end(mut self) -> Ended {
        let mut stdout = self.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        let status = self.wait();
        Ended {
            code: status.code(),
            stdout: reader.join().unwrap(),
            stderr: {
                if let Some(reader) = self.reader.take() {
                    reader.join().unwrap();
                }
                self.stderr()
            },
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    _process: Running,
    pub(crate) endpoint: String,
}

impl Source {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Self::start_as_told(directory, &all)
    }

    pub(crate) fn start_as_told(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = command("goldsky-sim", directory);
        command.args(arguments);
        let mut process = Running::start(command);
        let ready = process.ready();
        Self {
            _process: process,
            endpoint: ready["endpoint"].as_str().unwrap().to_owned(),
        }
    }

    /// Returns the counters that the source raised, by token.
    pub(crate) async fn expected(&self) -> Value {
        let url = self
            .endpoint
            .splitn(4, '/')
            .take(3)
            .collect::<Vec<_>>()
            .join("/");
        let response = http().get(format!("{url}/expected")).send().await.unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

/// The real ClickHouse engine in a process of its own.
pub(crate) struct Engine {
    process: Running,
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
        let mut command = command("ingest", directory);
        command
            .args(["engine", "serve", "--output", "json", "--listen", listen])
            .arg("--data-dir")
            .arg(data);
        let mut process = Running::start(command);
        let url = process.ready()["url"].as_str().unwrap().to_owned();
        Self { process, url }
    }

    /// Starts at an address, where another one may have been before.
    pub(crate) fn start_on(directory: &Path, listen: &str) -> Self {
        Self::serve(directory, &directory.join("data"), listen)
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(self) -> Ended {
        self.process.kill()
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default()
            .with_url(&self.url)
            .with_compression(clickhouse::Compression::None)
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
