//! A table that this program did not write, or whose rows the user may not read, by the columns that
//! readers query.
//!
//! The first implementation kept texts and rounded numbers, so amounts cannot be proven; how many
//! fills each token has can. What cannot be checked is said, and is not wrong.

use std::collections::BTreeSet;

use clickhouse::Row;
use clickhouse::types::UInt256;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::layout::Foreign;
use crate::orderbooks::Read;
use crate::rows::token;
use crate::{Check, Error, Figures, Finding, Kind, Level, Outcome, Validation};

const SPILLING: &str = "SETTINGS max_bytes_before_external_group_by = 500000000, \
                        max_bytes_ratio_before_external_group_by = 0";

/// A check over all rows: what it is called, the columns it needs, and what it counts. Whatever
/// is counted has to be 0 where `must_be_zero`.
struct RowCheck {
    level: Level,
    name: &'static str,
    columns: &'static [&'static str],
    counts: &'static [(&'static str, &'static str)],
    must_be_zero: bool,
}

const ROW_CHECKS: [RowCheck; 8] = [
    RowCheck {
        level: Level::Counts,
        name: "fills",
        columns: &["condition_id", "proxy_wallet", "timestamp"],
        counts: &[
            ("fills", "count()"),
            ("markets", "uniqExact(condition_id)"),
            ("wallets", "uniqExact(proxy_wallet)"),
            ("first", "toUInt64(min(toUnixTimestamp(timestamp)))"),
            ("last", "toUInt64(max(toUnixTimestamp(timestamp)))"),
        ],
        must_be_zero: false,
    },
    RowCheck {
        level: Level::Quality,
        name: "prices",
        columns: &["price", "size"],
        counts: &[
            ("no_price", "countIf(isNull(price))"),
            ("price_not_above_zero", "countIf(price <= 0)"),
            ("price_above_one", "countIf(price > 1)"),
            ("price_of_one_half", "countIf(price = 0.5)"),
            ("no_shares", "countIf(size <= 0)"),
        ],
        must_be_zero: false,
    },
    RowCheck {
        level: Level::Quality,
        name: "wallets",
        columns: &["proxy_wallet"],
        counts: &[(
            "not_an_address",
            "countIf(NOT match(proxy_wallet, '^0x[0-9a-f]{40}$'))",
        )],
        must_be_zero: true,
    },
    RowCheck {
        level: Level::Quality,
        name: "transaction hashes",
        columns: &["tx_hash"],
        counts: &[(
            "not_a_hash",
            "countIf(NOT match(tx_hash, '^0x[0-9a-f]{64}$'))",
        )],
        must_be_zero: true,
    },
    RowCheck {
        level: Level::Quality,
        name: "order hashes",
        columns: &["order_hash"],
        counts: &[(
            "not_a_hash",
            "countIf(NOT match(order_hash, '^0x[0-9a-f]{64}$'))",
        )],
        must_be_zero: true,
    },
    RowCheck {
        level: Level::Quality,
        name: "sides",
        columns: &["side"],
        counts: &[(
            "neither_buy_nor_sell",
            "countIf(side NOT IN ('BUY', 'SELL'))",
        )],
        must_be_zero: true,
    },
    RowCheck {
        level: Level::Quality,
        name: "timestamps",
        columns: &["timestamp"],
        counts: &[("in_the_future", "countIf(timestamp > now())")],
        must_be_zero: true,
    },
    RowCheck {
        level: Level::Quality,
        name: "conditions",
        columns: &["condition_id"],
        counts: &[("unknown", "countIf(condition_id = '')")],
        must_be_zero: true,
    },
];

/// What cannot be checked on such a table, whatever its columns, and why on one that this program did
/// not write.
const NOT_RUN: [(Level, &str, &str); 4] = [
    (
        Level::Counts,
        "checkpoint",
        "the table was not loaded by this program",
    ),
    (
        Level::Quality,
        "transactions",
        "the table keeps no exact amounts",
    ),
    (
        Level::Source,
        "fills",
        "rows of this table cannot be compared with fills field by field",
    ),
    (
        Level::Spot,
        "windows",
        "rows of this table cannot be compared with fills field by field",
    ),
];

#[derive(Row, Deserialize)]
struct TokenRow {
    token_id: UInt256,
    rows: u64,
    buys: u64,
    sells: u64,
    book_trades: u64,
    book_buys: u64,
    book_sells: u64,
    tokens_in_all: u64,
}

impl Validation {
    /// Checks what a level other than that of wallets can check by the columns that readers query.
    ///
    /// # Errors
    /// Any error of source or table.
    pub(crate) async fn foreign(
        &self,
        foreign: &Foreign,
        level: Level,
        read: &mut Option<Read>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let Foreign {
            columns,
            missing_right,
        } = foreign;
        let made = self.foreign_checks(columns, level, read, outcome).await;
        for (_, name, why) in NOT_RUN.iter().filter(|(of, ..)| *of == level) {
            let why = missing_right.as_deref().unwrap_or(why);
            outcome.checks.push(Check::not_run(level, *name, why));
        }
        made
    }

    async fn foreign_checks(
        &self,
        columns: &BTreeSet<String>,
        level: Level,
        read: &mut Option<Read>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        for check in ROW_CHECKS.iter().filter(|check| check.level == level) {
            self.progress.tell(level, check.name, 0, 0);
            self.foreign_rows(check, columns, outcome).await?;
        }
        match level {
            Level::Counts => self.foreign_duplicates(columns, outcome).await,
            Level::Source => self.foreign_totals(columns, outcome, read).await,
            _ => Ok(()),
        }
    }

