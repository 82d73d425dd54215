//! Orders rows as the database does.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::predicate::{Cells, read_number};
use super::schema::{Entity, Scalar};
use crate::data::{Column, Rows};

/// What a page is ordered by; ties go by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// A column of the entity.
    pub(crate) column: usize,
    pub(crate) descending: bool,
}

/// Sorts rows of events.
pub(crate) fn sort<R: Rows>(rows: &R, found: &mut Vec<u32>, order: Order) {
    let all = found.len();
    sort_front(rows, found, order, all);
}

/// Sorts so that the first rows wanted stand in front in order, and drops the others.
pub(crate) fn sort_front<R: Rows>(rows: &R, found: &mut Vec<u32>, order: Order, wanted: usize) {
    let directed = |ordering: Ordering| {
        if order.descending {
            ordering.reverse()
        } else {
            ordering
        }
    };
    let column = Column::ALL[order.column];
    match column {
        Column::Timestamp => front(found, wanted, |a, b| directed(a.cmp(b))),
        Column::Id => front(found, wanted, |a, b| directed(rows.compare_ids(*a, *b))),
        _ => {
            let mut keyed = keys(rows, found, order.column, Entity::OrderFilledEvent);
            front(&mut keyed, wanted, |(a, row_a), (b, row_b)| {
                directed(a.cmp(b).then_with(|| rows.compare_ids(*row_a, *row_b)))
            });
            *found = keyed.into_iter().map(|(_, row)| row).collect();
        }
    }
}

fn front<T>(items: &mut Vec<T>, wanted: usize, mut order: impl FnMut(&T, &T) -> Ordering) {
    if wanted < items.len() {
        items.select_nth_unstable_by(wanted, &mut order);
        items.truncate(wanted);
    }
    items.sort_unstable_by(order);
}

/// A cell as something that sorts as the database sorts it: nulls last.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortKey {
    Number(Decimal),
    Text(Vec<u8>),
    Null,
}

/// Reads what a table is sorted by.
pub(crate) fn keys<C: Cells>(
    cells: &C,
    rows: &[u32],
    column: usize,
    entity: Entity,
) -> Vec<(SortKey, u32)> {
    let scalar: Scalar = entity.columns()[column].1;
    let mut scratch = Vec::new();
    rows.iter()
        .map(|row| {
            let key = if scalar.is_number() {
                read_number(cells, *row, column, &mut scratch)
                    .map_or(SortKey::Null, SortKey::Number)
            } else {
                scratch.clear();
                if cells.cell(*row, column, &mut scratch) {
                    SortKey::Text(scratch.clone())
                } else {
                    SortKey::Null
                }
            };
            (key, *row)
        })
        .collect()
}
