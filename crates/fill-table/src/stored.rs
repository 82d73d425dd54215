//! Rows of the table, read back as fills.

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::{Address, Fill, FillId, OrderHash, Scope, Side, TokenId, TxHash};
use serde::Deserialize;

use crate::presence::bound;
use crate::{Error, FillTable};

/// The columns of [`StoredRow`], as SQL.
const COLUMNS: &str = "tx_hash, order_hash, maker, taker, token_id, \
                       toUInt8(side) AS side_number, shares, usdc, fee, \
                       toUInt32(timestamp) AS second";

#[derive(Debug, Row, Deserialize)]
struct StoredRow {
    tx_hash: [u8; 32],
    order_hash: [u8; 32],
    maker: [u8; 20],
    taker: [u8; 20],
    token_id: UInt256,
    side_number: u8,
    shares: u128,
    usdc: u128,
    fee: u128,
    second: u32,
}

impl From<StoredRow> for Fill {
    fn from(row: StoredRow) -> Self {
        Self {
            id: FillId {
                tx_hash: TxHash(row.tx_hash),
                order_hash: OrderHash(row.order_hash),
            },
            timestamp: row.second,
            maker: Address(row.maker),
            taker: Address(row.taker),
            token_id: TokenId::from_le_bytes(row.token_id.to_le_bytes()),
            // The column has two values.
            side: match row.side_number {
                1 => Side::Buy,
                _ => Side::Sell,
            },
            shares_base_units: row.shares,
            usdc_base_units: row.usdc,
            fee_base_units: row.fee,
        }
    }
}

impl FillTable {
    /// Reads all rows of a scope, in no order; nothing where there are more than `most`.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn fills(&self, scope: &Scope, most: usize) -> Result<Option<Vec<Fill>>, Error> {
        let select = format!("-- fills\nSELECT {COLUMNS}");
        let sql = self.within(&select, scope) + "\nLIMIT {limit:UInt64}";
        let Some(query) = bound(self.query(&sql), scope) else {
            return Ok(Some(Vec::new()));
        };
        let query = query.param("limit", most.saturating_add(1));
        let rows: Vec<StoredRow> = query.fetch_all().await?;
        let fits = rows.len() <= most;
        Ok(fits.then(|| rows.into_iter().map(Fill::from).collect()))
    }
}
