//! The handle from which everything about one fills table starts.

use std::sync::Arc;

use clickhouse::Client;
use clickhouse::query::Query;
use clickhouse::{RowOwned, RowRead, RowWrite};
use fills::Block;
use tokio::sync::OnceCell;

use crate::names::{Names, Qualified};
use crate::replicas::Copies;
use crate::retry::reading;
use crate::{Catalogue, Error, Server, Store};

/// A fills table on a server: its schema, its rows, its catalogue and the questions about it.
///
/// A handle is cheap to clone and holds nothing but names and a client.
#[derive(Debug, Clone)]
pub struct FillTable {
    server: Server,
    names: Names,
    pub(crate) copies: Arc<OnceCell<Copies>>,
}

impl FillTable {
    /// Names a table in the server's database. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Name`] for what cannot be a table's name.
    pub fn new(server: Server, table: impl Into<String>) -> Result<Self, Error> {
        let names = Names::new(server.database(), table)?;
        Ok(Self {
            server,
            names,
            copies: Arc::default(),
        })
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

    /// Inserts rows into a table beside the fills, in one insert, and returns when they are durable. It is
    /// repeated like a read; what an attempt inserted whose answer was lost is not inserted twice, or is
    /// replaced.
    ///
    /// # Errors
    /// Any error of the connection; rows that the table does not take.
    pub async fn insert<R>(&self, name: &Qualified, rows: &[R]) -> Result<(), Error>
    where
        R: RowOwned + RowWrite,
    {
        let token = Block::unused_token();
        reading(|| self.insert_once(name, rows, &token)).await
    }

    /// Inserts rows, once. The server drops a repeat under the same token where the table has a
    /// deduplication window.
    pub(crate) async fn insert_once<R>(
        &self,
        name: &Qualified,
        rows: &[R],
        token: &str,
    ) -> Result<(), Error>
    where
        R: RowOwned + RowWrite,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = self.inserting(token).insert::<R>(&name.name).await?;
        for row in rows {
            insert.write(row).await?;
        }
        Ok(insert.end().await?)
    }

    /// Returns a client whose insert is acknowledged when it is durable, and dropped where the table has seen
    /// its token.
    pub(crate) fn inserting(&self, token: &str) -> Client {
        let client = self.server.client().clone();
        client
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token)
    }

    /// Starts a query. `?` is no placeholder: parameters go by [`Query::param`].
    pub(crate) fn query(&self, sql: &str) -> Query {
        self.server.client().query_raw(sql)
    }
}
