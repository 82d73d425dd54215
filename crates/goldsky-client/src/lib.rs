#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod benching;
mod bundle;
mod catalog;
mod classify;
mod client;
mod config;
mod decoders;
mod endpoint;
mod entity;
mod error;
mod exchange;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gamma;
mod http;
mod orderbooks;
mod page;
mod query;
mod reader;
mod retry;
mod room;
mod salvage;
mod sound;
mod stats;
mod survey;
mod surveyed;
mod text;
mod transport;
mod wire;

pub use catalog::MarketData;
pub use client::Client;
pub use config::{Config, RetryPolicy};
pub use endpoint::Endpoint;
pub use entity::{EntityPage, MalformedEntity};
pub use error::Error;
pub use gamma::{Gamma, GammaMarket, GammaPage};
pub use orderbooks::Orderbook;
pub use stats::Stats;
pub use transport::{Answer, Request, Room, Transport, TransportError};
