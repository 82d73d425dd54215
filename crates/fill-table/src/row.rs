//! Fills as rows of the data table.

use clickhouse_sink::{ColumnSpec, EncodeError, EncodeRow, RowOrder};
use fills::Fill;
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::columns::FILL;
use crate::ddl::Column;

/// A fill, encoded by hand: 252 bytes of RowBinary, every value at a fixed place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillRow(pub Fill);

impl From<Fill> for FillRow {
    fn from(fill: Fill) -> Self {
        Self(fill)
    }
}

impl EncodeRow for FillRow {
    fn columns() -> Vec<ColumnSpec> {
        let columns = FILL.iter().map(|fill| fill.column);
        columns
            .map(|Column(name, data_type, _)| ColumnSpec::typed(name, data_type))
            .collect()
    }

    fn group(&self) -> u64 {
        month(self.0.timestamp)
    }

    fn order() -> Option<RowOrder> {
        Some(RowOrder {
            prefix: |row| u64::from_be_bytes(part(row, MAKER)),
            compare: |left, right| in_order(left).cmp(&in_order(right)),
        })
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        for column in FILL {
            (column.write)(&self.0, buffer);
        }
        Ok(())
    }
}

/// Where columns begin in an encoded row.
const ORDER_HASH: usize = 32;
const MAKER: usize = 64;
const TIMESTAMP: usize = 185;

/// Returns the month that the table keeps a fill in, as the number `toYYYYMM` gives.
fn month(timestamp: u32) -> u64 {
    // Every second of a `u32` is within the calendar.
    let at = Timestamp::from_second(i64::from(timestamp)).unwrap_or(Timestamp::MAX);
    let date = Offset::UTC.to_datetime(at);
    let (year, month) = (date.year().unsigned_abs(), date.month().unsigned_abs());
    u64::from(year) * 100 + u64::from(month)
}

/// Returns an encoded row's place in the table's sorting key: wallet, time, transaction, order.
/// Hex in lower case sorts as its bytes do.
fn in_order(row: &[u8]) -> ([u8; 20], u32, [u8; 32], [u8; 32]) {
    let timestamp = u32::from_le_bytes(part(row, TIMESTAMP));
    (
        part(row, MAKER),
        timestamp,
        part(row, 0),
        part(row, ORDER_HASH),
    )
}

fn part<const N: usize>(row: &[u8], at: usize) -> [u8; N] {
    // Every row is encoded above, at its full length.
    let rest = row.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use fills::Side;

    use super::*;
    use crate::columns::SIDE_TYPE;

    /// Bytes of a fixed-size ClickHouse type.
    fn width(data_type: &str) -> usize {
        match data_type {
            "FixedString(32)" | "UInt256" => 32,
            "FixedString(20)" => 20,
            "UInt128" => 16,
            "DateTime('UTC')" | "UInt32" => 4,
            "UInt16" => 2,
            SIDE_TYPE | "UInt8" => 1,
            other => panic!("{other} has no fixed size here"),
        }
    }

    fn fill() -> Fill {
        Fill {
            id: fills::FillId {
                tx_hash: fills::TxHash([1; 32]),
                order_hash: fills::OrderHash([2; 32]),
                nth_from_last: 0,
            },
            timestamp: 1,
            maker: fills::Address([3; 20]),
            taker: fills::Address([4; 20]),
            token_id: 5.into(),
            side: Side::Buy,
            shares_base_units: 6,
            usdc_base_units: 7,
            fee_base_units: 8,
            ..Fill::default()
        }
    }

    fn encoded(fill: Fill) -> Vec<u8> {
        let mut buffer = Vec::new();
        FillRow(fill).encode(&mut buffer).unwrap();
        buffer
    }

    #[test]
    fn a_row_is_as_long_as_its_columns() {
        let columns = FillRow::columns();
        let widths = columns.iter().filter_map(|c| c.data_type).map(width);
        assert_eq!(encoded(fill()).len(), widths.sum::<usize>());
    }

    #[test]
    fn months_are_those_of_the_table() {
        let check = |second, expected| assert_eq!(month(second), expected);
        check(0, 197_001);
        check(1_669_060_209, 202_211);
        check(1_672_531_199, 202_212);
        check(1_672_531_200, 202_301);
        check(1_709_251_199, 202_402);
        check(u32::MAX, 210_602);
    }

    #[test]
    fn rows_are_in_order_of_wallet_time_transaction_and_order() {
        let order = FillRow::order().unwrap();
        let first = fill();
        let later = |change: fn(&mut Fill)| {
            let mut fill = fill();
            change(&mut fill);
            fill
        };
        let rows = [
            first,
            later(|fill| fill.id.order_hash.0[31] += 1),
            later(|fill| fill.id.tx_hash.0[31] += 1),
            later(|fill| fill.timestamp += 256),
            later(|fill| fill.maker.0[19] += 1),
            later(|fill| fill.maker.0[0] += 1),
        ];
        for pair in rows.windows(2) {
            let (left, right) = (encoded(pair[0]), encoded(pair[1]));
            assert!((order.prefix)(&left) <= (order.prefix)(&right));
            assert!((order.compare)(&left, &right).is_lt(), "{pair:?}");
        }
    }
}
