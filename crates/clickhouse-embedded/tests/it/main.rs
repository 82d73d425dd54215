//! The official client, and plain HTTP, against the engine.

#![expect(clippy::unwrap_used, reason = "an unmet expectation ends a test")]

mod abort;
mod client;
mod http;
mod insert;
mod lock;
mod select;
mod tcp;
