//! The clients against servers of this process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data_api;
mod fixture;
mod gamma;
mod history;
mod realdata;
mod simulated;
