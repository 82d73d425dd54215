//! The parts of rows, tuples, lists and maps.

use clickhouse_types::DataTypeNode;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};

use super::Value;
use crate::encode::{Checked, EncodeError, TableColumn};

/// The types of a composite's parts; a part without one is not checked.
pub(super) enum Types<'t> {
    Columns(&'t [TableColumn]),
    Same(&'t DataTypeNode),
    Each(&'t [DataTypeNode]),
    Pair(&'t DataTypeNode, &'t DataTypeNode),
    /// Pairs of this map.
    Entries(&'t DataTypeNode, [&'t DataTypeNode; 2]),
    Unchecked,
}

/// The parts of one value, and how much of their types was seen.
pub(super) struct Parts<'t> {
    types: Types<'t>,
    /// All parts have a type of their own, and each has to be seen; else one of them will do.
    needs_all: bool,
    checked: Checked,
    key: Checked,
}

impl<'t> Parts<'t> {
    /// Parts of which each has a type of its own.
    pub(super) fn all(types: Types<'t>) -> Self {
        Self {
            types,
            needs_all: true,
            checked: Checked::Wholly,
            key: Checked::Partly,
        }
    }

    /// Parts that have one type together, if there are any.
    pub(super) fn any(types: Types<'t>) -> Self {
        Self {
            needs_all: false,
            checked: Checked::Partly,
            ..Self::all(types)
        }
    }

    fn check<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let checked = match &mut self.types {
            Types::Columns(columns) => match columns.split_first() {
                Some((column, rest)) => {
                    *columns = rest;
                    check_column(value, column)?
                }
                None => return Err(EncodeError("the row writes more columns".to_owned())),
            },
            Types::Same(expected) => value.serialize(Value::of(expected))?,
            Types::Each(expected) => match expected.split_first() {
                Some((first, rest)) => {
                    *expected = rest;
                    value.serialize(Value::of(first))?
                }
                None => return Err(EncodeError("the row writes more elements".to_owned())),
            },
            Types::Pair(key, item) => {
                (*key, *item) = (*item, *key);
                let part = value.serialize(Value::of(item))?;
                // Key and value of one pair have to be seen; the first of two is the key.
                let before = std::mem::replace(&mut self.key, part);
                match before {
                    Checked::Wholly => part,
                    Checked::Partly => Checked::Partly,
                }
            }
            Types::Entries(map, entry) => value.serialize(Value {
                entry: Some(*entry),
                ..Value::of(map)
            })?,
            Types::Unchecked => Checked::Wholly,
        };
        if self.needs_all == (checked == Checked::Partly) {
            self.checked = checked;
        }
        Ok(())
    }

    fn finish(self) -> Result<Checked, EncodeError> {
        match self.types {
            Types::Columns([column, ..]) => Err(EncodeError(format!(
                "the row does not write column `{}`",
                column.name
            ))),
            Types::Each([_, ..]) => Err(EncodeError("the row writes fewer elements".to_owned())),
            _ => Ok(self.checked),
        }
    }
}

fn check_column<T: Serialize + ?Sized>(
    value: &T,
    column: &TableColumn,
) -> Result<Checked, EncodeError> {
    // A type that this version of the client does not know cannot be checked here.
    let Ok(expected) = DataTypeNode::new(&column.data_type) else {
        return Ok(Checked::Wholly);
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
            type Ok = Checked;
            type Error = EncodeError;

            $(fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $name,)?
                value: &T,
            ) -> Result<(), EncodeError> {
                self.check(value)
            })*

            fn end(self) -> Result<Checked, EncodeError> {
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
