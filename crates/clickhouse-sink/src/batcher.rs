//! Batches form here. Pure: no I/O, no clock of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::{Batch, EncodedRows, SendId, Sent};
use crate::encode::RowOrder;
use crate::open::Open;

/// When an open batch is full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max_rows: usize,
    /// A single larger row still makes a batch, alone.
    pub(crate) max_bytes: usize,
    pub(crate) max_age: Duration,
}

/// The batches that still take rows, one for each group of them.
#[derive(Debug)]
pub(crate) struct Batcher {
    limits: Limits,
    order: Option<RowOrder>,
    token_prefix: String,
    next_sequence: u64,
    open: BTreeMap<u64, Open>,
}

impl Batcher {
    pub(crate) fn new(limits: Limits, order: Option<RowOrder>, token_prefix: String) -> Self {
        Self {
            limits,
            order,
            token_prefix,
            next_sequence: 0,
            open: BTreeMap::new(),
        }
    }

    /// Appends rows of one group that came with a send, and returns the batches that became full.
    pub(crate) fn push(
        &mut self,
        send: SendId,
        group: u64,
        rows: EncodedRows,
        now: Instant,
    ) -> Vec<Batch> {
        let rows = Arc::new(Sent::new(send, rows));
        let mut full = Vec::new();
        let mut taken = 0;
        while taken < rows.rows() {
            let open = self.open.entry(group).or_insert_with(|| Open::since(now));
            let count = self.limits.fitting(open, &rows, taken);
            if count > 0 {
                open.append(&rows, taken, count);
                taken += count;
            }
            let is_full =
                open.rows() == self.limits.max_rows || open.bytes() >= self.limits.max_bytes;
            if is_full || count == 0 {
                full.extend(self.seal_group(group));
            }
        }
        full
    }

    /// Makes a batch of rows that came with a send, whatever else waits.
    pub(crate) fn block(&mut self, send: SendId, token: String, rows: Vec<EncodedRows>) -> Batch {
        let mut open = Open::since(Instant::now());
        for rows in rows {
            let rows = Arc::new(Sent::new(send, rows));
            open.append(&rows, 0, rows.rows());
        }
        open.seal(self.number(), token, self.order)
    }

    fn number(&mut self) -> u64 {
        let number = self.next_sequence;
        self.next_sequence += 1;
        number
    }

    /// Returns when the oldest open batch is old enough to go; nothing while there is none or it
    /// may stay open for ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let oldest = self.open.values().map(|open| open.since).min()?;
        oldest.checked_add(self.limits.max_age)
    }

    /// Tells whether rows of several groups wait, each for a fuller batch.
    pub(crate) fn is_spread(&self) -> bool {
        self.open.len() > 1
    }

    /// Closes the oldest open batch, if there is one.
    pub(crate) fn seal_oldest(&mut self) -> Option<Batch> {
        let oldest = self.open.iter().min_by_key(|(_, open)| open.since);
        let group = *oldest?.0;
        self.seal_group(group)
    }

    /// Closes the open batch with the most rows, if there is one.
    pub(crate) fn seal_largest(&mut self) -> Option<Batch> {
        let largest = self.open.iter().max_by_key(|(_, open)| open.rows());
        let group = *largest?.0;
        self.seal_group(group)
    }

    fn seal_group(&mut self, group: u64) -> Option<Batch> {
        let open = self.open.remove(&group)?;
        let sequence = self.number();
        let token = format!("{}-{sequence}", self.token_prefix);
        Some(open.seal(sequence, token, self.order))
    }
}

