#![doc = include_str!("../README.md")]

mod compare;
mod data_api;
mod difference;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gamma;
mod history;
mod millionths;
mod row;

pub use api_client::{Config, Endpoint, Error, MalformedEntity, RetryPolicy, Stats};
pub use compare::{Compared, Comparison};
pub use data_api::{DataApi, MOST_ROWS, PageOf, REQUESTS_PER_10S, TradePage};
pub use difference::{Account, Amounts, Difference};
pub use gamma::{Gamma, GammaMarket, GammaPage};
pub use history::{History, HistoryError, Told, newest_trades};
pub use row::TradeRow;
