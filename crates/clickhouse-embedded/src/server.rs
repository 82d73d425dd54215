use std::fs::{self, DirBuilder};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clickhouse::Client;

use crate::auth::Authenticator;
use crate::config::{self, PROGRAM_USER, Ports};
use crate::connection::{Connection, Files, is_locked, reachable};
use crate::process::{self, ServerProcess};
use crate::{Access, Error, ServerOptions, install, run};

/// A killed program's server ends within this time.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// A server that ends by itself more often than this within [`RESTART_WINDOW`] is not started again.
const MAX_RESTARTS: usize = 3;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A `ClickHouse` server in a process of its own, which ends with this value or this process.
///
/// A server that crashes or is killed is started again, at the same address.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    connection: Connection,
    version: String,
    data_dir: PathBuf,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Stopping,
    Ended,
}

impl Server {
    /// Starts a server of a data directory, and makes the directory if it is not there. Blocks until
    /// the server answers, about half a second.
    ///
    /// The directory is closed to others than the user and the group.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`]; [`Error::Locked`] if another process has the directory;
    /// [`Error::Listen`]; [`Error::CredentialsNeeded`] for an address beyond this machine without a
    /// password; [`Error::UserName`]; [`Error::Start`] with the server's last words;
    /// [`Error::NotCalled`] in a program that does not call [`run_if_server`](crate::run_if_server).
    pub fn start(data_dir: impl AsRef<Path>, options: ServerOptions) -> Result<Self, Error> {
        if run::is_server() {
            return Err(Error::NotCalled);
        }
        check(&options)?;
        let library = install::locate(&options.library).ok_or(Error::LibraryMissing {
            version: install::LIBRARY_VERSION,
        })?;
        let dir = data_dir.as_ref();
        let data_dir = create_dir(dir, 0o750)?;
        if data_dir.to_str().is_none() {
            let source = io::Error::from(io::ErrorKind::InvalidFilename);
            return Err(Error::file("use", &data_dir)(source));
        }
        wait_for_lock(&data_dir)?;
        let files = Files::of(&data_dir);
        create_dir(&files.dir, 0o700)?;
        // It is an old one, and its port may be somebody else's by now.
        drop(fs::remove_file(files.connection()));

        let password = program_password(&files)?;
        let ports = free_ports(options.listen)?;
        let authenticator = Authenticator::start(match &options.access {
            Access::Password { user, password } if user == "default" => Some(password),
            _ => None,
        })
        .map_err(|source| Error::Listen {
            addr: options.listen,
            source,
        })?;
        let server_config = config::server(&options, ports, &files.dir, authenticator.addr);
        for (path, text) in [
            (files.config(), server_config),
            (files.users(), config::users(&options, &password)),
        ] {
            files
                .write(&path, &text)
                .map_err(Error::file("write", &path))?;
        }
        shadow_functions(&data_dir, &options.access)?;
        let start = Start {
            options,
            library,
            files,
            ports,
            password,
            authenticator,
        };
        let (process, connection, version) = start.run()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::Running),
            changed: Condvar::new(),
        });
        let supervised = Arc::clone(&shared);
        thread::Builder::new()
            .name("clickhouse-server".to_owned())
            .spawn(move || supervise(&start, process, &supervised))
            .map_err(Error::file("start a thread for", &data_dir))?;
        Ok(Self {
            shared,
            connection,
            version,
            data_dir,
        })
    }

    /// Returns the official client, with the credentials of this program.
    #[must_use]
    pub fn client(&self) -> Client {
        self.connection.client()
    }

    /// Returns where the server is, with the credentials of this program.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the data directory, as an absolute path.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns `ClickHouse`'s version, such as `26.7.2.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Ends the server, and returns when the data directory is free. Blocks.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if *state == State::Running {
            *state = State::Stopping;
        }
        self.shared.changed.notify_all();
        while *state != State::Ended {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the server is to stop, after waiting a moment.
    fn is_stopping(&self) -> bool {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, POLL_INTERVAL, |state| *state == State::Running);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *state != State::Running
    }
}

/// What it takes to start a server, again where it has to be.
#[derive(Debug)]
struct Start {
    options: ServerOptions,
    library: PathBuf,
    files: Files,
    ports: Ports,
    password: String,
    authenticator: Authenticator,
}

