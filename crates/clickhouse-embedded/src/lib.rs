#![doc = include_str!("../README.md")]

mod claims;
mod client;
mod engine;
mod error;
mod exception;
mod front;
mod install;
mod instance;
mod library;
mod listener;
mod options;
mod process;
pub mod testing;
mod threads;

pub use engine::Engine;
pub use error::Error;
pub use front::Auth;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use front::fuzzing;
pub use install::{InstallOptions, LIBRARY_VERSION, Progress, install, locate, named};
pub use listener::Server;
pub use options::EngineOptions;
