use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use crate::instance::Instance;
use crate::{Auth, EngineOptions, Error, Server, client, listener, process};

/// An open ClickHouse engine. Clones are the same engine.
///
/// Clients and servers made from it keep it open too. It closes when the last of them is
/// dropped, or at [`shutdown`](Self::shutdown). A program should end with the latter, and must
/// not end, by `process::exit` or with an engine in a static, while a statement is running: the
/// library's own end can crash on it.
#[derive(Debug, Clone)]
pub struct Engine {
    instance: Arc<Instance>,
}

impl Engine {
    /// Opens a data directory, and makes it if it is not there, closed to others than the user and
    /// the group.
    ///
    /// Takes from a tenth of a second to one, and blocks for it. If this process has the
    /// directory open already, returns that engine; the options of the first opening hold.
    ///
    /// # Errors
    /// [`Error::LibraryMissing`] and [`Error::LibraryUnusable`]; [`Error::Locked`] if another
    /// process has the directory; [`Error::OtherDirectoryOpen`] if this process has another
    /// one; [`Error::Settings`]; [`Error::Refused`]; [`Error::ShutDown`].
    pub fn open(data_dir: impl AsRef<Path>, options: &EngineOptions) -> Result<Self, Error> {
        let dir = data_dir.as_ref();
        // What the engine makes below has the rights that the umask leaves.
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(dir)
            .map_err(Error::file("create", dir))?;
        let dir = fs::canonicalize(dir).map_err(Error::file("open", dir))?;
        let instance = process::open(&dir, || Instance::open(&dir, options))?;
        Ok(Self { instance })
    }

    /// Returns the official client, connected by in-memory pipes.
    ///
    /// It is the client a URL would be given to, so everything it does works: typed inserts
    /// and fetches, binds, parameters, settings. Compression is off, as no network is between.
    /// Used outside of a tokio runtime, it panics as the official client does.
    #[must_use]
    pub fn client(&self) -> clickhouse::Client {
        client::over_pipe(Arc::clone(&self.instance))
    }

    /// Serves ClickHouse's HTTP interface to other programs, until the server is dropped.
    ///
    /// Port 0 picks a free port.
    ///
    /// # Errors
    /// [`Error::CredentialsNeeded`] for an address beyond this machine without credentials;
    /// [`Error::Listen`].
    pub async fn serve(&self, addr: SocketAddr, auth: Auth) -> Result<Server, Error> {
        listener::serve(Arc::clone(&self.instance), addr, auth).await
    }

    /// Returns the data directory, as an absolute path.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.instance.dir
    }

    /// Returns ClickHouse's version, such as `26.7.2.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.instance.version
    }

    /// Closes the data directory; it can be opened again, by this process or another.
    ///
    /// New statements are refused from now on (code 236), inserts whose data has not ended are
    /// aborted, and reading statements are cancelled; statements that write are waited for.
    ///
    /// **Cancel safety**: once polled, the closing goes on; it can be awaited again.
    pub async fn close(&self) {
        let instance = Arc::clone(&self.instance);
        // A task, so that the closing goes on if the caller stops waiting.
        drop(tokio::spawn(instance.close()).await);
    }

    /// Closes the data directory and ends the engine's threads, for good in this process.
    ///
    /// **Cancel safety**: as [`close`](Self::close).
    pub async fn shutdown(&self) {
        self.close().await;
        let instance = Arc::clone(&self.instance);
        // A panic in there would have been reported by its own thread.
        drop(tokio::task::spawn_blocking(move || instance.shut_down()).await);
    }
}
