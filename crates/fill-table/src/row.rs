//! Fills as rows of the data table.

use clickhouse_sink::{ColumnSpec, EncodeError, EncodeRow};
use fills::{Fill, Side};

use crate::ddl::SIDE_TYPE;

/// A fill, encoded by hand: 189 bytes of RowBinary, every value at a fixed place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillRow(pub Fill);

impl From<Fill> for FillRow {
    fn from(fill: Fill) -> Self {
        Self(fill)
    }
}

impl EncodeRow for FillRow {
    fn columns() -> Vec<ColumnSpec> {
        vec![
            ColumnSpec::typed("tx_hash", "FixedString(32)"),
            ColumnSpec::typed("order_hash", "FixedString(32)"),
            ColumnSpec::typed("maker", "FixedString(20)"),
            ColumnSpec::typed("taker", "FixedString(20)"),
            ColumnSpec::typed("token_id", "UInt256"),
            ColumnSpec::typed("side", SIDE_TYPE),
            ColumnSpec::typed("shares", "UInt128"),
            ColumnSpec::typed("usdc", "UInt128"),
            ColumnSpec::typed("fee", "UInt128"),
            ColumnSpec::typed("timestamp", "DateTime"),
        ]
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let fill = &self.0;
        buffer.extend_from_slice(fill.id.tx_hash.as_bytes());
        buffer.extend_from_slice(fill.id.order_hash.as_bytes());
        buffer.extend_from_slice(fill.maker.as_bytes());
        buffer.extend_from_slice(fill.taker.as_bytes());
        buffer.extend_from_slice(&fill.token_id.to_le_bytes());
        buffer.push(match fill.side {
            Side::Buy => 1,
            Side::Sell => 2,
        });
        for amount in [
            fill.shares_base_units,
            fill.usdc_base_units,
            fill.fee_base_units,
        ] {
            buffer.extend_from_slice(&amount.to_le_bytes());
        }
        buffer.extend_from_slice(&fill.timestamp.to_le_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a fixed-size ClickHouse type.
    fn width(data_type: &str) -> usize {
        match data_type {
            "FixedString(32)" | "UInt256" => 32,
            "FixedString(20)" => 20,
            "UInt128" => 16,
            "DateTime" => 4,
            SIDE_TYPE => 1,
            other => panic!("{other} has no fixed size here"),
        }
    }

    #[test]
    fn a_row_is_as_long_as_its_columns() {
        let fill = Fill {
            id: fills::FillId {
                tx_hash: fills::TxHash([1; 32]),
                order_hash: fills::OrderHash([2; 32]),
            },
            timestamp: 1,
            maker: fills::Address([3; 20]),
            taker: fills::Address([4; 20]),
            token_id: 5.into(),
            side: Side::Buy,
            shares_base_units: 6,
            usdc_base_units: 7,
            fee_base_units: 8,
        };
        let mut buffer = Vec::new();
        FillRow(fill).encode(&mut buffer).unwrap();
        let columns = FillRow::columns();
        let widths = columns.iter().filter_map(|c| c.data_type).map(width);
        assert_eq!(buffer.len(), widths.sum::<usize>());
    }
}
