//! Rows that are taken out go into a table beside, with the reason.

use std::time::{SystemTime, UNIX_EPOCH};

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::{Fill, Side, TokenId};
use serde::Serialize;

use crate::{Error, FillTable};

/// Everything that makes a row what it is.
const IDENTITY: &str =
    "tx_hash, order_hash, maker, taker, token_id, side, shares, usdc, fee, timestamp";

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

#[derive(Debug, Row, Serialize)]
struct QuarantinedRow {
    tx_hash: [u8; 32],
    order_hash: [u8; 32],
    maker: [u8; 20],
    taker: [u8; 20],
    token_id: UInt256,
    side: i8,
    shares: u128,
    usdc: u128,
    fee: u128,
    timestamp: u32,
    source_token_id: Option<UInt256>,
    source_timestamp: Option<u32>,
    reason: String,
    repair: String,
}

impl QuarantinedRow {
    fn new(removal: &Removal, repair: &str) -> Self {
        let Fill {
            id,
            timestamp,
            maker,
            taker,
            token_id,
            side,
            shares_base_units: shares,
            usdc_base_units: usdc,
            fee_base_units: fee,
        } = removal.row;
        Self {
            tx_hash: id.tx_hash.0,
            order_hash: id.order_hash.0,
            maker: maker.0,
            taker: taker.0,
            token_id: number(token_id),
            side: match side {
                Side::Buy => 1,
                Side::Sell => 2,
            },
            shares,
            usdc,
            fee,
            timestamp,
            source_token_id: removal.source.map(|(token, _)| number(token)),
            source_timestamp: removal.source.map(|(_, second)| second),
            reason: removal.reason.to_owned(),
            repair: repair.to_owned(),
        }
    }
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
        self.run(&format!(
            "-- create_quarantine\nCREATE TABLE IF NOT EXISTS {name} (\
                 tx_hash FixedString(32), order_hash FixedString(32), maker FixedString(20), \
                 taker FixedString(20), token_id UInt256, side Enum8('BUY' = 1, 'SELL' = 2), \
                 shares UInt128, usdc UInt128, fee UInt128, timestamp DateTime('UTC'), \
                 source_token_id Nullable(UInt256), source_timestamp Nullable(DateTime('UTC')), \
                 reason LowCardinality(String), repair String, \
                 quarantined_at DateTime('UTC') DEFAULT now())\n\
                 ENGINE = ReplacingMergeTree ORDER BY ({IDENTITY})\n\
                 SETTINGS fsync_after_insert = 1, fsync_part_directory = 1\n\
                 COMMENT 'rows that were taken out'"
        ))
        .await?;
        let repair = repair_id();
        for some in removals.chunks(QUARANTINED_AT_ONCE) {
            let row = |removal| QuarantinedRow::new(removal, &repair);
            let rows: Vec<_> = some.iter().map(row).collect();
            self.insert(&name, &rows).await?;
        }
        let doomed = format!(
            "timestamp BETWEEN toDateTime({first}) AND toDateTime({last}) \
             AND ({IDENTITY}) IN (SELECT {IDENTITY} FROM {name} WHERE repair = '{repair}')"
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
}

fn number(token: TokenId) -> UInt256 {
    UInt256::from_le_bytes(token.to_le_bytes())
}

/// Names a repair by when it began and by its process.
fn repair_id() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}
