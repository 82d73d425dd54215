#![doc = include_str!("../README.md")]

mod axis;
mod bars;
mod checks;
mod columns;
mod destination;
mod figures_table;
mod findings;
mod junit;
mod page;
mod pictures;
mod series;
mod text;
mod validated;

pub use axis::Scale;
pub use bars::{Bar, Bars};
pub use columns::{Column, Columns};
pub use destination::Destination;
pub use figures_table::FiguresTable;
pub use junit::junit;
pub use page::{Page, Tone};
pub use series::Series;
pub use text::{grouped, moment};
pub use validated::{About, validated};
