//! Compares what a row's serde calls write with the types of the table's columns.
//!
//! RowBinary carries no types per value: an `i64` sent to a `UInt64` column, or a string to a
//! `FixedString`, would load as nonsense. Rust types do not change from row to row, so rows are checked
//! until one has shown all of its types: an empty list, a `None` or one case of several says nothing
//! about the rest.

mod parts;

use clickhouse_types::DataTypeNode;
use clickhouse_types::data_types::{DecimalType, EnumType};
use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use self::parts::{Parts, Types};
use crate::encode::{Checked, EncodeError, TableColumn};

/// Checks a row against columns in the order in which the row writes them.
pub(crate) fn check_row<R: Serialize>(
    row: &R,
    columns: &[TableColumn],
) -> Result<Checked, EncodeError> {
    row.serialize(Value {
        expected: &DataTypeNode::Dynamic,
        columns,
        entry: None,
    })
}

/// One value, and the types that its parts must have.
struct Value<'t> {
    expected: &'t DataTypeNode,
    /// Only the row itself has columns.
    columns: &'t [TableColumn],
    /// Key and value, where it is a pair in a list that stands for a map.
    entry: Option<[&'t DataTypeNode; 2]>,
}

impl<'t> Value<'t> {
    fn of(expected: &'t DataTypeNode) -> Self {
        Self {
            expected: expected.remove_compatible_wrappers(),
            columns: &[],
            entry: None,
        }
    }

    fn is(
        self,
        written: &str,
        fits: impl FnOnce(&DataTypeNode) -> bool,
    ) -> Result<Checked, EncodeError> {
        if unchecked(self.expected) || fits(self.expected) {
            Ok(Checked::Wholly)
        } else {
            self.differs(written)
        }
    }

    fn differs<T>(&self, written: &str) -> Result<T, EncodeError> {
        Err(EncodeError(format!(
            "the row writes {written}, which is not {}",
            self.expected
        )))
    }
}

/// Types whose inner form is decided elsewhere, by a discriminator or a function.
fn unchecked(node: &DataTypeNode) -> bool {
    matches!(
        node,
        DataTypeNode::JSON
            | DataTypeNode::JsonWithHint(_)
            | DataTypeNode::AggregateFunction(..)
            | DataTypeNode::Ring
            | DataTypeNode::LineString
            | DataTypeNode::MultiLineString
            | DataTypeNode::Polygon
            | DataTypeNode::MultiPolygon
    )
}

const UUID_HALVES: &[DataTypeNode] = &[DataTypeNode::UInt64, DataTypeNode::UInt64];
const POINT: &[DataTypeNode] = &[DataTypeNode::Float64, DataTypeNode::Float64];

macro_rules! scalars {
    ($($method:ident($number:ty) $written:literal: $fits:pat),* $(,)?) => {
        $(fn $method(self, _: $number) -> Result<Checked, EncodeError> {
            #[allow(unused_imports, reason = "not every pattern names all of them")]
            use DataTypeNode::*;
            self.is($written, |node| matches!(node, $fits))
        })*
    };
}

impl<'t> Serializer for Value<'t> {
    type Ok = Checked;
    type Error = EncodeError;
    type SerializeSeq = Parts<'t>;
    type SerializeTuple = Parts<'t>;
    type SerializeMap = Parts<'t>;
    type SerializeStruct = Parts<'t>;
    type SerializeTupleStruct = Impossible<Checked, EncodeError>;
    type SerializeTupleVariant = Impossible<Checked, EncodeError>;
    type SerializeStructVariant = Impossible<Checked, EncodeError>;

