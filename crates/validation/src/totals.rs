//! What every token adds up to, in the table and at the source.

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::{Fill, Side, TokenId};
use serde::Deserialize;

use crate::orderbooks::Read;
use crate::rows::token;
use crate::{Error, Validation};

/// Tokens that are looked at one by one; the others are counted.
pub(crate) const MOST_TOKENS: u64 = 100_000;

/// That the rows of a token are exactly what the source counted, as SQL over [`Validation::joined`].
pub(crate) const COMPLETE: &str = "rows = book_trades AND buys = book_buys AND sells = book_sells \
                                   AND buy_usdc = book_buy_volume AND sell_usdc = book_sell_volume";

pub(crate) const SPILLING: &str = "SETTINGS max_bytes_before_external_group_by = 500000000, \
                        max_bytes_ratio_before_external_group_by = 0";

/// A token whose rows do not add up to the source's counters.
#[derive(Debug, Clone, Row, Deserialize)]
pub(crate) struct TokenRow {
    token_id: UInt256,
    rows: u64,
    buys: u64,
    sells: u64,
    buy_usdc: u128,
    sell_usdc: u128,
    first: u32,
    last: u32,
    book_trades: u64,
    book_buys: u64,
    book_sells: u64,
    book_volume: u128,
    book_buy_volume: u128,
    book_sell_volume: u128,
    tokens_in_all: u64,
}

/// Fills and USDC of one token, by side; counts down what differs until nothing is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) buys: i64,
    pub(crate) sells: i64,
    pub(crate) buy_usdc: i128,
    pub(crate) sell_usdc: i128,
}

impl Sums {
    /// Adds a fill so many times.
    pub(crate) fn add(&mut self, fill: &Fill, times: i64) {
        let usdc = (fill.usdc_base_units as i128).wrapping_mul(times.into());
        match fill.side {
            Side::Buy => {
                self.buys += times;
                self.buy_usdc = self.buy_usdc.wrapping_add(usdc);
            }
            Side::Sell => {
                self.sells += times;
                self.sell_usdc = self.sell_usdc.wrapping_add(usdc);
            }
        }
    }

    /// Tells whether nothing differs.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Returns how many fills more the source has than the table; negative where it has fewer.
    pub(crate) fn fills(&self) -> i64 {
        self.buys + self.sells
    }
}

/// A token whose rows and counters differ.
#[derive(Debug, Clone)]
pub(crate) struct TokenGap {
    pub(crate) token: TokenId,
    /// Rows in the table.
    pub(crate) rows: u64,
    /// Fills that the source counted.
    pub(crate) trades: u64,
    /// What the source has more than the table.
    pub(crate) over: Sums,
    /// The first and the last second of its rows, if there are any.
    pub(crate) seconds: Option<(u32, u32)>,
    /// Expected and found, for people.
    pub(crate) shown: (serde_json::Value, serde_json::Value),
}

impl TokenGap {
    /// Returns about how many fills have to be read to see which differ.
    pub(crate) fn cost(&self) -> u64 {
        self.rows.max(self.trades)
    }
}

impl From<TokenRow> for TokenGap {
    fn from(row: TokenRow) -> Self {
        let count = |book: u64, rows: u64| book.wrapping_sub(rows) as i64;
        let usdc = |book: u128, rows: u128| book.wrapping_sub(rows) as i128;
        let shown = |trades: u64, buys: u64, sells: u64, amounts: [u128; 3]| {
            serde_json::json!({
                "trades": trades, "buys": buys, "sells": sells,
                "volume": amounts[0].to_string(), "buy_volume": amounts[1].to_string(),
                "sell_volume": amounts[2].to_string(),
            })
        };
        let volume = row.buy_usdc.wrapping_add(row.sell_usdc);
        let books = [row.book_volume, row.book_buy_volume, row.book_sell_volume];
        Self {
            token: token(row.token_id),
            rows: row.rows,
            trades: row.book_trades,
            over: Sums {
                buys: count(row.book_buys, row.buys),
                sells: count(row.book_sells, row.sells),
                buy_usdc: usdc(row.book_buy_volume, row.buy_usdc),
                sell_usdc: usdc(row.book_sell_volume, row.sell_usdc),
            },
            seconds: (row.rows > 0).then_some((row.first, row.last)),
            shown: (
                shown(row.book_trades, row.book_buys, row.book_sells, books),
                shown(
                    row.rows,
                    row.buys,
                    row.sells,
                    [volume, row.buy_usdc, row.sell_usdc],
                ),
            ),
        }
    }
}

