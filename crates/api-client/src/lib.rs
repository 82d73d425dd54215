#![doc = include_str!("../README.md")]

mod bundle;
mod config;
mod connect;
mod decoders;
mod endpoint;
mod error;
mod exchange;
mod failure;
mod http;
mod object;
mod retry;
mod room;
mod stats;
pub mod text;
mod transport;

pub use config::{Config, RetryPolicy};
pub use endpoint::Endpoint;
pub use error::Error;
pub use exchange::{Exchange, Read};
pub use failure::{Class, Failure, status};
pub use http::Http;
pub use object::{MalformedEntity, Object, Wrong, kind, read_row};
pub use stats::Stats;
pub use transport::{Answer, Request, Room, Transport, TransportError};
