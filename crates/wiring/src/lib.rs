#![doc = include_str!("../README.md")]

pub mod allowance;
pub mod checkpoint;
pub mod database;
pub mod errors;
pub mod expected;
pub mod progress;
pub mod scope;
pub mod source;
pub mod start;
#[cfg(feature = "otel")]
mod traces;
