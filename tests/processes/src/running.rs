use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often an end is looked for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// What a command that ended left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output that was not read before.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// A running command; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a command and reads its standard error from then on.
    ///
    /// # Errors
    /// That it cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let started = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started
            .map_err(|error| io::Error::new(error.kind(), format!("{command:?}: {error}")))?;
        let stdout = child.stdout.take().map(BufReader::new);
        // Read at once, or a full pipe would stop the command.
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let reader = child.stderr.take().map(|mut pipe| {
            let stderr = Arc::clone(&stderr);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                    let mut stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner);
                    stderr.extend_from_slice(&bytes[..read]);
                }
            })
        });
        Ok(Self {
            child,
            stdout,
            stderr,
            reader,
        })
    }

    /// Returns the process's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads the line that a service prints when it is ready.
    ///
    /// # Errors
    /// That there is none, with what it wrote to standard error instead; it is killed then.
    pub fn ready(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if let Some(stdout) = &mut self.stdout {
            stdout.read_line(&mut line)?;
        }
        serde_json::from_str(&line).map_err(|error| {
            let _ = self.child.kill();
            self.join_reader();
            io::Error::other(format!("{error}: {line:?}\n{}", self.stderr()))
        })
    }

    /// Returns what it wrote to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        let bytes = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Tells whether it has ended; then everything that it wrote is there.
    ///
    /// # Errors
    /// That the system does not tell.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        let ended = self.child.try_wait()?.is_some();
        if ended {
            self.join_reader();
        }
        Ok(ended)
    }

    /// Sends SIGKILL and waits for the end, which may have come before: then there is a code.
    ///
    /// # Errors
    /// That it cannot be ended.
    pub fn kill(mut self) -> io::Result<Ended> {
        self.child.kill()?;
        self.end(Duration::MAX)
    }

    /// Waits for the end, and kills it where that takes longer than `patience`.
    ///
    /// # Errors
    /// That the system does not tell.
    pub fn end(mut self, patience: Duration) -> io::Result<Ended> {
        let stdout = self.stdout.take().map(|mut stdout| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = stdout.read_to_string(&mut text);
                text
            })
        });
        let status = self.wait(patience)?;
        self.join_reader();
        Ok(Ended {
            code: status.code(),
            stdout: stdout.map_or_else(String::new, |reader| reader.join().unwrap_or_default()),
            stderr: self.stderr(),
        })
    }

    fn wait(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begin.elapsed() > patience {
                let _ = self.child.kill();
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
