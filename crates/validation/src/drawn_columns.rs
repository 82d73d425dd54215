//! Where pictures find what they show: in this program's own columns, or in those that readers query,
//! which are the original's too.

use crate::layout::Layout;
use crate::orderbooks::Read;
use crate::{Error, Validation};

/// Classes of prices from 0 to 1 USDC; the last one includes 1 USDC.
pub(crate) const CLASSES: u32 = 20;

/// A table, and its columns as SQL; what it lacks is not drawn.
pub(crate) struct DrawnColumns {
    pub(crate) table: String,
    pub(crate) has_timestamp: bool,
    /// The token as a number.
    pub(crate) token: Option<&'static str>,
    pub(crate) price: Option<DrawnPrice>,
    is_own: bool,
}

/// Prices, as SQL.
pub(crate) struct DrawnPrice {
    /// That there is none.
    pub(crate) none: &'static str,
    /// That it is above 1 USDC.
    pub(crate) above_one: &'static str,
    /// The class of any other.
    pub(crate) class: String,
}

impl Validation {
    /// Finds out which columns there are.
    ///
    /// # Errors
    /// Any error of the table.
    pub(crate) async fn drawn_columns(&self) -> Result<DrawnColumns, Error> {
        let names = self.table.names();
        let found = match self.layout().await? {
            Layout::Own => return Ok(DrawnColumns::own(names.data().to_string())),
            Layout::Foreign(foreign) => foreign.columns,
        };
        let has = |name: &str| found.contains(name);
        Ok(DrawnColumns {
            table: names.fills().to_string(),
            has_timestamp: has("timestamp"),
            token: (has("asset_id") && has("side")).then_some("toUInt256OrZero(asset_id)"),
            price: has("price").then(DrawnPrice::rounded),
            is_own: false,
        })
    }

    /// Adds up rows and counters by token, as [`Validation::joined`]; of a table that keeps no exact
    /// amounts the fills alone.
    pub(crate) fn drawn_sums(&self, columns: &DrawnColumns, books: &Read) -> String {
        let (Some(token), false) = (columns.token, columns.is_own) else {
            return self.joined(books);
        };
        format!(
            "SELECT token_id, sum(r) AS rows, sum(rb) AS buys, sum(rs) AS sells, \
             sum(b) AS book_trades, sum(bb) AS book_buys, sum(bs) AS book_sells, \
             toUInt128(0) AS buy_usdc, toUInt128(0) AS sell_usdc, toUInt128(0) AS book_volume, \
             toUInt128(0) AS book_buy_volume, toUInt128(0) AS book_sell_volume\nFROM (\n\
             SELECT {token} AS token_id, count() AS r, countIf(side = 'BUY') AS rb, \
             countIf(side = 'SELL') AS rs, toUInt64(0) AS b, toUInt64(0) AS bb, toUInt64(0) AS bs\n\
             FROM {table} WHERE {covered}\nGROUP BY token_id\n\
             UNION ALL\nSELECT token_id, 0, 0, 0, trades, buys, sells FROM {books}\n)\n\
             GROUP BY token_id",
            table = columns.table,
            covered = self.coverage.condition(),
            books = books.sql(self),
        )
    }
}

impl DrawnColumns {
    fn own(table: String) -> Self {
        Self {
            table,
            has_timestamp: true,
            token: Some("token_id"),
            price: Some(DrawnPrice {
                none: "shares = 0",
                above_one: "usdc > shares",
                class: format!("intDiv(usdc * {CLASSES}, greatest(shares, toUInt128(1)))"),
            }),
            is_own: true,
        }
    }
}

impl DrawnPrice {
    /// A price that may be a floating-point number.
    fn rounded() -> Self {
        Self {
            none: "ifNull(toFloat64(price), 0) <= 0",
            above_one: "toFloat64(price) > 1",
            // A billionth more, so that 0.15 is not taken for the little less that it may be kept as.
            class: format!("toUInt64(floor(ifNull(toFloat64(price), 0) * {CLASSES} + 1e-9))"),
        }
    }
}
