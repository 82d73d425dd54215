use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Settings of whoever starts this, which must not reach what is started.
const SETTINGS: [&str; 9] = [
    "GOLDSKY_ENDPOINT",
    "CLICKHOUSE_URL",
    "CLICKHOUSE_USER",
    "CLICKHOUSE_PASSWORD",
    "CLICKHOUSE_DATABASE",
    "DATA_DIR",
    "FILLS_TABLE",
    "WORKER_COUNT",
    "RUST_LOG",
];

/// Where the binaries of this project are.
#[derive(Debug, Clone)]
pub struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    /// Builds `ingest`, `validate`, `profile-fills` and `goldsky-sim` with the profile of the present
    /// program, so that none is older than its source.
    ///
    /// # Errors
    /// That cargo cannot be started, or that they do not build.
    pub fn build() -> io::Result<Self> {
        // `target/PROFILE/benchmark`, or `target/PROFILE/deps/it-…` for a test.
        let program = std::env::current_exe()?;
        let mut directory = parent(&program)?;
        if directory.ends_with("deps") {
            directory = parent(directory)?;
        }
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet"])
            .args(["-p", "ingest", "-p", "validate", "-p", "goldsky-sim"])
            .args(["-p", "profile-fills"])
            .arg("--target-dir")
            .arg(parent(directory)?);
        // What cargo told this program of its own package makes build scripts run again, and half
        // of the dependencies be compiled again, every time.
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(name);
            }
        }
        if directory.ends_with("release") {
            build.arg("--release");
        }
        match build.status()?.success() {
            true => Ok(Self {
                directory: directory.to_path_buf(),
            }),
            false => Err(io::Error::other("the binaries do not build")),
        }
    }

    /// Makes a command of one of them, to be run in a directory, with nothing of the present
    /// program's own settings.
    #[must_use]
    pub fn command(&self, name: &str, directory: &Path) -> Command {
        let mut command = Command::new(self.directory.join(name));
        for variable in SETTINGS {
            command.env_remove(variable);
        }
        command.current_dir(directory).stdin(Stdio::null());
        command
    }
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::other(format!("{} is in no directory", path.display())))
}
