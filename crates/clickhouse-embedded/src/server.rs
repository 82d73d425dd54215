use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clickhouse::Client;

use crate::auth::Authenticator;
use crate::config::{self, PROGRAM_USER, Ports};
use crate::connection::{Connection, Files, is_locked, reachable, write_private};
use crate::process::{self, ServerProcess};
use crate::{Access, Error, ServerOptions, install, run};

/// A killed program's server ends within this time.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// A server that ends by itself more often than this within [`RESTART_WINDOW`] is not started again.
const MAX_RESTARTS: usize = 3;
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// How often a running server is checked.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A `ClickHouse` server in a process of its own, which ends with this value or this process.
///
/// A server that crashes or is killed is started again, at the same address.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
    version: String,
    data_dir: PathBuf,
    /// The thread of [`supervise`], which stops the server when the sender is dropped.
    supervisor: Option<(Sender<()>, JoinHandle<()>)>,
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
        let data_dir = create_dir(data_dir.as_ref(), 0o750)?;
        if data_dir.to_str().is_none() {
            let source = io::Error::from(io::ErrorKind::InvalidFilename);
            return Err(Error::file("use", &data_dir)(source));
        }
        wait_for_lock(&data_dir)?;
        let files = Files::of(&data_dir);
        create_dir(&files.dir, 0o700)?;
        // It is an old one, and its port may be somebody else's by now.
        drop(fs::remove_file(&files.connection));

        let password = program_password(&files)?;
        let ports = free_ports(options.listen)?;
        let authenticator = Authenticator::start(match &options.access {
            Access::Password { user, password } if user == "default" => Some(password),
            _ => None,
        })
        .map_err(Error::file("open a port for", &data_dir))?;
        let server_config = config::server(&options, ports, &files, authenticator.addr);
        write_private(&files.config, &server_config)?;
        write_private(&files.users, &config::users(&options, &password))?;
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
        let (stop, stopped) = mpsc::channel();
        let supervisor = thread::Builder::new()
            .name("clickhouse-server".to_owned())
            .spawn(move || supervise(&start, process, &stopped))
            .map_err(Error::file("start a thread for", &data_dir))?;
        Ok(Self {
            connection,
            version,
            data_dir,
            supervisor: Some((stop, supervisor)),
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
        if let Some((stop, supervisor)) = self.supervisor.take() {
            drop(stop);
            // A supervisor that panicked has killed the server.
            drop(supervisor.join());
        }
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
        self.authenticator.set_starting(true);
        let started = ServerProcess::start(&self.options, self.ports, &self.library, &self.files);
        self.authenticator.set_starting(false);
        let (process, version) = started.map_err(|error| match error {
            // Another program was faster.
            Error::Start(said) if said.contains("Address already in use") => Error::Listen {
                addr: self.ports.http,
                source: io::ErrorKind::AddrInUse.into(),
            },
            Error::Start(said) if said.contains("Cannot lock file") => {
                Error::Locked(self.files.data_dir.clone())
            }
            error => error,
        })?;
        let connection = Connection {
            url: format!("http://{}", reachable(self.ports.http)),
            native: reachable(self.ports.native),
            user: PROGRAM_USER.to_owned(),
            password: self.password.clone(),
            process_id: process.id(),
        };
        let path = &self.files.connection;
        let text = serde_json::to_string(&connection)
            .map_err(|error| Error::file("write", path)(error.into()))?;
        write_private(path, &text)?;
        Ok((process, connection, version))
    }

    /// Opens listeners again that somebody stopped: without a password, `default` may.
    fn reopen_listeners(&self, process: &mut ServerProcess) {
        for (name, addr) in [("HTTP", self.ports.http), ("TCP", self.ports.native)] {
            if TcpStream::connect_timeout(&reachable(addr), WATCH_INTERVAL).is_err() {
                process.send(&format!("SYSTEM START LISTEN {name};"));
            }
        }
    }
}

/// Starts a server again that ended by itself, and stops it when the [`Server`] is dropped.
fn supervise(start: &Start, mut process: ServerProcess, stopped: &Receiver<()>) {
    let mut restarts = Vec::new();
    while stopped.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if !process.has_ended() {
            start.reopen_listeners(&mut process);
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
    drop(fs::remove_file(&start.files.connection));
}

fn check(options: &ServerOptions) -> Result<(), Error> {
    match &options.access {
        Access::Open if !options.listen.ip().is_loopback() => {
            Err(Error::CredentialsNeeded(options.listen))
        }
        Access::Password { user, .. } if !config::is_user_name(user) => {
            Err(Error::UserName(user.clone()))
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
            return Err(Error::Locked(data_dir.to_owned()));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Functions that reach files and other servers and ask for no grant.
const SHADOWED: [&str; 2] = ["file", "hasColumnInTable"];

/// Replaces these functions by ones that fail, where no password is asked for.
fn shadow_functions(data_dir: &Path, access: &Access) -> Result<(), Error> {
    let dir = create_dir(&data_dir.join("user_defined"), 0o750)?;
    for function in SHADOWED {
        let path = dir.join(format!("function_{function}.sql"));
        let definition = format!(
            "CREATE FUNCTION {function} AS argument -> \
             throwIf(1, '{function}() needs a server with a password')\n"
        );
        let done = match access {
            Access::Open => fs::write(&path, definition),
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
    match fs::read_to_string(&files.password) {
        Ok(password) if password.len() == 32 => return Ok(password),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::file("read", &files.password)(error));
        }
        _ => {}
    }
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(Error::file("read", "/dev/urandom"))?;
    let password = format!("{:032x}", u128::from_ne_bytes(bytes));
    write_private(&files.password, &password)?;
    Ok(password)
}

/// Finds ports that are free now: a server that is started again keeps its address.
fn free_ports(listen: SocketAddr) -> Result<Ports, Error> {
    let bind = |addr| {
        TcpListener::bind(addr)
            .and_then(|listener| Ok((listener.local_addr()?, listener)))
            .map_err(|source| Error::Listen { addr, source })
    };
    let (http, _http) = bind(listen)?;
    let (native, _native) = bind(SocketAddr::new(listen.ip(), 0))?;
    Ok(Ports { http, native })
}
