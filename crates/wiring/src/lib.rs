#![doc = include_str!("../README.md")]

pub mod checkpoint;
pub mod database;
pub mod errors;
pub mod progress;
pub mod scope;
pub mod source;
pub mod start;
