//! The simulator over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod catalogue;
mod client;
mod events;
mod failures;
mod paging;
mod replay;
