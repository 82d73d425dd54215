//! Answers the fields that ask for entities.

use super::arguments::Arguments;
use super::cost;
use super::execute::{Answer, View};
use super::failure::Failure;
use super::filter::{self, Filter};
use super::operator::Operator;
use super::order::Order;
use super::predicate::Predicate;
use super::prepare::Height;
use super::schema::Entity;
use super::select::{self, Slice};
use super::tables::{MarketDatas, Orderbooks};
use super::write::{self, Selected};
use crate::data::with_rows;

/// The most rows of a page, graph-node's default.
const MOST_FIRST: i64 = 1000;

/// The most values of a filter: the database counts them, and the block, in 16 bits with a sign.
const MOST_VALUES: usize = i16::MAX as usize - 1;

fn range(name: &str, value: i64, least: i64, most: i64) -> Result<usize, Failure> {
    if (least..=most).contains(&value) {
        return Ok(value as usize);
    }
    Err(Failure::here(format!(
        "The `{name}` argument must be between 0 and {most}, but is {value}"
    )))
}

/// Writes a page of entities.
///
/// Fails where graph-node fails only while it runs.
pub(crate) fn list(
    view: &View<'_>,
    entity: Entity,
    selected: &[Selected],
    arguments: &Arguments,
    height: Height,
    answer: &mut Answer,
) -> Result<(), Failure> {
    let slice = Slice {
        first: range("first", arguments.first, 1, MOST_FIRST)?,
        skip: range("skip", arguments.skip, 0, i64::from(view.host.most_skip))?,
    };
    let filter = match &arguments.filter {
        Some(value) => filter::build(entity, value)?,
        None => Filter::All(Vec::new()),
    };
    if filter.values() > MOST_VALUES {
        return Err(super::too_many_values(view.head.number, filter.values()));
    }
    let order = Order {
        column: arguments.order_by.unwrap_or(0),
        // Recorded: a direction without a column is ignored.
        descending: arguments.descending && arguments.order_by.is_some(),
    };
    let dataset = view.dataset;
    let compile = |filter| Predicate::compile(filter, entity, &dataset.catalogue, &dataset.blocks);
    let out = &mut answer.body;
    match entity {
        Entity::OrderFilledEvent => with_rows!(dataset, |rows| {
            let predicate = at(compile(filter.clone()), height);
            let found = select::events(rows, &dataset.postings, &predicate, order, slice);
            answer.cost_ms += cost::page_ms(&filter, order, slice, found.len());
            answer.rows += found.len() as u64;
            write::list(rows, &found, entity, selected, is_plain(rows), out);
        }),
        Entity::Orderbook => {
            let table = Orderbooks {
                dataset,
                until: height.until,
            };
            let traded: Vec<u32>;
            let tokens = match height.until {
                None => &dataset.traded,
                Some(_) => {
                    let then = |token: &u32| table.has(*token);
                    traded = dataset.traded.iter().copied().filter(then).collect();
                    &traded
                }
            };
            let found = select::table(&table, entity, tokens, &compile(filter), order, slice);
            write::list(&table, &found, entity, selected, false, out);
        }
        Entity::MarketData => {
            let table = MarketDatas(dataset);
            let tokens = &dataset.catalogue.listed;
            let found = select::table(&table, entity, tokens, &compile(filter), order, slice);
            write::list(&table, &found, entity, selected, false, out);
        }
    }
    Ok(())
}

fn is_plain<R: crate::data::Rows>(_: &R) -> bool {
    R::PLAIN
}

/// Adds that nothing after a block is seen.
fn at(predicate: Predicate, height: Height) -> Predicate {
    match height.until {
        None => predicate,
        Some(second) => Predicate::All(vec![
            Predicate::Second {
                operator: Operator::LessOrEqual,
                second,
            },
            predicate,
        ]),
    }
}

/// Writes one entity, or null.
pub(crate) fn single(
    view: &View<'_>,
    entity: Entity,
    selected: &[Selected],
    id: &str,
    height: Height,
    out: &mut Vec<u8>,
) {
    let dataset = view.dataset;
    let token = dataset.catalogue.tokens.find(id.as_bytes());
    match entity {
        Entity::OrderFilledEvent => with_rows!(dataset, |rows| {
            use crate::data::Rows as _;
            let visible = |row: &u32| {
                height
                    .until
                    .is_none_or(|until| rows.timestamp(*row) <= until)
            };
            if let Some(row) = select::find(rows, id).filter(visible) {
                write::row(rows, row, entity, selected, is_plain(rows), out);
                return;
            }
        }),
        Entity::Orderbook => {
            let table = Orderbooks {
                dataset,
                until: height.until,
            };
            if let Some(token) = token.filter(|token| table.has(*token)) {
                write::row(&table, token, entity, selected, false, out);
                return;
            }
        }
        Entity::MarketData => {
            let listed = |token: &u32| dataset.catalogue.listed.binary_search(token).is_ok();
            if let Some(token) = token.filter(listed) {
                write::row(&MarketDatas(dataset), token, entity, selected, false, out);
                return;
            }
        }
    }
    out.extend_from_slice(b"null");
}
