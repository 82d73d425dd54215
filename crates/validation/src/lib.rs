#![doc = include_str!("../README.md")]

mod attribution;
mod check;
mod counts;
mod coverage;
mod difference;
mod error;
mod figures;
mod finding;
mod findings;
mod foreign;
mod layout;
mod level;
mod orderbooks;
mod progress;
mod quality;
mod reader;
mod repair;
mod report;
mod rows;
mod source;
mod spot;
mod told;
mod totals;
mod transactions;
mod validation;

pub use check::{Check, CheckVerdict};
pub use coverage::{Coverage, Promise};
pub use error::Error;
pub use figures::Figures;
pub use finding::{Finding, Kind};
pub use findings::Findings;
pub use level::{Level, UnknownLevel};
pub use progress::{Progress, Step};
pub use repair::{Load, Plan};
pub use report::{Outcome, Report, Verdict};
pub use validation::{Config, Spot, Validated, Validation};
