//! The sink against a server on the loopback that loses answers, and against the real engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

clickhouse_embedded::test_server!();

mod doubt;
mod encoding;
mod engine;
mod fake;
mod faults;
mod lossy_proxy;
mod queue;
mod retry;
mod row;
mod split;
mod start;
