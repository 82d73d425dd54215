#![doc = include_str!("../README.md")]

pub mod conformance;
mod error;
mod file;
mod frame;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod generations;
mod identity;
mod lock;
mod memory;
mod store;

pub use error::Error;
pub use file::{FileStore, Peeked, peek};
pub use identity::Identity;
pub use lock::holder;
pub use memory::InMemory;
pub use store::{CheckpointStore, Loaded};
