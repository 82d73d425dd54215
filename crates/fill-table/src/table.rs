//! The handle from which everything about one fills table starts.

use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead};

use crate::names::Names;
use crate::retry::reading;
use crate::{Catalogue, Error, Server, Store};

/// A fills table on a server: its schema, its rows, its catalogue and the questions about it.
///
/// A handle is cheap to clone and holds nothing but names and a client.
#[derive(Debug, Clone)]
pub struct FillTable {
    server: Server,
    names: Names,
}

impl FillTable {
    /// Names a table in the server's database. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Name`] for what cannot be a table's name.
    pub fn new(server: Server, table: impl Into<String>) -> Result<Self, Error> {
        let names = Names::new(server.database(), table)?;
        Ok(Self { server, names })
    }

    /// Returns the names of the table and of what belongs to it.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the market catalogue.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue::new(self.clone())
    }

    /// Starts to take rows. The configuration's table is set to this one.
    ///
    /// # Errors
    /// [`Error::Insert`] where the sink does not start: the table has to exist.
    pub async fn open(&self, config: clickhouse_sink::Config) -> Result<Store, Error> {
        Store::open(self.clone(), config).await
    }

    /// Reads all rows of a query in memory. What may pass is tried again for half a minute.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>, Error> {
        reading(|| async { Ok(self.query(sql).fetch_all().await?) }).await
    }

    /// Reads the only row of a query, like [`FillTable::rows`].
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn row<T: RowOwned + RowRead>(&self, sql: &str) -> Result<T, Error> {
        reading(|| async { Ok(self.query(sql).fetch_one().await?) }).await
    }

    /// Runs a statement that changes nothing when it runs again: it is tried again like a read.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn run(&self, sql: &str) -> Result<(), Error> {
        reading(|| async { Ok(self.query(sql).execute().await?) }).await
    }

    /// Starts a query. `?` is no placeholder: parameters go by [`Query::param`].
    pub(crate) fn query(&self, sql: &str) -> Query {
        self.server.client().query_raw(sql)
    }
}
