#![doc = include_str!("../README.md")]

mod baseline;
mod budget;
mod concurrency;
mod config;
mod evidence;
mod grants;
mod held;
mod outcome;
mod pacer;
mod recovery;
mod request_size;
mod spacing;
mod state;

pub use config::Config;
pub use outcome::Outcome;
pub use pacer::{Pacer, Permit, Stats};
pub use request_size::pages_per_request;
pub use state::{Pause, State, Ticket, Turn};
