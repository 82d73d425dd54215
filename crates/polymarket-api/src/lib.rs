#![doc = include_str!("../README.md")]

mod gamma;

pub use api_client::{Config, Endpoint, Error, MalformedEntity, RetryPolicy, Stats};
pub use gamma::{Gamma, GammaMarket, GammaPage};
