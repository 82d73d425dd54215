//! A ClickHouse server, or the embedded engine, and whether it will do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clickhouse::{Client, Row};
use hyper_util::client::proxy::matcher::Matcher;
use serde::Deserialize;

use crate::Error;
use crate::names::quoted;
use crate::retry::first_contact;

/// The oldest version with everything that the program uses: `lightweight_deletes_sync` came last.
///
/// **Source**: changelog of `ClickHouse` 24.4.
const OLDEST_VERSION: &str = "24.4";

/// A server that answers does so within milliseconds.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password, which may be empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password", &"***")
            .finish()
    }
}

/// A certificate that a client shows, in PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and those between it and its root.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where a ClickHouse server is and who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its HTTP interface, such as `http://127.0.0.1:8123`. Several are replicas: the next one is taken
    /// when one cannot be connected to. They have the same scheme and path.
    pub urls: Vec<String>,
    /// Who asks; nothing means the server's `default` user without a password.
    pub credentials: Option<Credentials>,
    /// A token that is sent instead of credentials.
    pub access_token: Option<String>,
    /// The database that the tables are in.
    pub database: String,
    /// A PEM file of certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The certificate that the client shows. It takes the place of an empty password.
    pub client_certificate: Option<ClientCertificate>,
    /// Roles to ask as; none means the user's default roles.
    pub roles: Vec<String>,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
    /// `ClickHouse` settings of every request, such as `insert_quorum`.
    pub settings: Vec<(String, String)>,
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers can hold a secret as well as the token does.
        f.debug_struct("ServerConfig")
            .field("urls", &self.urls)
            .field("credentials", &self.credentials)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct ServerInfo {
    /// Its version, such as `26.7.2.1`.
    pub version: String,
    /// Whom it takes the client for.
    pub user: String,
    /// Its clock, in seconds since 1970.
    pub now: u32,
}

/// A client of a ClickHouse server or of the embedded engine, in one database.
#[derive(Clone)]
pub struct Server {
    client: Client,
    credentials: Option<Credentials>,
    dictionary_login: Option<Credentials>,
    database: String,
    /// None for the embedded server.
    hosts: usize,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own form shows its headers, and with them the password.
        f.debug_struct("Server")
            .field("credentials", &self.credentials)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Makes a client of a server. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::CertificateFile`].
    pub fn http(config: ServerConfig) -> Result<Self, Error> {
        let mut client = crate::http::client(&config, Matcher::from_env())?;
        if let Some(url) = config.urls.first() {
            client = client.with_url(url);
        }
        for (name, value) in config.headers {
            client = client.with_header(name, value);
        }
        if !config.roles.is_empty() {
            client = client.with_roles(config.roles);
        }
        for (name, value) in config.settings {
            client = client.with_setting(name, value);
        }
        let shows_certificate = config.client_certificate.is_some();
        let credentials = match config.access_token {
            Some(token) => {
                client = client.with_access_token(token);
                None
            }
            None => config.credentials,
        };
        if let Some(Credentials { user, password }) = &credentials {
            client = client.with_user(user);
            client = match password.is_empty() && shows_certificate {
                true => client.with_header("X-ClickHouse-SSL-Certificate-Auth", "on"),
                false => client.with_password(password),
            };
        }
        Ok(Self {
            client: client.with_database(&config.database),
            credentials,
            dictionary_login: None,
            database: config.database,
            hosts: config.urls.len(),
        })
    }

    /// Takes a client that has its credentials, such as the embedded server's.
    pub fn embedded(client: Client, database: impl Into<String>) -> Self {
        let database = database.into();
        Self {
            client: client.with_database(&database),
            credentials: None,
            dictionary_login: None,
            database,
            hosts: 0,
        }
    }

    /// Lets the dictionary read its table with these credentials. Without them it tries the user
    /// `default` first, which may need a password the next time that the server starts.
    #[must_use]
    pub fn with_dictionary_login(self, login: Credentials) -> Self {
        Self {
            dictionary_login: Some(login),
            ..self
        }
    }

    /// Returns the client, which is set to the database.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the database that the tables are in.
    pub fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn dictionary_login(&self) -> Option<&Credentials> {
        self.dictionary_login.as_ref()
    }

    /// Returns true for the embedded server, which is one and reached by no other way.
    pub(crate) fn is_embedded(&self) -> bool {
        self.hosts == 0
    }

    /// Returns true if requests may reach one of several servers.
    pub(crate) fn has_several_hosts(&self) -> bool {
        self.hosts > 1
    }

    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Asks the server for its version and whether it takes the client.
    ///
    /// # Errors
    /// [`Error::Unreachable`], also if there is no answer within ten seconds;
    /// [`Error::Credentials`]; [`Error::NoDatabase`]; [`Error::TooOld`].
    pub async fn ping(&self) -> Result<ServerInfo, Error> {
        let asked = self
            .client
            .query("-- ping\nSELECT version() AS version, currentUser() AS user, now() AS now")
            .fetch_one::<ServerInfo>();
        let info = tokio::time::timeout(PING_TIMEOUT, asked)
            .await
            .map_err(|_| clickhouse::error::Error::TimedOut)??;
        if version(&info.version) < version(OLDEST_VERSION) {
            return Err(Error::TooOld {
                found: info.version,
                needed: OLDEST_VERSION,
            });
        }
        Ok(info)
    }

    /// Asks like [`Server::ping`], and goes on asking for a minute while the server is silent or
    /// something in front of it answers 502, 503 or 504: it may be starting, or waking up.
    ///
    /// # Errors
    /// As [`Server::ping`].
    pub async fn first_contact(&self) -> Result<ServerInfo, Error> {
        first_contact(|| self.ping()).await
    }

    /// Makes the database unless it is there.
    ///
    /// # Errors
    /// [`Error::NoRights`] where the user may not; otherwise as [`Server::ping`].
    pub async fn create_database(&self) -> Result<(), Error> {
        let database = quoted(&self.database);
        // A request that names a database is refused as long as there is none.
        let client = self.client.clone().with_database("default");
        client
            .query_raw(&format!(
                "-- create_database\nCREATE DATABASE IF NOT EXISTS {database}"
            ))
            .execute()
            .await?;
        Ok(())
    }
}

/// Returns the year and the number of a version, which is what compares.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("24.10.1.1") > version("24.4"));
        assert!(version("24.3.1.1") < version(OLDEST_VERSION));
        assert_eq!(version("24.4.3.70"), version(OLDEST_VERSION));
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = ServerConfig {
            urls: vec!["http://127.0.0.1:1".to_owned()],
            credentials: Some(Credentials {
                user: "writer".to_owned(),
                password: "hunter2".to_owned(),
            }),
            access_token: Some("hunter2".to_owned()),
            headers: vec![("x-key".to_owned(), "hunter2".to_owned())],
            ..ServerConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(shown.contains("writer"), "{shown}");
        let shown = format!("{shown} {:?}", Server::http(config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
