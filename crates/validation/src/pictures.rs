//! Figures that people would rather look at than read: one aggregating query for each picture.

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::TokenId;
use serde::{Deserialize, Serialize, Serializer};

use crate::drawn_columns::{CLASSES, DrawnColumns};
use crate::months::{Month, MonthRow, by_month};
use crate::orderbooks::Read;
use crate::rows::token;
use crate::totals::{COMPLETE, SPILLING};
use crate::{Error, Validated, Validation};

/// Tokens that are shown of those that differ.
const MOST_TOKENS: usize = 20;

/// Width of a class of prices, in hundredths of a USDC.
const CENTS: u32 = 100 / CLASSES;

/// The class, in the query's answer, of rows without a price.
const NO_PRICE: u32 = 1000;

/// The class, in the query's answer, of rows whose price is above 1 USDC.
const ABOVE_ONE: u32 = 1001;

/// What is drawn of a validation, each list in the order in which it is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pictures {
    /// Days that have rows, in order of time.
    pub days: Vec<Day>,
    /// How many rows have which price.
    pub prices: Prices,
    /// Months in which something is or should be, in order of time.
    pub months: Vec<Month>,
    /// Tokens whose rows are not what the source counted, the largest differences first.
    pub tokens: Vec<TokenDifference>,
    /// Whether the source's counters were read: without them nothing is known of tokens.
    pub counters_read: bool,
}

/// Rows of one day.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Day {
    /// The day, `2024-01-31`, UTC.
    pub day: String,
    /// Rows.
    pub fills: u64,
}

/// Rows by price.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// All classes of prices from 0 to 1 USDC, in order, those without rows too.
    pub classes: Vec<PriceClass>,
    /// Rows of no shares, which have no price.
    pub without_price: u64,
    /// Rows whose price is above 1 USDC.
    pub above_one: u64,
}

/// Rows whose price is in `[from, to)`; of the last class, in `[from, to]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PriceClass {
    /// Lowest price, in hundredths of a USDC.
    pub from_cents: u32,
    /// End of the prices, in hundredths of a USDC.
    pub to_cents: u32,
    /// Rows.
    pub fills: u64,
}

/// By how much a token's rows are not what the source counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenDifference {
    /// The token.
    pub token_id: TokenId,
    /// Fills that the source counted.
    pub expected: u64,
    /// Rows in the table.
    pub found: u64,
    /// Fills by which buys and sells differ, both counted: a side that was flipped is two.
    pub fills: u64,
    /// USDC by which buys and sells differ, both counted, in base units; a text in JSON.
    #[serde(serialize_with = "as_text")]
    pub usdc_base_units: u128,
}

#[derive(Row, Deserialize)]
struct ClassRow {
    class: u32,
    fills: u64,
}

#[derive(Row, Deserialize)]
struct DifferenceRow {
    token_id: UInt256,
    expected: u64,
    found: u64,
    fills: u64,
    usdc_base_units: u128,
}

impl Validation {
    /// Asks for what is drawn of a validation.
    ///
    /// # Errors
    /// Any error of the table.
    pub async fn pictures(&self, validated: &Validated) -> Result<Pictures, Error> {
        let columns = self.drawn_columns().await?;
        let books = validated.books.as_ref();
        let books = books.filter(|_| columns.token.is_some());
        Ok(Pictures {
            days: self.days(&columns).await?,
            prices: self.prices(&columns).await?,
            months: by_month(
                self.month_rows(&columns, books).await?,
                &validated.differences,
            ),
            tokens: match books {
                Some(books) => self.token_differences(&columns, books).await?,
                None => Vec::new(),
            },
            counters_read: books.is_some(),
        })
    }

