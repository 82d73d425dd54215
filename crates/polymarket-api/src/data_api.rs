//! The data API: what a wallet did, page by page.

use std::sync::Arc;

use api_client::{Config, Error, Exchange, Failure, Http, MalformedEntity, Request, Stats};
use fills::{Address, SourceError};
use pacer::Pacer;
use serde_json::value::RawValue;

use crate::row::{self, TradeRow};

/// What to look at where the data API refuses a request as such.
const HINT: &str = "check that the URL is that of Polymarket's data API";

/// Most requests in ten seconds. **Source**: Polymarket's documentation of its rate limits.
pub const REQUESTS_PER_10S: u32 = 200;

/// Most rows in one answer. **Source**: Polymarket's documentation; whoever asks for more gets
/// these.
pub const MOST_ROWS: usize = 500;

/// The largest offset that any version of the API took. **Source**: Polymarket's documentation
/// says 10,000, later 5,000; refusals beyond 3,000 have been seen.
const MOST_OFFSET: usize = 10_000;

/// What the API says of an offset beyond its cap, before the cap.
const OFFSET_CAP: &str = "max historical activity offset of ";

/// One page to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOf {
    /// `/activity`: trades from second `first` to second `last`, both inclusive, the oldest first,
    /// with USDC.
    Activity {
        /// Whose.
        wallet: Address,
        /// The first second; 0 would be the API's own default window.
        first: u32,
        /// The last second.
        last: u32,
        /// Rows of them to leave out.
        offset: usize,
    },
    /// `/trades`: the newest first, maker orders included, without USDC.
    Trades {
        /// Whose.
        wallet: Address,
        /// Rows to leave out.
        offset: usize,
    },
}

/// What one page was answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TradePage {
    /// The rows, in the order asked for.
    pub rows: Vec<TradeRow>,
    /// Rows of the page that do not read, for example as an amount is no whole number of base
    /// units.
    pub malformed: Vec<MalformedEntity>,
}

/// A client of the data API. It should have a [`Pacer`] of its own, see [`DataApi::pacer`].
#[derive(Debug)]
pub struct DataApi {
    exchange: Exchange,
    page_rows: usize,
}

impl DataApi {
    /// Makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if HTTP or TLS cannot be set up.
    pub fn new(config: Config, pacer: Pacer) -> Result<Self, Error> {
        let transport = Arc::new(Http::new(&config)?);
        Ok(Self {
            exchange: Exchange::new(config, pacer, transport, HINT),
            page_rows: MOST_ROWS,
        })
    }

    /// Makes the pacer of a process's data API: as many requests as Polymarket allows, and no more
    /// than a few at once.
    pub fn pacer() -> Pacer {
        Pacer::new(pacer::Config {
            max_in_flight: 8,
            requests_per_10s: Some(REQUESTS_PER_10S),
            ..pacer::Config::default()
        })
    }

    /// Asks for pages of at most so many rows, at least 1.
    #[must_use]
    pub fn with_page_rows(mut self, rows: usize) -> Self {
        self.page_rows = rows.max(1);
        self
    }

    /// Tells what the client has done so far.
    pub fn stats(&self) -> Stats {
        self.exchange.stats()
    }

    /// Fetches a page; nothing if its offset is beyond the API's cap. A page with fewer rows than
    /// asked for is not known to be the last, an empty one is.
    ///
    /// # Errors
    /// Any [`SourceError`]. An answer that is not what was asked for, of another wallet, outside
    /// of the window, or out of order, is [`SourceError::Protocol`].
    pub async fn page(&self, of: PageOf) -> Result<Option<TradePage>, SourceError> {
        if of.offset() > MOST_OFFSET {
            return Ok(None);
        }
        let (path, query) = of.query(self.page_rows);
        let url = self.exchange.endpoint().join(path, &query);
        let most = self.page_rows;
        let read = move |body: &[u8]| read(body, of, most);
        match self.exchange.ask(&Request::Get { url }, read).await {
            Ok(page) => {
                self.exchange.add_pages(1);
                Ok(Some(page))
            }
            Err(SourceError::Protocol { message }) if message.contains(OFFSET_CAP) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl PageOf {
    fn wallet(&self) -> Address {
        match *self {
            Self::Activity { wallet, .. } | Self::Trades { wallet, .. } => wallet,
        }
    }

    fn offset(&self) -> usize {
        match *self {
            Self::Activity { offset, .. } | Self::Trades { offset, .. } => offset,
        }
    }

    fn query(&self, rows: usize) -> (&'static str, Vec<(&'static str, String)>) {
        let user = ("user", self.wallet().to_string());
        let limit = ("limit", rows.to_string());
        match *self {
            Self::Activity {
                first,
                last,
                offset,
                ..
            } => {
                let query = vec![
                    user,
                    ("type", "TRADE".to_owned()),
                    ("sortBy", "TIMESTAMP".to_owned()),
                    ("sortDirection", "ASC".to_owned()),
                    ("start", first.to_string()),
                    ("end", last.to_string()),
                    limit,
                    ("offset", offset.to_string()),
                ];
                ("activity", query)
            }
            Self::Trades { offset, .. } => {
                let query = vec![
                    user,
                    ("takerOnly", "false".to_owned()),
                    limit,
                    ("offset", offset.to_string()),
                ];
                ("trades", query)
            }
        }
    }

    /// Says what keeps rows from being those asked for.
    fn contradiction(&self, rows: &[TradeRow]) -> Option<String> {
        let seconds = || rows.iter().map(|row| row.trade.key.timestamp);
        let wallet = self.wallet();
        if let Some(row) = rows.iter().find(|row| row.wallet != wallet) {
            return Some(format!(
                "has a row of {} among those of {wallet}",
                row.wallet
            ));
        }
        let in_order = match *self {
            Self::Activity { first, last, .. } => {
                if let Some(second) = seconds().find(|second| !(first..=last).contains(second)) {
                    return Some(format!("has second {second} outside of [{first}, {last}]"));
                }
                seconds().is_sorted()
            }
            Self::Trades { .. } => seconds().rev().is_sorted(),
        };
        (!in_order).then(|| "has rows out of order".to_owned())
    }
}

pub(crate) fn read(body: &[u8], of: PageOf, most: usize) -> Result<TradePage, Failure> {
    let served: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            Failure::misshapen("the answer is not a list of rows")
        } else {
            Failure::passing(format!("the answer is not JSON or cut off: {error}"))
        }
    })?;
    if served.len() > most {
        let words = format!("the page has {} rows, {most} were asked for", served.len());
        return Err(Failure::misshapen(words));
    }
    let mut page = TradePage::default();
    for row in served {
        match row::read(row) {
            Ok(row) => page.rows.push(row),
            Err(malformed) => page.malformed.push(malformed),
        }
    }
    match of.contradiction(&page.rows) {
        Some(words) => Err(Failure::misshapen(format!("the page {words}"))),
        None => Ok(page),
    }
}

#[cfg(test)]
#[path = "data_api_tests.rs"]
mod tests;
