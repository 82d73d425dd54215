//! The table that rows go to: its columns, and what it remembers.

use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;

use crate::columns::{Described, fit, quoted};
use crate::config::{Config, Deduplication};
use crate::encode::{ColumnSpec, TableColumn};
use crate::error::Error;
use crate::layout::Layout;
use crate::window::{NON_REPLICATED, REPLICATED, Window, is_replicated, setting};

/// What an insert needs to know of its table, read once.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The columns that rows write, in the order in which they do.
    pub(crate) columns: Arc<[TableColumn]>,
    /// Up to the name of the format.
    pub(crate) insert_sql: String,
    /// How rows lie in an insert, behind names and types, which the server compares with its own
    /// before it takes a row.
    pub(crate) layout: Layout,
    /// Whether the server has the setting `deduplicate_insert`, which came with 26.
    pub(crate) knows_deduplicate_insert: bool,
}

/// Why a table cannot be read or used.
pub(crate) enum TableError {
    /// The server did not answer as it should.
    Client(clickhouse::error::Error),
    /// It did, and the table will not do.
    Unfit(Error),
}

impl From<clickhouse::error::Error> for TableError {
    fn from(error: clickhouse::error::Error) -> Self {
        Self::Client(error)
    }
}

impl Table {
    /// Reads the table's columns and compares them with those that rows write.
    pub(crate) async fn read(
        client: &Client,
        name: &str,
        written: &[ColumnSpec],
    ) -> Result<Self, TableError> {
        let described = client
            .query_raw(&format!("DESCRIBE TABLE {}", quoted(name)))
            .with_setting("describe_include_subcolumns", "0")
            // Types go back as the header of each insert, which takes them on one line only.
            .with_setting("print_pretty_type_names", "0")
            .fetch_all::<Described>()
            .await?;
        let columns = fit(&described, written).map_err(|message| {
            TableError::Unfit(Error::Schema {
                table: name.to_owned(),
                message,
            })
        })?;
        let known = client
            .query_raw("SELECT name FROM system.settings WHERE name = 'deduplicate_insert'")
            .fetch_all::<String>()
            .await?;
        let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
        Ok(Self {
            name: name.to_owned(),
            insert_sql: format!("INSERT INTO {} ({}) FORMAT", quoted(name), names.join(", ")),
            layout: Layout::of(&columns),
            columns: columns.into(),
            knows_deduplicate_insert: !known.is_empty(),
        })
    }

    /// Finds out how many batches may run ahead of one that is retried, and for how long the
    /// table remembers. Nothing means that it does not matter.
    pub(crate) async fn window(
        &self,
        client: &Client,
        config: &Config,
    ) -> Result<Option<Window>, TableError> {
        let window = match config.deduplication {
            Deduplication::Off => return Ok(None),
            Deduplication::Assumed { window_parts } => Window {
                parts: window_parts,
                age: None,
            },
            Deduplication::Required => self.read_window(client).await?,
        };
        if window.batches(config.partitions_per_batch) < config.parallel_inserts as u64 {
            let needed = config.parallel_inserts as u64 * config.partitions_per_batch * 2;
            return Err(self.forgetful(format!(
                "it remembers {} parts, and {} inserts at once into up to {} partitions need \
                 {needed}: ALTER TABLE {} MODIFY SETTING {NON_REPLICATED} = {needed}",
                window.parts,
                config.parallel_inserts,
                config.partitions_per_batch,
                quoted(&self.name),
            )));
        }
        let attempt = config.attempt_timeout * 4;
        if let Some(age) = window.age.filter(|age| *age < attempt) {
            return Err(self.forgetful(format!(
                "it forgets after {age:?}, and attempts that may take {:?} need {attempt:?}",
                config.attempt_timeout,
            )));
        }
        Ok(Some(window))
    }

    async fn read_window(&self, client: &Client) -> Result<Window, TableError> {
        let engines = client
            .query(
                "SELECT engine, engine_full FROM system.tables \
                 WHERE database = currentDatabase() AND name = ?",
            )
            .bind(self.name.as_str())
            .fetch_all::<(String, String)>()
            .await?;
        let Some((engine, engine_full)) = engines.first() else {
            return Err(self.forgetful("it is not in system.tables".to_owned()));
        };
        let Some(replicated) = is_replicated(engine) else {
            return Err(self.forgetful(format!("its engine is {engine}")));
        };
        if !replicated {
            let parts = self
                .effective(client, engine_full, NON_REPLICATED, "")
                .await?;
            return Ok(Window { parts, age: None });
        }
        let (parts, seconds) = REPLICATED;
        let parts = self
            .effective(client, engine_full, parts, "replicated_")
            .await?;
        let seconds = self
            .effective(client, engine_full, seconds, "replicated_")
            .await?;
        Ok(Window {
            parts,
            age: Some(Duration::from_secs(seconds)),
        })
    }

    /// Returns a setting of the table, or the server's default for it.
    async fn effective(
        &self,
        client: &Client,
        engine_full: &str,
        name: &str,
        kind: &str,
    ) -> Result<u64, TableError> {
        if let Some(value) = setting(engine_full, name) {
            return Ok(value);
        }
        let value = client
            .query(&format!(
                "SELECT value FROM system.{kind}merge_tree_settings WHERE name = ?"
            ))
            .bind(name)
            .fetch_all::<String>()
            .await?;
        Ok(value.first().and_then(|v| v.parse().ok()).unwrap_or(0))
    }

    fn forgetful(&self, message: String) -> TableError {
        TableError::Unfit(Error::Deduplication {
            table: self.name.clone(),
            message,
        })
    }
}
