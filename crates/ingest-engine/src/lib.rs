#![doc = include_str!("../README.md")]

#[cfg(test)]
mod archive_tests;
mod backfill;
mod config;
mod coordinator;
mod error;
mod fetch;
mod follow;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod ledger;
mod outlook;
#[cfg(test)]
mod pace_tests;
mod planner;
mod progress;
mod provisional;
mod reconcile;
mod report;
mod saver;
mod segment;
mod work;

pub use backfill::Backfill;
pub use config::Config;
pub use error::Error;
pub use follow::Follow;
pub use planner::{Cuts, Lease, Planner, SegmentId};
pub use progress::{FailedUnit, Progress};
pub use report::{End, Outcome, Snapshot};
