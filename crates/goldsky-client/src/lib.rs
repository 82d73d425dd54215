#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod benching;
mod catalog;
mod classify;
mod client;
mod entity;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod orderbooks;
mod page;
mod pages;
mod query;
mod reader;
mod salvage;
mod slot;
mod sound;
mod survey;
mod surveyed;
mod times;
mod wire;

pub use api_client::{
    Answer, Config, Endpoint, Error, Http, MalformedEntity, Request, RetryPolicy, Room, Stats,
    Transport, TransportError,
};
pub use catalog::MarketData;
pub use client::Client;
pub use entity::{EntityPage, IdRange};
pub use orderbooks::Orderbook;
pub use pages::{Cursor, Page, PageQuery};
pub use slot::Slot;
