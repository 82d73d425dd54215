use std::ffi::CString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::claims::{Claim, Claims};
use crate::exception::{Exception, code};
use crate::library::{Connection, Library};
use crate::threads::Threads;
use crate::{EngineOptions, Error, front, install, process};

/// An open data directory: what the engine's handles share.
#[derive(Debug)]
pub(crate) struct Instance {
    connector: Connector,
    pub(crate) dir: PathBuf,
    /// Keeps the directory open between statements. `None` once closed.
    keeper: Mutex<Option<Connection>>,
    places: Arc<Semaphore>,
    threads: Threads,
    queue_timeout: Duration,
    claims: Claims,
    closing: watch::Sender<bool>,
    pub(crate) version: String,
    pub(crate) timezone: String,
}

impl Instance {
    /// Opens a directory. Blocks.
    pub(crate) fn open(dir: &Path, options: &EngineOptions) -> Result<Arc<Self>, Error> {
        let library = install::locate(&options.library).ok_or(Error::LibraryMissing {
            version: install::LIBRARY_VERSION,
        })?;
        let library = Library::load(&library)?;
        refuse_if_locked(dir)?;

        let refused = || Error::Refused {
            dir: dir.to_owned(),
        };
        let path = dir.to_str().ok_or_else(refused)?;
        let arguments = ["clickhouse".to_owned(), format!("--path={path}")]
            .into_iter()
            .chain(options.arguments())
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| refused())?;
        let connector = Connector {
            library,
            arguments: arguments.into(),
            settings: options.settings.clone().into(),
        };
        let mut keeper = Connection::open(library, &connector.arguments)
            // Another process may have been faster.
            .ok_or_else(|| refuse_if_locked(dir).err().unwrap_or_else(refused))?;
        front::apply_settings(&mut keeper, &connector.settings).map_err(settings_error)?;
        let facts = keeper
            .query(b"SELECT version(), timezone()", "TSV")
            .map_err(settings_error)?;
        let facts = String::from_utf8_lossy(facts.bytes()).into_owned();
        let (version, timezone) = facts.trim_end().split_once('\t').unwrap_or((&facts, "UTC"));
        let threads = Threads::new(options.max_statements);
        Ok(Arc::new(Self {
            connector,
            dir: dir.to_owned(),
            keeper: Mutex::new(Some(keeper)),
            places: Arc::new(Semaphore::new(threads.limit())),
            threads,
            queue_timeout: options.queue_timeout,
            claims: Claims::default(),
            closing: watch::Sender::new(false),
            version: version.to_owned(),
            timezone: timezone.to_owned(),
        }))
    }

    /// Runs a job with a new connection on a thread of the pool, when there is a place.
    ///
    /// Returns once the job has been handed over. A job must not hold the engine: the engine's
    /// end waits for the jobs.
    ///
    /// **Errors**: code 202 if there is no place in time, 236 if the engine is closing.
    pub(crate) async fn run(
        &self,
        job: impl FnOnce(Result<Connection, Exception>) + Send + 'static,
    ) -> Result<(), Exception> {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = match tokio::time::timeout(self.queue_timeout, place).await {
            Ok(place) => place.map_err(|_| closing())?,
            Err(_) => return Err(too_many(self.threads.limit())),
        };
        let connector = self.connector.clone();
        let taken = self.threads.submit(move || {
            job(connector.connect());
            drop(place);
        });
        if taken { Ok(()) } else { Err(closing()) }
    }

    /// Takes a query's id for as long as the query is executed.
    ///
    /// **Errors**: code 216 if a query of this id is being executed.
    pub(crate) fn claim(&self, query_id: &str) -> Result<Claim, Exception> {
        self.claims.take(query_id)
    }

    /// Tells when the engine starts to close.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Ends every statement and closes the directory.
    pub(crate) async fn close(self: Arc<Self>) {
        self.closing.send_replace(true);
        self.places.close();
        // A panic in there would have been reported by its own thread.
        drop(tokio::task::spawn_blocking(move || self.disconnect()).await);
    }

    /// Ends the library, for good in this process. The directory must be closed.
    pub(crate) fn shut_down(&self) {
        if !process::shut_down(self.connector.library) {
            // The directory is closed and the process about to end: nobody has to do anything.
            tracing::debug!("the engine did not end all of its threads");
        }
    }

    /// Blocks until every statement has ended and the directory is closed.
    fn disconnect(&self) {
        self.closing.send_replace(true);
        let mut keeper = self
            .keeper
            .lock()
            .unwrap_or_else(|poison| poison.into_inner());
        if let Some(mut keeper) = keeper.take() {
            // Nobody will read their results. What writes is left to come to its end.
            let kill = b"KILL QUERY WHERE query_kind = 'Select' ASYNC";
            if let Err(error) = keeper.query(kill, "Null") {
                tracing::debug!(error = error.text, "cannot cancel what is running");
            }
            self.threads.join();
            drop(keeper);
            process::closed();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// How a statement gets its connection.
#[derive(Debug, Clone)]
struct Connector {
    library: &'static Library,
    arguments: Arc<[CString]>,
    settings: Arc<[(String, String)]>,
}

impl Connector {
    fn connect(&self) -> Result<Connection, Exception> {
        let connection = Connection::open(self.library, &self.arguments);
        let mut connection = connection.ok_or_else(closing)?;
        front::apply_settings(&mut connection, &self.settings)?;
        Ok(connection)
    }
}

fn closing() -> Exception {
    Exception::new(code::ABORTED, "The engine is closing. (ABORTED)")
}

fn too_many(limit: usize) -> Exception {
    Exception::new(
        code::TOO_MANY_SIMULTANEOUS_QUERIES,
        format_args!(
            "Too many simultaneous queries. Maximum: {limit}. (TOO_MANY_SIMULTANEOUS_QUERIES)"
        ),
    )
}

fn settings_error(exception: Exception) -> Error {
    Error::Settings {
        said: exception.text,
    }
}

/// Finds out whether another process has the directory, by the lock that ClickHouse takes.
///
/// The engine would refuse too, but tells the reason on standard error only.
fn refuse_if_locked(dir: &Path) -> Result<(), Error> {
    let Ok(status) = File::open(dir.join("status")) else {
        return Ok(());
    };
    match status.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Locked {
            dir: dir.to_owned(),
        }),
        _ => Ok(()),
    }
}
