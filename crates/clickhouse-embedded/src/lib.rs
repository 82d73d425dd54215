#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod connection;
mod error;
mod install;
mod options;
mod process;
mod run;
mod server;
pub mod testing;

pub use connection::Connection;
pub use error::Error;
pub use install::{InstallOptions, LIBRARY_VERSION, Progress, install, locate, named};
pub use options::{Access, ServerOptions};
pub use run::run_if_server;
pub use server::Server;
