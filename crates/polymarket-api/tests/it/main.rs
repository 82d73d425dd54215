//! The clients against servers of this process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod gamma;
