//! Making what is not there, and comparing what is.

use std::collections::BTreeMap;

use crate::columns::{FILL, SINCE_SCHEMA_3};
use crate::ddl::{self, Column, DATA, DEAD_LETTERS, MARKETS, Table};
use crate::difference::Difference;
use crate::found::{AliasState, Columns, DROP_VIEW, Existing, ExistingColumn, Found, Missing};
use crate::names::Qualified;
use crate::view::{FILL_COLUMNS, fills_view};
use crate::{Error, FillTable};

impl FillTable {
    /// Makes what is not there: tables, views and the dictionary; the database has to exist.
    /// What is there is compared as by [`FillTable::check`]. Calling it again changes nothing.
    ///
    /// A killed call leaves some of it made; the next one makes the rest.
    ///
    /// # Errors
    /// [`Error::Schema`] if something else stands under one of the names, and then nothing was
    /// changed; [`Error::SeveralServers`]; [`Error::NoRights`]; [`Error::Dictionary`]; any error of the connection.
    pub async fn ensure(&self) -> Result<(), Error> {
        self.copies().await?;
        let found = self.find().await?;
        let in_the_way = self.differences(&found, Missing::Fine);
        if !in_the_way.is_empty() {
            return Err(Error::Schema(in_the_way));
        }
        for (name, table) in self.tables() {
            if !found.tables.contains_key(&name.name) {
                let known = self.known(table.newer_settings).await?;
                self.query(&table.create(&name, &known)).execute().await?;
            }
        }
        let names = self.names();
        for name in [names.data(), names.quarantine()] {
            if found.lacks_columns(&name) {
                self.add_columns(&name).await?;
            }
        }
        if !found.is_current(&names.markets()) {
            self.query(&ddl::markets_view(names)).execute().await?;
        }
        if found.alias_state(names) == AliasState::Outdated {
            self.query(&ddl::markets_alias(names)).execute().await?;
        }
        if !found.is_current(&names.dictionary()) {
            self.make_dictionary().await?;
        }
        if !found.is_current(&names.fills()) {
            self.query(&fills_view(names)).execute().await?;
        }
        Ok(())
    }

    /// Compares everything under the table's names with what [`FillTable::ensure`] makes.
    ///
    /// # Errors
    /// [`Error::Schema`] naming each table and column that differs, what is expected, what was
    /// found and what to do; any error of the connection.
    pub async fn check(&self) -> Result<(), Error> {
        let found = self.find().await?;
        let differences = self.differences(&found, Missing::IsDifferent);
        if differences.is_empty() {
            Ok(())
        } else {
            Err(Error::Schema(differences))
        }
    }

    /// Adds the columns of a fill that a table of an earlier schema does not have. No row is written again: the
    /// server answers with their defaults.
    async fn add_columns(&self, name: &Qualified) -> Result<(), Error> {
        let since = FILL.iter().map(|fill| fill.column);
        let since = since.filter(|Column(name, _, _)| SINCE_SCHEMA_3.contains(name));
        let added: Vec<_> = since
            .map(|Column(name, data_type, rest)| {
                format!("ADD COLUMN IF NOT EXISTS {name} {data_type} {rest}")
            })
            .collect();
        let added = added.join(", ");
        self.run(&format!("-- add_columns\nALTER TABLE {name} {added}"))
            .await
    }

    /// Asks which of these settings of tables the server has.
    async fn known(&self, settings: &[(&str, &str)]) -> Result<Vec<String>, Error> {
        if settings.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
        let known = self
            .query(
                "-- known_settings\nSELECT name FROM system.merge_tree_settings\n\
                 WHERE name IN {names:Array(String)}",
            )
            .param("names", &names)
            .fetch_all::<String>()
            .await?;
        Ok(known)
    }

    fn tables(&self) -> [(Qualified, Table); 3] {
        let names = self.names();
        [
            (names.data(), DATA),
            (names.markets_data(), MARKETS),
            (names.dead_letters(), DEAD_LETTERS),
        ]
    }

    pub(crate) async fn find(&self) -> Result<Found, Error> {
        let names = self.names();
        let all: Vec<String> = [
            names.fills(),
            names.data(),
            names.markets(),
            names.markets_alias(),
            names.markets_data(),
            names.dictionary(),
            names.dead_letters(),
            names.quarantine(),
        ]
        .into_iter()
        .map(|qualified| qualified.name)
        .collect();
        let tables = self
            .query(
                "-- find_tables\nSELECT name, engine, engine_full, partition_key, sorting_key, \
                 comment\nFROM system.tables\n\
                 WHERE database = {database:String} AND name IN {names:Array(String)}",
            )
            .param("database", names.database())
            .param("names", &all)
            .fetch_all::<Existing>()
            .await?;
        let rows = self
            .query(
                "-- find_columns\nSELECT table, name, type\nFROM system.columns\n\
                 WHERE database = {database:String} AND table IN {names:Array(String)}",
            )
            .param("database", names.database())
            .param("names", &all)
            .fetch_all::<ExistingColumn>()
            .await?;
        let mut columns: BTreeMap<String, Columns> = BTreeMap::new();
        for column in rows {
            let of_table = columns.entry(column.table).or_default();
            of_table.insert(column.name, column.r#type);
        }
        Ok(Found {
            tables: tables.into_iter().map(|t| (t.name.clone(), t)).collect(),
            columns,
        })
    }

    pub(crate) fn differences(&self, found: &Found, missing: Missing) -> Vec<Difference> {
        let names = self.names();
        let mut differences = Vec::new();
        for (name, table) in self.tables() {
            differences.extend(found.table_differences(&name, &table, missing));
        }
        for (name, engine) in [
            (names.markets(), "View"),
            (names.dictionary(), "Dictionary"),
            (names.fills(), "View"),
        ] {
            differences.extend(found.made_difference(&name, engine, missing));
        }
        if found.is_current(&names.fills()) {
            let expected = FILL_COLUMNS.iter().copied();
            differences.extend(found.column_differences(
                &names.fills(),
                expected,
                DROP_VIEW,
                Missing::IsDifferent,
            ));
        }
        differences
    }
}
