//! From a row to bytes, once.

use std::cmp::Ordering;

use clickhouse::RowOwned;
use clickhouse_types::DataTypeNode;
use serde::Serialize;

use crate::row_binary::RowBinary;
use crate::type_check::check_row;

/// Why a row cannot be written as RowBinary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(
    /// What is wrong with which value.
    pub String,
);

/// A column that a row writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The column's name in the table.
    pub name: &'static str,
    /// The ClickHouse type that the encoder writes, such as `FixedString(32)`. Where it is given,
    /// the table is compared with it before the first row is taken.
    pub data_type: Option<&'static str>,
}

impl ColumnSpec {
    /// Names a column whose type is compared with those of the first rows.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            data_type: None,
        }
    }

    /// Names a column and the type that is written to it.
    pub const fn typed(name: &'static str, data_type: &'static str) -> Self {
        Self {
            name,
            data_type: Some(data_type),
        }
    }
}

/// A column of the table, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The column's name.
    pub name: String,
    /// The column's type in ClickHouse's own words.
    pub data_type: String,
}

impl TableColumn {
    /// Tells whether values written for `data_type` have the same bytes and meaning here.
    /// Time zones and `LowCardinality` make no difference to a value on the wire.
    pub(crate) fn takes(&self, data_type: &str) -> bool {
        if self.data_type == data_type {
            return true;
        }
        match (
            DataTypeNode::new(&self.data_type),
            DataTypeNode::new(data_type),
        ) {
            (Ok(here), Ok(written)) => on_the_wire(&here) == on_the_wire(&written),
            _ => false,
        }
    }
}

fn on_the_wire(data_type: &DataTypeNode) -> DataTypeNode {
    let inner = |node: &DataTypeNode| Box::new(on_the_wire(node));
    match data_type.remove_compatible_wrappers() {
        DataTypeNode::DateTime(_) => DataTypeNode::DateTime(None),
        DataTypeNode::DateTime64(precision, _) => DataTypeNode::DateTime64(precision.clone(), None),
        DataTypeNode::Nullable(of) => DataTypeNode::Nullable(inner(of)),
        DataTypeNode::Array(of) => DataTypeNode::Array(inner(of)),
        DataTypeNode::Tuple(of) => DataTypeNode::Tuple(of.iter().map(on_the_wire).collect()),
        DataTypeNode::Map([key, value]) => DataTypeNode::Map([inner(key), inner(value)]),
        other => other.clone(),
    }
}

/// An order of encoded rows.
#[derive(Debug, Clone, Copy)]
pub struct RowOrder {
    /// The first that decides: a row with a smaller number comes first.
    pub prefix: fn(&[u8]) -> u64,
    /// What decides between rows of one prefix.
    pub compare: fn(&[u8], &[u8]) -> Ordering,
}

/// How much of a row's types was compared with the table's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// All of them: the rows that follow have the same.
    Wholly,
    /// Some were not seen, as in an empty list: the next row has to be checked too.
    Partly,
}

/// A row that can be written as RowBinary.
///
/// Every `#[derive(clickhouse::Row, serde::Serialize)]` struct without lifetimes has it already.
/// A row type that does *not* derive `clickhouse::Row` may implement it by hand where encoding
/// is hot; [`crate::row_binary`] has the few primitives that RowBinary needs.
pub trait EncodeRow: Send + 'static {
    /// Names the columns in the order in which [`EncodeRow::encode`] writes them.
    fn columns() -> Vec<ColumnSpec>;

    /// Appends the row's values to `buffer`, in the order of [`EncodeRow::columns`].
    /// The same row must give the same bytes.
    ///
    /// # Errors
    /// [`EncodeError`] where a value has no place in RowBinary; nothing of that send is taken then.
    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Names the group that the row belongs to, such as its partition: a batch has rows of one
    /// group only. The server makes a part of each partition that a batch touches, and merges
    /// parts for as long as there are many.
    fn group(&self) -> u64 {
        0
    }

    /// Says how to put a batch in order before it goes. Rows that come in the order of the table's
    /// sorting key are not sorted by the server. Without it they stay in order of arrival.
    fn order() -> Option<RowOrder> {
        None
    }

    /// Compares a row with the table's columns, which come in the order of
    /// [`EncodeRow::columns`]. Called with one row after another until one was checked wholly; the default
    /// accepts, for encoders that give types in their [`ColumnSpec`]s.
    ///
    /// # Errors
    /// [`EncodeError`] naming the column whose type differs.
    fn check(&self, columns: &[TableColumn]) -> Result<Checked, EncodeError> {
        let _ = columns;
        Ok(Checked::Wholly)
    }
}

impl<R: RowOwned + Serialize + Send> EncodeRow for R {
    fn columns() -> Vec<ColumnSpec> {
        R::COLUMN_NAMES
            .iter()
            .copied()
            .map(ColumnSpec::named)
            .collect()
    }

    fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.serialize(&mut RowBinary::new(buffer))
    }

    fn check(&self, columns: &[TableColumn]) -> Result<Checked, EncodeError> {
        check_row(self, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(table: &str, written: &str) -> bool {
        let column = TableColumn {
            name: "c".to_owned(),
            data_type: table.to_owned(),
        };
        column.takes(written)
    }

    #[test]
    fn declared_types_may_differ_only_in_what_the_wire_does_not_show() {
        assert!(takes("UInt32", "UInt32"));
        assert!(takes("LowCardinality(String)", "String"));
        assert!(takes("DateTime('UTC')", "DateTime"));
        assert!(takes("Array(LowCardinality(String))", "Array(String)"));
        assert!(takes(
            "Nullable(DateTime64(3, 'UTC'))",
            "Nullable(DateTime64(3))"
        ));
        assert!(!takes("UInt32", "Int32"));
        assert!(!takes("Nullable(UInt32)", "UInt32"));
        assert!(!takes("FixedString(20)", "FixedString(32)"));
        assert!(!takes("DateTime64(3)", "DateTime64(6)"));
    }

    struct ByHand(u32);

    impl EncodeRow for ByHand {
        fn columns() -> Vec<ColumnSpec> {
            vec![ColumnSpec::typed("n", "UInt32")]
        }

        fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
            buffer.extend_from_slice(&self.0.to_le_bytes());
            Ok(())
        }
    }

    #[test]
    fn a_type_without_the_derive_can_encode_by_hand() {
        let mut buffer = Vec::new();
        ByHand(258).encode(&mut buffer).unwrap();
        assert_eq!(buffer, [2, 1, 0, 0]);
    }
}
