//! Do the rows of each transaction fit together?
//!
//! By `Trading.sol` all orders of a match are filled in one transaction, and so in one second; the
//! resting orders name the owner of the crossing order as their taker. What the crossing order gets
//! is what the resting orders give: in a plain match the same token for USDC, in a MINT or MERGE
//! the complement, whose USDC is what is left of one dollar a share. What it gives may be more than
//! that: the exchange hands the rest back, and the event tells the amount before.
//!
//! A second fill of one order in one transaction overwrites the first at the source, and whoever
//! sends the transaction may put several matches into it. So a transaction that does not fit is
//! only a suspect, and the source decides; those with another number of crossing orders than one
//! are only held to one second.

use std::collections::{BTreeSet, HashSet};

use clickhouse::Row;
use fills::{Scope, Span, TxHash};
use serde::Deserialize;

use crate::difference::Differences;
use crate::passes::{Month, SPILLING, passes};
use crate::quality::is_taker_order;
use crate::{Check, CheckVerdict, Error, Figures, Level, Outcome, Validation};

const NAME: &str = "transactions";

/// Most transactions that the source is asked about.
const MOST_SUSPECTS: usize = 1000;

#[derive(Debug, Default, Row, Deserialize)]
struct TransactionSums {
    transactions: u64,
    with_one_taker_order: u64,
    without_maker_orders: u64,
    in_two_seconds: u64,
    of_another_taker: u64,
    unequal: u64,
    giving_more: u64,
    suspicious: u64,
    suspects: Vec<u64>,
    givers: Vec<u64>,
}

impl TransactionSums {
    fn add(&mut self, other: Self) {
        self.transactions += other.transactions;
        self.with_one_taker_order += other.with_one_taker_order;
        self.without_maker_orders += other.without_maker_orders;
        self.in_two_seconds += other.in_two_seconds;
        self.of_another_taker += other.of_another_taker;
        self.unequal += other.unequal;
        self.giving_more += other.giving_more;
        self.suspicious += other.suspicious;
        self.suspects.extend(other.suspects);
        self.givers.extend(other.givers);
    }

    /// Returns the transactions to ask the source about. Where crossing orders gave more than was
    /// taken only here and there, they are suspects too; where many did, that is how it is.
    fn suspects(&self) -> HashSet<u64> {
        let mut suspects: HashSet<u64> = self.suspects.iter().copied().collect();
        if self.giving_more <= MOST_SUSPECTS as u64 {
            suspects.extend(&self.givers);
        }
        suspects
    }
}

impl Validation {
    /// Looks at every transaction.
    pub(crate) async fn transactions(
        &self,
        months: &[Month],
        differences: &mut Differences,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        if self.coverage.tokens.is_some() {
            let why = "only some tokens were loaded, and a transaction may be of several";
            outcome
                .checks
                .push(Check::not_run(Level::Quality, NAME, why));
            return Ok(());
        }
        let mut sums = TransactionSums::default();
        let passes = passes(months);
        for (index, pass) in passes.iter().enumerate() {
            let (done, of) = (index as u64, passes.len() as u64);
            self.progress.tell(Level::Quality, NAME, done, of);
            sums.add(self.table.row(&self.transaction_sums(pass)).await?);
        }
        let suspects = sums.suspects();
        let asked = self.ask_about(&suspects, differences).await?;
        let wrong = differences
            .iter()
            .filter(|(id, _)| suspects.contains(&key(&id.tx_hash)))
            .count();
        let figures = Figures::new()
            .with("transactions", sums.transactions)
            .with("with_one_taker_order", sums.with_one_taker_order)
            .with("without_maker_orders", sums.without_maker_orders)
            .with("in_two_seconds", sums.in_two_seconds)
            .with("of_another_taker", sums.of_another_taker)
            .with("unequal", sums.unequal)
            .with("giving_more", sums.giving_more)
            .with("seconds_compared_with_the_source", asked as u64)
            .with("fills_that_differ", wrong as u64);
        let query = self.transaction_sums("1");
        let mut check = Check::new(Level::Quality, NAME, wrong == 0, figures, query);
        if wrong == 0 && sums.suspicious > MOST_SUSPECTS as u64 {
            check.verdict = CheckVerdict::NotRun {
                why: format!(
                    "of {} transactions that do not add up the source has the {MOST_SUSPECTS} that \
                     it was asked about; `--spot all` compares the others",
                    sums.suspicious
                ),
            };
        }
        outcome.checks.push(check);
        Ok(())
    }