    async fn foreign_rows(
        &self,
        check: &RowCheck,
        columns: &BTreeSet<String>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let RowCheck { level, name, .. } = *check;
        if let Some(why) = lacks(columns, check.columns) {
            outcome.checks.push(Check::not_run(level, name, why));
            return Ok(());
        }
        let counts: Vec<&str> = check.counts.iter().map(|(_, count)| *count).collect();
        let query = format!(
            "-- foreign_rows\nSELECT [{}] FROM {}",
            counts.join(", "),
            self.table.names().fills()
        );
        let numbers: Vec<u64> = self.table.row(&query).await?;
        let mut figures = Figures::new();
        for ((count, _), number) in check.counts.iter().zip(&numbers) {
            figures.push(*count, *number);
            if check.must_be_zero && *number > 0 {
                let finding = Finding::new(Kind::ImpossibleRow, (level, name), 0, *number);
                outcome
                    .findings
                    .push(finding.about(count.replace('_', " ")));
            }
        }
        let ok = !check.must_be_zero || numbers.iter().all(|&number| number == 0);
        outcome
            .checks
            .push(Check::new(level, name, ok, figures, query));
        Ok(())
    }

    async fn foreign_duplicates(
        &self,
        columns: &BTreeSet<String>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let place = (Level::Counts, "duplicates");
        if let Some(why) = lacks(columns, &["fill_id"]) {
            outcome.checks.push(Check::not_run(place.0, place.1, why));
            return Ok(());
        }
        let query = format!(
            "-- foreign_duplicates\nSELECT toUInt64(sum(n - 1)) FROM (\
             SELECT count() AS n FROM {} GROUP BY fill_id HAVING n > 1)\n{SPILLING}",
            self.table.names().fills()
        );
        let rows: u64 = self.table.row(&query).await?;
        if rows > 0 {
            let finding = Finding::new(Kind::DuplicateRows, place, 0, rows);
            outcome.findings.push(finding);
        }
        let figures = Figures::new().with("duplicates", rows);
        let check = Check::new(place.0, place.1, rows == 0, figures, query);
        outcome.checks.push(check);
        Ok(())
    }

    /// Compares how many fills each token has, and on which side.
    async fn foreign_totals(
        &self,
        columns: &BTreeSet<String>,
        outcome: &mut Outcome,
        read: &mut Option<Read>,
    ) -> Result<(), Error> {
        let place = (Level::Source, "fills by token");
        let partly = match self.coverage.is_whole_archive && self.coverage.tokens.is_none() {
            true => None,
            false => Some("only a part of the archive is expected".to_owned()),
        };
        if let Some(why) = lacks(columns, &["asset_id", "side"]).or(partly) {
            outcome.checks.push(Check::not_run(place.0, place.1, why));
            return Ok(());
        }
        let books = read.insert(self.read_orderbooks().await?);
        let query = self.foreign_totals_sql(&books.sql(self));
        let limited = format!(
            "{query}\nORDER BY abs(toInt64(book_trades) - toInt64(rows)) DESC, token_id\n\
             LIMIT {}\n{SPILLING}",
            self.config.most_findings.max(1)
        );
        let gaps: Vec<TokenRow> = self.table.rows(&limited).await?;
        let all = gaps.first().map_or(0, |gap| gap.tokens_in_all);
        for gap in &gaps {
            outcome.findings.push(told(gap, place));
        }
        outcome.findings.count_further(all - gaps.len() as u64);
        let mut figures = Figures::new()
            .with("books", books.books)
            .with("tokens_that_differ", all)
            .with(
                "note",
                "volumes cannot be compared: the table keeps no exact USDC",
            );
        books.add_block_to(&mut figures);
        let check = Check::new(place.0, place.1, all == 0, figures, query);
        outcome.checks.push(check);
        Ok(())
    }

    fn foreign_totals_sql(&self, books: &str) -> String {
        format!(
            "-- foreign_totals\nSELECT *, count() OVER () AS tokens_in_all\nFROM (\n\
             SELECT token_id, sum(r) AS rows, sum(rb) AS buys, sum(rs) AS sells, \
             sum(b) AS book_trades, sum(bb) AS book_buys, sum(bs) AS book_sells\nFROM (\n\
             SELECT toUInt256OrZero(asset_id) AS token_id, count() AS r, \
             countIf(side = 'BUY') AS rb, countIf(side = 'SELL') AS rs, toUInt64(0) AS b, \
             toUInt64(0) AS bb, toUInt64(0) AS bs FROM {} GROUP BY token_id\n\
             UNION ALL\n\
             SELECT token_id, 0, 0, 0, trades, buys, sells FROM {}\n)\nGROUP BY token_id)\n\
             WHERE rows != book_trades OR buys != book_buys OR sells != book_sells",
            self.table.names().fills(),
            books,
        )
    }
}

fn told(gap: &TokenRow, place: (Level, &'static str)) -> Finding {
    let kind = match (gap.rows, gap.book_trades) {
        (0, _) => Kind::BookWithoutRows,
        (_, 0) => Kind::TokenWithoutBook,
        _ => Kind::TotalsDiffer,
    };
    let shown = |trades: u64, buys: u64, sells: u64| -> Value {
        json!({ "trades": trades, "buys": buys, "sells": sells })
    };
    let expected = shown(gap.book_trades, gap.book_buys, gap.book_sells);
    Finding::new(kind, place, expected, shown(gap.rows, gap.buys, gap.sells))
        .of_token(token(gap.token_id))
}

/// Says which of some columns a table lacks, if any.
fn lacks(columns: &BTreeSet<String>, needed: &[&str]) -> Option<String> {
    let missing = needed.iter().find(|column| !columns.contains(**column));
    missing.map(|column| format!("the table has no column {column}"))
}
