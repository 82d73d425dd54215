//! Writes answers as JSON, without building it first.

use super::document::Field;
use super::failure::{Failure, QueryError};
use super::predicate::Cells;
use super::schema::Entity;

/// A field of an entity, with its key ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Selected {
    key: Vec<u8>,
    /// A column, or `__typename`.
    column: Option<usize>,
}

/// Looks up the fields asked for.
pub(crate) fn select(entity: Entity, selection: &[Field]) -> Result<Vec<Selected>, Failure> {
    selection
        .iter()
        .enumerate()
        .map(|(place, field)| {
            let column = match field.name.as_str() {
                "__typename" => None,
                name => Some(entity.column(name).ok_or_else(|| {
                    Failure::preparing(QueryError::at_location(
                        field,
                        format!("Type `{}` has no field `{name}`", entity.type_name()),
                    ))
                })?),
            };
            let mut key = Vec::new();
            if place > 0 {
                key.push(b',');
            }
            text(&field.alias, &mut key);
            key.push(b':');
            Ok(Selected { key, column })
        })
        .collect()
}

impl QueryError {
    fn at_location(field: &Field, message: String) -> Self {
        Self {
            message,
            location: Some(field.location),
        }
    }
}

/// Writes a row as an object.
pub(crate) fn row<C: Cells>(
    cells: &C,
    row: u32,
    entity: Entity,
    selected: &[Selected],
    plain: bool,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for field in selected {
        out.extend_from_slice(&field.key);
        match field.column {
            None => text(entity.type_name(), out),
            Some(column) if plain => {
                // Opened before it is known whether there is anything.
                let start = out.len();
                out.push(b'"');
                if cells.cell(row, column, out) {
                    out.push(b'"');
                } else {
                    out.truncate(start);
                    out.extend_from_slice(b"null");
                }
            }
            Some(column) => {
                let mut cell = Vec::new();
                if cells.cell(row, column, &mut cell) {
                    text(&String::from_utf8_lossy(&cell), out);
                } else {
                    out.extend_from_slice(b"null");
                }
            }
        }
    }
    out.push(b'}');
}

/// Writes rows as a list of objects.
pub(crate) fn list<C: Cells>(
    cells: &C,
    rows: &[u32],
    entity: Entity,
    selected: &[Selected],
    plain: bool,
    out: &mut Vec<u8>,
) {
    // An event with all of its fields takes about 630 bytes.
    out.reserve(rows.len() * selected.len() * 72 + 2);
    out.push(b'[');
    for (place, number) in rows.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        row(cells, *number, entity, selected, plain, out);
    }
    out.push(b']');
}

/// Writes a text with what JSON wants escaped.
pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let needs_escape = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\');
    if text.bytes().any(needs_escape) {
        let escaped = serde_json::Value::from(text).to_string();
        out.extend_from_slice(&escaped.as_bytes()[1..escaped.len() - 1]);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut out = Vec::new();
        text("a\"\\\n\u{1}é", &mut out);
        let read: String = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, "a\"\\\n\u{1}é");
    }
}
