//! Ascending lists as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Merges ascending lists into one without repeats.
pub(crate) fn upward<'a>(lists: &'a [&'a [u32]]) -> impl Iterator<Item = u32> + 'a {
    let mut heads: BinaryHeap<Reverse<(u32, usize)>> = lists
        .iter()
        .enumerate()
        .filter_map(|(list, rows)| Some(Reverse((*rows.first()?, list))))
        .collect();
    let mut places = vec![1_usize; lists.len()];
    let mut last = None;
    std::iter::from_fn(move || {
        loop {
            let Reverse((row, list)) = heads.pop()?;
            if let Some(next) = lists[list].get(places[list]) {
                heads.push(Reverse((*next, list)));
                places[list] += 1;
            }
            if last != Some(row) {
                last = Some(row);
                return Some(row);
            }
        }
    })
}

/// Merges ascending lists from their ends, without repeats.
pub(crate) fn downward<'a>(lists: &'a [&'a [u32]]) -> impl Iterator<Item = u32> + 'a {
    let mut heads: BinaryHeap<(u32, usize)> = lists
        .iter()
        .enumerate()
        .filter_map(|(list, rows)| Some((*rows.last()?, list)))
        .collect();
    let mut left: Vec<usize> = lists
        .iter()
        .map(|rows| rows.len().saturating_sub(1))
        .collect();
    let mut last = None;
    std::iter::from_fn(move || {
        loop {
            let (row, list) = heads.pop()?;
            if let Some(place) = left[list].checked_sub(1) {
                left[list] = place;
                heads.push((lists[list][place], list));
            }
            if last != Some(row) {
                last = Some(row);
                return Some(row);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_each_row_once() {
        let lists: [&[u32]; 4] = [&[1, 5, 9], &[], &[2, 5], &[9]];
        assert_eq!(upward(&lists).collect::<Vec<_>>(), [1, 2, 5, 9]);
        assert_eq!(downward(&lists).collect::<Vec<_>>(), [9, 5, 2, 1]);
    }
}
