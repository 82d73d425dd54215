//! Whose table it is.

use std::collections::BTreeSet;

use fill_table::Qualified;

use crate::{Error, Validation};

/// `ClickHouse`'s code for a table that does not exist.
const UNKNOWN_TABLE: u32 = 60;

/// What stands under the table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// What this program makes: a view over rows of integers and bytes.
    Own,
    /// A table with other columns than this program's own.
    Foreign(Foreign),
}

/// What is known of a table of which only the columns that readers query can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Those columns.
    pub(crate) columns: BTreeSet<String>,
    /// The right that is missing to read the rows behind them; nothing where there are none,
    /// because another program made the table.
    pub(crate) missing_right: Option<String>,
}

impl Validation {
    /// Finds out whose table it is.
    ///
    /// # Errors
    /// [`Error::NoTable`]; a missing right to the view; any error of the connection.
    pub(crate) async fn layout(&self) -> Result<Layout, Error> {
        let names = self.table.names();
        let (fills, data) = (names.fills(), names.data());
        if !self.columns(&data).await?.is_empty() {
            return Ok(Layout::Own);
        }
        let missing_right = self.missing_right().await?;
        let columns = self.columns(&fills).await?;
        if columns.is_empty() && !self.exists(&fills).await? {
            return Err(Error::NoTable { name: fills.name });
        }
        Ok(Layout::Foreign(Foreign {
            columns,
            missing_right,
        }))
    }

    /// Returns the columns of a table that the user may see.
    async fn columns(&self, table: &Qualified) -> Result<BTreeSet<String>, Error> {
        let sql = format!(
            "-- columns\nSELECT name FROM system.columns\nWHERE database = '{}' \
             AND table = '{}' ORDER BY name",
            // A name is letters, digits and `_`, or the server's own.
            self.table.names().database().replace('\'', "''"),
            table.name
        );
        let rows: Vec<String> = self.table.rows(&sql).await?;
        Ok(rows.into_iter().collect())
    }

    /// Returns the right that is missing to read the table of rows; nothing where none is missing, or
    /// where there is no such table.
    ///
    /// # Errors
    /// Any error of the connection.
    pub(crate) async fn missing_right(&self) -> Result<Option<String>, Error> {
        let data = self.table.names().data();
        match self.exists(&data).await {
            Ok(_) => Ok(None),
            Err(Error::Table(fill_table::Error::NoRights { .. })) => Ok(Some(format!(
                "the ClickHouse user has no right to read the table of rows: GRANT SELECT ON {data}"
            ))),
            Err(error) => Err(error),
        }
    }

    /// Returns true if a table exists. `system.tables` does not list one that the user has no right
    /// to, so the table itself is asked.
    ///
    /// # Errors
    /// A missing right to read it; any error of the connection.
    pub(crate) async fn exists(&self, table: &Qualified) -> Result<bool, Error> {
        let asked = format!("-- exists\nSELECT 1 FROM {table} LIMIT 0");
        match self.table.run(&asked).await {
            Ok(()) => Ok(true),
            Err(fill_table::Error::Refused {
                code: Some(UNKNOWN_TABLE),
                ..
            }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
