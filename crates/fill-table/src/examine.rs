//! Looking at a server and at a table before anything is done with them; nothing is changed.

use clickhouse::Row;
use serde::Deserialize;

use crate::found::Missing;
use crate::names::Qualified;
use crate::{Difference, Error, FillTable, Server};

/// A setting of the server as it holds for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct ServerSetting {
    /// `ClickHouse`'s name of it.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether who asks may not change it.
    pub is_locked: bool,
}

/// The disks that a table's parts go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct DiskSpace {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// What is there under a table's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether the table of rows is there.
    pub is_there: bool,
    /// What is there and not as it has to be.
    pub differences: Vec<Difference>,
}

/// A right that whoever asks does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight {
    /// What may not be done, such as `INSERT`.
    pub privilege: &'static str,
    /// To what: a quoted `database.name`, or `*.*`.
    pub object: String,
    /// Whether nothing can be loaded without it; others only make upkeep harder.
    pub is_needed: bool,
}

const TABLE_RIGHTS: &[&str] = &["SELECT", "INSERT", "CREATE TABLE"];
/// A view and a dictionary are replaced where another version made them.
const VIEW_RIGHTS: &[&str] = &["SELECT", "CREATE VIEW", "DROP VIEW"];
const DICTIONARY_RIGHTS: &[&str] = &["dictGet", "CREATE DICTIONARY", "DROP DICTIONARY"];

impl Server {
    /// Returns those of these settings that the server has.
    ///
    /// # Errors
    /// Any error of the connection; it is not tried again.
    pub async fn settings(&self, names: &[&str]) -> Result<Vec<ServerSetting>, Error> {
        let found = self
            .client()
            .query_raw(
                "-- settings\nSELECT name, value, toBool(readonly) AS is_locked\n\
                 FROM system.settings WHERE name IN {names:Array(String)} ORDER BY name",
            )
            .param("names", names)
            .fetch_all()
            .await?;
        Ok(found)
    }
}

impl FillTable {
    /// Looks at what is there under the table's names, and compares it with what [`FillTable::ensure`]
    /// makes; what is not there yet is no difference.
    ///
    /// # Errors
    /// [`Error::SeveralServers`]; any error of the connection.
    pub async fn standing(&self) -> Result<Standing, Error> {
        self.copies().await?;
        let found = self.find().await?;
        Ok(Standing {
            is_there: found.tables.contains_key(&self.names().data().name),
            differences: self.differences(&found, Missing::Fine),
        })
    }

    /// Asks for each right that loading and upkeep need, and returns those that are missing; nothing where
    /// the server is too old to be asked.
    ///
    /// # Errors
    /// Any error of the connection; it is not tried again.
    ///
    /// **Source**: `CHECK GRANT` in the documentation of `ClickHouse`; code 62 is a syntax error.
    pub async fn missing_rights(&self) -> Result<Option<Vec<MissingRight>>, Error> {
        let mut missing = Vec::new();
        for (object, privileges, is_needed) in self.rights() {
            match self.are_granted(&privileges.join(", "), &object).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Error::Refused { code: Some(62), .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
            for &privilege in privileges {
                if !self.are_granted(privilege, &object).await? {
                    missing.push(MissingRight {
                        privilege,
                        object: object.clone(),
                        is_needed,
                    });
                }
            }
        }
        Ok(Some(missing))
    }

    fn rights(&self) -> Vec<(String, &'static [&'static str], bool)> {
        let names = self.names();
        let on = |name: Qualified, privileges| (name.to_string(), privileges, true);
        vec![
            on(names.data(), TABLE_RIGHTS),
            on(names.markets_data(), TABLE_RIGHTS),
            on(names.dead_letters(), TABLE_RIGHTS),
            on(names.fills(), VIEW_RIGHTS),
            on(names.markets(), VIEW_RIGHTS),
            on(names.markets_alias(), VIEW_RIGHTS),
            on(names.dictionary(), DICTIONARY_RIGHTS),
            ("*.*".to_owned(), &["SYSTEM RELOAD DICTIONARY"], true),
            (names.data().to_string(), &["OPTIMIZE"], false),
        ]
    }

    async fn are_granted(&self, privileges: &str, object: &str) -> Result<bool, Error> {
        let sql = format!("-- are_granted\nCHECK GRANT {privileges} ON {object}");
        Ok(self.query(&sql).fetch_one::<u8>().await? != 0)
    }

    /// Returns the space on the disks that the table's parts go to, or would go to.
    ///
    /// # Errors
    /// Any error of the connection; it is not tried again.
    pub async fn disk_space(&self) -> Result<DiskSpace, Error> {
        let space = self
            .query(
                "-- disk_space\nSELECT sum(least(unreserved_space, toUInt64(1e18))) AS free_bytes, \
                 sum(least(total_space, toUInt64(1e18))) AS total_bytes\n\
                 FROM system.disks WHERE name IN (\n\
                 SELECT arrayJoin(disks) FROM system.storage_policies WHERE policy_name = ifNull(\n\
                 (SELECT nullIf(any(storage_policy), '') FROM system.tables\n\
                 WHERE database = {database:String} AND name = {table:String}\n\
                 HAVING count() > 0), 'default'))",
            )
            .param("database", self.names().database())
            .param("table", &self.names().data().name)
            .fetch_one()
            .await?;
        Ok(space)
    }

    /// Returns the server's clock, in seconds since 1970.
    ///
    /// # Errors
    /// Any error of the connection; it is not tried again.
    pub async fn clock(&self) -> Result<u32, Error> {
        Ok(self.query("-- clock\nSELECT now()").fetch_one().await?)
    }
}
