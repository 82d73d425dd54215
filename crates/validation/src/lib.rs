#![doc = include_str!("../README.md")]

mod check;
mod figures;
mod finding;
mod findings;
mod level;
mod report;

pub use check::{Check, CheckVerdict};
pub use figures::Figures;
pub use finding::{Finding, Kind};
pub use findings::Findings;
pub use level::{Level, UnknownLevel};
pub use report::{Outcome, Report, Verdict};