    scalars! {
        serialize_bool(bool) "a bool": Bool | UInt8,
        serialize_i8(i8) "an i8": Int8 | Enum(EnumType::Enum8, _),
        serialize_i16(i16) "an i16": Int16 | Enum(EnumType::Enum16, _),
        serialize_i32(i32) "an i32": Int32 | Date32 | Time | Decimal(_, _, DecimalType::Decimal32),
        serialize_i64(i64) "an i64": Int64 | DateTime64(..) | Time64(_) | Interval(_)
            | Decimal(_, _, DecimalType::Decimal64),
        serialize_i128(i128) "an i128": Int128 | Decimal(_, _, DecimalType::Decimal128),
        serialize_u8(u8) "a u8": UInt8,
        serialize_u16(u16) "a u16": UInt16 | Date,
        serialize_u32(u32) "a u32": UInt32 | DateTime(_) | IPv4,
        serialize_u64(u64) "a u64": UInt64,
        serialize_u128(u128) "a u128": UInt128,
        serialize_f32(f32) "an f32": Float32,
        serialize_f64(f64) "an f64": Float64,
        serialize_char(char) "a char": _,
        serialize_str(&str) "a string": String,
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Checked, EncodeError> {
        use DataTypeNode::{BFloat16, Decimal, Int256, String, UInt256};
        let written = format!("{} bytes", value.len());
        self.is(&written, |node| match node {
            String => true,
            UInt256 | Int256 | Decimal(_, _, DecimalType::Decimal256) => value.len() == 32,
            BFloat16 => value.len() == 2,
            _ => false,
        })
    }

    fn serialize_none(self) -> Result<Checked, EncodeError> {
        self.is("an option", |node| {
            matches!(node, DataTypeNode::Nullable(_))
        })?;
        Ok(Checked::Partly)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Checked, EncodeError> {
        match self.expected {
            DataTypeNode::Nullable(inner) => value.serialize(Value::of(inner)),
            // A variant has its own way to say that there is none.
            _ => self.is("an option", |_| false),
        }
    }

    fn serialize_unit(self) -> Result<Checked, EncodeError> {
        self.differs("a unit")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Checked, EncodeError> {
        self.differs(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Checked, EncodeError> {
        self.differs(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Checked, EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Checked, EncodeError> {
        match self.expected {
            DataTypeNode::Variant(types) => match types.get(index as usize) {
                Some(expected) => {
                    value.serialize(Value::of(expected))?;
                    Ok(Checked::Partly)
                }
                None => self.differs(variant),
            },
            _ => self.is(variant, |_| false),
        }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'t>, EncodeError> {
        match self.expected {
            DataTypeNode::Array(inner) => Ok(Parts::any(Types::Same(inner))),
            // A list of pairs is a map on the wire.
            DataTypeNode::Map([key, value]) => {
                Ok(Parts::any(Types::Entries(self.expected, [key, value])))
            }
            node if unchecked(node) => Ok(Parts::all(Types::Unchecked)),
            _ => self.differs("a list"),
        }
    }

    fn serialize_tuple(self, len: usize) -> Result<Parts<'t>, EncodeError> {
        match self.expected {
            DataTypeNode::Map(_) if len == 2 => match self.entry {
                Some([key, value]) => Ok(Parts::any(Types::Pair(key, value))),
                None => self.differs("a pair"),
            },
            DataTypeNode::FixedString(size) if *size == len => {
                Ok(Parts::any(Types::Same(&DataTypeNode::UInt8)))
            }
            DataTypeNode::IPv6 if len == 16 => Ok(Parts::any(Types::Same(&DataTypeNode::UInt8))),
            DataTypeNode::Tuple(types) => Ok(Parts::all(Types::Each(types))),
            DataTypeNode::UUID => Ok(Parts::all(Types::Each(UUID_HALVES))),
            DataTypeNode::Point => Ok(Parts::all(Types::Each(POINT))),
            node if unchecked(node) => Ok(Parts::all(Types::Unchecked)),
            _ => self.differs(&format!("{len} values in a row")),
        }
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        self.differs(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        self.differs(name)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'t>, EncodeError> {
        match self.expected {
            DataTypeNode::Map([key, value]) => Ok(Parts::any(Types::Pair(key, value))),
            _ => self.differs("a map"),
        }
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Parts<'t>, EncodeError> {
        match self.expected {
            _ if !self.columns.is_empty() => Ok(Parts::all(Types::Columns(self.columns))),
            DataTypeNode::Tuple(types) => Ok(Parts::all(Types::Each(types))),
            _ => self.differs(name),
        }
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        self.differs(name)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        id: u64,
        hash: [u8; 4],
        name: String,
        seen: Option<u32>,
        tags: Vec<String>,
    }

    fn check(types: [&str; 5]) -> Result<(), String> {
        let names = ["id", "hash", "name", "seen", "tags"];
        let columns: Vec<_> = names
            .iter()
            .zip(types)
            .map(|(name, data_type)| TableColumn {
                name: (*name).to_owned(),
                data_type: data_type.to_owned(),
            })
            .collect();
        let row = Sample {
            id: 1,
            hash: [0; 4],
            name: "a".to_owned(),
            seen: Some(2),
            tags: vec!["b".to_owned()],
        };
        check_row(&row, &columns)
            .map(|checked| assert_eq!(checked, Checked::Wholly))
            .map_err(|error| error.0)
    }

    const RIGHT: [&str; 5] = [
        "UInt64",
        "FixedString(4)",
        "LowCardinality(String)",
        "Nullable(DateTime('UTC'))",
        "Array(LowCardinality(String))",
    ];

    #[test]
    fn a_row_that_writes_the_table_s_types_passes() {
        assert_eq!(check(RIGHT), Ok(()));
    }

    #[test]
    fn each_wrong_column_is_named() {
        let wrong = [
            "Int64",
            "FixedString(5)",
            "UInt8",
            "Nullable(Int32)",
            "Array(UInt8)",
        ];
        for (column, wrong) in wrong.into_iter().enumerate() {
            let mut types = RIGHT;
            types[column] = wrong;
            let message = check(types).unwrap_err();
            let name = ["id", "hash", "name", "seen", "tags"][column];
            assert!(
                message.starts_with(&format!("column `{name}` is {wrong}")),
                "{message}"
            );
        }
    }

    #[test]
    fn an_option_needs_a_nullable_column_and_the_other_way_round() {
        let mut types = RIGHT;
        types[3] = "DateTime";
        assert!(check(types).is_err());
        let mut types = RIGHT;
        types[0] = "Nullable(UInt64)";
        assert!(check(types).is_err());
    }

    /// Checks rows of one column one after another; returns how many it took until all was seen.
    fn check_all<T: Serialize>(data_type: &str, rows: &[T]) -> Result<Option<usize>, String> {
        #[derive(Serialize)]
        struct Row<'r, T> {
            value: &'r T,
        }
        let columns = [TableColumn {
            name: "value".to_owned(),
            data_type: data_type.to_owned(),
        }];
        for (index, value) in rows.iter().enumerate() {
            let checked = check_row(&Row { value }, &columns).map_err(|error| error.0)?;
            if checked == Checked::Wholly {
                return Ok(Some(index + 1));
            }
        }
        Ok(None)
    }

    #[test]
    fn rows_are_checked_until_one_has_shown_all_of_its_types() {
        let lists: [Vec<u64>; 3] = [vec![], vec![0, 0], vec![]];
        assert_eq!(check_all("Array(UInt64)", &lists), Ok(Some(2)));
        assert!(check_all("Array(String)", &lists).is_err());
        assert!(check_all("Array(Int64)", &lists).is_err());
        let options = [None, Some(1.5)];
        assert_eq!(check_all("Nullable(Float64)", &options), Ok(Some(2)));
        assert!(check_all("Nullable(UInt64)", &options).is_err());
        let maps = [vec![], vec![("k", 1.5)]];
        let as_map = |pairs: &Vec<(&'static str, f64)>| {
            let pairs = pairs.iter().copied();
            pairs.collect::<std::collections::BTreeMap<_, _>>()
        };
        let as_maps: Vec<_> = maps.iter().map(as_map).collect();
        assert_eq!(check_all("Map(String, Float64)", &as_maps), Ok(Some(2)));
        assert!(check_all("Map(String, UInt64)", &as_maps).is_err());
        // The same as a list of pairs, which is a map on the wire.
        assert_eq!(check_all("Map(String, Float64)", &maps), Ok(Some(2)));
        assert!(check_all("Map(String, UInt64)", &maps).is_err());
        assert!(check_all("Map(String, UInt64)", &[vec![(1_u64, 2_u64)]]).is_err());
        assert!(check_all("Map(String, UInt64)", &[vec![1_u64]]).is_err());
        let nested: [Vec<Vec<u64>>; 3] = [vec![vec![]], vec![vec![], vec![7]], vec![]];
        assert_eq!(check_all("Array(Array(UInt64))", &nested), Ok(Some(2)));
        assert_eq!(
            check_all("Array(Tuple(UInt64, String))", &[vec![(1_u64, "a")]]),
            Ok(Some(1))
        );
    }

    #[test]
    fn a_variant_is_checked_in_each_row_and_has_no_option() {
        #[derive(Serialize, Clone, Copy)]
        enum Either {
            Text(&'static str),
            Number(u64),
        }
        let rows = [Either::Text("a"), Either::Number(1)];
        assert_eq!(check_all("Variant(String, UInt64)", &rows), Ok(None));
        assert!(check_all("Variant(String, Float64)", &rows).is_err());
        let options = rows.map(Some);
        assert!(check_all("Variant(String, UInt64)", &options).is_err());
        assert!(check_all("Dynamic", &[1_u64]).is_err());
    }
}
