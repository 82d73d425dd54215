//! RowBinary: the bytes of a row, and what a hand-written [`EncodeRow`](crate::EncodeRow) needs.
//!
//! The official client keeps its own serializer to itself, and a batch has to be encoded once
//! and sent several times, so this is the same format again; a test compares the two.
//! Numbers are little-endian, strings carry their length as LEB128, fixed strings and numbers
//! carry none, `Nullable` is one byte (1 = null) before the value.

use serde::Serialize;
use serde::ser::{
    Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};

use crate::encode::EncodeError;

/// Appends an unsigned LEB128 number: lengths of strings, arrays and maps.
#[inline]
pub fn put_leb128(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Appends a `String` value, which need not be UTF-8.
#[inline]
pub fn put_string(buffer: &mut Vec<u8>, value: &[u8]) {
    put_leb128(buffer, value.len() as u64);
    buffer.extend_from_slice(value);
}

impl serde::ser::Error for EncodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Names of the client's own wide numbers, which are written without a length.
const CLIENT_TYPES: &str = "clickhouse::types::";

/// Writes serde values as RowBinary.
#[derive(Debug)]
pub(crate) struct RowBinary<'b> {
    buffer: &'b mut Vec<u8>,
    /// Bytes are a fixed-size number, not a string.
    bare_bytes: bool,
}

impl<'b> RowBinary<'b> {
    pub(crate) fn new(buffer: &'b mut Vec<u8>) -> Self {
        Self {
            buffer,
            bare_bytes: false,
        }
    }
}

fn unsupported<T>(what: &str) -> Result<T, EncodeError> {
    Err(EncodeError::custom(format_args!(
        "{what} has no RowBinary form"
    )))
}

fn known(len: Option<usize>) -> Result<u64, EncodeError> {
    match len {
        Some(len) => Ok(len as u64),
        None => unsupported("a sequence of unknown length"),
    }
}

macro_rules! little_endian {
    ($($method:ident: $number:ty),* $(,)?) => {
        $(#[inline]
        fn $method(self, value: $number) -> Result<(), EncodeError> {
            self.buffer.extend_from_slice(&value.to_le_bytes());
            Ok(())
        })*
    };
}

impl Serializer for &mut RowBinary<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    little_endian! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_u128: u128, serialize_f32: f32, serialize_f64: f64,
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.buffer.push(u8::from(value));
        Ok(())
    }

    fn serialize_char(self, _: char) -> Result<(), EncodeError> {
        unsupported("a char")
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        put_string(self.buffer, value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        if self.bare_bytes {
            self.buffer.extend_from_slice(value);
        } else {
            put_string(self.buffer, value);
        }
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.buffer.push(1);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.buffer.push(0);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        unsupported("a unit")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), EncodeError> {
        unsupported(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        unsupported(name)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(&mut RowBinary {
            buffer: self.buffer,
            bare_bytes: name.starts_with(CLIENT_TYPES),
        })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        // 255 is the discriminator of NULL.
        match u8::try_from(index) {
            Ok(index) if index < u8::MAX => self.buffer.push(index),
            _ => return unsupported(name),
        }
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, EncodeError> {
        put_leb128(self.buffer, known(len)?);
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, EncodeError> {
        unsupported(name)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, EncodeError> {
        unsupported(name)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self, EncodeError> {
        put_leb128(self.buffer, known(len)?);
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, EncodeError> {
        unsupported(name)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! values_follow_each_other {
    ($($part:ident: $($method:ident($($name:ty)?)),*;)*) => {
        $(impl $part for &mut RowBinary<'_> {
            type Ok = ();
            type Error = EncodeError;

            $(#[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $name,)?
                value: &T,
            ) -> Result<(), EncodeError> {
                value.serialize(&mut **self)
            })*

            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        })*
    };
}

values_follow_each_other! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeMap: serialize_key(), serialize_value();
    SerializeStruct: serialize_field(&'static str);
}
