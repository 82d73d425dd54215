#![doc = include_str!("../README.md")]

mod arguments;
mod benchmark;
mod budget;
mod ceiling;
mod client;
mod column;
mod database;
mod design;
mod measurement;
mod median;
mod naive;
mod report;
mod said;
mod source;
mod stage;
mod usage;

pub use arguments::{Arguments, Command, Format};
pub use benchmark::{Programs, benchmark};
pub use design::Design;
pub use measurement::{ClientFigures, EngineFigures, Measurement};
pub use naive::{NaiveArguments, NaiveReport, run as run_naive};
pub use report::Report;

/// Whatever ends a benchmark early.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