    /// Compares the seconds of suspect transactions with the source; returns how many those are.
    async fn ask_about(
        &self,
        suspects: &HashSet<u64>,
        differences: &mut Differences,
    ) -> Result<usize, Error> {
        if suspects.is_empty() {
            return Ok(0);
        }
        let keys: Vec<String> = suspects
            .iter()
            .take(MOST_SUSPECTS)
            .map(u64::to_string)
            .collect();
        let sql = format!(
            "-- seconds_of_transactions\nSELECT DISTINCT toUInt32(timestamp) FROM {} \
             WHERE reinterpretAsUInt64(tx_hash) IN ({})",
            self.table.names().data(),
            keys.join(", "),
        );
        let seconds: BTreeSet<u32> = self.table.rows(&sql).await?.into_iter().collect();
        let scopes = seconds.iter().map(|&second| Scope {
            span: Span::new(second.into(), u64::from(second) + 1),
            tokens: None,
        });
        let doing = (Level::Quality, "asking the source");
        self.compare_each(scopes.collect(), differences, doing)
            .await?;
        Ok(seconds.len())
    }

    /// Returns the statement that sums transactions up. Amounts count modulo 2^64, and a
    /// transaction is known by 64 bits of its hash: whoever stands out is compared in full.
    fn transaction_sums(&self, condition: &str) -> String {
        let signed = "if(crosses, 1, -1)";
        // A resting order on the crossing order's own side is one of the complement.
        let usdc_against = |side: &str| {
            format!(
                "sum(if(crosses, toInt64(usdc), -if(side = '{side}', toInt64(usdc), \
                 toInt64(shares) - toInt64(usdc))))"
            )
        };
        format!(
            "-- transaction_sums\nSELECT count() AS transactions, \
             countIf(one) AS with_one_taker_order, countIf(taker_orders = rows) AS \
             without_maker_orders, countIf(two_seconds) AS in_two_seconds, \
             countIf(other_taker) AS of_another_taker, countIf(is_unequal) AS unequal, \
             countIf(gives_more) AS giving_more, \
             countIf(two_seconds OR other_taker OR is_unequal) AS suspicious, \
             groupArrayIf({MOST_SUSPECTS})(transaction, two_seconds OR other_taker OR is_unequal) AS \
             suspects, groupArrayIf({MOST_SUSPECTS})(transaction, gives_more) AS givers\n\
             FROM (\n\
             SELECT transaction, count() AS rows, sum(crosses) AS taker_orders, \
             sum(crosses AND side = 'BUY') AS buys, \
             taker_orders = 1 AND rows > 1 AS one, \
             sum(second) != rows * max(second) AS two_seconds, \
             one AND sum(aggressor) != rows * sum(crosses * aggressor) AS other_taker, \
             sum({signed} * toInt64(shares)) AS shares_over, {sells} AS usdc_over_sells, \
             {buys} AS usdc_over_buys, \
             one AND if(buys = 1, shares_over != 0 OR usdc_over_sells < 0, \
             usdc_over_buys != 0 OR shares_over < 0) AS is_unequal, \
             one AND NOT is_unequal AND if(buys = 1, usdc_over_sells, shares_over) != 0 AS gives_more\n\
             FROM (\n\
             SELECT reinterpretAsUInt64(tx_hash) AS transaction, toUInt64(timestamp) AS second, \
             side, shares, usdc, {crosses} AS crosses, \
             cityHash64(if(crosses, maker, taker)) AS aggressor\n\
             FROM {data} WHERE {condition} AND {covered})\nGROUP BY transaction)\n{SPILLING}",
            sells = usdc_against("SELL"),
            buys = usdc_against("BUY"),
            crosses = is_taker_order(),
            data = self.table.names().data(),
            covered = self.coverage.condition(),
        )
    }
}

/// Returns what the statement knows a transaction by.
fn key(hash: &TxHash) -> u64 {
    let (first, _) = hash
        .as_bytes()
        .split_first_chunk()
        .unwrap_or((&[0; 8], &[]));
    u64::from_le_bytes(*first)
}
