//! `_meta`.

use super::document::Field;
use super::failure::{Failure, QueryError};
use super::write;
use crate::data::Head;

/// What `_meta` tells of.
#[derive(Debug)]
pub(crate) struct Meta<'a> {
    pub(crate) number: u64,
    /// The head, unless another block was asked for: graph-node does not look that one's hash up.
    pub(crate) head: Option<&'a Head>,
    pub(crate) deployment: &'a str,
    pub(crate) has_indexing_errors: bool,
}

/// Checks the fields asked for against the schema.
pub(crate) fn check(selection: &[Field]) -> Result<(), Failure> {
    known(
        selection,
        "_Meta_",
        &["block", "deployment", "hasIndexingErrors"],
    )?;
    for field in selection.iter().filter(|field| field.name == "block") {
        let names = ["hash", "number", "timestamp", "parentHash"];
        known(&field.selection, "_Block_", &names)?;
    }
    Ok(())
}

fn known(selection: &[Field], type_name: &str, names: &[&str]) -> Result<(), Failure> {
    for field in selection {
        if field.name != "__typename" && !names.contains(&field.name.as_str()) {
            return Err(Failure::preparing(QueryError {
                message: format!("Type `{type_name}` has no field `{}`", field.name),
                location: Some(field.location),
            }));
        }
    }
    Ok(())
}

impl Meta<'_> {
    /// Writes the fields asked for.
    pub(crate) fn write(&self, selection: &[Field], out: &mut Vec<u8>) {
        object(selection, out, |field, out| match field.name.as_str() {
            "block" => object(&field.selection, out, |field, out| {
                self.block_field(&field.name, out);
            }),
            "deployment" => write::text(self.deployment, out),
            "hasIndexingErrors" => {
                out.extend_from_slice(self.has_indexing_errors.to_string().as_bytes());
            }
            _ => write::text("_Meta_", out),
        });
    }

    fn block_field(&self, name: &str, out: &mut Vec<u8>) {
        let text = |text: Option<&String>, out: &mut Vec<u8>| match text {
            Some(text) => write::text(text, out),
            None => out.extend_from_slice(b"null"),
        };
        match name {
            "number" => out.extend_from_slice(self.number.to_string().as_bytes()),
            "hash" => text(self.head.map(|head| &head.hash), out),
            "parentHash" => text(self.head.map(|head| &head.parent_hash), out),
            "timestamp" => match self.head {
                Some(head) => out.extend_from_slice(head.timestamp.to_string().as_bytes()),
                None => out.extend_from_slice(b"null"),
            },
            _ => write::text("_Block_", out),
        }
    }
}

/// Writes an object with one value for each field.
pub(crate) fn object(
    fields: &[Field],
    out: &mut Vec<u8>,
    mut value: impl FnMut(&Field, &mut Vec<u8>),
) {
    out.push(b'{');
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write::text(&field.alias, out);
        out.push(b':');
        value(field, out);
    }
    out.push(b'}');
}
