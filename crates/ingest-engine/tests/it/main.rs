//! Runs of the engine between a source and a table in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod fakes;
mod faults;
mod following;
mod loading;
mod resuming;
