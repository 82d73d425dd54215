use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A set of checks that answer one question together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// How much is there, and is it there once?
    Counts,
    /// Can every row be true?
    Quality,
    /// Does every token add up to what the source itself counted?
    Source,
    /// Does Polymarket's data API say the same of some wallets?
    Wallet,
    /// Are the rows of some windows, field by field, what the source serves?
    Spot,
}

/// A name that no level has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no level is called {name:?}; there are counts, quality, source, wallet and spot")]
pub struct UnknownLevel {
    /// The name given.
    pub name: String,
}

impl Level {
    /// Every level, in the order in which they run.
    pub const ALL: [Self; 5] = [
        Self::Counts,
        Self::Quality,
        Self::Source,
        Self::Wallet,
        Self::Spot,
    ];

    /// Returns the name that flags and reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Quality => "quality",
            Self::Source => "source",
            Self::Wallet => "wallet",
            Self::Spot => "spot",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let named = |level: &Self| level.name() == text;
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| UnknownLevel {
                name: text.to_owned(),
            })
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_found_by_its_name() {
        for level in Level::ALL {
            assert_eq!(level.name().parse(), Ok(level));
        }
    }

    #[test]
    fn another_name_is_refused_with_those_that_there_are() {
        let message = "sources".parse::<Level>().unwrap_err().to_string();
        for level in Level::ALL {
            assert!(message.contains(level.name()), "{message}");
        }
    }
}
