use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What can go wrong in getting, opening, serving and closing the engine.
///
/// Errors of statements are not here: they reach the client as ClickHouse's own, by HTTP.
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
    /// The library file cannot be loaded, or is too old to have what is needed.
    #[error("{} is not a usable chDB library", path.display())]
    LibraryUnusable {
        /// The file tried.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
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
    #[error("{program} was not found: {mend}")]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// What to do about it.
        mend: String,
    },
    /// The package could not be fetched.
    #[error("cannot fetch {package}: {said}; {mend}")]
    Fetch {
        /// Name and version of the package.
        package: String,
        /// What the client said last.
        said: String,
        /// What to do about it.
        mend: String,
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
        "{} is open in another process; read through that process's listener, \
         stop it, or choose another directory",
        dir.display()
    )]
    Locked {
        /// The data directory.
        dir: PathBuf,
    },
    /// This process has another data directory open; the library allows one.
    #[error(
        "this process has {} open and cannot open {} beside it",
        open.display(),
        asked.display()
    )]
    OtherDirectoryOpen {
        /// The directory that is open.
        open: PathBuf,
        /// The directory asked for.
        asked: PathBuf,
    },
    /// The engine refused the data directory for a reason that it printed itself.
    #[error("the engine cannot open {}", dir.display())]
    Refused {
        /// The data directory.
        dir: PathBuf,
    },
    /// A setting given in the options was refused.
    #[error("the engine refused its settings: {said}")]
    Settings {
        /// ClickHouse's message.
        said: String,
    },
    /// The engine was shut down; it cannot be opened again in this process.
    #[error("the engine was shut down in this process")]
    ShutDown,
    /// An address that others can reach needs credentials.
    #[error(
        "{addr} can be reached from other machines: listening there needs a user and a password"
    )]
    CredentialsNeeded {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
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