    async fn days(&self, columns: &DrawnColumns) -> Result<Vec<Day>, Error> {
        if !columns.has_timestamp {
            return Ok(Vec::new());
        }
        let sql = format!(
            "-- fills_per_day\nSELECT toString(toDate(timestamp, 'UTC')) AS day, count() AS fills\n\
             FROM {} WHERE {}\nGROUP BY day ORDER BY day",
            columns.table,
            self.coverage.condition(),
        );
        Ok(self.table.rows(&sql).await?)
    }

    async fn prices(&self, columns: &DrawnColumns) -> Result<Prices, Error> {
        let Some(price) = &columns.price else {
            return Ok(Prices::default());
        };
        let sql = format!(
            "-- fills_by_price\nSELECT toUInt32(multiIf({none}, {NO_PRICE}, {above_one}, {ABOVE_ONE}, \
             least({class}, {last}))) AS class, count() AS fills\nFROM {table} WHERE {covered}\n\
             GROUP BY class",
            none = price.none,
            above_one = price.above_one,
            class = price.class,
            last = CLASSES - 1,
            table = columns.table,
            covered = self.coverage.condition(),
        );
        let rows: Vec<ClassRow> = self.table.rows(&sql).await?;
        let fills = |class: u32| {
            let such = rows.iter().find(|row| row.class == class);
            such.map_or(0, |row| row.fills)
        };
        Ok(Prices {
            classes: (0..CLASSES)
                .map(|class| PriceClass {
                    from_cents: class * CENTS,
                    to_cents: (class + 1) * CENTS,
                    fills: fills(class),
                })
                .collect(),
            without_price: fills(NO_PRICE),
            above_one: fills(ABOVE_ONE),
        })
    }

    async fn month_rows(
        &self,
        columns: &DrawnColumns,
        books: Option<&Read>,
    ) -> Result<Vec<MonthRow>, Error> {
        if !columns.has_timestamp {
            return Ok(Vec::new());
        }
        let adds_up = match (columns.token, books) {
            (Some(token), Some(books)) => format!(
                "{token} NOT IN (SELECT token_id FROM ({}) WHERE NOT ({COMPLETE}))",
                self.drawn_sums(columns, books)
            ),
            _ => "0".to_owned(),
        };
        let sql = format!(
            "-- fills_by_month\nSELECT formatDateTime(timestamp, '%Y-%m', 'UTC') AS month, \
             count() AS rows, countIf({adds_up}) AS proven\nFROM {} WHERE {}\n\
             GROUP BY month ORDER BY month\n{SPILLING}",
            columns.table,
            self.coverage.condition(),
        );
        Ok(self.table.rows(&sql).await?)
    }

    async fn token_differences(
        &self,
        columns: &DrawnColumns,
        books: &Read,
    ) -> Result<Vec<TokenDifference>, Error> {
        let apart =
            |rows: &str, book: &str| format!("greatest({rows}, {book}) - least({rows}, {book})");
        let sql = format!(
            "-- tokens_by_difference\nSELECT token_id, book_trades AS expected, rows AS found, \
             toUInt64({} + {}) AS fills, toUInt128({} + {}) AS usdc_base_units\nFROM ({})\n\
             WHERE {}\nORDER BY fills DESC, usdc_base_units DESC, token_id LIMIT {MOST_TOKENS}\n{SPILLING}",
            apart("buys", "book_buys"),
            apart("sells", "book_sells"),
            apart("buy_usdc", "book_buy_volume"),
            apart("sell_usdc", "book_sell_volume"),
            self.drawn_sums(columns, books),
            self.differs(),
        );
        let rows: Vec<DifferenceRow> = self.table.rows(&sql).await?;
        Ok(rows.into_iter().map(TokenDifference::from).collect())
    }
}

impl From<DifferenceRow> for TokenDifference {
    fn from(row: DifferenceRow) -> Self {
        Self {
            token_id: token(row.token_id),
            expected: row.expected,
            found: row.found,
            fills: row.fills,
            usdc_base_units: row.usdc_base_units,
        }
    }
}

fn as_text<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
