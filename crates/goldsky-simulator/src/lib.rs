#![doc = include_str!("../README.md")]

mod config;
mod data;
mod data_api;
mod error;
mod expected;
mod faults;
mod gamma;
mod graphql;
mod host;
mod node;
mod server;
mod simulator;
mod stats;

pub use config::{Config, Data, DataApi, Entities, FIRST_SECOND, LAST_SECOND, Seeded, Text};
pub use data::{ExpectedToken, Head};
pub use error::Error;
pub use expected::Expected;
pub use faults::{Fault, FaultRate, Faults, ParseFaultError};
pub use host::{Host, RateLimit};
pub use node::Node;
pub use simulator::Simulator;
pub use stats::Stats;
