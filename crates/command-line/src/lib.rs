#![doc = include_str!("../README.md")]

mod about;
mod completions;
mod examples;
mod manual;

pub use about::AboutArgs;
pub use clap_complete::Shell;
pub use completions::write_completions;
pub use examples::{example, examples};
pub use manual::write_manuals;

/// The version of this build, with the commit in parentheses where it is known.
pub const VERSION: &str = env!("COMMAND_LINE_VERSION");
