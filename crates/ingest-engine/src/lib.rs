#![doc = include_str!("../README.md")]

#[cfg(test)]
mod archive_tests;
mod backfill;
mod blocks;
mod config;
mod coordinator;
mod deliver;
mod error;
mod fetch;
mod follow;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod outlook;
#[cfg(test)]
mod pace_tests;
mod planner;
mod progress;
mod report;
mod saver;
mod segment;
mod work;

pub use backfill::Backfill;
pub use blocks::SealedBlock;
pub use config::Config;
pub use error::Error;
pub use follow::Follow;
pub use planner::{Cuts, Lease, Planner, SegmentId};
pub use progress::{FailedUnit, Progress};
pub use report::{End, Outcome, Snapshot};