/// How the tokens of a part of the archive stand.
#[derive(Debug, Clone, Copy, Row, Deserialize)]
pub(crate) struct Standing {
    /// Tokens with rows.
    pub(crate) tokens: u64,
    /// Tokens that are complete: nothing of them lies outside of the part.
    pub(crate) complete: u64,
    /// Tokens that the source counted more fills of: those may lie outside.
    pub(crate) undecided: u64,
}

impl Validation {
    /// Returns the tokens that differ, those first that cost least to look into, and how many there
    /// are in all.
    ///
    /// # Errors
    /// Any error of the table.
    pub(crate) async fn token_gaps(&self, books: &Read) -> Result<(Vec<TokenGap>, u64), Error> {
        let sql = format!(
            "{}\nORDER BY greatest(rows, book_trades), token_id\nLIMIT {MOST_TOKENS}\n{SPILLING}",
            self.token_gaps_sql(books)
        );
        let rows: Vec<TokenRow> = self.table.rows(&sql).await?;
        let all = rows.first().map_or(0, |row| row.tokens_in_all);
        Ok((rows.into_iter().map(TokenGap::from).collect(), all))
    }

    /// Returns the statement that finds tokens whose rows are not what the source counted.
    pub(crate) fn token_gaps_sql(&self, books: &Read) -> String {
        format!(
            "-- token_gaps\nSELECT *, count() OVER () AS tokens_in_all\nFROM ({})\nWHERE {}",
            self.joined(books),
            self.differs()
        )
    }

    /// Returns the condition that the rows of a token are not what the source counted, as SQL over
    /// [`Validation::joined`].
    pub(crate) fn differs(&self) -> &'static str {
        // Of a part of the archive the rows may be fewer: the others lie outside.
        match self.coverage.is_whole_archive {
            true => {
                "rows != book_trades OR buys != book_buys OR sells != book_sells \
                 OR buy_usdc + sell_usdc != book_volume OR buy_usdc != book_buy_volume \
                 OR sell_usdc != book_sell_volume"
            }
            false => {
                "rows > book_trades OR buys > book_buys OR sells > book_sells \
                 OR buy_usdc + sell_usdc > book_volume OR buy_usdc > book_buy_volume \
                 OR sell_usdc > book_sell_volume"
            }
        }
    }

    /// Tells how the tokens of a part of the archive stand.
    ///
    /// # Errors
    /// Any error of the table.
    pub(crate) async fn standing(&self, books: &Read) -> Result<Standing, Error> {
        let sql = format!(
            "-- standing\nSELECT countIf(rows > 0) AS tokens, countIf(rows > 0 AND \
             {COMPLETE}) AS complete, \
             countIf(rows < book_trades) AS undecided\nFROM ({})\n{SPILLING}",
            self.joined(books)
        );
        Ok(self.table.row(&sql).await?)
    }

    /// Adds up rows and counters by token: one aggregation over both, which can spill where a join
    /// could not.
    pub(crate) fn joined(&self, books: &Read) -> String {
        let books = books.sql(self);
        let of_tokens = match self.coverage.tokens {
            None => String::new(),
            Some(_) => format!(" AND token_id IN (SELECT token_id FROM {books})"),
        };
        format!(
            "SELECT token_id, sum(r) AS rows, sum(rb) AS buys, sum(rs) AS sells, \
             sum(rbu) AS buy_usdc, sum(rsu) AS sell_usdc, min(f) AS first, max(l) AS last, \
             sum(b) AS book_trades, sum(bb) AS book_buys, sum(bs) AS book_sells, \
             sum(bv) AS book_volume, sum(bbv) AS book_buy_volume, sum(bsv) AS book_sell_volume\n\
             FROM (\n\
             SELECT token_id, count() AS r, countIf(side = 'BUY') AS rb, countIf(side = 'SELL') AS \
             rs, sumIf(usdc, side = 'BUY') AS rbu, sumIf(usdc, side = 'SELL') AS rsu, \
             toUInt32(min(timestamp)) AS f, toUInt32(max(timestamp)) AS l, toUInt64(0) AS b, \
             toUInt64(0) AS bb, toUInt64(0) AS bs, toUInt128(0) AS bv, toUInt128(0) AS bbv, \
             toUInt128(0) AS bsv\nFROM {data} WHERE {covered}{of_tokens}\nGROUP BY token_id\n\
             UNION ALL\n\
             SELECT token_id, 0, 0, 0, toUInt128(0), toUInt128(0), 4294967295, 0, trades, buys, \
             sells, volume, buy_volume, sell_volume\nFROM {books}\n)\nGROUP BY token_id",
            data = self.table.names().data(),
            covered = self.coverage.condition(),
        )
    }
}
