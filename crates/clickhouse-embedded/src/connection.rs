//! How other processes reach a running server.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clickhouse::{Client, Compression};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A server answers within milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A way to a running server, with the credentials of the program that started it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The HTTP interface, such as `http://127.0.0.1:8123`.
    pub url: String,
    /// The address of the native protocol.
    pub native: SocketAddr,
    /// The user of the program.
    pub user: String,
    /// The password of that user: 128 random bits, made once for a data directory.
    pub password: String,
    /// The process of the server.
    pub process_id: u32,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("url", &self.url)
            .field("native", &self.native)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Returns the way to the server that another process runs on a data directory, if one does.
    /// Blocks until it answers.
    ///
    /// A file that a killed process left behind counts for nothing: the directory has to be locked, and
    /// a server that is about to end does not answer.
    #[must_use]
    pub fn find(data_dir: &Path) -> Option<Self> {
        if !is_locked(data_dir) {
            return None;
        }
        let text = fs::read(Files::of(data_dir).connection).ok()?;
        let found: Self = serde_json::from_slice(&text).ok()?;
        found.answers().unwrap_or(false).then_some(found)
    }

    /// Returns whether something at the address answers as a server does. No password is sent.
    fn answers(&self) -> io::Result<bool> {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.write_all(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        Ok(io::read_to_string(stream)?.starts_with("HTTP/1.1 200"))
    }

    /// Returns the official client, without compression: no network is between.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::default()
            .with_url(&self.url)
            .with_user(&self.user)
            .with_password(&self.password)
            .with_compression(Compression::None)
    }
}

/// Returns how to reach a listener from this machine.
pub(crate) fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// Returns whether a process has a data directory open, by the lock that ClickHouse takes.
pub(crate) fn is_locked(data_dir: &Path) -> bool {
    let status = File::open(data_dir.join("status"));
    status.is_ok_and(|status| matches!(status.try_lock(), Err(TryLockError::WouldBlock)))
}

/// The files that this crate keeps in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) data_dir: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) connection: PathBuf,
    pub(crate) password: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) users: PathBuf,
    /// Written by the server once it listens: its version.
    pub(crate) ready: PathBuf,
    /// What the server process writes to its standard output and error.
    pub(crate) output: PathBuf,
    /// ClickHouse's own log.
    pub(crate) log: PathBuf,
}

impl Files {
    pub(crate) fn of(data_dir: &Path) -> Self {
        let dir = data_dir.join("embedded");
        Self {
            data_dir: data_dir.to_owned(),
            connection: dir.join("connection.json"),
            password: dir.join("password"),
            config: dir.join("config.xml"),
            users: dir.join("users.xml"),
            ready: dir.join("version"),
            output: dir.join("output.log"),
            log: dir.join("server.log"),
            dir,
        }
    }
}

/// Writes a file that only this user can read, in one step.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let new = path.with_extension("new");
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(new, path))
        .map_err(Error::file("write", path))
}
