//! ClickHouse, wherever it is: a server by URL, or the embedded one.

use std::net::{Ipv4Addr, SocketAddr};

use clickhouse_embedded::{
    Access, Connection, InstallOptions, Progress, Server, ServerOptions, install, locate,
};
use fill_table::{ClientCertificate, Credentials, FillTable, ServerConfig};
use startup::Failure;
use startup::settings::TableSettings;

use crate::errors::{from_engine, from_table};

pub use clickhouse_embedded::run_if_server;

/// Where ClickHouse's own HTTP port is by convention; tools look there first.
const USUAL_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8123);

/// An open database, and the embedded server behind it if this process started one.
#[derive(Debug)]
pub struct Database {
    /// The fills table.
    pub table: FillTable,
    engine: Option<Server>,
    url: Option<String>,
}

impl Database {
    /// Connects to the server of the settings, or starts the embedded one, fetching its library the
    /// first time. Creates the database if it is missing.
    ///
    /// Two writers could put the same row in twice, so the embedded server of another process is not
    /// taken: one process at a time has the data directory to write.
    ///
    /// # Errors
    /// What stands in the way, with the exit code that fits.
    pub async fn open(settings: &TableSettings) -> Result<Self, Failure> {
        let opened = match settings.is_embedded() {
            true => Self::embedded(start(settings).await?, settings)?,
            false => Self::remote(settings)?,
        };
        match opened.table.server().first_contact().await {
            Ok(info) => tracing::debug!(version = info.version, "ClickHouse answers"),
            Err(fill_table::Error::NoDatabase { .. }) => {
                let created = opened.table.server().create_database().await;
                created.map_err(from_table)?;
            }
            Err(error) => return Err(from_table(error)),
        }
        Ok(opened)
    }

    /// Connects like [`Database::open`], or to the embedded server of another process, and creates
    /// nothing.
    ///
    /// # Errors
    /// As [`Database::open`], and that there is no such database.
    pub async fn open_to_read(settings: &TableSettings) -> Result<Self, Failure> {
        let opened = Self::open_as_it_is(settings).await?;
        opened
            .table
            .server()
            .first_contact()
            .await
            .map_err(from_table)?;
        Ok(opened)
    }

    /// Connects like [`Database::open_to_read`], and asks nothing.
    ///
    /// # Errors
    /// That the embedded server cannot be had; of another server nothing is known yet.
    pub async fn open_as_it_is(settings: &TableSettings) -> Result<Self, Failure> {
        if !settings.is_embedded() {
            return Self::remote(settings);
        }
        let found = Connection::find(&settings.data_dir.join(ENGINE_DIR));
        let embedded = match found {
            Some(connection) => (connection, None),
            None => start(settings).await?,
        };
        Self::embedded(embedded, settings)
    }

    fn remote(settings: &TableSettings) -> Result<Self, Failure> {
        let token = settings.clickhouse_access_token.as_ref();
        let certificate = settings.clickhouse_client_cert.clone();
        let headers = settings.clickhouse_headers.iter();
        let server = fill_table::Server::http(ServerConfig {
            urls: settings
                .clickhouse_urls
                .iter()
                .map(ToString::to_string)
                .collect(),
            credentials: Some(Credentials {
                user: settings.clickhouse_user.clone(),
                password: settings.clickhouse_password.expose().to_owned(),
            }),
            database: settings.clickhouse_database.clone(),
            access_token: token.map(|token| token.expose().to_owned()),
            ca_file: settings.clickhouse_ca.clone(),
            client_certificate: certificate.map(|(chain, key)| ClientCertificate { chain, key }),
            roles: settings.clickhouse_roles.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), value.expose().to_owned()))
                .collect(),
            settings: settings.clickhouse_settings.clone(),
        });
        let server = server.map_err(from_table)?;
        Ok(Self {
            table: FillTable::new(server, &settings.table).map_err(from_table)?,
            engine: None,
            url: None,
        })
    }

    fn embedded(
        (connection, engine): (Connection, Option<Server>),
        settings: &TableSettings,
    ) -> Result<Self, Failure> {
        let login = Credentials {
            user: connection.user.clone(),
            password: connection.password.clone(),
        };
        let database = settings.clickhouse_database.clone();
        let server = fill_table::Server::embedded(connection.client(), database)
            .with_dictionary_login(login);
        Ok(Self {
            table: FillTable::new(server, &settings.table).map_err(from_table)?,
            engine,
            url: Some(connection.url),
        })
    }

    /// Returns where other programs can query the embedded server.
    pub fn embedded_url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Stops the embedded server, so that its data directory is free.
    pub async fn close(self) {
        let Self { table, engine, .. } = self;
        // A server that stops waits five seconds for clients that are still connected.
        drop(table);
        if let Some(engine) = engine {
            stop(engine).await;
        }
    }
}

/// Stops an embedded server without blocking the runtime.
pub async fn stop(engine: Server) {
    // A panic in there would have been reported by its own thread.
    drop(tokio::task::spawn_blocking(move || engine.stop()).await);
}

/// Returns who may use the embedded server beside this program.
pub fn access(settings: &TableSettings) -> Access {
    match settings.clickhouse_password.expose() {
        "" => Access::Open,
        password => Access::Password {
            user: settings.clickhouse_user.clone(),
            password: password.to_owned(),
        },
    }
}

/// Starts the embedded server, at the usual address if that is free.
async fn start(settings: &TableSettings) -> Result<(Connection, Option<Server>), Failure> {
    let any = SocketAddr::new(USUAL_ADDRESS.ip(), 0);
    let engine = match start_engine(settings, USUAL_ADDRESS).await {
        Err(failure) if is_listen_error(&failure) => start_engine(settings, any).await?,
        started => started?,
    };
    Ok((engine.connection().clone(), Some(engine)))
}

fn is_listen_error(failure: &Failure) -> bool {
    matches!(
        failure.error.downcast_ref(),
        Some(clickhouse_embedded::Error::Listen { .. })
    )
}

/// The embedded server's place in the data directory.
const ENGINE_DIR: &str = "clickhouse";

/// Starts the embedded server of the settings' data directory.
///
/// # Errors
/// That its library cannot be had, or that the server cannot be started.
pub async fn start_engine(settings: &TableSettings, listen: SocketAddr) -> Result<Server, Failure> {
    ensure_library().await?;
    let directory = settings.data_dir.join(ENGINE_DIR);
    let options = ServerOptions {
        listen,
        access: access(settings),
        ..ServerOptions::default()
    };
    let started = tokio::task::spawn_blocking(move || Server::start(directory, options));
    match started.await {
        Ok(engine) => engine.map_err(from_engine),
        Err(error) => Err(Failure::new(startup::ExitCode::Failed, error)),
    }
}

/// Returns how another program queries the embedded server, as a command of a shell.
pub fn curl(url: &str, settings: &TableSettings) -> String {
    match access(settings) {
        Access::Open => format!("curl {url}"),
        Access::Password { user, .. } => format!("curl {url} -u {user}:$CLICKHOUSE_PASSWORD"),
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
