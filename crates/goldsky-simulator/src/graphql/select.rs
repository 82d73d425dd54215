//! Finds the rows of a page.

use super::bounds::Bounds;
use super::merge;
use super::order::{Order, keys, sort, sort_front};
use super::predicate::{Cells, Predicate};
use super::schema::Entity;
use crate::data::{Column, Postings, Rows};

/// The part of the ordered rows that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) skip: usize,
    pub(crate) first: usize,
}

impl Slice {
    fn take(self, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        rows.skip(self.skip).take(self.first).collect()
    }
}

/// Finds a page of events.
pub(crate) fn events<R: Rows>(
    rows: &R,
    postings: &Postings,
    predicate: &Predicate,
    order: Order,
    slice: Slice,
) -> Vec<u32> {
    let bounds = Bounds::of(predicate);
    let (start, end) = time_range(rows, bounds.seconds);
    if start >= end {
        return Vec::new();
    }
    let mut scratch = Vec::new();
    let mut passes = |row: &u32| predicate.passes(rows, *row, &mut scratch);

    if let Some(ids) = &bounds.ids {
        let mut found: Vec<u32> = ids.iter().filter_map(|id| find(rows, id)).collect();
        found.retain(&mut passes);
        sort(rows, &mut found, order);
        return slice.take(found.into_iter());
    }
    let lists: Option<Vec<&[u32]>> = bounds.tokens.as_ref().map(|tokens| {
        tokens
            .iter()
            .map(|token| within(postings.of(*token), start, end))
            .filter(|list| !list.is_empty())
            .collect()
    });
    let window = (end - start) as usize;
    let in_lists = lists
        .as_ref()
        .map_or(window, |lists| lists.iter().map(|list| list.len()).sum());
    let lists = lists.filter(|_| in_lists < window);
    let candidates = in_lists.min(window);

    match Column::ALL[order.column] {
        Column::Timestamp => match (lists, order.descending) {
            (Some(lists), false) => slice.take(merge::upward(&lists).filter(passes)),
            (Some(lists), true) => slice.take(merge::downward(&lists).filter(passes)),
            (None, false) => slice.take((start..end).filter(passes)),
            (None, true) => slice.take((start..end).rev().filter(passes)),
        },
        Column::Id if !worth_sorting(candidates, rows.len(), slice) => {
            let by_id = rows.by_id();
            let from = bounds
                .from_id
                .as_ref()
                .map_or(0, |id| rows.id_lower_bound(id.as_bytes()));
            let inside = |row: &u32| (start..end).contains(row);
            let by_id = by_id[from as usize..].iter().copied();
            if order.descending {
                slice.take(by_id.rev().filter(inside).filter(passes))
            } else {
                slice.take(by_id.filter(inside).filter(passes))
            }
        }
        _ => {
            let mut found: Vec<u32> = match lists {
                Some(lists) => {
                    let mut found: Vec<u32> = lists.concat();
                    found.sort_unstable();
                    found.dedup();
                    found
                }
                None => (start..end).collect(),
            };
            found.retain(passes);
            sort_front(
                rows,
                &mut found,
                order,
                slice.skip.saturating_add(slice.first),
            );
            slice.take(found.into_iter())
        }
    }
}

/// Finds one event.
pub(crate) fn find<R: Rows>(rows: &R, id: &str) -> Option<u32> {
    let place = rows.id_lower_bound(id.as_bytes());
    let row = *rows.by_id().get(place as usize)?;
    let mut text = Vec::new();
    rows.write(row, Column::Id, &mut text);
    (text == id.as_bytes()).then_some(row)
}

fn time_range<R: Rows>(rows: &R, (first, last): (i64, i64)) -> (u32, u32) {
    let start = rows.first_at(first);
    let end = match last.checked_add(1) {
        Some(second) => rows.first_at(second),
        None => rows.len(),
    };
    (start, end)
}

fn within(list: &[u32], start: u32, end: u32) -> &[u32] {
    let from = list.partition_point(|row| *row < start);
    let to = list.partition_point(|row| *row < end);
    &list[from..to]
}

/// Tells whether collecting and sorting the candidates touches fewer rows than walking all rows
/// by id until the page is full.
fn worth_sorting(candidates: usize, rows: u32, slice: Slice) -> bool {
    let wanted = slice.skip.saturating_add(slice.first);
    let walked = (wanted as f64 + 1.0) * f64::from(rows) / (candidates as f64 + 1.0);
    (candidates as f64) < walked.min(f64::from(rows))
}

/// Finds a page of a small table whose rows are given in order of id.
pub(crate) fn table<C: Cells>(
    cells: &C,
    entity: Entity,
    rows: &[u32],
    predicate: &Predicate,
    order: Order,
    slice: Slice,
) -> Vec<u32> {
    let bounds = Bounds::of(predicate);
    let below = |row: u32, id: &str| {
        let mut text = Vec::new();
        cells.cell(row, 0, &mut text);
        text.as_slice() < id.as_bytes()
    };
    let place = |id: &String| rows.partition_point(|row| below(*row, id));
    let mut listed: Vec<u32> = Vec::new();
    let rows = match (&bounds.ids, &bounds.from_id) {
        (Some(ids), _) => {
            listed.extend(ids.iter().filter_map(|id| rows.get(place(id))));
            listed.sort_unstable();
            listed.dedup();
            listed.as_slice()
        }
        (None, Some(id)) => &rows[place(id)..],
        (None, None) => rows,
    };
    let mut scratch = Vec::new();
    let passes = |row: &u32| predicate.passes(cells, *row, &mut scratch);
    let by_id = rows.iter().copied();
    match (order.column, order.descending) {
        (0, false) => slice.take(by_id.filter(passes)),
        (0, true) => slice.take(by_id.rev().filter(passes)),
        (column, descending) => {
            let found: Vec<u32> = by_id.filter(passes).collect();
            let mut keyed = keys(cells, &found, column, entity);
            // Rows are numbered in order of id.
            keyed.sort_unstable();
            if descending {
                keyed.reverse();
            }
            slice.take(keyed.into_iter().map(|(_, row)| row))
        }
    }
}

#[cfg(test)]
mod tests;
