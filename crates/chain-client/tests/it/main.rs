//! Recorded logs of the exchanges, read by this crate and by another decoder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod nodes;
mod portals;
mod recorded;
mod transactions;
