//! The simulator over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod catalogue;
mod client;
mod data_api;
mod events;
mod failures;
mod paging;
mod replay;
