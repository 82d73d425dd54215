//! An answer in which all is well, read in one pass.
//!
//! Nearly every answer is one. What is not accepted here is read again, field by field and row by
//! row, by [`crate::wire`] and [`crate::page`], which alone say what is wrong and what can be saved
//! of it: no error is made here.
//!
//! **Invariant**: what is accepted here is read the same there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use fills::{Fill, OrderFilled};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::page::Asked;
use crate::pages::{Cursor, Page, PageQuery};
use crate::query::{self, MOST_ROWS};
use crate::wire::Meta;

/// Reads an answer to `queries` from block `head` or later.
pub(crate) fn read(body: &[u8], head: u64, queries: &[PageQuery]) -> Option<(Meta, Vec<Page>)> {
    // Text that is known to be text is not looked at again, value by value.
    let body = std::str::from_utf8(body).ok()?;
    let mut fields = serde_json::from_str::<Answer<'_>>(body).ok()?.data;
    let Field::Meta(meta) = fields.remove("_meta")? else {
        return None;
    };
    meta.check(head).ok()?;
    let pages = queries.iter().enumerate().map(|(index, query)| {
        match fields.remove(query::alias(index).as_str())? {
            Field::Fills(fills) => page(query, fills),
            Field::Meta(_) => None,
        }
    });
    Some((meta, pages.collect::<Option<_>>()?))
}

/// Makes a page of fills, if they are what was asked for.
fn page(query: &PageQuery, fills: Vec<Fill>) -> Option<Page> {
    let asked = Asked::new(&query.filter);
    let is_asked = |fill: &Fill| {
        (query.from..query.until).contains(&fill.timestamp.into()) && asked.holds(fill)
    };
    // A fill's id has one text, which sorts as its bytes do.
    let place = |fill: &Fill| (fill.timestamp, fill.id);
    let is_sound = fills.len() <= usize::from(query.limit)
        && fills.iter().all(is_asked)
        && fills.is_sorted_by(|one, next| place(one) < place(next))
        && fills.first().is_none_or(|first| is_behind(query, first));
    let last = fills.last().map(cursor);
    is_sound.then_some(Page {
        fills,
        malformed: Vec::new(),
        last,
    })
}

fn is_behind(query: &PageQuery, fill: &Fill) -> bool {
    let place = |cursor: &Cursor| (cursor.timestamp, cursor.id.clone());
    let after = query.after.as_ref();
    after.is_none_or(|after| place(after) < place(&cursor(fill)))
}

fn cursor(fill: &Fill) -> Cursor {
    Cursor {
        timestamp: fill.timestamp.into(),
        id: fill.id.to_string(),
    }
}

/// An answer that is data and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<'a> {
    #[serde(borrow)]
    data: BTreeMap<Cow<'a, str>, Field>,
}

enum Field {
    Meta(Meta),
    Fills(Vec<Fill>),
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_meta or a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        Meta::deserialize(MapAccessDeserializer::new(map)).map(Field::Meta)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Field, A::Error> {
        let mut fills = Vec::new();
        while let Some(event) = rows.next_element::<OrderFilled<'de>>()? {
            if fills.is_empty() {
                // Most pages are full, and growing would copy them.
                fills.reserve_exact(MOST_ROWS.into());
            }
            fills.push(event.to_fill().map_err(A::Error::custom)?);
        }
        fills.shrink_to_fit();
        Ok(Field::Fills(fills))
    }
}

#[cfg(test)]
#[path = "sound_tests.rs"]
mod tests;
