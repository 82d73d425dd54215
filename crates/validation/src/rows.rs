//! Rows of the table, read back as fills.

use clickhouse::Row;
use clickhouse::types::UInt256;
use fill_table::FillTable;
use fills::{Address, Fill, FillId, OrderHash, Scope, Side, TokenId, TxHash};
use serde::Deserialize;

use crate::Error;
use crate::coverage::within;

/// The columns of [`StoredRow`], as SQL.
pub(crate) const COLUMNS: &str = "tx_hash, order_hash, maker, taker, token_id, \
                                  toUInt8(side) AS side_number, shares, usdc, fee, \
                                  toUInt32(timestamp) AS second";

#[derive(Debug, Row, Deserialize)]
pub(crate) struct StoredRow {
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
            token_id: token(row.token_id),
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

/// Reads a token id as the table keeps it.
pub(crate) fn token(number: UInt256) -> TokenId {
    TokenId::from_le_bytes(number.to_le_bytes())
}

/// Writes a list of tokens as SQL.
pub(crate) fn list(tokens: &[TokenId]) -> String {
    let numbers: Vec<String> = tokens
        .iter()
        .map(|token| format!("toUInt256('{token}')"))
        .collect();
    format!("({})", numbers.join(", "))
}

/// Reads all rows of a scope; nothing where there are more than `most`.
pub(crate) async fn of_scope(
    table: &FillTable,
    scope: &Scope,
    most: usize,
) -> Result<Option<Vec<Fill>>, Error> {
    let of_tokens = match scope.tokens.as_deref() {
        None => String::new(),
        Some([]) => return Ok(Some(Vec::new())),
        Some(tokens) => format!(" AND token_id IN {}", list(tokens)),
    };
    let sql = format!(
        "-- rows_of_scope\nSELECT {COLUMNS}\nFROM {}\nWHERE {}{of_tokens}\nLIMIT {}",
        table.names().data(),
        within(scope.span),
        most.saturating_add(1),
    );
    let rows: Vec<StoredRow> = table.rows(&sql).await?;
    let fits = rows.len() <= most;
    Ok(fits.then(|| rows.into_iter().map(Fill::from).collect()))
}
