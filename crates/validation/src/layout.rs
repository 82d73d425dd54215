//! Whose table it is.

use std::collections::BTreeSet;

use crate::{Error, Validation};

/// What stands under the table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// What this program makes: a view over rows of integers and bytes.
    Own,
    /// Somebody else's table, with these columns.
    Foreign(BTreeSet<String>),
}

impl Validation {
    /// Finds out whose table it is.
    ///
    /// # Errors
    /// [`Error::NoTable`], or any error of the connection.
    pub(crate) async fn layout(&self) -> Result<Layout, Error> {
        let names = self.table.names();
        let columns = |table: &str| {
            format!(
                "-- columns\nSELECT name FROM system.columns\nWHERE database = '{}' \
                 AND table = '{table}' ORDER BY name",
                // A name is letters, digits and `_`, or the server's own.
                names.database().replace('\'', "''")
            )
        };
        let rows: Vec<String> = self.table.rows(&columns(&names.data().name)).await?;
        if !rows.is_empty() {
            return Ok(Layout::Own);
        }
        let fills = names.fills();
        let found: Vec<String> = self.table.rows(&columns(&fills.name)).await?;
        match found.is_empty() {
            true => Err(Error::NoTable { name: fills.name }),
            false => Ok(Layout::Foreign(found.into_iter().collect())),
        }
    }
}
