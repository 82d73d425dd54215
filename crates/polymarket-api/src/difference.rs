//! What two accounts of one wallet say of a trade, and of all.

use std::fmt;

use fills::{Trade, TradeKey};

/// What one account says of one trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Outcome shares, in base units.
    pub shares_base_units: u128,
    /// USDC, in base units; nothing where the witness does not tell.
    pub usdc_base_units: Option<u128>,
}

impl Amounts {
    /// Tells whether nothing that both say differs.
    pub fn agree(&self, other: &Self) -> bool {
        let usdc = self.usdc_base_units.zip(other.usdc_base_units);
        self.shares_base_units == other.shares_base_units && usdc.is_none_or(|(a, b)| a == b)
    }
}

impl From<Trade> for Amounts {
    fn from(trade: Trade) -> Self {
        Self {
            shares_base_units: trade.shares_base_units,
            usdc_base_units: trade.usdc_base_units,
        }
    }
}

impl fmt::Display for Amounts {
    /// Writes `12 shares for 5 USDC`, both in base units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} shares", self.shares_base_units)?;
        match self.usdc_base_units {
            Some(usdc) => write!(f, " for {usdc} USDC"),
            None => Ok(()),
        }
    }
}

/// A trade of which the two accounts differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Which trade.
    pub key: TradeKey,
    /// What the witness says; nothing where it does not know the trade.
    pub expected: Option<Amounts>,
    /// What the table holds; nothing where it lacks the trade.
    pub found: Option<Amounts>,
}

/// What one account adds up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// Fills, or the witness's rows, which may be several fills each.
    pub fills: u64,
    /// Trades: sums by transaction, token and side.
    pub trades: u64,
    /// USDC of all trades of which it is told, in base units, modulo 2^128.
    pub usdc_base_units: u128,
    /// The first trade's second; nothing without trades.
    pub first: Option<u32>,
    /// The last trade's second; nothing without trades.
    pub last: Option<u32>,
}

impl Account {
    /// Adds a trade, later than or in the same second as those before.
    pub(crate) fn add(&mut self, trade: &Trade) {
        self.fills += trade.fills;
        self.trades += 1;
        let usdc = trade.usdc_base_units.unwrap_or(0);
        self.usdc_base_units = self.usdc_base_units.wrapping_add(usdc);
        self.first.get_or_insert(trade.key.timestamp);
        self.last = Some(trade.key.timestamp);
    }
}
