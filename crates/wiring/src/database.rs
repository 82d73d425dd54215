//! ClickHouse, wherever it is: a server by URL, or the engine in this process.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use clickhouse_embedded::{Auth, Engine, EngineOptions, InstallOptions, Progress, install, locate};
use fill_table::{Credentials, FillTable, ServerConfig};
use startup::Failure;
use startup::settings::TableSettings;

use crate::errors::{from_engine, from_table};

/// Where ClickHouse's own HTTP port is by convention; tools look there first.
const USUAL_PORT: u16 = 8123;

/// Holds the URL of the process that has the data directory's engine; it may be an old one.
const LISTENER_FILE: &str = "clickhouse.url";

/// An open database, and the engine behind it where that is in this process.
#[derive(Debug)]
pub struct Database {
    /// The fills table.
    pub table: FillTable,
    engine: Option<Engine>,
    listener: Option<clickhouse_embedded::Server>,
}

impl Database {
    /// Connects to the server of the settings, or opens the embedded engine, fetching its library
    /// the first time. The database is made where it is missing.
    ///
    /// # Errors
    /// What stands in the way, with the exit code that fits.
    pub async fn open(settings: &TableSettings) -> Result<Self, Failure> {
        let opened = Self::connect(settings).await?;
        match opened.table.server().ping().await {
            Ok(info) => tracing::debug!(version = info.version, "ClickHouse answers"),
            Err(fill_table::Error::NoDatabase { .. }) => {
                let created = opened.table.server().create_database().await;
                created.map_err(from_table)?;
            }
            Err(error) => return Err(from_table(error)),
        }
        Ok(opened)
    }

    /// Makes the client of a server, of which nothing is asked yet, or opens the embedded engine.
    async fn connect(settings: &TableSettings) -> Result<Self, Failure> {
        let database = settings.clickhouse_database.clone();
        let (server, engine) = match &settings.clickhouse_url {
            Some(url) => {
                let server = fill_table::Server::http(ServerConfig {
                    url: url.to_string(),
                    credentials: Some(Credentials {
                        user: settings.clickhouse_user.clone(),
                        password: settings.clickhouse_password.expose().to_owned(),
                    }),
                    database,
                });
                (server, None)
            }
            None => {
                let engine = open_engine(settings).await?;
                // Whoever has that port by now is not to be asked, least of all with a password.
                let _ = std::fs::remove_file(settings.data_dir.join(LISTENER_FILE));
                let server = fill_table::Server::embedded(engine.client(), database);
                (server, Some(engine))
            }
        };
        Ok(Self {
            table: FillTable::new(server, &settings.table).map_err(from_table)?,
            engine,
            listener: None,
        })
    }

    /// Connects like [`Database::open`]; where another process has the engine, through the listener
    /// of that one.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn open_to_read(settings: &TableSettings) -> Result<Self, Failure> {
        Self::or_through(Self::open(settings).await, settings).await
    }

    /// Opens what is there like [`Database::open_to_read`], and asks and makes nothing.
    ///
    /// # Errors
    /// That the engine or its listener cannot be had; of a server nothing is known yet.
    pub async fn open_as_it_is(settings: &TableSettings) -> Result<Self, Failure> {
        Self::or_through(Self::connect(settings).await, settings).await
    }

    async fn or_through(
        opened: Result<Self, Failure>,
        settings: &TableSettings,
    ) -> Result<Self, Failure> {
        let Err(failure) = &opened else { return opened };
        let locked = matches!(
            failure.error.downcast_ref(),
            Some(clickhouse_embedded::Error::Locked { .. })
        );
        match std::fs::read_to_string(settings.data_dir.join(LISTENER_FILE)) {
            Ok(url) if locked => Self::through(&url, settings).await.or(opened),
            _ => opened,
        }
    }

    async fn through(url: &str, settings: &TableSettings) -> Result<Self, Failure> {
        let server = fill_table::Server::http(ServerConfig {
            url: url.trim().to_owned(),
            credentials: match auth(settings) {
                Auth::Open => None,
                Auth::Credentials { user, password } => Some(Credentials { user, password }),
            },
            database: settings.clickhouse_database.clone(),
        });
        server.ping().await.map_err(from_table)?;
        Ok(Self {
            table: FillTable::new(server, &settings.table).map_err(from_table)?,
            engine: None,
            listener: None,
        })
    }

    /// Lets other programs read while this one runs, if the engine is in this process.
    pub async fn listen(&mut self, settings: &TableSettings) {
        let Some(engine) = &self.engine else { return };
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listening = match engine.serve(usual, auth(settings)).await {
            Ok(server) => Ok(server),
            Err(_) => engine.serve(any, auth(settings)).await,
        };
        match listening {
            Ok(server) => {
                // Only a convenience for `ingest status`: where it fails, that one says less.
                let _ = tell_listener(&settings.data_dir, &server.url());
                self.listener = Some(server);
            }
            Err(error) => tracing::warn!(%error, "nobody can query the table while this runs"),
        }
    }

    /// Returns where other programs can read now, if anywhere.
    pub fn listener_url(&self) -> Option<String> {
        self.listener.as_ref().map(|server| server.url())
    }

    /// Closes the engine, so that its data directory is free and its threads have ended.
    pub async fn close(self) {
        let Self {
            table,
            engine,
            listener,
        } = self;
        drop((table, listener));
        if let Some(engine) = engine {
            engine.shutdown().await;
        }
    }
}

/// Tells who may use a listener of this program: whoever has the password, where there is one.
pub fn auth(settings: &TableSettings) -> Auth {
    match settings.clickhouse_password.expose() {
        "" => Auth::Open,
        password => Auth::Credentials {
            user: settings.clickhouse_user.clone(),
            password: password.to_owned(),
        },
    }
}

fn tell_listener(data_dir: &Path, url: &str) -> io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    // Readers believe it.
    options
        .mode(0o644)
        .open(data_dir.join(LISTENER_FILE))?
        .write_all(url.as_bytes())
}

/// Opens the embedded engine of the settings' data directory.
///
/// # Errors
/// That its library cannot be had, or that the directory cannot be opened.
pub async fn open_engine(settings: &TableSettings) -> Result<Engine, Failure> {
    ensure_library().await?;
    let directory = settings.data_dir.join("clickhouse");
    let opened =
        tokio::task::spawn_blocking(move || Engine::open(directory, &EngineOptions::default()));
    match opened.await {
        Ok(engine) => engine.map_err(from_engine),
        Err(error) => Err(Failure::new(startup::ExitCode::Failed, error)),
    }
}

/// Fetches the engine's library unless it is there, and returns where it is.
///
/// # Errors
/// What stood in the way, and what to do about it.
pub async fn ensure_library() -> Result<std::path::PathBuf, Failure> {
    let options = InstallOptions::default();
    if let Some(path) = locate(&options) {
        return Ok(path);
    }
    tracing::info!("the ClickHouse engine is fetched once, about 180 MB");
    let installed = tokio::task::spawn_blocking(move || install(&options, shown));
    match installed.await {
        Ok(path) => path.map_err(from_engine),
        Err(error) => Err(Failure::new(startup::ExitCode::Failed, error)),
    }
}

fn shown(progress: Progress) {
    tracing::debug!(?progress, "installing the ClickHouse engine");
}
