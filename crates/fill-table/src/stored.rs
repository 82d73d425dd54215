//! Rows of the table, read back as fills.

use fills::{Fill, Scope};

use crate::columns;
use crate::presence::bound;
use crate::{Error, FillTable};

impl FillTable {
    /// Reads all rows of a scope, in no order; nothing where there are more than `most`.
    ///
    /// # Errors
    /// Any error of the connection; [`Error::Refused`] for rows that no version of this program writes.
    pub async fn fills(&self, scope: &Scope, most: usize) -> Result<Option<Vec<Fill>>, Error> {
        let select = format!("-- fills\nSELECT {}", columns::names());
        let sql = self.within(&select, scope) + "\nLIMIT {limit:UInt64}";
        let Some(query) = bound(self.query(&sql), scope) else {
            return Ok(Some(Vec::new()));
        };
        let query = query.param("limit", most.saturating_add(1));
        let answer = query.fetch_bytes("RowBinary")?.collect().await?;
        let mut rows = &*answer;
        let mut fills = Vec::new();
        while !rows.is_empty() {
            let Some(fill) = columns::read(&mut rows) else {
                return Err(Error::Refused {
                    code: None,
                    message: format!("a row of {} is no fill", self.names().data()),
                    is_transient: false,
                });
            };
            fills.push(fill);
        }
        Ok((fills.len() <= most).then_some(fills))
    }
}
