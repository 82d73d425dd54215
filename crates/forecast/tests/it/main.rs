//! Forecasts of made-up archives whose truth is known.

mod archive;
mod ranges;
mod time;
