//! The table on the real engine, a database for each test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

clickhouse_embedded::test_server!();

mod catalogue;
mod columns;
mod fixture;
mod names;
mod queries;
mod readers;
mod realdata;
mod schema;
mod server;
mod store;
mod tls;
mod wallets;
