//! Taking away what [`FillTable::ensure`] made, for a table that is only measured with.

use std::time::Duration;

use crate::found::AliasState;
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

    /// Drops the table with everything that belongs to it. Calling it again changes nothing.
    ///
    /// # Errors
    /// Any error of the connection; calling it again goes on.
    pub async fn remove(&self) -> Result<(), Error> {
        let names = self.names();
        // What reads from another comes before it.
        let mut statements = vec![
            format!("DROP VIEW IF EXISTS {} SYNC", names.fills()),
            format!("DROP DICTIONARY IF EXISTS {} SYNC", names.dictionary()),
        ];
        if self.find().await?.alias_state(names) == AliasState::Current {
            statements.push(format!(
                "DROP VIEW IF EXISTS {} SYNC",
                names.markets_alias()
            ));
        }
        statements.push(format!("DROP VIEW IF EXISTS {} SYNC", names.markets()));
        for table in [
            names.data(),
            names.markets_data(),
            names.dead_letters(),
            names.orderbooks(),
            names.quarantine(),
        ] {
            statements.push(format!("DROP TABLE IF EXISTS {table} SYNC"));
        }
        for statement in statements {
            self.run(&format!("-- remove\n{statement}")).await?;
        }
        Ok(())
    }
}
