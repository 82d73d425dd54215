#![doc = include_str!("../README.md")]

mod history;
mod live;
mod metrics;
mod pace;
mod page;
mod reading;
mod server;
mod status;
mod warning;
mod watch;

pub use history::History;
pub use live::Live;
pub use metrics::{METRICS, Metric, metrics, reference};
pub use reading::{Month, Reading};
pub use server::Server;
pub use status::{State, Status};
pub use warning::{Change, Warning, Watchdog};
pub use watch::Watch;
