//! Taking away what [`FillTable::ensure`] made, for a table that is only measured with.

use std::time::Duration;

use crate::names::literal;
use crate::{Error, FillTable};

impl FillTable {
    /// Takes all rows out of the table, and nothing else.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn clear(&self) -> Result<(), Error> {
        let data = self.names().data();
        self.run(&format!("-- clear\nTRUNCATE TABLE IF EXISTS {data}"))
            .await
    }

    /// Returns how long the server took for each of this table's inserts, as it logged them.
    ///
    /// # Errors
    /// Any error of the connection; a server that keeps no log has no such table.
    pub async fn insert_durations(&self) -> Result<Vec<Duration>, Error> {
        self.run("-- flush_logs\nSYSTEM FLUSH LOGS").await?;
        let data = literal(&self.names().data().unquoted());
        let sql = format!(
            "-- insert_durations\nSELECT toUInt64(query_duration_ms) FROM system.query_log\n\
             WHERE type = 'QueryFinish' AND query_kind = 'Insert' AND has(tables, {data})"
        );
        let durations = self.rows::<u64>(&sql).await?;
        Ok(durations.into_iter().map(Duration::from_millis).collect())
    }

    /// Takes the table away with everything that is its own. What all fills tables of the database
    /// share (the market catalogue) stays. Calling it again changes nothing.
    ///
    /// # Errors
    /// Any error of the connection; calling it again goes on.
    pub async fn remove(&self) -> Result<(), Error> {
        let names = self.names();
        let view = names.fills();
        self.run(&format!("-- remove_view\nDROP VIEW IF EXISTS {view} SYNC"))
            .await?;
        for table in [
            names.data(),
            names.dead_letters(),
            names.orderbooks(),
            names.quarantine(),
        ] {
            self.run(&format!(
                "-- remove_table\nDROP TABLE IF EXISTS {table} SYNC"
            ))
            .await?;
        }
        Ok(())
    }
}
