//! Pages of the subgraph's other entities, by id.

use api_client::{Failure, MalformedEntity, Object, Wrong, read_row, text};
use serde_json::value::RawValue;

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

/// A range of ids, compared as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdRange {
    /// The id before the range; empty for the beginning.
    pub after: String,
    /// The last id of the range, inclusive; nothing for the end.
    pub through: Option<String>,
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

/// An entity that is paged by id.
pub(crate) trait Entity: Sized {
    /// The root field that lists it.
    const FIELD: &str;
    /// The columns to ask for.
    const COLUMNS: &str;

    fn read(object: &Object) -> Result<Self, Wrong>;
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
