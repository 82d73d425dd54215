//! One engine for one run, in a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use fill_table::{FillTable, Server, ServerConfig, Storage};
use processes::{Binaries, Engine};

use crate::Failure;
use crate::source::Expected;
use crate::usage::{cpu_seconds, cpu_seconds_of_threads};

pub(crate) const DATABASE: &str = "default";
pub(crate) const TABLE: &str = "clob_fills_v2";

/// Merges count as over when none was seen for so many looks in a row.
const LOOKS_WITHOUT_MERGES: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Merges of fifty million rows take minutes.
const PATIENCE_WITH_MERGES: Duration = Duration::from_secs(900);

/// The engine's name for the threads that merge, as Linux shows it.
const MERGING_THREADS: &str = "MergeMutate";

/// A running engine and the fills table in it, which may not be there yet.
#[derive(Debug)]
pub(crate) struct Database {
    engine: Engine,
    pub(crate) table: FillTable,
}

/// Processor time that an engine has used since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) seconds: f64,
    /// That of merges, which is part of it; nothing while there is no thread for them.
    pub(crate) merging_seconds: Option<f64>,
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) fills: u64,
    pub(crate) usdc_base_units: u128,
}

impl Database {
    /// Starts an engine on a fresh directory.
    ///
    /// # Errors
    /// What keeps it from being ready.
    pub(crate) async fn start(binaries: &Binaries, directory: &Path) -> Result<Self, Failure> {
        let (binaries, directory) = (binaries.clone(), directory.to_path_buf());
        let start = move || {
            let data = directory.join("data");
            Engine::start(&binaries, &directory, &data, "127.0.0.1:0")
        };
        let engine = tokio::task::spawn_blocking(start).await??;
        let server = Server::http(ServerConfig {
            urls: vec![engine.url.clone()],
            database: DATABASE.to_owned(),
            ..ServerConfig::default()
        })?;
        let table = FillTable::new(server, TABLE)?;
        Ok(Self { engine, table })
    }

    pub(crate) fn url(&self) -> &str {
        &self.engine.url
    }

    /// Returns the engine's processor time so far.
    pub(crate) fn cpu(&self) -> Result<Cpu, Failure> {
        let engine = self.engine.server_id;
        Ok(Cpu {
            seconds: cpu_seconds(engine)?,
            merging_seconds: cpu_seconds_of_threads(engine, MERGING_THREADS)?,
        })
    }

    /// Takes from the table what only the promises of `ours` need: a naive design does not force
    /// rows to disk and remembers no inserts.
    pub(crate) async fn relieve_table(&self) -> Result<(), Failure> {
        let relieve = format!(
            "ALTER TABLE {} MODIFY SETTING non_replicated_deduplication_window = 0, \
             fsync_after_insert = 0, fsync_part_directory = 0",
            self.table.names().data()
        );
        self.execute(&relieve).await
    }

    /// Runs a statement to its end.
    pub(crate) async fn execute(&self, sql: &str) -> Result<(), Failure> {
        let client = self.table.server().client();
        Ok(client.query(sql).execute().await?)
    }

    /// Returns when no merge is under way any more.
    ///
    /// # Errors
    /// That they do not end.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE_WITH_MERGES;
        let mut quiet = 0;
        while quiet < LOOKS_WITHOUT_MERGES {
            if Instant::now() > deadline {
                return Err("the engine does not end merging".into());
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let merges: u64 = self.one("SELECT count() FROM system.merges").await?;
            quiet = if merges == 0 { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    /// Counts and adds up what is in a table of fills.
    pub(crate) async fn held(&self, table: &str) -> Result<Held, Failure> {
        let sql = format!("SELECT count(), toString(sum(usdc)) FROM {table}");
        let client = self.table.server().client();
        let (fills, usdc) = client.query(&sql).fetch_one::<(u64, String)>().await?;
        Ok(Held {
            fills,
            usdc_base_units: usdc.parse()?,
        })
    }

    /// Counts the markets that have fills.
    pub(crate) async fn markets(&self) -> Result<u64, Failure> {
        Ok(self.table.totals().await?.markets)
    }

    pub(crate) async fn storage(&self) -> Result<Storage, Failure> {
        Ok(self.table.storage().await?)
    }

    pub(crate) async fn one<T>(&self, sql: &str) -> Result<T, Failure>
    where
        T: clickhouse::RowOwned + clickhouse::RowRead,
    {
        let client = self.table.server().client();
        Ok(client.query(sql).fetch_one().await?)
    }
}

impl Held {
    /// Holds what is there against what the source served.
    ///
    /// # Errors
    /// That rows are missing, doubled or wrong.
    pub(crate) fn check(self, expected: Expected) -> Result<(), Failure> {
        let complete = Self {
            fills: expected.fills,
            usdc_base_units: expected.usdc_base_units,
        };
        match self == complete {
            true => Ok(()),
            false => {
                Err(format!("the table holds {self:?}, the source served {expected:?}").into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_or_one_unit_less_is_an_error() {
        let expected = Expected {
            fills: 2,
            usdc_base_units: 9,
        };
        let check = |fills, usdc_base_units| {
            let held = Held {
                fills,
                usdc_base_units,
            };
            held.check(expected)
        };
        assert!(check(2, 9).is_ok());
        assert!(check(1, 9).is_err());
        assert!(check(2, 8).is_err());
    }
}
