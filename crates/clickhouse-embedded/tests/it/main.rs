//! Real server processes: clients, access, and ends of every kind.

#![expect(clippy::unwrap_used, reason = "an unmet expectation ends a test")]

clickhouse_embedded::test_server!();

mod access;
mod lifetime;
