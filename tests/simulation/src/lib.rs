#![doc = include_str!("../README.md")]

mod dataset;
mod disk;
mod life;
mod model;
mod pipe;
mod plan;
mod schedule;
mod server;
mod source;
mod table;
mod verdict;
mod world;

pub use model::Model;
pub use schedule::{Report, simulate};
