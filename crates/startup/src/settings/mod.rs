//! Settings: flags win over environment, environment over the settings file, the file over
//! defaults.

mod args;
mod choice;
mod file;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod layers;
mod markets_file;
mod parse;
mod presentation;
mod resolve;
mod secret;
mod setting;
mod table;
mod typed;

pub use args::SettingsArgs;
pub use choice::{Output, Strategy};
pub use file::DEFAULT_FILE;
pub use presentation::{Shown, reference};
pub use secret::Secret;
pub use setting::{Fallback, Form, Group, Setting};
pub use table::SETTINGS;
pub use typed::{
    FollowSettings, ProgressSettings, ScopeSettings, Settings, SourceSettings, TableSettings,
};

pub(crate) use presentation::presentable;
