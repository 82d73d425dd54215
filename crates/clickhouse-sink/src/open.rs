//! One batch that still takes rows.

use tokio::time::Instant;

use crate::batch::{EncodedRows, SendId};
use crate::encode::RowOrder;

/// Rows of one group, in order of arrival.
#[derive(Debug)]
pub(crate) struct Open {
    rows: EncodedRows,
    /// Which send each row came with.
    owners: Vec<SendId>,
    pub(crate) since: Instant,
}

impl Open {
    pub(crate) fn since(now: Instant) -> Self {
        Self {
            rows: EncodedRows::default(),
            owners: Vec::new(),
            since: now,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.owners.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes.len()
    }

    /// Appends `count` rows of a send, from row `from` on.
    pub(crate) fn append(&mut self, send: SendId, rows: &EncodedRows, from: usize, count: usize) {
        let (start, end) = (start_of(rows, from), start_of(rows, from + count));
        let base = self.rows.bytes.len();
        self.rows.bytes.extend_from_slice(&rows.bytes[start..end]);
        let ends = rows.ends[from..from + count].iter();
        self.rows.ends.extend(ends.map(|end| end - start + base));
        self.owners.extend(std::iter::repeat_n(send, count));
    }

    /// Returns all rows and which send each came with, put in order where there is one.
    pub(crate) fn into_rows(self, order: Option<RowOrder>) -> (EncodedRows, Vec<SendId>) {
        match order {
            Some(order) => sorted(&self.rows, &self.owners, order),
            None => (self.rows, self.owners),
        }
    }
}

/// Returns where a row begins, and for the one behind the last where the rows end.
pub(crate) fn start_of(rows: &EncodedRows, row: usize) -> usize {
    match row {
        0 => 0,
        row => rows.ends[row - 1],
    }
}

fn sorted(rows: &EncodedRows, owners: &[SendId], order: RowOrder) -> (EncodedRows, Vec<SendId>) {
    let row = |index: usize| &rows.bytes[start_of(rows, index)..rows.ends[index]];
    // Numbers that lie together decide nearly always, so that rows are rarely looked up.
    let mut places: Vec<(u64, usize)> = (0..owners.len())
        .map(|index| ((order.prefix)(row(index)), index))
        .collect();
    places.sort_unstable_by(|(left, left_index), (right, right_index)| {
        let by_rows = || (order.compare)(row(*left_index), row(*right_index));
        left.cmp(right).then_with(by_rows)
    });
    let mut sorted = EncodedRows {
        bytes: Vec::with_capacity(rows.bytes.len()),
        ends: Vec::with_capacity(rows.ends.len()),
    };
    for &(_, index) in &places {
        sorted.bytes.extend_from_slice(row(index));
        sorted.ends.push(sorted.bytes.len());
    }
    let owners = places.iter().map(|&(_, index)| owners[index]).collect();
    (sorted, owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_in_order_with_their_owners() {
        let mut open = Open::since(Instant::now());
        let rows = EncodedRows {
            bytes: b"bbacbaa".to_vec(),
            ends: vec![2, 3, 5, 6, 7],
        };
        open.append(1, &rows, 0, 2);
        open.append(2, &rows, 2, 3);
        let order = RowOrder {
            prefix: |row| u64::from(row[0]),
            compare: |left, right| left.cmp(right),
        };
        let (rows, owners) = open.into_rows(Some(order));
        assert_eq!(rows.bytes, b"aaabbcb");
        assert_eq!(rows.ends, [1, 2, 3, 5, 7]);
        assert_eq!(owners[3..], [1, 2]);
        let mut first: Vec<_> = owners[..3].to_vec();
        first.sort_unstable();
        assert_eq!(first, [1, 2, 2]);
    }
}
