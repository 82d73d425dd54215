//! Why a checkpoint could not be used.

use std::io;
use std::path::{Path, PathBuf};

use crate::identity::Difference;

/// Why a checkpoint could not be read or written. Each variant is a decision of the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process holds the checkpoint: wait for it, or use another file.
    #[error("the checkpoint {} is in use{}", path.display(), by(*holder))]
    Locked {
        /// The checkpoint.
        path: PathBuf,
        /// The process that holds it, where it left its number.
        holder: Option<u32>,
    },
    /// The checkpoint belongs to another job: start anew, or use another file.
    #[error(
        "the checkpoint {} is of another job: its {field} is {}, and {} is asked for",
        path.display(), quoted(stored), quoted(asked)
    )]
    OtherIdentity {
        /// The checkpoint.
        path: PathBuf,
        /// The first field that differs.
        field: String,
        /// Its value in the checkpoint; nothing if it has no such field.
        stored: Option<String>,
        /// Its value in the job that asks; nothing if it has no such field.
        asked: Option<String>,
    },
    /// The checkpoint was written by another version: use that version, or start anew.
    #[error(
        "the checkpoint {} has format {found}, and this program reads format {supported}",
        path.display()
    )]
    OtherFormat {
        /// The checkpoint.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The format that this version writes.
        supported: u32,
    },
    /// The checkpoint is damaged, and no earlier save is there to fall back to: start anew.
    #[error(
        "the checkpoint {} is damaged: {reason}; the save before it is no help: {previous}",
        path.display()
    )]
    Corrupt {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with the newest save.
        reason: String,
        /// What is wrong with the one before.
        previous: String,
    },
    /// The file system refuses.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as the rest of a sentence that begins with "cannot".
        action: &'static str,
        /// The file or directory that it was tried on.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

impl Error {
    /// Returns what a person can do about it, as an instruction.
    ///
    /// It speaks of `--fresh` and `--checkpoint`, the flags that a program should offer for
    /// clearing the store and for another path.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked { .. } => {
                "wait for the other process to end, or use another file with --checkpoint"
            }
            Self::OtherIdentity { .. } => {
                "start anew with --fresh, or keep both with another --checkpoint"
            }
            Self::OtherFormat { .. } => {
                "go on with the version that wrote it, or start anew with --fresh"
            }
            Self::Corrupt { .. } => {
                "start anew with --fresh; put a copy back first if there is one"
            }
            Self::Io { .. } => {
                "make the path writable by this user, or use another with --checkpoint"
            }
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn other_identity(path: &Path, difference: Difference) -> Self {
        Self::OtherIdentity {
            path: path.to_owned(),
            field: difference.field,
            stored: difference.stored,
            asked: difference.asked,
        }
    }
}

fn by(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" by process {pid}"))
}

fn quoted(value: &Option<String>) -> String {
    value
        .as_ref()
        .map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_both_sides() {
        let error = Error::OtherIdentity {
            path: "data/checkpoint".into(),
            field: "range".to_owned(),
            stored: None,
            asked: Some("[0, 9)".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "the checkpoint data/checkpoint is of another job: \
             its range is absent, and \"[0, 9)\" is asked for"
        );
        assert!(error.hint().contains("--fresh") && error.hint().contains("--checkpoint"));
    }

    #[test]
    fn the_holder_is_named_where_it_is_known() {
        let check = |holder, expected: &str| {
            let path = "c".into();
            assert_eq!(Error::Locked { path, holder }.to_string(), expected);
        };
        check(Some(7), "the checkpoint c is in use by process 7");
        check(None, "the checkpoint c is in use");
    }
}
