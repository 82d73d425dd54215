//! Batches form here. Pure: no I/O, no clock of its own.

use std::time::Duration;

use tokio::time::Instant;

use crate::batch::{Batch, EncodedRows, SendId, Share};

/// When an open batch is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_rows: usize,
    /// A single larger row still makes a batch, alone.
    pub(crate) max_bytes: usize,
    pub(crate) max_age: Duration,
}

/// The one batch that still takes rows.
#[derive(Debug)]
pub(crate) struct Batcher {
    limits: Limits,
    token_prefix: String,
    next_sequence: u64,
    open: EncodedRows,
    shares: Vec<Share>,
    opened_at: Option<Instant>,
}

impl Batcher {
    pub(crate) fn new(limits: Limits, token_prefix: String) -> Self {
        Self {
            limits,
            token_prefix,
            next_sequence: 0,
            open: EncodedRows::default(),
            shares: Vec::new(),
            opened_at: None,
        }
    }

    /// Appends the rows of a send, in order, and returns the batches that became full.
    pub(crate) fn push(&mut self, send: SendId, rows: &EncodedRows, now: Instant) -> Vec<Batch> {
        let mut full = Vec::new();
        let mut taken = 0;
        while taken < rows.ends.len() {
            let count = self.fitting(rows, taken);
            if count == 0 {
                full.extend(self.seal());
                continue;
            }
            self.append(send, rows, taken, count);
            self.opened_at.get_or_insert(now);
            taken += count;
            if self.open.ends.len() == self.limits.max_rows
                || self.open.bytes.len() >= self.limits.max_bytes
            {
                full.extend(self.seal());
            }
        }
        full
    }

    /// Returns how many of the rows from `from` on have room in the open batch.
    fn fitting(&self, rows: &EncodedRows, from: usize) -> usize {
        let start = start_of(rows, from);
        let room_rows = self.limits.max_rows - self.open.ends.len();
        let room_bytes = self.limits.max_bytes.saturating_sub(self.open.bytes.len());
        let candidates = &rows.ends[from..rows.ends.len().min(from + room_rows)];
        let count = candidates.partition_point(|end| end - start <= room_bytes);
        if count == 0 && self.open.ends.is_empty() {
            1
        } else {
            count
        }
    }

    fn append(&mut self, send: SendId, rows: &EncodedRows, from: usize, count: usize) {
        let (start, end) = (start_of(rows, from), rows.ends[from + count - 1]);
        let base = self.open.bytes.len();
        self.open.bytes.extend_from_slice(&rows.bytes[start..end]);
        let ends = rows.ends[from..from + count].iter();
        self.open.ends.extend(ends.map(|end| end - start + base));
        match self.shares.last_mut() {
            Some(share) if share.send == send => share.rows += count,
            _ => self.shares.push(Share { send, rows: count }),
        }
    }

    /// Returns when the open batch is old enough to go; nothing while it is empty or
    /// may stay open for ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.opened_at?.checked_add(self.limits.max_age)
    }

    /// Closes the open batch, if it has rows.
    pub(crate) fn seal(&mut self) -> Option<Batch> {
        self.opened_at.take()?;
        // The next batch will be about as large; growing by doubling would copy it again.
        let next = EncodedRows {
            bytes: Vec::with_capacity(self.open.bytes.len()),
            ends: Vec::with_capacity(self.open.ends.len()),
        };
        let rows = std::mem::replace(&mut self.open, next);
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let token = format!("{}-{sequence}", self.token_prefix);
        let shares = std::mem::take(&mut self.shares);
        Some(Batch::seal(sequence, token, rows, shares))
    }
}

