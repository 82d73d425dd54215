//! Why a program cannot start.

use std::io;
use std::path::{Path, PathBuf};

use crate::exit::ExitCode;
use crate::settings::Setting;

/// Why a program cannot start. All but the last are for the user to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting has a value that is not allowed.
    #[error("{value:?} is not allowed for {name} ({origin}): {reason}; allowed is {allowed}")]
    BadValue {
        /// The setting.
        name: &'static str,
        /// The value, `***` if it is a secret.
        value: String,
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        reason: String,
        /// Which values are allowed.
        allowed: String,
    },
    /// Two settings that are good alone do not go together.
    #[error("{0}")]
    Conflict(String),
    /// The settings file has a key that is no setting.
    #[error("{} has the unknown key {key:?}{}", path.display(), meant(*nearest))]
    UnknownKey {
        /// The settings file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The setting with the nearest name, if one is near.
        nearest: Option<&'static str>,
    },
    /// The settings file has a key that is only a flag.
    #[error("{} has the key {key:?}, which is for the command line only", path.display())]
    FlagOnly {
        /// The settings file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The settings file is not TOML.
    #[error("{} cannot be understood: {message}", path.display())]
    Syntax {
        /// The settings file.
        path: PathBuf,
        /// What the parser said, with line and column.
        message: String,
    },
    /// An environment file has a line that is not `NAME=value`.
    #[error("{} has a line that is not NAME=value, {}", path.display(), place(last.as_deref()))]
    EnvironmentFile {
        /// The environment file.
        path: PathBuf,
        /// The last variable before that line; nothing if it is the first.
        last: Option<String>,
    },
    /// An environment variable is not text.
    #[error("{origin} is not UTF-8")]
    NotUtf8 {
        /// The variable.
        origin: String,
    },
    /// A line of the markets file is no id.
    #[error("line {line} of {} is no id: {text:?} {reason}", path.display())]
    MarketLine {
        /// The markets file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The line, cut to a length that can be shown.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that a setting names cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Logging was set up before, in this process.
    #[error("logging is set up already")]
    LoggingTwice,
}

impl Error {
    /// Returns the exit code that a program should end with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Signals(_) | Self::LoggingTwice => ExitCode::Failed,
            _ => ExitCode::Usage,
        }
    }

    /// Returns what a person can do about it, as an instruction, where the message does not say it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: None, .. } => {
                Some("see the setting names in `ingest config show`".to_owned())
            }
            Self::UnknownKey {
                nearest: Some(nearest),
                ..
            } => Some(format!("write {nearest}, or remove the key")),
            Self::Syntax { message, .. } if message.contains("number too large") => {
                Some("put long numbers, such as token ids, in quotes".to_owned())
            }
            Self::FlagOnly { key, .. } => Some(format!("remove the key and give --{key}")),
            Self::EnvironmentFile { .. } => {
                Some("put values with blanks or quotes in quotes".to_owned())
            }
            Self::MarketLine { .. } => Some(
                "write one condition id (0x and 64 hex digits) or token id (decimal) a line"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    pub(crate) fn bad_value(setting: &Setting, value: &str, origin: &str, reason: String) -> Self {
        Self::BadValue {
            name: setting.name,
            value: excerpt(&crate::settings::presentable(setting, value)),
            origin: origin.to_owned(),
            reason,
            allowed: setting.allowed_text(),
        }
    }

    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }
}

/// Cuts a text that came from outside to a length that a line can hold.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST_CHARS: usize = 160;
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(" (did you mean {nearest}?)"))
}

fn place(last: Option<&str>) -> String {
    last.map_or_else(
        || "before any variable".to_owned(),
        |last| format!("after {last}"),
    )
}
