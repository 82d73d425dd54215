use std::fmt;

use clap::ValueEnum;

/// A way to load fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Design {
    /// This project: the `ingest` binary.
    Ours,
    /// One query and one insert for each market.
    PerMarket,
    /// One query for each market, inserts of 5,000 rows across markets.
    PerMarketBatched,
    /// One cursor over all fills, one request at a time.
    Sequential,
}

impl Design {
    /// Tells whether it loads market by market.
    pub(crate) fn is_by_market(self) -> bool {
        matches!(self, Self::PerMarket | Self::PerMarketBatched)
    }

    /// Returns its name, as flags and tables have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::PerMarket => "per-market",
            Self::PerMarketBatched => "per-market-batched",
            Self::Sequential => "sequential",
        }
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_flag() {
        for design in Design::value_variants() {
            let parsed = Design::from_str(design.name(), false);
            assert_eq!(parsed.as_ref(), Ok(design));
        }
    }
}