fn start_of(rows: &EncodedRows, row: usize) -> usize {
    match row {
        0 => 0,
        row => rows.ends[row - 1],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(rows: &[Vec<u8>]) -> EncodedRows {
        let mut encoded = EncodedRows::default();
        for row in rows {
            encoded.bytes.extend_from_slice(row);
            encoded.ends.push(encoded.bytes.len());
        }
        encoded
    }

    fn batcher(max_rows: usize, max_bytes: usize) -> Batcher {
        let limits = Limits {
            max_rows,
            max_bytes,
            max_age: Duration::from_secs(1),
        };
        Batcher::new(limits, "token".to_owned())
    }

    fn sizes(batches: &[Batch]) -> Vec<usize> {
        batches.iter().map(Batch::rows).collect()
    }

    #[test]
    fn a_batch_is_full_at_exactly_its_rows() {
        let mut batcher = batcher(3, 1000);
        let now = Instant::now();
        let row = vec![0; 10];
        assert!(
            batcher
                .push(0, &encoded(&vec![row.clone(); 2]), now)
                .is_empty()
        );
        assert_eq!(
            sizes(&batcher.push(1, &encoded(&vec![row.clone(); 8]), now)),
            [3, 3, 3]
        );
        assert_eq!(batcher.deadline(), Some(now + Duration::from_secs(1)));
        assert_eq!(
            sizes(&batcher.push(2, &encoded(&[row.clone(), row]), now)),
            [3]
        );
        assert_eq!(batcher.deadline(), None);
        assert!(batcher.seal().is_none());
    }

    #[test]
    fn a_batch_keeps_within_its_bytes_and_a_larger_row_goes_alone() {
        let mut batcher = batcher(100, 10);
        let now = Instant::now();
        let rows: Vec<_> = [4, 4, 4, 25, 10, 1].map(|size| vec![0; size]).into();
        assert_eq!(sizes(&batcher.push(0, &encoded(&rows), now)), [2, 1, 1, 1]);
        assert_eq!(batcher.seal().map(|batch| batch.rows()), Some(1));
    }

    #[test]
    fn age_counts_from_the_first_row_of_the_open_batch() {
        let mut batcher = batcher(100, 1000);
        let start = Instant::now();
        let later = start + Duration::from_millis(700);
        assert_eq!(batcher.deadline(), None);
        batcher.push(0, &encoded(&[vec![1]]), start);
        batcher.push(1, &encoded(&[vec![2]]), later);
        assert_eq!(batcher.deadline(), Some(start + Duration::from_secs(1)));
        batcher.seal();
        batcher.push(2, &encoded(&[vec![3]]), later);
        assert_eq!(batcher.deadline(), Some(later + Duration::from_secs(1)));
    }

    #[test]
    fn tokens_differ_from_batch_to_batch() {
        let mut batcher = batcher(1, 1000);
        let batches = batcher.push(0, &encoded(&[vec![1], vec![1]]), Instant::now());
        let tokens: Vec<_> = batches.iter().map(|b| b.token.as_str()).collect();
        assert_eq!(tokens, ["token-0", "token-1"]);
    }

    proptest! {
        #[test]
        fn batches_hold_every_row_once_in_order_within_the_limits(
            sends in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..9), 0..20),
            seal_after in prop::collection::vec(any::<bool>(), 20),
            max_rows in 1_usize..7,
            max_bytes in 1_usize..30,
        ) {
            let mut batcher = batcher(max_rows, max_bytes);
            let now = Instant::now();
            let mut batches = Vec::new();
            for (send, rows) in sends.iter().enumerate() {
                batches.extend(batcher.push(send as SendId, &encoded(rows), now));
                if seal_after[send] {
                    batches.extend(batcher.seal());
                }
            }
            batches.extend(batcher.seal());

            let sent: Vec<u8> = sends.iter().flatten().flatten().copied().collect();
            let held: Vec<u8> = batches.iter().flat_map(|batch| batch.bytes()).collect();
            prop_assert_eq!(sent, held);
            let mut shares = vec![0; sends.len()];
            for batch in &batches {
                prop_assert!(batch.rows() >= 1 && batch.rows() <= max_rows);
                prop_assert!(batch.rows() == 1 || batch.bytes().len() <= max_bytes);
                for share in &batch.shares {
                    shares[share.send as usize] += share.rows;
                }
            }
            let rows: Vec<_> = sends.iter().map(Vec::len).collect();
            prop_assert_eq!(shares, rows);
        }
    }
}
