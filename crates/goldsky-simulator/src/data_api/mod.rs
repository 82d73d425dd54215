//! Polymarket's data API: what a wallet did, with the paging and the caps of the real one.
//!
//! **Source**: Polymarket's documentation of `/activity` and `/trades`, its refusal of an offset as
//! users report it, and 1,852 recorded rows.

mod given;
mod made;
mod query;
mod shown;

use std::borrow::Cow;

use crate::config::DataApi;
use crate::data::Dataset;
use crate::error::Error;
use given::Given;
use made::Wallets;
use query::{Direction, RowQuery};
use shown::Shown;

/// What `/activity` shows unless it is told where to begin: about three years.
const DEFAULT_WINDOW_SECONDS: i64 = 3 * 365 * 86_400;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    /// `/activity`: with USDC, and within a window of time.
    Activity,
    /// `/trades`: the newest, without USDC.
    Trades,
}

/// The rows of all wallets and how much of them is shown.
#[derive(Debug)]
pub(crate) struct Rows {
    config: DataApi,
    /// Rows as given; without them they are made from the fills.
    given: Option<Given>,
    made: Wallets,
}

impl Rows {
    pub(crate) fn new(config: &DataApi) -> Result<Self, Error> {
        Ok(Self {
            config: config.clone(),
            given: config.rows.as_ref().map(Given::read).transpose()?,
            made: Wallets::default(),
        })
    }

    /// Writes the answer to a query string, or says why there is none.
    pub(crate) fn answer(
        &self,
        dataset: &Dataset,
        listing: Listing,
        query: &str,
    ) -> Result<String, String> {
        let query = RowQuery::parse(query)?;
        let cap = match listing {
            Listing::Activity => self.config.most_activity_offset,
            Listing::Trades => self.config.most_trades_offset,
        };
        if query.offset > cap {
            return Err(format!("max historical activity offset of {cap} exceeded"));
        }
        let mut rows = match &self.given {
            Some(given) => Cow::Borrowed(given.of(&query.user)),
            None => Cow::Owned(self.made.of(dataset, &query.user)),
        };
        if listing == Listing::Activity && query.direction == Direction::Ascending {
            rows.to_mut().reverse();
        }
        let page: Vec<String> = rows
            .iter()
            .filter(|row| is_listed(row, listing, &query, dataset.blocks.head.timestamp))
            .skip(query.offset)
            .take(query.limit.min(self.config.most_rows))
            .map(|row| row.write(listing))
            .collect();
        Ok(format!("[{}]", page.join(",")))
    }
}

fn is_listed(row: &Shown, listing: Listing, query: &RowQuery, head: i64) -> bool {
    match listing {
        Listing::Trades => !query.taker_only || row.is_taker,
        Listing::Activity => {
            let start = match (query.start, query.direction) {
                (0, Direction::Descending) => head - DEFAULT_WINDOW_SECONDS,
                (start, _) => start,
            };
            (start..=query.end).contains(&row.timestamp)
        }
    }
}
