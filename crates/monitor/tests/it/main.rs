//! What can be seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod told;
