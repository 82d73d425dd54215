#![doc = include_str!("../README.md")]

mod catalogue;
mod ddl;
mod decode;
mod difference;
mod error;
mod found;
mod groups;
mod missing;
mod names;
mod presence;
mod queries;
mod refused;
mod remove;
mod retry;
mod row;
mod schema;
mod server;
mod store;
mod table;
mod tokens;
mod view;
mod wallets;

pub use catalogue::{Catalogue, CatalogueLoad, MarketEntry, MarketSource};
pub use difference::Difference;
pub use error::Error;
pub use groups::TableGroups;
pub use names::{Names, Qualified};
pub use queries::{Storage, TokenTotals, TokenTotalsCursor, Totals};
pub use row::FillRow;
pub use server::{Credentials, Server, ServerConfig, ServerInfo};
pub use store::Store;
pub use table::FillTable;
pub use tokens::{Selection, SelectionSize};
pub use view::FILL_COLUMNS;
pub use wallets::{ChosenFor, SampledWallet, TradeCursor};
