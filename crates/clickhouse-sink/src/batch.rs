//! A sealed batch: bytes that never change again, under one token.

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
    /// Whose rows these are, in order.
    pub(crate) shares: Vec<Share>,
    bytes: Bytes,
    ends: Arc<[usize]>,
    /// Rows `first..last` of `ends` belong to this batch.
    first: usize,
    last: usize,
}

impl Batch {
    pub(crate) fn seal(
        sequence: u64,
        token: String,
        rows: EncodedRows,
        shares: Vec<Share>,
    ) -> Self {
        debug_assert_eq!(
            shares.iter().map(|s| s.rows).sum::<usize>(),
            rows.ends.len()
        );
        Self {
            sequence,
            token,
            shares,
            last: rows.ends.len(),
            first: 0,
            bytes: rows.bytes.into(),
            ends: rows.ends.into(),
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
        let (left, right) = split_shares(&self.shares, middle - self.first);
        Some((
            Self {
                token: format!("{}a", self.token),
                shares: left,
                last: middle,
                bytes: self.bytes.clone(),
                ends: Arc::clone(&self.ends),
                ..self
            },
            Self {
                token: format!("{}b", self.token),
                shares: right,
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
        let mut taken = EncodedRows::default();
        for &row in rows {
            taken.bytes.extend_from_slice(&all[row]);
            taken.ends.push(taken.bytes.len());
        }
        let (mut out, mut left, mut from) = (Vec::new(), Vec::new(), 0);
        for &Share { send, rows: count } in &self.shares {
            let until = from + count;
            let taken = rows
                .iter()
                .filter(|row| (from..until).contains(row))
                .count();
            out.push(Share { send, rows: taken });
            left.push(Share {
                send,
                rows: count - taken,
            });
            from = until;
        }
        out.retain(|share| share.rows > 0);
        left.retain(|share| share.rows > 0);
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

fn split_shares(shares: &[Share], at: usize) -> (Vec<Share>, Vec<Share>) {
    let (mut left, mut right, mut room) = (Vec::new(), Vec::new(), at);
    for &Share { send, rows } in shares {
        let here = rows.min(room);
        room -= here;
        if here > 0 {
            left.push(Share { send, rows: here });
        }
        if rows > here {
            right.push(Share {
                send,
                rows: rows - here,
            });
        }
    }
    (left, right)
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
        let shares = shares
            .iter()
            .map(|&(send, rows)| Share { send, rows })
            .collect();
        Batch::seal(0, "t".to_owned(), encoded, shares)
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
