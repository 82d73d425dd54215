//! Validation on the real engine against the simulated source.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

clickhouse_embedded::test_server!();

mod broken_levels;
mod broken_off;
mod damage;
mod fixture;
mod foreign;
mod healthy;
mod pictures;
mod random_damage;
mod wallet_damage;
mod wallet_fixture;
mod wallet_limits;
mod wallets;
