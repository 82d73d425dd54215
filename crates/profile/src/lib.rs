#![doc = include_str!("../README.md")]

mod bound;
mod climb;
mod measured;
mod projection;
mod recorder;
mod report;
mod steady;
pub mod steps;

pub use bound::{Bound, Limit, Usage};
pub use climb::Climb;
pub use measured::Measured;
pub use projection::{Fills, Inserts, Observed, Part, Projection};
pub use recorder::Recorder;
pub use report::{Profile, Recommended, StepReport, Tried};
pub use steady::steady_rate;
