//! The whole program: real binaries, the real engine, real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod book;
mod catalogue;
mod checkpoint_faults;
mod commands_of_documents;
mod crashes;
mod demo;
mod doctor;
mod exactness;
mod following;
mod harness;
mod help;
mod kills;
mod listener;
mod operating;
mod packaging;
mod plan;
mod profile;
mod proxy;
mod refusals;
mod refused_rows;
mod secrets;
mod source_faults;
mod source_outages;
mod source_proxy;
mod store_faults;
mod store_outages;
mod table_document;
mod validation;
mod wallets;
mod watching;
mod weather;
mod witness;
