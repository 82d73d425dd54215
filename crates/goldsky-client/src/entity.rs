//! Pages of the subgraph's other entities, by id.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::classify::Failure;
use crate::salvage::kind;
use crate::text;

/// A page of entities, in the order of their ids as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityPage<T> {
    /// The entities.
    pub entities: Vec<T>,
    /// Entities of the page that do not read.
    pub malformed: Vec<MalformedEntity>,
    /// The last id served, where the next page begins behind; nothing if the page is empty.
    pub last_id: Option<String>,
}

impl<T> EntityPage<T> {
    /// Returns how many entities the answer held. Fewer than asked for means that there are no
    /// more.
    pub fn len(&self) -> usize {
        self.entities.len() + self.malformed.len()
    }

    /// Tells whether the answer held none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

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
pub(crate) type Wrong = (&'static str, String);

/// An entity that is paged by id.
pub(crate) trait Entity: Sized {
    /// The root field that lists it.
    const FIELD: &str;
    /// The columns to ask for.
    const COLUMNS: &str;

    fn read(object: &Object) -> Result<Self, Wrong>;
}

/// The fields of one served object.
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// Reads a field that is text and parses.
    pub(crate) fn parse<T>(&self, field: &'static str) -> Result<T, Wrong>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error| (field, text::one_line(&format!("{text:?}: {error}"))))
    }

    /// Reads a field that is text.
    pub(crate) fn text(&self, field: &'static str) -> Result<&str, Wrong> {
        match self.0.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err((field, format!("is {} instead of text", kind(other)))),
            None => Err((field, "is missing".to_owned())),
        }
    }

    /// Returns a field as served, null if it is missing.
    pub(crate) fn value(&self, field: &str) -> &Value {
        self.0.get(field).unwrap_or(&Value::Null)
    }
}

/// Reads a row of any list: the object, or what was served instead.
pub(crate) fn read_row<T>(
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

/// Reads a page that was asked for behind `after_id`.
///
/// As with fills, an entity that does not read spoils no other, and a page that is not what was
/// asked for is a failure.
pub(crate) fn read<T: Entity>(
    after_id: &str,
    limit: u16,
    rows: &RawValue,
) -> Result<EntityPage<T>, Failure> {
    let wrong = |found: String| Failure::misshapen(format!("the page of {} {found}", T::FIELD));
    let rows: Vec<&RawValue> =
        serde_json::from_str(rows.get()).map_err(|_| wrong("is not a list".to_owned()))?;
    if rows.len() > usize::from(limit) {
        let found = format!("has {} rows, {limit} were asked for", rows.len());
        return Err(wrong(found));
    }
    let mut page = EntityPage {
        entities: Vec::with_capacity(rows.len()),
        malformed: Vec::new(),
        last_id: None,
    };
    let full = rows.len() == usize::from(limit);
    let last = rows.len().saturating_sub(1);
    for (index, row) in rows.into_iter().enumerate() {
        let (id, entity) = read_row(row, "id", T::read);
        match id {
            Some(id) => {
                let before = page.last_id.as_deref().unwrap_or(after_id);
                if id.as_str() <= before {
                    let id = text::one_line(&id);
                    return Err(wrong(format!("has row {id} out of order or twice")));
                }
                page.last_id = Some(id);
            }
            None if full && index == last => {
                return Err(wrong("is full and its last row has no id".to_owned()));
            }
            None => {}
        }
        match entity {
            Ok(entity) => page.entities.push(entity),
            Err(malformed) => page.malformed.push(malformed),
        }
    }
    Ok(page)
}

#[cfg(test)]
#[path = "entity_tests.rs"]
mod tests;
