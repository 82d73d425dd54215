//! The statements that make the tables, views and the dictionary.
//!
//! Why it is laid out like this, with the measurements: `docs/decisions/0002-table-layout.md`.

use crate::columns::FILL;
use crate::names::{Names, literal};
use crate::server::Credentials;

/// Stands in the comment of everything made here; a new number replaces views and dictionary.
pub(crate) const MARKER: &str = "clob-backfill schema 3";
/// What every version's marker begins with.
pub(crate) const ANY_MARKER: &str = "clob-backfill schema ";
/// In that version all fills tables of a database had one view `markets`.
pub(crate) const FIRST_MARKER: &str = "clob-backfill schema 1";

/// Parts that the data table remembers for recognizing a repeated insert.
///
/// A batch takes one place for each month it touches, at most 42 of the archive, so this is more
/// than two hundred batches: several times what can be in flight or waiting for a retry.
pub(crate) const DEDUPLICATION_WINDOW: u64 = 10_000;

/// A column of a table: its name, its type, and its default and codec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

/// A table that holds rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) columns: &'static [Column],
    pub(crate) engine: &'static str,
    /// The expression, or nothing.
    pub(crate) partition_by: &'static str,
    /// The expressions, as `system.tables` writes them.
    pub(crate) order_by: &'static str,
    settings: &'static str,
    /// Settings that not every server knows; the table is as right without them.
    pub(crate) newer_settings: &'static [(&'static str, &'static str)],
}

/// Those of a fill, and when it was inserted.
const DATA_COLUMNS: [Column; FILL.len() + 1] = {
    const INGESTED_AT: Column = Column(
        "ingested_at",
        "DateTime('UTC')",
        "DEFAULT now() CODEC(Delta(4), ZSTD(1))",
    );
    let mut columns = [INGESTED_AT; FILL.len() + 1];
    let mut index = 0;
    while index < FILL.len() {
        columns[index] = FILL[index].column;
        index += 1;
    }
    columns
};

/// One row for each fill, as it came.
///
/// The key begins with the wallet as readers write it, so that their filter on it is a filter on the key.
///
/// A merge takes 64 parts or more, as it costs a row about what its insert costs, and a batch is a
/// part: `docs/decisions/0005-batches.md`.
///
/// No skipping index: one over tokens costs little, but a group of tokens touches nearly every
/// granule, and the embedded engine's library then crashes wherever a process ends without
/// closing it.
pub(crate) const DATA: Table = Table {
    columns: &DATA_COLUMNS,
    engine: "MergeTree",
    partition_by: "toYYYYMM(timestamp)",
    order_by: "concat('0x', lower(hex(maker))), timestamp, tx_hash, order_hash",
    settings: "non_replicated_deduplication_window = 10000, fsync_after_insert = 1, \
               fsync_part_directory = 1",
    newer_settings: &[("min_parts_to_merge_at_once", "64")],
};

/// One row for each token and source: the newest word of that source.
///
/// Each source has rows of its own, so that neither wipes what the other said, and so that how
/// far the subgraph was read stays known.
pub(crate) const MARKETS: Table = Table {
    columns: &[
        Column("token_id", "UInt256", "CODEC(ZSTD(1))"),
        Column("condition_id", "String", "CODEC(ZSTD(1))"),
        Column("outcome_index", "Nullable(UInt8)", "CODEC(ZSTD(1))"),
        Column("outcome", "String", "CODEC(ZSTD(1))"),
        Column("slug", "String", "CODEC(ZSTD(1))"),
        Column("question", "String", "CODEC(ZSTD(1))"),
        Column("source", "Enum8('subgraph' = 1, 'gamma' = 2)", ""),
        Column("loaded_at", "DateTime64(6, 'UTC')", "DEFAULT now64(6)"),
    ],
    engine: "ReplacingMergeTree(loaded_at)",
    partition_by: "",
    order_by: "token_id, source",
    settings: "fsync_after_insert = 1",
    newer_settings: &[],
};

/// One row for each event that could not become a fill, and each row that was refused.
pub(crate) const DEAD_LETTERS: Table = Table {
    columns: &[
        Column("fill_id", "String", ""),
        Column("field", "String", ""),
        Column("reason", "String", ""),
        Column("event", "String", "CODEC(ZSTD(3))"),
        Column("buried_at", "DateTime('UTC')", "DEFAULT now()"),
    ],
    engine: "ReplacingMergeTree",
    partition_by: "",
    order_by: "fill_id, sipHash128(event)",
    settings: "fsync_after_insert = 1, fsync_part_directory = 1",
    newer_settings: &[],
};

