#![doc = include_str!("../README.md")]

mod catalogue;
mod check;
mod checkpoint;
mod database;
mod examination;
mod machine;
mod report;
mod source;

pub use check::{Check, State};
pub use examination::{before_opening, examine, of_database};
pub use report::{Report, Unchecked};
