//! The server process: this program again, which becomes `ClickHouse`.

use std::ffi::{CString, OsString, c_char, c_int, c_void};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, process, ptr, thread};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, getpid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::signal::unix::{SignalKind, signal};

use crate::config;
use crate::connection::{Files, reachable};

/// Names the data directory and the library to a process that is to be a server.
pub(crate) const DATA_DIR: &str = "CLICKHOUSE_EMBEDDED_SERVER_DIR";
pub(crate) const LIBRARY: &str = "CLICKHOUSE_EMBEDDED_SERVER_LIBRARY";
/// Names the addresses of its HTTP interface and of the native protocol, with a comma between.
pub(crate) const LISTEN: &str = "CLICKHOUSE_EMBEDDED_SERVER_LISTEN";
/// Is set for a server that is to be confined.
pub(crate) const CONFINE: &str = "CLICKHOUSE_EMBEDDED_SERVER_CONFINE";

/// What a server prints first, so that its parent knows that this program can become one.
pub(crate) const GREETING: &str = "clickhouse-embedded:";

/// What is written to a server to let it end by itself. One whose input ends without it has lost its
/// parent, and ends at once.
pub(crate) const STOP: u8 = b'q';

/// `ClickHouse` expects the stack of a main thread.
const STACK_BYTES: usize = 16 << 20;

/// How often the server looks whether its ports are open.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

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
    let listeners = listeners()?;
    if env::var_os(CONFINE).is_some() && !confine(&listeners.map(|(_, addr)| addr.port())) {
        let users = fs::read_to_string(files.users())?;
        files.write(&files.users(), &users.replace(config::DICTIONARY_GRANT, ""))?;
    }
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    signals.block_on(async { ignore_signals() })?;

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

    let terminal = File::from(terminal);
    let keyboard = terminal.try_clone()?;
    spawn("discard", move || discard(terminal))?;
    let typist = keyboard.try_clone()?;
    spawn("parent", move || watch_parent(parent, typist))?;
    let ready = files.ready();
    spawn("listeners", move || {
        watch_listeners(listeners, &ready, keyboard)
    })?;
    call(library, &arguments(data_dir, &files))
}

/// The signals that end a service go to all of its processes; the parent decides when this one ends.
fn ignore_signals() -> io::Result<()> {
    for kind in [
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::interrupt(),
    ] {
        // The handler stays.
        drop(signal(kind)?);
    }
    Ok(())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(body)?;
    Ok(())
}

/// Ends the server when the parent says so, or is gone.
fn watch_parent(mut parent: File, mut keyboard: File) {
    let mut byte = [0];
    loop {
        match parent.read(&mut byte) {
            Ok(1) if byte[0] == STOP => {
                if keyboard.write_all(b"exit\n").is_err() {
                    break;
                }
                // The parent waits, and kills what does not end.
                return;
            }
            Ok(1) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // What was acknowledged is on disk.
    let _ = kill_process(getpid(), Signal::KILL);
}

/// Keeps this process from executing programs and from connecting to others than itself: sources of
/// dictionaries do both, and need no grant. Returns whether the system enforces it.
#[cfg(target_os = "linux")]
fn confine(ports: &[u16]) -> bool {
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
        for &port in ports {
            ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
        Ok(ruleset.restrict_self()?.ruleset)
    };
    matches!(confined(), Ok(RulesetStatus::FullyEnforced))
}

#[cfg(not(target_os = "linux"))]
fn confine(_: &[u16]) -> bool {
    false
}

/// Returns the listeners, by the names that SQL has for them.
fn listeners() -> io::Result<[(&'static str, SocketAddr); 2]> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, LISTEN);
    let listen = env::var(LISTEN).map_err(|_| invalid())?;
    let (http, native) = listen.split_once(',').ok_or_else(invalid)?;
    let addr = |text: &str| text.parse().map_err(|_| invalid());
    Ok([("HTTP", addr(http)?), ("TCP", addr(native)?)])
}

/// Opens listeners again that somebody stopped: without a password, `default` may.
fn watch_listeners(listeners: [(&str, SocketAddr); 2], ready: &Path, mut keyboard: File) {
    loop {
        thread::sleep(WATCH_INTERVAL);
        if !ready.exists() {
            continue;
        }
        for (name, addr) in listeners {
            if TcpStream::connect(reachable(addr)).is_err() {
                let start = format!("SYSTEM START LISTEN {name};\n");
                if keyboard.write_all(start.as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

/// The terminal's screen: what is not read from it would block the server.
fn discard(mut terminal: File) {
    drop(io::copy(&mut terminal, &mut io::sink()));
}

fn arguments(data_dir: &Path, files: &Files) -> Vec<OsString> {
    let listen = format!(
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; \
         SELECT version() INTO OUTFILE '{}' TRUNCATE FORMAT TSV;",
        files
            .ready()
            .display()
            .to_string()
            .replace('\\', "\\\\")
            .replace('\'', "\\'")
    );
    let mut arguments: Vec<OsString> = ["clickhouse", "--interactive", "--path"]
        .map(Into::into)
        .into();
    arguments.push(data_dir.into());
    arguments.push("--config-file".into());
    arguments.push(files.config().into());
    arguments.extend(
        [
            "--history_file=/dev/null",
            "--disable_suggestion",
            "--progress=off",
            "--query",
            &listen,
        ]
        .map(Into::into),
    );
    arguments
}

#[expect(unsafe_code, reason = "ClickHouse is a C library")]
fn call(library: &Path, arguments: &[OsString]) -> io::Result<()> {
    type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;

    let arguments = arguments
        .iter()
        .map(|argument| CString::new(argument.as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    let count = c_int::try_from(arguments.len()).map_err(io::Error::other)?;
    let mut arguments: Vec<*mut c_char> = arguments.into_iter().map(CString::into_raw).collect();
    arguments.push(ptr::null_mut());
    // SAFETY: the library runs initialisers that touch nothing of this program.
    let library = unsafe { libloading::Library::new(library) }.map_err(io::Error::other)?;
    // SAFETY: the symbol is a function of this type in the versions that `install` accepts.
    let main = unsafe { library.get::<Main>(b"query_stable\0") }.map_err(io::Error::other)?;
    // SAFETY: like `main` in C, it takes as many strings as it is told, and null behind them; they
    // live as long as the process.
    unsafe { main(count, arguments.as_mut_ptr()) };
    // Threads of it may still run.
    std::mem::forget(library);
    Ok(())
}
