//! One batch that still takes rows.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::trace_span;

use crate::batch::{Batch, Place, Sent, row_at};
use crate::encode::RowOrder;

/// Rows of one group, in order of arrival.
#[derive(Debug)]
pub(crate) struct Open {
    sends: Vec<Arc<Sent>>,
    places: Vec<Place>,
    bytes: usize,
    pub(crate) since: Instant,
}

impl Open {
    pub(crate) fn since(now: Instant) -> Self {
        Self {
            sends: Vec::new(),
            places: Vec::new(),
            bytes: 0,
            since: now,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends `count` rows of a send, from row `from` on.
    pub(crate) fn append(&mut self, rows: &Arc<Sent>, from: usize, count: usize) {
        let (ends, start) = rows.ends(from);
        self.bytes += ends[..count].last().map_or(0, |end| end - start);
        let sent = self.sends.len();
        self.sends.push(Arc::clone(rows));
        let rows = from..from + count;
        self.places.extend(rows.map(|row| Place { sent, row }));
    }

    /// Closes it, and puts its rows in order where there is one.
    pub(crate) fn seal(self, sequence: u64, token: String, order: Option<RowOrder>) -> Batch {
        let _step = trace_span!(target: "step", "sort");
        let places = match order {
            Some(order) => sorted(&self.sends, self.places, order),
            None => self.places,
        };
        Batch::seal(sequence, token, self.sends.into(), places)
    }
}

fn sorted(sends: &[Arc<Sent>], places: Vec<Place>, order: RowOrder) -> Vec<Place> {
    let row = |place| row_at(sends, place);
    // Numbers that lie together decide nearly always, so that rows are rarely looked up.
    let mut places: Vec<(u64, Place)> = places
        .into_iter()
        .map(|place| ((order.prefix)(row(place)), place))
        .collect();
    places.sort_unstable_by(|(left, left_place), (right, right_place)| {
        let by_rows = || (order.compare)(row(*left_place), row(*right_place));
        left.cmp(right).then_with(by_rows)
    });
    places.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::EncodedRows;

    #[test]
    fn rows_are_put_in_order_with_their_owners() {
        let mut open = Open::since(Instant::now());
        let rows = EncodedRows {
            bytes: b"bbacbaa".to_vec(),
            ends: vec![2, 3, 5, 6, 7],
        };
        open.append(&Arc::new(Sent::new(1, rows.clone())), 0, 2);
        open.append(&Arc::new(Sent::new(2, rows)), 2, 3);
        assert_eq!((open.rows(), open.bytes()), (5, 7));
        let order = RowOrder {
            prefix: |row| u64::from(row[0]),
            compare: |left, right| left.cmp(right),
        };
        let batch = open.seal(0, "t".to_owned(), Some(order));
        assert_eq!(batch.each().concat(), b"aaabbcb");
        let last = batch.split().and_then(|(_, last)| last.split());
        let shares: Vec<_> = last.into_iter().flat_map(|(_, last)| last.shares).collect();
        assert_eq!(
            shares
                .iter()
                .map(|share| (share.send, share.rows))
                .collect::<Vec<_>>(),
            [(1, 1), (2, 1)]
        );
    }
}
