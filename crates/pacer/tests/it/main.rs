//! The pacer under tokio's paused time: its front, and how it compares on simulated servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod designs;
mod front;
mod rows;
mod run;
mod servers;
mod table;
