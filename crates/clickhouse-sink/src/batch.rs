//! A sealed batch: bytes that never change again, under one token.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Identifies one send within its sink.
pub(crate) type SendId = u64;

/// Rows of one send that lie in one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) send: SendId,
    pub(crate) rows: usize,
}

/// Encoded rows and where each of them ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EncodedRows {
    pub(crate) bytes: Vec<u8>,
    /// End offset of every row in `bytes`, ascending.
    pub(crate) ends: Vec<usize>,
}

/// The rows of one send and one group. They stay where they were encoded, and batches point at
/// them: many pieces of memory of one size are used again, few large ones that grow are not.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) send: SendId,
    bytes: Bytes,
    ends: Vec<usize>,
}

impl Sent {
    pub(crate) fn new(send: SendId, rows: EncodedRows) -> Self {
        Self {
            send,
            bytes: rows.bytes.into(),
            ends: rows.ends,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Returns where the rows from `from` on end, and where they begin.
    pub(crate) fn ends(&self, from: usize) -> (&[usize], usize) {
        (&self.ends[from..], self.start(from))
    }

    fn row(&self, row: usize) -> &[u8] {
        &self.bytes[self.span(row)]
    }

    fn span(&self, row: usize) -> Range<usize> {
        self.start(row)..self.ends[row]
    }

    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

/// Points at one row of some sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the sends.
    pub(crate) sent: usize,
    /// Which of its rows.
    pub(crate) row: usize,
}

/// Returns the RowBinary of a row.
pub(crate) fn row_at(sends: &[Arc<Sent>], place: Place) -> &[u8] {
    sends[place.sent].row(place.row)
}

/// What one insert carries.
///
/// **Invariant**: the rows under one token, and their order, are always the same. A part of a batch
/// is another batch, with its own token.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Order of sealing; parts keep the number of the whole.
    pub(crate) sequence: u64,
    pub(crate) token: String,
    /// Whose rows these are.
    pub(crate) shares: Vec<Share>,
    sends: Arc<[Arc<Sent>]>,
    order: Arc<[Place]>,
    /// Rows `first..last` of the order belong to this batch.
    first: usize,
    last: usize,
}

impl Batch {
    /// Seals rows of some sends, in the order in which they go.
    pub(crate) fn seal(
        sequence: u64,
        token: String,
        sends: Arc<[Arc<Sent>]>,
        order: Vec<Place>,
    ) -> Self {
        Self {
            sequence,
            token,
            shares: shares(order.iter().map(|place| sends[place.sent].send)),
            first: 0,
            last: order.len(),
            sends,
            order: order.into(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.last - self.first
    }

    /// Returns how many bytes of RowBinary the rows have together.
    pub(crate) fn bytes(&self) -> usize {
        (0..self.rows()).map(|row| self.row(row).len()).sum()
    }

    /// Returns the RowBinary of a row.
    ///
    /// # Panics
    /// Where there is no such row.
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        row_at(&self.sends, self.places()[row])
    }

    /// Returns the RowBinary of each row, in order; nothing is copied.
    pub(crate) fn each(&self) -> Vec<Bytes> {
        let row = |place: &Place| {
            let sent = &self.sends[place.sent];
            sent.bytes.slice(sent.span(place.row))
        };
        self.places().iter().map(row).collect()
    }

    fn places(&self) -> &[Place] {
        &self.order[self.first..self.last]
    }

    /// Makes a batch of all rows but the first.
    #[cfg(feature = "mutations")]
    pub(crate) fn behind_first(&self) -> Self {
        Self {
            first: self.first + 1,
            ..self.clone()
        }
    }

    /// Cuts the batch between two rows, in the middle. A batch of one row has no parts.
    pub(crate) fn split(self) -> Option<(Self, Self)> {
        let middle = self.first + self.rows() / 2;
        if middle == self.first {
            return None;
        }
        let left = Self {
            token: format!("{}a", self.token),
            last: middle,
            ..self.clone()
        };
        let right = Self {
            token: format!("{}b", self.token),
            first: middle,
            ..self
        };
        let shared = |part: Self| Self {
            shares: shares(part.owners()),
            ..part
        };
        Some((shared(left), shared(right)))
    }

    /// Takes rows out, given by ascending index, as a batch with its own token. Returns it, and
    /// whose the others are.
    pub(crate) fn take_out(self, rows: &[usize]) -> (Self, Vec<Share>) {
        let taken = rows.iter().map(|&row| self.places()[row]).collect();
        let left = self.owners().enumerate();
        let left = left.filter(|(row, _)| rows.binary_search(row).is_err());
        let left = shares(left.map(|(_, owner)| owner));
        let token = format!("{}m", self.token);
        (Self::seal(self.sequence, token, self.sends, taken), left)
    }

    /// Returns which send each row came with, in order.
    fn owners(&self) -> impl Iterator<Item = SendId> {
        self.places()
            .iter()
            .map(|place| self.sends[place.sent].send)
    }
}

/// Counts the rows of each send.
fn shares(owners: impl Iterator<Item = SendId>) -> Vec<Share> {
    let mut counts = BTreeMap::new();
    for send in owners {
        *counts.entry(send).or_insert(0) += 1;
    }
    let shares = counts.into_iter();
    shares.map(|(send, rows)| Share { send, rows }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(send: SendId, rows: &[&str]) -> Arc<Sent> {
        let mut encoded = EncodedRows::default();
        for row in rows {
            encoded.bytes.extend_from_slice(row.as_bytes());
            encoded.ends.push(encoded.bytes.len());
        }
        Arc::new(Sent::new(send, encoded))
    }

    /// A batch of three sends.
    fn batch() -> Batch {
        let sends = [
            sent(1, &["a"]),
            sent(2, &["bb", "ccc", "d"]),
            sent(3, &["e"]),
        ];
        let order = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)];
        let order = order.map(|(sent, row)| Place { sent, row });
        Batch::seal(0, "t".to_owned(), sends.into(), order.into())
    }

