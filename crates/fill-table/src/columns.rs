//! The data table's columns, each declared once: how the server stores it, and which part of a fill it is.

use fills::{Address, BuilderCode, Fill, OrderHash, Side, TokenId, TxHash, Version};

use crate::ddl::Column;

/// The type of `side`; the numbers are what the rows carry.
pub(crate) const SIDE_TYPE: &str = "Enum8('BUY' = 1, 'SELL' = 2)";

/// A column that a fill brings along.
#[derive(Debug)]
pub(crate) struct FillColumn {
    pub(crate) column: Column,
    pub(crate) write: fn(&Fill, &mut Vec<u8>),
    read: fn(&mut Fill, &mut &[u8]) -> Option<()>,
}

macro_rules! fill_columns {
    ($($name:literal $data_type:tt $rest:literal: $($part:ident).+,)+) => {
        &[$(FillColumn {
            column: Column($name, $data_type, $rest),
            write: |fill, row| fill.$($part).+.write(row),
            read: |fill, row| {
                fill.$($part).+ = Value::read(row)?;
                Some(())
            },
        },)+]
    };
}

/// All columns but the time of the insert, in the order of a row: what sorts rows comes first, where it has a fixed
/// place.
///
/// The hashes are random and fill two thirds of the disk: no codec helps, so `tx_hash` has the cheapest.
/// `order_hash` repeats where an order is filled several times.
pub(crate) const FILL: &[FillColumn] = fill_columns! {
    "tx_hash" "FixedString(32)" "CODEC(LZ4)": id.tx_hash,
    "order_hash" "FixedString(32)" "CODEC(ZSTD(1))": id.order_hash,
    "maker" "FixedString(20)" "CODEC(ZSTD(1))": maker,
    "taker" "FixedString(20)" "CODEC(ZSTD(1))": taker,
    "token_id" "UInt256" "CODEC(ZSTD(1))": token_id,
    "side" SIDE_TYPE "CODEC(ZSTD(1))": side,
    "shares" "UInt128" "CODEC(ZSTD(1))": shares_base_units,
    "usdc" "UInt128" "CODEC(ZSTD(1))": usdc_base_units,
    "fee" "UInt128" "CODEC(ZSTD(1))": fee_base_units,
    "timestamp" "DateTime('UTC')" "CODEC(Delta(4), ZSTD(1))": timestamp,
    "nth_from_last" "UInt16" "CODEC(ZSTD(1))": id.nth_from_last,
    "version" "UInt8" "DEFAULT 1 CODEC(ZSTD(1))": version,
    "exchange" "FixedString(20)" "CODEC(ZSTD(1))": exchange,
    "block_number" "UInt32" "CODEC(Delta(4), ZSTD(1))": block_number,
    "log_index" "UInt32" "CODEC(ZSTD(1))": log_index,
    "builder" "FixedString(32)" "CODEC(ZSTD(1))": builder,
};

/// Those that tables of schema 2 do not have; their defaults are right for the rows that are there.
pub(crate) const SINCE_SCHEMA_3: &[&str] = &[
    "nth_from_last",
    "version",
    "exchange",
    "block_number",
    "log_index",
    "builder",
];

/// Returns the names of the columns, separated by commas.
pub(crate) fn names() -> String {
    let names: Vec<_> = FILL.iter().map(|fill| fill.column.0).collect();
    names.join(", ")
}

/// Reads one row as a `FillRow` is written; nothing if it is cut or cannot be one.
pub(crate) fn read(row: &mut &[u8]) -> Option<Fill> {
    let mut fill = Fill::default();
    for column in FILL {
        (column.read)(&mut fill, row)?;
    }
    Some(fill)
}

/// A part of a fill as a value of RowBinary.
trait Value: Sized {
    fn write(&self, row: &mut Vec<u8>);
    fn read(row: &mut &[u8]) -> Option<Self>;
}

fn take<const N: usize>(row: &mut &[u8]) -> Option<[u8; N]> {
    let (value, rest) = row.split_first_chunk()?;
    *row = rest;
    Some(*value)
}

macro_rules! value {
    ($($of:ty: |$value:ident| $bytes:expr, |$read:ident| $from:expr;)+) => {$(
        impl Value for $of {
            fn write(&self, row: &mut Vec<u8>) {
                let $value = self;
                row.extend_from_slice(&$bytes);
            }

            fn read(row: &mut &[u8]) -> Option<Self> {
                let $read = take(row)?;
                $from
            }
        }
    )+};
}

value! {
    TxHash: |id| id.0, |bytes| Some(Self(bytes));
    OrderHash: |id| id.0, |bytes| Some(Self(bytes));
    BuilderCode: |id| id.0, |bytes| Some(Self(bytes));
    Address: |id| id.0, |bytes| Some(Self(bytes));
    TokenId: |id| id.to_le_bytes(), |bytes| Some(Self::from_le_bytes(bytes));
    u16: |number| number.to_le_bytes(), |bytes| Some(Self::from_le_bytes(bytes));
    u32: |number| number.to_le_bytes(), |bytes| Some(Self::from_le_bytes(bytes));
    u128: |number| number.to_le_bytes(), |bytes| Some(Self::from_le_bytes(bytes));
    Version: |version| [version.number()], |bytes| {
        let [number] = bytes;
        Self::from_number(number)
    };
    Side: |side| [match side {
        Self::Buy => 1,
        Self::Sell => 2,
    }], |bytes| match bytes {
        [1] => Some(Self::Buy),
        [2] => Some(Self::Sell),
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use clickhouse_sink::EncodeRow;
    use fills::FillId;

    use super::*;
    use crate::FillRow;

    #[test]
    fn what_was_written_is_read() {
        let fill = Fill {
            id: FillId {
                tx_hash: TxHash([1; 32]),
                order_hash: OrderHash([2; 32]),
                nth_from_last: 0x0102,
            },
            timestamp: u32::MAX - 3,
            maker: Address([3; 20]),
            taker: Address([4; 20]),
            token_id: TokenId::from_le_bytes(std::array::from_fn(|byte| byte as u8)),
            side: Side::Sell,
            shares_base_units: u128::MAX - 6,
            usdc_base_units: 7,
            fee_base_units: 8 << 70,
            version: Version::V3,
            exchange: Address([5; 20]),
            block_number: 98_200_001,
            log_index: 1234,
            builder: BuilderCode([6; 32]),
        };
        let mut row = Vec::new();
        FillRow(fill).encode(&mut row).unwrap();
        assert_eq!(read(&mut row.as_slice()), Some(fill));
        for end in 0..row.len() {
            assert_eq!(read(&mut &row[..end]), None);
        }
    }

    #[test]
    fn columns_that_came_later_are_columns() {
        let names: Vec<_> = FILL.iter().map(|fill| fill.column.0).collect();
        assert!(names.ends_with(SINCE_SCHEMA_3), "{names:?}");
    }
}
