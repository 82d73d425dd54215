//! The query language as graph-node understands it.

mod arguments;
mod bounds;
mod compile;
mod cost;
mod decimal;
mod document;
mod entities;
mod execute;
mod failure;
mod filter;
mod input;
mod merge;
mod meta;
mod operator;
mod order;
mod predicate;
mod prepare;
mod request;
mod schema;
mod select;
mod strict;
mod tables;
mod value;
mod variables;
mod write;

pub(crate) use cost::CHEAPEST_MS;
pub(crate) use execute::{Answer, View, execute};
pub(crate) use failure::{Failure, QueryError, Stage};
pub(crate) use request::Request;

/// What graph-node answers to more values than the database takes: the whole statement, which
/// goes into megabytes.
fn too_many_values(block: u64, values: usize) -> Failure {
    let places: Vec<String> = (0..values).map(|value| format!("${}", value + 2)).collect();
    Failure::here(format!(
        "Failed to get entities from store: error encoding message to server, query = /* \
         controller='filter',application='sgd1',route='5264e0e2b9174a52-6dc8c4ef99f8cc6a',\
         action='{block}' */\nselect 'OrderFilledEvent' as entity, to_jsonb(c.*) as data from \
         (select c.\"block_range\", c.\"id\", c.\"vid\"\n  from \"sgd1\".\"order_filled_event\" as \
         c\n where c.block_range @> $1 and (left(c.\"maker_asset_id\", 256) in ({}))\n\n order by \
         \"id\", block_range\n limit 1000) c -- binds: [{block}, {}]",
        places.join(", "),
        vec![format!("{:?}", "0".repeat(77)); values].join(", "),
    ))
}

/// What graph-node answers when the database cancels its statement.
pub(crate) fn statement_timeout(block: u64) -> Failure {
    Failure::here(format!(
        "Failed to get entities from store: canceling statement due to statement timeout, query = \
         /* controller='filter',application='sgd1',route='ecbda89a4ce21b6d-6dc8c4ef99f8cc6a',\
         action='{block}' */\nselect 'OrderFilledEvent' as entity, to_jsonb(c.*) as data from \
         (select c.\"block_range\", c.\"id\", c.\"vid\"\n  from \"sgd1\".\"order_filled_event\" as \
         c\n where c.block_range @> $1 and (c.\"id\" > $2)\n\n order by \"id\", block_range\n limit \
         1000) c -- binds: [{block}, \"0x1\"]"
    ))
}