    fn text(batch: &Batch) -> String {
        String::from_utf8(batch.each().concat()).unwrap()
    }

    #[test]
    fn rows_taken_out_are_a_batch_of_their_own() {
        let whole = batch();
        let (_, right) = whole.split().unwrap();
        let (taken, left) = right.take_out(&[0, 2]);
        assert_eq!(
            (text(&taken).as_str(), taken.token.as_str()),
            ("ccce", "tbm")
        );
        let of = |send| Share { send, rows: 1 };
        assert_eq!((taken.shares, left), (vec![of(2), of(3)], vec![of(2)]));
    }

    #[test]
    fn rows_go_in_their_order_with_their_owners() {
        let sends = [sent(7, &["bb", "a"]), sent(8, &["cc"])];
        let order = [(0, 1), (0, 0), (1, 0)].map(|(sent, row)| Place { sent, row });
        let batch = Batch::seal(0, "t".to_owned(), sends.into(), order.into());
        assert_eq!((text(&batch).as_str(), batch.bytes()), ("abbcc", 5));
        let (left, right) = batch.split().unwrap();
        let of = |send| Share { send, rows: 1 };
        assert_eq!((text(&left).as_str(), left.shares), ("a", vec![of(7)]));
        assert_eq!(text(&right), "bbcc");
        assert_eq!(right.shares, [of(7), of(8)]);
        assert_eq!(right.row(1), b"cc");
    }

    #[test]
    fn parts_cut_between_rows_and_have_their_own_tokens() {
        let whole = batch();
        let (left, right) = whole.split().unwrap();
        assert_eq!((text(&left).as_str(), left.token.as_str()), ("abb", "ta"));
        assert_eq!(
            (text(&right).as_str(), right.token.as_str()),
            ("cccde", "tb")
        );
        assert_eq!(
            left.shares,
            [Share { send: 1, rows: 1 }, Share { send: 2, rows: 1 }]
        );
        assert_eq!(
            right.shares,
            [Share { send: 2, rows: 2 }, Share { send: 3, rows: 1 }]
        );
        let (left, right) = right.split().unwrap();
        assert_eq!((text(&left).as_str(), left.token.as_str()), ("ccc", "tba"));
        assert_eq!((text(&right).as_str(), right.token.as_str()), ("de", "tbb"));
        assert!(left.split().is_none());
    }
}
