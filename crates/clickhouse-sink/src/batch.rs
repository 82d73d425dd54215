//! A sealed batch: bytes that never change again, under one token.

use std::collections::BTreeMap;
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

/// What one insert carries.
///
/// **Invariant**: the bytes under one token are always the same. A part of a batch is another
/// batch, with its own token.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Order of sealing; parts keep the number of the whole.
    pub(crate) sequence: u64,
    pub(crate) token: String,
    /// Whose rows these are.
    pub(crate) shares: Vec<Share>,
    bytes: Bytes,
    ends: Arc<[usize]>,
    /// Which send each row came with.
    owners: Arc<[SendId]>,
    /// Rows `first..last` of `ends` and `owners` belong to this batch.
    first: usize,
    last: usize,
}

impl Batch {
    /// Seals rows of which `owners` says, row by row, with which send they came.
    pub(crate) fn seal(
        sequence: u64,
        token: String,
        rows: EncodedRows,
        owners: Vec<SendId>,
    ) -> Self {
        debug_assert_eq!(owners.len(), rows.ends.len());
        Self {
            sequence,
            token,
            shares: shares(owners.iter().copied()),
            last: rows.ends.len(),
            first: 0,
            bytes: rows.bytes.into(),
            ends: rows.ends.into(),
            owners: owners.into(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.last - self.first
    }

    /// Returns the RowBinary of all rows; cheap, nothing is copied.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes
            .slice(self.offset(self.first)..self.offset(self.last))
    }

    /// Returns the RowBinary of all rows but the first.
    #[cfg(feature = "mutations")]
    pub(crate) fn bytes_behind_first(&self) -> Bytes {
        self.bytes
            .slice(self.offset(self.first + 1)..self.offset(self.last))
    }

    /// Makes a batch of the same rows under another token that answers to nobody.
    #[cfg(feature = "mutations")]
    pub(crate) fn beside(&self) -> Self {
        Self {
            sequence: u64::MAX,
            token: format!("{}-beside", self.token),
            shares: Vec::new(),
            ..self.clone()
        }
    }

    /// Cuts the batch between two rows, in the middle. A batch of one row has no parts.
    pub(crate) fn split(self) -> Option<(Self, Self)> {
        let middle = self.first + self.rows() / 2;
        if middle == self.first {
            return None;
        }
        let owners = |from, to| shares(self.owners[from..to].iter().copied());
        Some((
            Self {
                token: format!("{}a", self.token),
                shares: owners(self.first, middle),
                last: middle,
                ..self.clone()
            },
            Self {
                token: format!("{}b", self.token),
                shares: owners(middle, self.last),
                first: middle,
                ..self
            },
        ))
    }

    /// Returns the RowBinary of each row; nothing is copied.
    pub(crate) fn each(&self) -> Vec<Bytes> {
        let row = |row| self.bytes.slice(self.offset(row)..self.offset(row + 1));
        (self.first..self.last).map(row).collect()
    }

    /// Takes rows out, given by ascending index, as a batch with its own token. Returns it, and
    /// whose the others are.
    pub(crate) fn take_out(self, rows: &[usize]) -> (Self, Vec<Share>) {
        let all = self.each();
        let owners = &self.owners[self.first..self.last];
        let mut taken = EncodedRows::default();
        for &row in rows {
            taken.bytes.extend_from_slice(&all[row]);
            taken.ends.push(taken.bytes.len());
        }
        let out = rows.iter().map(|&row| owners[row]).collect();
        let left = owners.iter().enumerate();
        let left = left.filter(|(row, _)| rows.binary_search(row).is_err());
        let left = shares(left.map(|(_, owner)| *owner));
        let token = format!("{}m", self.token);
        (Self::seal(self.sequence, token, taken, out), left)
    }

    fn offset(&self, row: usize) -> usize {
        match row {
            0 => 0,
            row => self.ends[row - 1],
        }
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

    fn batch(rows: &[&str], shares: &[(SendId, usize)]) -> Batch {
        let mut encoded = EncodedRows::default();
        for row in rows {
            encoded.bytes.extend_from_slice(row.as_bytes());
            encoded.ends.push(encoded.bytes.len());
        }
        let owners = shares.iter().flat_map(|&(send, rows)| vec![send; rows]);
        Batch::seal(0, "t".to_owned(), encoded, owners.collect())
    }

    #[test]
    fn rows_taken_out_are_a_batch_of_their_own() {
        let whole = batch(&["a", "bb", "ccc", "d", "e"], &[(1, 1), (2, 3), (3, 1)]);
        let (_, right) = whole.split().unwrap();
        let (taken, left) = right.take_out(&[0, 2]);
        assert_eq!(
            (&taken.bytes()[..], taken.token.as_str()),
            (&b"ccce"[..], "tbm")
        );
        let of = |send| Share { send, rows: 1 };
        assert_eq!((taken.shares, left), (vec![of(2), of(3)], vec![of(2)]));
    }

    #[test]
    fn parts_cut_between_rows_and_have_their_own_tokens() {
        let whole = batch(&["a", "bb", "ccc", "d", "e"], &[(1, 1), (2, 3), (3, 1)]);
        let (left, right) = whole.split().unwrap();
        assert_eq!(
            (&left.bytes()[..], left.token.as_str()),
            (&b"abb"[..], "ta")
        );
        assert_eq!(
            (&right.bytes()[..], right.token.as_str()),
            (&b"cccde"[..], "tb")
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
        assert_eq!(
            (&left.bytes()[..], left.token.as_str()),
            (&b"ccc"[..], "tba")
        );
        assert_eq!(
            (&right.bytes()[..], right.token.as_str()),
            (&b"de"[..], "tbb")
        );
        assert!(left.split().is_none());
    }
}
