//! The parts of rows, tuples, lists and maps.

use clickhouse_types::DataTypeNode;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};

use super::Value;
use crate::encode::{EncodeError, TableColumn};

/// The types of a composite's parts; a part without one is not checked.
pub(super) enum Parts<'t> {
    Columns(&'t [TableColumn]),
    Same(&'t DataTypeNode),
    Each(&'t [DataTypeNode]),
    Pair(&'t DataTypeNode, &'t DataTypeNode),
    Unchecked,
}

impl Parts<'_> {
    fn check<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        match self {
            Self::Columns(columns) => match columns.split_first() {
                Some((column, rest)) => {
                    *columns = rest;
                    check_column(value, column)
                }
                None => Err(EncodeError("the row writes more columns".to_owned())),
            },
            Self::Same(expected) => value.serialize(Value::of(expected)),
            Self::Each(expected) => match expected.split_first() {
                Some((first, rest)) => {
                    *expected = rest;
                    value.serialize(Value::of(first))
                }
                None => Err(EncodeError("the row writes more elements".to_owned())),
            },
            Self::Pair(key, item) => {
                (*key, *item) = (*item, *key);
                value.serialize(Value::of(item))
            }
            Self::Unchecked => Ok(()),
        }
    }

    fn finish(self) -> Result<(), EncodeError> {
        match self {
            Self::Columns([column, ..]) => Err(EncodeError(format!(
                "the row does not write column `{}`",
                column.name
            ))),
            Self::Each([_, ..]) => Err(EncodeError("the row writes fewer elements".to_owned())),
            _ => Ok(()),
        }
    }
}

fn check_column<T: Serialize + ?Sized>(value: &T, column: &TableColumn) -> Result<(), EncodeError> {
    // A type that this version of the client does not know cannot be checked here.
    let Ok(expected) = DataTypeNode::new(&column.data_type) else {
        return Ok(());
    };
    value.serialize(Value::of(&expected)).map_err(|mismatch| {
        EncodeError(format!(
            "column `{}` is {}: {}",
            column.name, column.data_type, mismatch.0
        ))
    })
}

macro_rules! parts_are_checked {
    ($($part:ident: $($method:ident($($name:ty)?)),*;)*) => {
        $(impl $part for Parts<'_> {
            type Ok = ();
            type Error = EncodeError;

            $(fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $name,)?
                value: &T,
            ) -> Result<(), EncodeError> {
                self.check(value)
            })*

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        })*
    };
}

parts_are_checked! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(&'static str);
}
