//! A server process, from its start to its end.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::config::Ports;
use crate::connection::Files;
use crate::run::{CONFINE, DATA_DIR, GREETING, LIBRARY};
use crate::{Access, Error, ServerOptions};

/// A server that loads a large table's parts takes seconds; one that hangs never starts.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// A server ends within a second, unless it is in the middle of something large.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The last lines of a log that say why a server failed.
const LOG_LINES: usize = 5;

/// A running server process. It is killed when this value is dropped or this process ends.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
}

impl ServerProcess {
    /// Starts a server of a directory whose configuration is written, and returns its version.
    /// Blocks until it listens.
    pub(crate) fn start(
        options: &ServerOptions,
        ports: Ports,
        library: &Path,
        files: &Files,
    ) -> Result<(Self, String), Error> {
        for stale in [&files.ready, &files.log] {
            // Most often it is not there; if it cannot be removed, it cannot be written either.
            drop(fs::remove_file(stale));
        }
        let output = &files.output;
        let log = File::create(output).map_err(Error::file("create", output))?;
        let errors = log.try_clone().map_err(Error::file("open", output))?;
        let program = env::current_exe().map_err(Error::file("find", "this program"))?;
        let mut command = Command::new(&program);
        command
            .args(&options.arguments)
            .env_clear()
            .envs(env::vars_os().filter(|(name, _)| is_inherited(name)))
            .env(DATA_DIR, &files.data_dir)
            .env(LIBRARY, library)
            .env("TERM", "dumb");
        if options.access == Access::Open {
            let ports = format!("{},{}", ports.http.port(), ports.native.port());
            command.env(CONFINE, ports);
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C goes to the group of the terminal; rows still drain into the server then.
            .process_group(0)
            .spawn()
            .map_err(Error::file("run", &program))?;
        let mut started = Self { child };
        let version = started.wait_until_ready(files)?;
        Ok((started, version))
    }

    fn wait_until_ready(&mut self, files: &Files) -> Result<String, Error> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            // Looked at before the file, so that the file of a server that has ended counts.
            let has_ended = self.has_ended();
            if let Some(version) = read_ready(&files.ready) {
                return Ok(version);
            }
            // An interactive `ClickHouse` reports a refused statement and asks for the next one.
            let output = fs::read_to_string(&files.output).unwrap_or_default();
            if has_ended && !output.contains(GREETING) {
                return Err(Error::NotCalled);
            }
            if has_ended || output.contains("DB::Exception") || Instant::now() > deadline {
                return Err(Error::Start(last_words(files)));
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns whether the process has ended, for whatever reason.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a command to the server's own session. Does nothing if the server has ended.
    pub(crate) fn send(&mut self, command: &str) {
        if let Some(input) = &mut self.child.stdin {
            drop(writeln!(input, "{command}"));
        }
    }

    /// Asks the server to stop, and kills it if it does not. Blocks.
    pub(crate) fn stop(mut self) {
        self.send("exit");
        let deadline = Instant::now() + STOP_TIMEOUT;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // An error means that it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns true for the environment variables that the server inherits.
///
/// The others may hold secrets, such as the keys of a source: who has the password can read the
/// server's environment, with `file('/proc/self/environ')`.
fn is_inherited(name: &OsStr) -> bool {
    match name.to_str().unwrap_or_default() {
        // Programs that `executable()` starts need these.
        "PATH" | "HOME" | "TMPDIR" => true,
        // The server's time zone and language.
        "TZ" | "LANG" => true,
        // Without them, the process may not find its shared libraries.
        "LD_LIBRARY_PATH" | "DYLD_LIBRARY_PATH" => true,
        // The certificates that `url()` and `s3()` trust.
        "SSL_CERT_FILE" | "SSL_CERT_DIR" => true,
        "RUST_BACKTRACE" => true,
        name => name.starts_with("LC_"),
    }
}

/// Returns the version that a server writes once it listens.
fn read_ready(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.strip_suffix('\n').map(str::to_owned)
}

/// Returns the last lines that a server wrote: what it printed, else what it logged.
pub(crate) fn last_words(files: &Files) -> String {
    [&files.output, &files.log]
        .map(|path| last_lines(path))
        .into_iter()
        .find(|said| !said.is_empty())
        .unwrap_or_else(|| "it said nothing".to_owned())
}

fn last_lines(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().map(str::trim).filter(is_said).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("; ")
}

/// Returns whether a line is more than a terminal's decoration.
fn is_said(line: &&str) -> bool {
    let is_decoration = line.is_empty() || line.contains('\u{1b}');
    !is_decoration && !line.starts_with(GREETING) && !line.starts_with("Logging ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_not_ready() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, is_ready) in [("", false), ("26.7", false), ("26.7.2.1\n", true)] {
            fs::write(file.path(), text).unwrap();
            assert_eq!(read_ready(file.path()).is_some(), is_ready, "{text:?}");
        }
    }

    #[test]
    fn the_last_words_leave_the_terminal_out() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::of(dir.path());
        fs::create_dir(&files.dir).unwrap();
        assert_eq!(last_words(&files), "it said nothing");
        fs::write(&files.log, "logged\n").unwrap();
        assert_eq!(last_words(&files), "logged");
        fs::write(&files.output, "\u{1b}[0J\n\nCode: 76. \n").unwrap();
        assert_eq!(last_words(&files), "Code: 76.");
    }
}
