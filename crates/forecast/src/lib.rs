#![doc = include_str!("../README.md")]

mod density;
mod estimate;
mod outlook;
mod sample;

pub use density::{Density, Probe};
pub use estimate::{Estimate, Method};
pub use outlook::{Capacity, Forecast, PageCosts};
pub use sample::Sample;