impl Table {
    /// Returns the statement that makes the table unless it is there, on a server that has these
    /// of the newer settings.
    pub(crate) fn create(&self, name: &impl std::fmt::Display, known: &[String]) -> String {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|Column(name, data_type, rest)| format!("    `{name}` {data_type} {rest}"))
            .collect();
        let partition_by = match self.partition_by {
            "" => String::new(),
            expression => format!("PARTITION BY {expression}\n"),
        };
        let newer = self.newer_settings.iter();
        let newer = newer.filter(|(setting, _)| known.iter().any(|known| known == setting));
        let newer: String = newer
            .map(|(name, value)| format!(", {name} = {value}"))
            .collect();
        format!(
            "-- create_table\nCREATE TABLE IF NOT EXISTS {name} (\n{columns}\n)\n\
             ENGINE = {engine}\n{partition_by}ORDER BY ({order_by})\nSETTINGS {settings}{newer}\n\
             COMMENT '{MARKER}'",
            columns = columns.join(",\n"),
            engine = self.engine,
            order_by = self.order_by,
            settings = self.settings,
        )
    }
}

/// Returns the statement that makes the readable catalogue, one row for each token: Gamma's where
/// there is one, whenever each was loaded, as it says all that the subgraph does and more.
pub(crate) fn markets_view(names: &Names) -> String {
    format!(
        "-- markets_view\nCREATE OR REPLACE VIEW {view} DEFINER = CURRENT_USER \
         SQL SECURITY DEFINER AS\nSELECT token_id, condition_id, outcome_index, outcome, slug, \
         question, source, loaded_at\nFROM {data} FINAL\n\
         ORDER BY token_id, source DESC\nLIMIT 1 BY token_id\nCOMMENT '{MARKER}'",
        view = names.markets(),
        data = names.markets_data(),
    )
}

/// Returns the comment of the short way to a table's catalogue, which says whose it is.
pub(crate) fn alias_comment(names: &Names) -> String {
    format!("{MARKER}: {}", names.markets().name)
}

/// Returns the statement that makes the short way to the catalogue.
pub(crate) fn markets_alias(names: &Names) -> String {
    format!(
        "-- markets_alias\nCREATE OR REPLACE VIEW {alias} DEFINER = CURRENT_USER \
         SQL SECURITY DEFINER AS\nSELECT * FROM {view}\nCOMMENT {comment}",
        alias = names.markets_alias(),
        view = names.markets(),
        comment = literal(&alias_comment(names)),
    )
}

/// Returns the statement that makes the dictionary, with credentials only where the server asks
/// for them.
///
/// It reloads when told to and not by itself: nothing changes it but a load of the catalogue.
pub(crate) fn dictionary(names: &Names, credentials: Option<&Credentials>) -> String {
    let query = format!(
        "SELECT token_id, condition_id, outcome_index, outcome, slug FROM {}",
        names.markets()
    );
    let login = credentials.map_or_else(String::new, |login| {
        format!(
            "USER {} PASSWORD {} ",
            literal(&login.user),
            literal(&login.password)
        )
    });
    format!(
        "-- dictionary\nCREATE OR REPLACE DICTIONARY {dictionary} (\n    token_id UInt256,\n    \
         condition_id String,\n    outcome_index Nullable(UInt8),\n    outcome String,\n    \
         slug String\n)\nPRIMARY KEY token_id\nSOURCE(CLICKHOUSE({login}QUERY {query}))\n\
         LIFETIME(0)\nLAYOUT(COMPLEX_KEY_HASHED_ARRAY())\nCOMMENT '{MARKER}'",
        dictionary = names.dictionary(),
        query = literal(&query),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_in_the_statement_is_the_constant() {
        let window = format!("non_replicated_deduplication_window = {DEDUPLICATION_WINDOW},");
        assert!(DATA.create(&"t", &[]).contains(&window));
    }

    #[test]
    fn a_newer_setting_is_set_where_the_server_has_it() {
        let statement = |known: &[&str]| {
            let known: Vec<_> = known.iter().map(|&name| name.to_owned()).collect();
            DATA.create(&"t", &known)
        };
        let merges = ", min_parts_to_merge_at_once = 64\nCOMMENT";
        assert!(statement(&["other", "min_parts_to_merge_at_once"]).contains(merges));
        assert!(!statement(&["other"]).contains("min_parts_to_merge_at_once"));
    }

    #[test]
    fn credentials_stand_in_the_dictionary_only_if_given_and_stay_literals() {
        let names = Names::new("d", "t").unwrap();
        assert!(!dictionary(&names, None).contains("PASSWORD"));
        let login = Credentials {
            user: "o'hara".to_owned(),
            password: "x' QUERY 'SELECT 1".to_owned(),
        };
        let statement = dictionary(&names, Some(&login));
        assert!(statement.contains(r"USER 'o\'hara' PASSWORD 'x\' QUERY \'SELECT 1' QUERY"));
    }
}
