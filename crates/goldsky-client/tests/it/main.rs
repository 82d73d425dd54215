//! The client against servers on the loopback: recorded answers, faults, the simulated source.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broken_connections;
mod bundles;
mod faults;
mod fixture;
mod requests;
mod secrets;
mod simulated;
