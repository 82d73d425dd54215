//! The benchmark with real processes, at a size that says nothing about speed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod designs;
