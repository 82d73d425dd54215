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
    /// A program that the installation needs is not there.
    #[error("{program} was not found: {hint}")]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// What to do about it.
        hint: String,
    },
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
    /// A file is not the one that was expected; nothing was installed.
    #[error("{what} has sha256 {found}, expected {expected}; nothing was installed")]
    Checksum {
        /// The file.
        what: String,
        /// The digest that the release has.
        expected: &'static str,
        /// The digest that the file has.
        found: String,
    },
    /// Another process has the data directory open.
    #[error(
        "{} is open in another process; read through that process's server, \
         stop it, or choose another directory",
        dir.display()
    )]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// The server ended, or refused its configuration, before it listened.
    #[error("the ClickHouse server did not start: {said}")]
    Start {
        /// The last lines that it wrote.
        said: String,
    },
    /// The program did not become a server when it was started as one.
    #[error("the program has to call clickhouse_embedded::run_if_server() first in its main")]
    NotCalled,
    /// A user's name that the server's configuration cannot hold.
    #[error("{user:?} cannot be the name of a user: use letters, digits, `_` and `-`")]
    UserName {
        /// The name.
        user: String,
    },
    /// An address that others can reach needs credentials.
    #[error(
        "{addr} can be reached from other machines: listening there needs a user and a password"
    )]
    CredentialsNeeded {
        /// The address asked for.
        addr: SocketAddr,
    },
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
