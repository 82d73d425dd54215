//! The process that loads, watched until its end.

use std::process::Command;
use std::time::{Duration, Instant};

use processes::Running;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::Failure;
use crate::usage::{cpu_seconds, peak_bytes};

/// How often its memory is looked at. The system keeps the peak, so that only what is added to it
/// within the last such time is missed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What a client that has ended took, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// From its start to its end.
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) stdout: String,
}

/// Runs a command to its end.
///
/// # Errors
/// That it cannot be started, or ends in a failure, with its last words.
///
/// # Cancel safety
/// Dropped, it kills the process.
pub(crate) async fn run(command: Command) -> Result<Ended, Failure> {
    let begin = Instant::now();
    let process = Running::start(command)?;
    let mut peak = 0;
    while !is_over(&process)? {
        peak = peak_bytes(process.id()).unwrap_or(0).max(peak);
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds(process.id())?;
    let ended = process.end(Duration::MAX)?;
    if ended.code != Some(0) {
        let last_words: Vec<_> = ended.stderr.lines().rev().take(5).collect();
        let code = ended.code;
        return Err(format!("a client ended with {code:?}: {}", last_words.join("\n")).into());
    }
    Ok(Ended {
        seconds,
        cpu_seconds,
        peak_bytes: peak,
        stdout: ended.stdout,
    })
}

/// Tells whether a process has ended, and leaves it to be waited for: until then the system tells
/// what it used.
fn is_over(process: &Running) -> Result<bool, Failure> {
    let id = Pid::from_raw(process.id().try_into()?).ok_or("a process has the id 0")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(id), options)?.is_some())
}