impl Start {
    fn run(&self) -> Result<(ServerProcess, Connection, String), Error> {
        self.authenticator.expect_start();
        let started = ServerProcess::start(&self.options, self.ports, &self.library, &self.files);
        self.authenticator.started();
        let (mut process, version) = started.map_err(|error| match error {
            // Another program was faster.
            Error::Start { said } if said.contains("Address already in use") => Error::Listen {
                addr: self.ports.http,
                source: io::ErrorKind::AddrInUse.into(),
            },
            Error::Start { said } if said.contains("Cannot lock file") => Error::Locked {
                dir: self.files.data_dir.clone(),
            },
            error => error,
        })?;
        let connection = Connection {
            url: format!("http://{}", reachable(self.ports.http)),
            native: reachable(self.ports.native),
            user: PROGRAM_USER.to_owned(),
            password: self.password.clone(),
            process_id: process.id(),
        };
        let path = self.files.connection();
        let written = serde_json::to_string(&connection).map_err(io::Error::other);
        let written = written.and_then(|text| self.files.write(&path, &text));
        if let Err(error) = written {
            process.stop();
            return Err(Error::file("write", path)(error));
        }
        Ok((process, connection, version))
    }
}

/// Starts a server again that ended by itself, and stops it at last.
fn supervise(start: &Start, mut process: ServerProcess, shared: &Shared) {
    let mut restarts = Vec::new();
    while !shared.is_stopping() {
        if !process.has_ended() {
            continue;
        }
        let said = process::last_words(&start.files);
        restarts.retain(|restart: &Instant| restart.elapsed() < RESTART_WINDOW);
        if restarts.len() == MAX_RESTARTS {
            tracing::error!(said, "the ClickHouse server keeps ending");
            break;
        }
        tracing::warn!(said, "the ClickHouse server ended, starting it again");
        restarts.push(Instant::now());
        match start.run() {
            Ok((again, ..)) => process = again,
            Err(error) => tracing::error!(%error, "the ClickHouse server did not start again"),
        }
    }
    process.stop();
    drop(fs::remove_file(start.files.connection()));
    *shared.lock() = State::Ended;
    shared.changed.notify_all();
}

fn check(options: &ServerOptions) -> Result<(), Error> {
    match &options.access {
        Access::Open if !options.listen.ip().is_loopback() => Err(Error::CredentialsNeeded {
            addr: options.listen,
        }),
        Access::Password { user, .. } if !config::is_user_name(user) => {
            Err(Error::UserName { user: user.clone() })
        }
        _ => Ok(()),
    }
}

fn create_dir(dir: &Path, mode: u32) -> Result<PathBuf, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .map_err(Error::file("create", dir))?;
    fs::canonicalize(dir).map_err(Error::file("open", dir))
}

fn wait_for_lock(data_dir: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    while is_locked(data_dir) {
        // Where a program says that it serves the directory, there is nothing to wait for.
        if Instant::now() > deadline || Connection::find(data_dir).is_some() {
            return Err(Error::Locked {
                dir: data_dir.to_owned(),
            });
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Defines the functions that guests must not reach, or takes their definitions away.
fn shadow_functions(data_dir: &Path, access: &Access) -> Result<(), Error> {
    let dir = create_dir(&data_dir.join("user_defined"), 0o750)?;
    for function in config::SHADOWED {
        let path = dir.join(format!("function_{function}.sql"));
        let done = match access {
            Access::Open => fs::write(&path, config::shadow(function)),
            Access::Password { .. } => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        };
        done.map_err(Error::file("write", path))?;
    }
    Ok(())
}

/// Returns the password of the program's user. It stays the same for a data directory, since
/// dictionaries keep it in their definitions.
fn program_password(files: &Files) -> Result<String, Error> {
    let path = files.password();
    match fs::read_to_string(&path) {
        Ok(password) if password.len() == 32 => return Ok(password),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::file("read", path)(error));
        }
        _ => {}
    }
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| io::Read::read_exact(&mut random, &mut bytes))
        .map_err(Error::file("read", "/dev/urandom"))?;
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    files
        .write(&path, &password)
        .map_err(Error::file("write", &path))?;
    Ok(password)
}

/// Finds ports that are free now: a server that is started again keeps its address.
fn free_ports(listen: SocketAddr) -> Result<Ports, Error> {
    let bind = |addr: SocketAddr| {
        let listener = TcpListener::bind(addr).and_then(|listener| {
            let addr = listener.local_addr()?;
            Ok((listener, addr))
        });
        listener.map_err(|source| Error::Listen { addr, source })
    };
    let (_http, http) = bind(listen)?;
    let (_native, native) = bind(SocketAddr::new(listen.ip(), 0))?;
    Ok(Ports { http, native })
}
