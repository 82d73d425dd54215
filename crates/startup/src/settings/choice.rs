//! Settings that choose one of a few.

use std::fmt;

use super::parse::Parsed;

/// How the source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// All fills by time.
    Scan,
    /// The tokens of markets, one after another.
    Markets,
    /// Whichever is expected to take less time.
    Auto,
}

/// For whom output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    /// For people.
    Human,
    /// For programs: one object on standard output, one a line on standard error.
    Json,
}

impl Strategy {
    pub(super) fn parse(text: &str) -> Parsed<Self> {
        choose(&[Self::Scan, Self::Markets, Self::Auto], text)
    }
}

impl Output {
    pub(super) fn parse(text: &str) -> Parsed<Self> {
        choose(&[Self::Human, Self::Json], text)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scan => "scan",
            Self::Markets => "markets",
            Self::Auto => "auto",
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Human => "human",
            Self::Json => "json",
        })
    }
}

fn choose<T: Copy + fmt::Display>(choices: &[T], text: &str) -> Parsed<T> {
    choices
        .iter()
        .copied()
        .find(|choice| choice.to_string() == text)
        .ok_or_else(|| "it is none of these".to_owned())
}
