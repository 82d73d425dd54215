//! Objects within answers, read field by field.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::text;

/// An entity that the source served and that does not read: it is kept, counted and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entity {id}: {field} {reason}")]
pub struct MalformedEntity {
    /// The entity's id as served, or empty where it has none.
    pub id: String,
    /// The name of the field that is wrong.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
    /// The entity as served, JSON.
    pub entity: String,
}

/// What is wrong with a field: its name, and the rest of a sentence that begins with it.
pub type Wrong = (&'static str, String);

/// The fields of one served object.
#[derive(Debug)]
pub struct Object(Map<String, Value>);

impl Object {
    /// Reads a field that is text and parses.
    pub fn parse<T>(&self, field: &'static str) -> Result<T, Wrong>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error| (field, text::one_line(&format!("{text:?}: {error}"))))
    }

    /// Reads a field that is text.
    pub fn text(&self, field: &'static str) -> Result<&str, Wrong> {
        match self.0.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err((field, format!("is {} instead of text", kind(other)))),
            None => Err((field, "is missing".to_owned())),
        }
    }

    /// Returns a field as served, null if it is missing.
    pub fn value(&self, field: &str) -> &Value {
        self.0.get(field).unwrap_or(&Value::Null)
    }
}

/// Reads a row of any list: the object, or what was served instead.
pub fn read_row<T>(
    row: &RawValue,
    id_field: &'static str,
    read: impl FnOnce(&Object) -> Result<T, Wrong>,
) -> (Option<String>, Result<T, MalformedEntity>) {
    let value = serde_json::from_str(row.get()).unwrap_or_default();
    let (id, result) = match value {
        Value::Object(object) => {
            let object = Object(object);
            let id = object.text(id_field).ok().map(str::to_owned);
            (id, read(&object))
        }
        other => {
            let reason = format!("is {} instead of an object", kind(&other));
            (None, Err(("entity", reason)))
        }
    };
    let result = result.map_err(|(field, reason)| MalformedEntity {
        id: id.clone().unwrap_or_default(),
        field: field.to_owned(),
        reason,
        entity: row.get().to_owned(),
    });
    (id, result)
}

/// Says what a JSON value is, with its article.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
