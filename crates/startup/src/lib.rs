#![doc = include_str!("../README.md")]

mod environment;
mod error;
pub mod exit;
pub mod logging;
pub mod settings;
mod shutdown;

pub use environment::Environment;
pub use error::Error;
pub use exit::{ExitCode, Failure};
pub use logging::LogArgs;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use settings::fuzzing;
pub use settings::{Output, Secret, Settings, SettingsArgs, Strategy};
pub use shutdown::{Shutdown, Trigger};
