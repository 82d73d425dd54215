#![doc = include_str!("../README.md")]

mod budget;
mod config;
mod pacer;
mod state;

pub use config::Config;
pub use pacer::{Outcome, Pacer, Permit, Stats};
