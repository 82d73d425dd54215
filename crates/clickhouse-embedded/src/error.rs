use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can go wrong in getting, starting and stopping a server.
///
/// Errors of queries are not here: they reach the client as ClickHouse's own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No engine library was found; [`install`](crate::install()) fetches it.
    #[error(
        "the ClickHouse engine library (chDB {version}) is not installed; \
         install it, or set CHDB_LIB_PATH to a libchdb file"
    )]
    LibraryMissing {
        /// The version looked for.
        version: &'static str,
    },
    /// There is no package of the library for this system.
    #[error("no chDB package is known for {os} on {arch}; set CHDB_LIB_PATH to a libchdb file")]
    Unsupported {
        /// The operating system.
        os: &'static str,
        /// The processor architecture.
        arch: &'static str,
    },
    /// npm, which fetches the package, is not installed; what to do about it.
    #[error("npm was not found: {0}")]
    NpmMissing(String),
    /// The package could not be fetched.
    #[error("cannot fetch {package}: {said}; {hint}")]
    Fetch {
        /// Name and version of the package.
        package: String,
        /// What the client said last.
        said: String,
        /// What to do about it.
        hint: String,
    },
    /// The library in the package is not the one that was expected; nothing was installed.
    #[error("the library has sha256 {found}, expected {expected}; nothing was installed")]
    Checksum {
        /// The digest that the release has.
        expected: &'static str,
        /// The digest that the file has.
        found: String,
    },
    /// Another process has this data directory open.
    #[error(
        "{} is open in another process; read through that process's server, \
         stop it, or choose another directory",
        .0.display()
    )]
    Locked(PathBuf),
    /// The server ended, or refused its configuration, before it listened; the last lines that it
    /// wrote.
    #[error("the ClickHouse server did not start: {0}")]
    Start(String),
    /// The program did not become a server when it was started as one.
    #[error("the program has to call clickhouse_embedded::run_if_server() first in its main")]
    NotCalled,
    /// A user's name that the server's configuration cannot hold.
    #[error("{0:?} cannot be the name of a user: use letters, digits, `_` and `-`")]
    UserName(String),
    /// An address that others can reach needs credentials.
    #[error("{0} can be reached from other machines: listening there needs a user and a password")]
    CredentialsNeeded(SocketAddr),
    /// The address cannot be bound.
    #[error("failed to bind {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A file or directory cannot be used.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried, as a verb.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// Returns a `map_err` closure that says what was tried on which path.
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
