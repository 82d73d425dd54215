//! The server process: this program again, which becomes `ClickHouse`.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{env, fs, process, ptr, thread};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, getpid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::config;
use crate::connection::Files;

/// Names the data directory and the library to a process that is to be a server.
pub(crate) const DATA_DIR: &str = "CLICKHOUSE_EMBEDDED_SERVER_DIR";
pub(crate) const LIBRARY: &str = "CLICKHOUSE_EMBEDDED_SERVER_LIBRARY";
/// Is set for a server that is to be confined: its ports, with commas between.
pub(crate) const CONFINE: &str = "CLICKHOUSE_EMBEDDED_SERVER_CONFINE";

/// What a server prints first, so that its parent knows that this program can become one.
pub(crate) const GREETING: &str = "clickhouse-embedded:";

/// `ClickHouse` expects the stack of a main thread.
const STACK_BYTES: usize = 16 << 20;

/// Becomes a `ClickHouse` server if this process was started to be one; then it does not return.
///
/// A program that starts a [`Server`](crate::Server) calls this first in its `main`: the server is
/// the same program in a process of its own.
pub fn run_if_server() {
    let (Some(data_dir), Some(library)) = (env::var_os(DATA_DIR), env::var_os(LIBRARY)) else {
        return;
    };
    println!("{GREETING} starting");
    let server = thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || run(&PathBuf::from(data_dir), &PathBuf::from(library)));
    let ended = server.and_then(|server| {
        let panicked = |_| io::Error::other("the server panicked");
        server.join().map_err(panicked)?
    });
    if let Err(error) = &ended {
        eprintln!("DB::Exception: cannot run the server: {error}");
    }
    process::exit(i32::from(ended.is_err()));
}

/// Returns whether this process was started to be a server.
pub(crate) fn is_server() -> bool {
    env::var_os(DATA_DIR).is_some()
}

fn run(data_dir: &Path, library: &Path) -> io::Result<()> {
    let files = Files::of(data_dir);
    if env::var(CONFINE).is_ok_and(|ports| !confine(&ports)) {
        let users = fs::read_to_string(&files.users)?;
        fs::write(&files.users, users.replace(config::DICTIONARY_GRANT, ""))?;
    }
    ignore_signals()?;

    // With a terminal, `ClickHouse` is interactive: errors of connections are logged. Without one,
    // the first connection that sends garbage ends the process.
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    let name = ptsname(&terminal, Vec::new())?;
    let input = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    let parent = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    rustix::stdio::dup2_stdin(&input)?;
    drop(input);

    let keyboard = File::from(terminal);
    let mut screen = keyboard.try_clone()?;
    // What is not read from the screen would block the server.
    spawn("screen", move || {
        drop(io::copy(&mut screen, &mut io::sink()))
    })?;
    spawn("parent", move || watch_parent(parent, keyboard))?;
    call(library, arguments(&files))
}

/// The signals that end a service go to all of its processes; the parent decides when this one ends.
fn ignore_signals() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    // The handlers stay.
    drop(signal(SignalKind::terminate())?);
    drop(signal(SignalKind::hangup())?);
    drop(signal(SignalKind::interrupt())?);
    Ok(())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(body)?;
    Ok(())
}

/// Types what the parent writes, and kills the server when the parent is gone.
fn watch_parent(mut parent: File, mut keyboard: File) {
    drop(io::copy(&mut parent, &mut keyboard));
    // What was acknowledged is on disk.
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Keeps this process from executing programs and from connecting to others than itself: sources of
/// dictionaries do both, and need no grant. Returns whether the system enforces it.
#[cfg(target_os = "linux")]
fn confine(ports: &str) -> bool {
    use landlock::{
        AccessFs, AccessNet, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    };

    let confined = || -> Result<RulesetStatus, Box<dyn std::error::Error>> {
        let everywhere = PathBeneath::new(PathFd::new("/")?, AccessFs::Refer);
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Execute | AccessFs::Refer)?
            .handle_access(AccessNet::ConnectTcp)?
            .create()?
            // Without this rule, no file could be moved to another directory.
            .add_rule(everywhere)?;
        for port in ports.split(',') {
            ruleset = ruleset.add_rule(NetPort::new(port.parse()?, AccessNet::ConnectTcp))?;
        }
        Ok(ruleset.restrict_self()?.ruleset)
    };
    matches!(confined(), Ok(RulesetStatus::FullyEnforced))
}

#[cfg(not(target_os = "linux"))]
fn confine(_: &str) -> bool {
    false
}

fn arguments(files: &Files) -> Vec<OsString> {
    let ready = files.ready.to_string_lossy();
    let ready = ready.replace('\\', "\\\\").replace('\'', "\\'");
    let listen = format!(
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; \
         SELECT version() INTO OUTFILE '{ready}' TRUNCATE FORMAT TSV;"
    );
    vec![
        "clickhouse".into(),
        "--interactive".into(),
        "--path".into(),
        files.data_dir.clone().into(),
        "--config-file".into(),
        files.config.clone().into(),
        "--history_file=/dev/null".into(),
        "--disable_suggestion".into(),
        "--progress=off".into(),
        "--query".into(),
        listen.into(),
    ]
}

#[expect(unsafe_code, reason = "ClickHouse is a C library")]
fn call(library: &Path, arguments: Vec<OsString>) -> io::Result<()> {
    type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;

    let mut strings = Vec::new();
    for argument in arguments {
        strings.push(CString::new(argument.into_vec())?.into_raw());
    }
    let count = c_int::try_from(strings.len()).map_err(io::Error::other)?;
    strings.push(ptr::null_mut());
    // SAFETY: the library runs initialisers that touch nothing of this program.
    let library = unsafe { libloading::Library::new(library) }.map_err(io::Error::other)?;
    // SAFETY: the symbol is a function of this type in the versions that `install` accepts.
    let main = unsafe { library.get::<Main>(b"query_stable\0") }.map_err(io::Error::other)?;
    // SAFETY: like `main` in C, it takes as many strings as it is told, and null behind them; they
    // live as long as the process.
    unsafe { main(count, strings.as_mut_ptr()) };
    // Threads of it may still run.
    std::mem::forget(library);
    Ok(())
}
