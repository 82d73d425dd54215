//! The real binaries as processes: built, started, read from and always ended.
//!
//! Shared by the whole-program tests and the benchmark.

mod binaries;
mod running;
mod service;

pub use binaries::Binaries;
pub use running::{Ended, Running};
pub use service::{Engine, Source};
