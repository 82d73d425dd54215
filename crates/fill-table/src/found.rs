//! What is in the database, and how it differs from what is needed. Pure: no I/O.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use crate::columns::SINCE_SCHEMA_3;
use crate::ddl::{
    ANY_MARKER, Column, DEDUPLICATION_WINDOW, FIRST_MARKER, MARKER, Table, alias_comment,
};
use crate::difference::Difference;
use crate::names::{Names, Qualified};

/// What the database says about one table, view or dictionary.
#[derive(Debug, Clone, Row, Deserialize)]
pub(crate) struct Existing {
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) engine_full: String,
    pub(crate) partition_key: String,
    pub(crate) sorting_key: String,
    pub(crate) comment: String,
}

#[derive(Row, Deserialize)]
pub(crate) struct ExistingColumn {
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) r#type: String,
}

pub(crate) type Columns = BTreeMap<String, String>;

/// Everything under the table's names, at one moment.
pub(crate) struct Found {
    pub(crate) tables: BTreeMap<String, Existing>,
    pub(crate) columns: BTreeMap<String, Columns>,
}

/// Whether a table that is not there counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Fine,
    IsDifferent,
}

/// What stands under the catalogue's short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AliasState {
    Current,
    /// Nothing, or what another version made for this table.
    Outdated,
    /// Something that is not this table's.
    Taken,
}

/// Views and dictionary hold no rows, so they can go and come back.
pub(crate) const DROP_VIEW: &str = "drop the view; it is made again at the next start";
const OTHER_NAME: &str = "choose another table name with --table, or rename what is there";

impl Found {
    /// Tells whether a view or the dictionary is there as this version makes it.
    pub(crate) fn is_current(&self, name: &Qualified) -> bool {
        let existing = self.tables.get(&name.name);
        existing.is_some_and(|existing| existing.comment == MARKER)
    }

    pub(crate) fn alias_state(&self, names: &Names) -> AliasState {
        let Some(existing) = self.tables.get(&names.markets_alias().name) else {
            return AliasState::Outdated;
        };
        let of_this_table = format!(": {}", names.markets().name);
        if existing.comment == alias_comment(names) {
            AliasState::Current
        } else if existing.comment == FIRST_MARKER
            || existing.comment.starts_with(ANY_MARKER)
                && existing.comment.ends_with(&of_this_table)
        {
            AliasState::Outdated
        } else {
            AliasState::Taken
        }
    }

    pub(crate) fn table_differences(
        &self,
        name: &Qualified,
        table: &Table,
        missing: Missing,
    ) -> Vec<Difference> {
        let Some(existing) = self.tables.get(&name.name) else {
            return is_missing(name, missing).into_iter().collect();
        };
        let differs = |what: &str, expected: &str, found: &str| {
            (expected != found).then(|| difference(name, what, expected, found, OTHER_NAME))
        };
        let engine = table.engine.split('(').next().unwrap_or_default();
        let bare = ["Replicated", "Shared"]
            .iter()
            .find_map(|prefix| existing.engine.strip_prefix(prefix))
            .unwrap_or(&existing.engine);
        if bare != engine {
            return differs("engine", engine, &existing.engine)
                .into_iter()
                .collect();
        }
        let mut differences = Vec::new();
        differences.extend(differs(
            "partition key",
            table.partition_by,
            &existing.partition_key,
        ));
        differences.extend(differs(
            "sorting key",
            table.order_by,
            &existing.sorting_key,
        ));
        let expected = table
            .columns
            .iter()
            .map(|Column(name, kind, _)| (*name, *kind));
        differences.extend(self.column_differences(name, expected, OTHER_NAME, missing));
        // Tables that replace equal rows need no window.
        if table.engine == "MergeTree" {
            differences.extend(window_difference(name, existing));
        }
        differences
    }

    pub(crate) fn column_differences<'e>(
        &self,
        name: &Qualified,
        expected: impl Iterator<Item = (&'e str, &'e str)>,
        mend: &str,
        missing: Missing,
    ) -> Vec<Difference> {
        let empty = Columns::new();
        let found = self.columns.get(&name.name).unwrap_or(&empty);
        expected
            .filter_map(|(column, kind)| {
                let what = format!("column {column}");
                match found.get(column).map(String::as_str) {
                    Some(is) => (is != kind).then(|| difference(name, &what, kind, is, mend)),
                    None if !SINCE_SCHEMA_3.contains(&column) => {
                        Some(difference(name, &what, kind, "missing", mend))
                    }
                    None => (missing == Missing::IsDifferent)
                        .then(|| difference(name, &what, kind, "missing", ADDED)),
                }
            })
            .collect()
    }

    /// Returns true if a table is there, and columns of this schema are not.
    pub(crate) fn lacks_columns(&self, name: &Qualified) -> bool {
        let found = self.columns.get(&name.name);
        found.is_some_and(|found| SINCE_SCHEMA_3.iter().any(|name| !found.contains_key(*name)))
    }

    /// Compares a view or the dictionary: what another version made will be replaced, what
    /// somebody else made will not.
    pub(crate) fn made_difference(
        &self,
        name: &Qualified,
        engine: &str,
        missing: Missing,
    ) -> Option<Difference> {
        let Some(existing) = self.tables.get(&name.name) else {
            return is_missing(name, missing);
        };
        let ours = existing.comment.starts_with(ANY_MARKER);
        if existing.engine != engine || !ours {
            let found = format!("a {} that this program did not make", existing.engine);
            let expected = format!("its {}", engine.to_lowercase());
            return Some(difference(
                name,
                "definition",
                &expected,
                &found,
                OTHER_NAME,
            ));
        }
        let outdated = missing == Missing::IsDifferent && existing.comment != MARKER;
        outdated.then(|| difference(name, "definition", MARKER, &existing.comment, START_AGAIN))
    }
}

const ADDED: &str = "it is added when a run starts";
const START_AGAIN: &str = "it is replaced when a run starts";

fn is_missing(name: &Qualified, missing: Missing) -> Option<Difference> {
    (missing == Missing::IsDifferent).then(|| {
        difference(
            name,
            "table",
            "there",
            "missing",
            "it is made when a run starts",
        )
    })
}

fn window_difference(name: &Qualified, existing: &Existing) -> Option<Difference> {
    const SETTING: &str = "non_replicated_deduplication_window";
    // Replicated tables have a window of their own, which is on by default.
    if existing.engine != "MergeTree" {
        return None;
    }
    let window = existing
        .engine_full
        .split_once(SETTING)
        .map(|(_, rest)| rest.trim_start_matches([' ', '=']))
        .and_then(|rest| rest.split([',', ' ']).next()?.parse::<u64>().ok())
        .unwrap_or(0);
    (window < DEDUPLICATION_WINDOW).then(|| {
        let mend = format!("ALTER TABLE {name} MODIFY SETTING {SETTING} = {DEDUPLICATION_WINDOW}");
        let expected = format!("{DEDUPLICATION_WINDOW} or more");
        difference(name, SETTING, &expected, &window.to_string(), &mend)
    })
}

fn difference(name: &Qualified, what: &str, expected: &str, found: &str, mend: &str) -> Difference {
    Difference {
        table: name.name.clone(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
        mend: mend.to_owned(),
    }
}
