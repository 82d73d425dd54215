//! Rows that are taken out go into a table beside, with the reason.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fills::{Block, Fill, Scope, Span, TokenId};

use crate::columns::{self, FILL};
use crate::ddl::Column;
use crate::names::Qualified;
use crate::presence::{WITHIN, bound};
use crate::retry::reading;
use crate::{Error, FillTable};

/// Rows of one insert into the table beside.
const QUARANTINED_AT_ONCE: usize = 100_000;

/// A row to take out, every copy of it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The row, as the table holds it.
    pub row: Fill,
    /// Why, in a few words.
    pub reason: &'static str,
    /// Token and second of the fill at the source that is loaded in its place, if there is one.
    pub source: Option<(TokenId, u32)>,
}

/// The columns that say why a row was taken out.
const WHY: &[Column] = &[
    Column("source_token_id", "Nullable(UInt256)", ""),
    Column("source_timestamp", "Nullable(DateTime('UTC'))", ""),
    Column("reason", "LowCardinality(String)", ""),
    Column("repair", "String", ""),
    Column("quarantined_at", "DateTime('UTC')", "DEFAULT now()"),
];

/// What sorts them, and tells them apart: everything that a table of schema 2 has of a row.
const KEY: &str = "tx_hash, order_hash, maker, taker, token_id, side, shares, usdc, fee, timestamp";

impl Removal {
    /// Writes the row and why it is taken out, as RowBinary.
    fn write(&self, repair: &str, rows: &mut Vec<u8>) {
        for column in FILL {
            (column.write)(&self.row, rows);
        }
        match self.source {
            Some((token, second)) => {
                rows.push(0);
                rows.extend_from_slice(&token.to_le_bytes());
                rows.push(0);
                rows.extend_from_slice(&second.to_le_bytes());
            }
            None => rows.extend_from_slice(&[1, 1]),
        }
        write_text(self.reason, rows);
        write_text(repair, rows);
    }
}

/// Writes a text behind its length in LEB128.
fn write_text(text: &str, rows: &mut Vec<u8>) {
    let mut length = text.len();
    while length >= 0x80 {
        rows.push(length as u8 | 0x80);
        length >>= 7;
    }
    rows.push(length as u8);
    rows.extend_from_slice(text.as_bytes());
}

impl FillTable {
    /// Takes rows out: first they are durable in the table beside ([`Names::quarantine`]), then they go
    /// from this one. Returns how many went.
    ///
    /// # Errors
    /// Any error of the connection; calling it again goes on.
    ///
    /// [`Names::quarantine`]: crate::Names::quarantine
    pub async fn take_out(&self, removals: &[Removal]) -> Result<u64, Error> {
        let seconds = || removals.iter().map(|removal| removal.row.timestamp);
        let (Some(first), Some(last)) = (seconds().min(), seconds().max()) else {
            return Ok(0);
        };
        let name = self.names().quarantine();
        self.create_quarantine(&name).await?;
        let (columns, repair) = (columns::names(), repair_id());
        for some in removals.chunks(QUARANTINED_AT_ONCE) {
            let mut rows = Vec::new();
            some.iter()
                .for_each(|removal| removal.write(&repair, &mut rows));
            let (rows, token) = (Bytes::from(rows), Block::unused_token());
            let sql = format!(
                "INSERT INTO {name} ({columns}, source_token_id, source_timestamp, reason, repair) \
                 FORMAT RowBinary"
            );
            reading(|| async {
                let mut insert = self.inserting(&token).insert_formatted_with(&sql);
                insert.send(rows.clone()).await?;
                Ok(insert.end().await?)
            })
            .await?;
        }
        let doomed = format!(
            "timestamp BETWEEN toDateTime({first}) AND toDateTime({last}) \
             AND ({columns}) IN (SELECT {columns} FROM {name} WHERE repair = '{repair}')"
        );
        let data = self.names().data();
        let rows: u64 = self
            .row(&format!(
                "-- count_doomed\nSELECT count() FROM {data} WHERE {doomed}"
            ))
            .await?;
        self.run(&format!(
            "-- take_out\nDELETE FROM {data} WHERE {doomed}\n\
                 SETTINGS mutations_sync = 2, lightweight_deletes_sync = 2"
        ))
        .await?;
        Ok(rows)
    }

    /// Counts the rows of a span that were taken out and in whose place nothing was loaded.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn taken_out_of(&self, span: Span) -> Result<u64, Error> {
        let (name, scope) = (self.names().quarantine(), Scope { span, tokens: None });
        if !self.find().await?.tables.contains_key(&name.name) {
            return Ok(0);
        }
        let sql = format!(
            "-- taken_out_of\nSELECT uniqExact({}) FROM {name}\n\
             WHERE {WITHIN} AND source_token_id IS NULL",
            columns::names()
        );
        reading(|| async {
            match bound(self.query(&sql), &scope) {
                Some(query) => Ok(query.fetch_one().await?),
                None => Ok(0),
            }
        })
        .await
    }

    async fn create_quarantine(&self, name: &Qualified) -> Result<(), Error> {
        let columns = FILL.iter().map(|fill| &fill.column).chain(WHY);
        let columns: Vec<_> = columns
            .map(|Column(name, data_type, rest)| match name {
                &"quarantined_at" => format!("{name} {data_type} {rest}"),
                _ => format!("{name} {data_type}"),
            })
            .collect();
        self.run(&format!(
            "-- create_quarantine\nCREATE TABLE IF NOT EXISTS {name} ({})\n\
             ENGINE = ReplacingMergeTree ORDER BY ({KEY})\n\
             SETTINGS fsync_after_insert = 1, fsync_part_directory = 1\n\
             COMMENT 'rows that were taken out'",
            columns.join(", ")
        ))
        .await
    }
}

/// Names a repair by when it began and by its process.
fn repair_id() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}
