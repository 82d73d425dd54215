#![doc = include_str!("../README.md")]

mod backoff;
mod batch;
mod batcher;
#[doc(hidden)]
pub mod benching;
mod columns;
mod config;
mod courier;
mod decision;
mod doubt;
mod encode;
mod error;
mod exception;
mod failure;
mod insert;
mod layout;
mod ledger;
mod open;
mod owner;
pub mod row_binary;
mod run_ahead;
mod shared;
mod sink;
mod start;
mod stats;
mod table;
mod type_check;
mod window;

pub use config::{
    Config, Deduplication, Kept, MAX_ROWS_PER_BATCH, OnRefused, RefusedRow, RetryPolicy,
};
pub use doubt::{Doubtful, Missing, OnDoubt};
pub use encode::{Checked, ColumnSpec, EncodeError, EncodeRow, RowOrder, TableColumn};
pub use error::Error;
pub use failure::{Failure, FailureKind};
pub use ledger::Delivered;
pub use sink::{Receipt, Sink};
pub use stats::Stats;