impl Limits {
    /// Returns how many of the rows from `from` on have room in an open batch.
    fn fitting(&self, open: &Open, rows: &Sent, from: usize) -> usize {
        let (ends, start) = rows.ends(from);
        let room_rows = self.max_rows - open.rows();
        let room_bytes = self.max_bytes.saturating_sub(open.bytes());
        let candidates = &ends[..ends.len().min(room_rows)];
        let count = candidates.partition_point(|end| end - start <= room_bytes);
        match (count, open.rows()) {
            (0, 0) => 1,
            (count, _) => count,
        }
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
        Batcher::new(limits, None, "token".to_owned())
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
                .push(0, 0, encoded(&vec![row.clone(); 2]), now)
                .is_empty()
        );
        assert_eq!(
            sizes(&batcher.push(1, 0, encoded(&vec![row.clone(); 8]), now)),
            [3, 3, 3]
        );
        assert_eq!(batcher.deadline(), Some(now + Duration::from_secs(1)));
        assert_eq!(
            sizes(&batcher.push(2, 0, encoded(&[row.clone(), row]), now)),
            [3]
        );
        assert_eq!(batcher.deadline(), None);
        assert!(batcher.seal_oldest().is_none());
    }

    #[test]
    fn a_batch_keeps_within_its_bytes_and_a_larger_row_goes_alone() {
        let mut batcher = batcher(100, 10);
        let now = Instant::now();
        let rows: Vec<_> = [4, 4, 4, 25, 10, 1].map(|size| vec![0; size]).into();
        assert_eq!(
            sizes(&batcher.push(0, 0, encoded(&rows), now)),
            [2, 1, 1, 1]
        );
        assert_eq!(batcher.seal_oldest().map(|batch| batch.rows()), Some(1));
    }

    #[test]
    fn age_counts_from_the_first_row_of_the_open_batch() {
        let mut batcher = batcher(100, 1000);
        let start = Instant::now();
        let later = start + Duration::from_millis(700);
        assert_eq!(batcher.deadline(), None);
        batcher.push(0, 0, encoded(&[vec![1]]), start);
        batcher.push(1, 0, encoded(&[vec![2]]), later);
        assert_eq!(batcher.deadline(), Some(start + Duration::from_secs(1)));
        batcher.seal_oldest();
        batcher.push(2, 0, encoded(&[vec![3]]), later);
        assert_eq!(batcher.deadline(), Some(later + Duration::from_secs(1)));
    }

    #[test]
    fn each_group_has_a_batch_of_its_own() {
        let mut batcher = batcher(3, 1000);
        let start = Instant::now();
        let later = start + Duration::from_millis(700);
        let row = |byte: u8| encoded(&[vec![byte]]);
        assert!(batcher.push(0, 7, row(1), start).is_empty());
        assert!(!batcher.is_spread());
        assert!(batcher.push(0, 8, row(2), later).is_empty());
        assert!(batcher.push(1, 8, row(3), later).is_empty());
        assert!(batcher.is_spread());
        assert_eq!(batcher.deadline(), Some(start + Duration::from_secs(1)));
        let largest = batcher.seal_largest().unwrap();
        assert_eq!(largest.each().concat(), [2, 3]);
        let oldest = batcher.seal_oldest().unwrap();
        assert_eq!(oldest.each().concat(), [1]);
        assert!(batcher.seal_oldest().is_none() && batcher.seal_largest().is_none());
    }

    #[test]
    fn tokens_differ_from_batch_to_batch() {
        let mut batcher = batcher(1, 1000);
        let batches = batcher.push(0, 0, encoded(&[vec![1], vec![1]]), Instant::now());
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
                batches.extend(batcher.push(send as SendId, 0, encoded(rows), now));
                if seal_after[send] {
                    batches.extend(batcher.seal_oldest());
                }
            }
            batches.extend(batcher.seal_oldest());

            let sent: Vec<u8> = sends.iter().flatten().flatten().copied().collect();
            let held: Vec<u8> = batches.iter().flat_map(|batch| batch.each().concat()).collect();
            prop_assert_eq!(sent, held);
            let mut shares = vec![0; sends.len()];
            for batch in &batches {
                prop_assert!(batch.rows() >= 1 && batch.rows() <= max_rows);
                prop_assert!(batch.rows() == 1 || batch.bytes() <= max_bytes);
                for share in &batch.shares {
                    shares[share.send as usize] += share.rows;
                }
            }
            let rows: Vec<_> = sends.iter().map(Vec::len).collect();
            prop_assert_eq!(shares, rows);
        }
    }
}
