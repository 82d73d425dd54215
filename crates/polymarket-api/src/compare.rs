//! The table's account of a wallet against a witness's, trade by trade.

use fills::{Span, Trade, TxHash};
use futures::{Stream, StreamExt as _, TryStreamExt as _, pin_mut};

use crate::difference::{Account, Amounts, Difference};
use crate::history::Told;

/// What came of holding two accounts against each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// All that the table holds.
    pub table: Account,
    /// All that the witness told.
    pub witness: Account,
    /// Transactions of which both could tell, alike or not.
    pub transactions: u64,
    /// Trades of which both say the same.
    pub matching: u64,
    /// Trades of which they do not.
    pub differing: u64,
    /// The first of these, in ascending order.
    pub differences: Vec<Difference>,
    /// Seconds of which the witness does not show all: nothing of them was compared.
    pub not_shown: Vec<Span>,
    /// Trades of the table in those seconds.
    pub not_compared: u64,
}

impl Compared {
    /// Tells whether nothing that was compared differs.
    pub fn is_alike(&self) -> bool {
        self.differing == 0
    }

    /// Tells whether the witness showed all of the wallet.
    pub fn is_complete(&self) -> bool {
        self.not_shown.is_empty()
    }
}

/// How to hold two accounts of one wallet against each other.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// Most differences kept; more are counted.
    pub most_differences: usize,
}

impl Default for Comparison {
    /// 1000 differences.
    fn default() -> Self {
        Self {
            most_differences: 1000,
        }
    }
}

impl Comparison {
    /// Reads both accounts to their ends, one trade of each at a time.
    ///
    /// Both are in ascending order of their keys, as [`Trade::sum`] makes them, and a
    /// [`Told::NotAll`] stands where its first second would.
    ///
    /// # Errors
    /// Whatever one of the streams meets.
    pub async fn compare<E>(
        self,
        table: impl Stream<Item = Result<Trade, E>>,
        witness: impl Stream<Item = Result<Told, E>>,
    ) -> Result<Compared, E> {
        pin_mut!(table, witness);
        let mut tally = Tally::new(self.most_differences);
        let mut found = table.try_next().await?;
        while let Some(told) = witness.next().await.transpose()? {
            match told {
                Told::Trade(expected) => {
                    while let Some(extra) = found.filter(|found| found.key < expected.key) {
                        tally.extra(extra);
                        found = table.try_next().await?;
                    }
                    match found.filter(|found| found.key == expected.key) {
                        Some(same) => {
                            tally.both(same, expected);
                            found = table.try_next().await?;
                        }
                        None => tally.missing(expected),
                    }
                }
                Told::NotAll(span) => {
                    tally.compared.not_shown.push(span);
                    while let Some(next) = found.filter(|found| second(found) < span.to) {
                        match second(&next) < span.from {
                            true => tally.extra(next),
                            false => tally.not_compared(next),
                        }
                        found = table.try_next().await?;
                    }
                }
            }
        }
        while let Some(extra) = found {
            tally.extra(extra);
            found = table.try_next().await?;
        }
        Ok(tally.compared)
    }
}

fn second(trade: &Trade) -> u64 {
    trade.key.timestamp.into()
}

/// What was compared so far.
struct Tally {
    compared: Compared,
    most_differences: usize,
    transaction: Option<TxHash>,
}

impl Tally {
    fn new(most_differences: usize) -> Self {
        Self {
            compared: Compared::default(),
            most_differences,
            transaction: None,
        }
    }

    fn both(&mut self, found: Trade, expected: Trade) {
        self.compared.table.add(&found);
        self.compared.witness.add(&expected);
        match Amounts::from(found).agree(&expected.into()) {
            true => {
                self.compared.matching += 1;
                self.count_transaction(found);
            }
            false => self.differs(Some(found), Some(expected)),
        }
    }

    fn extra(&mut self, found: Trade) {
        self.compared.table.add(&found);
        self.differs(Some(found), None);
    }

    fn missing(&mut self, expected: Trade) {
        self.compared.witness.add(&expected);
        self.differs(None, Some(expected));
    }

    fn not_compared(&mut self, found: Trade) {
        self.compared.table.add(&found);
        self.compared.not_compared += 1;
    }

    fn differs(&mut self, found: Option<Trade>, expected: Option<Trade>) {
        let Some(either) = found.or(expected) else {
            return;
        };
        self.count_transaction(either);
        self.compared.differing += 1;
        if self.compared.differences.len() < self.most_differences {
            self.compared.differences.push(Difference {
                key: either.key,
                expected: expected.map(Amounts::from),
                found: found.map(Amounts::from),
            });
        }
    }

    /// Counts a transaction once: its trades follow each other.
    fn count_transaction(&mut self, trade: Trade) {
        let transaction = Some(trade.key.tx_hash);
        if self.transaction != transaction {
            self.transaction = transaction;
            self.compared.transactions += 1;
        }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
