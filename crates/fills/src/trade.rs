//! What one wallet did with one token in one transaction.

use std::collections::BTreeMap;

use crate::fill::{Fill, Side};
use crate::id::{TokenId, TxHash};

/// Names a trade of one wallet. In ascending order trades go by time, and within a second by
/// transaction, token and side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeKey {
    /// Seconds since 1970, UTC: the time of the block.
    pub timestamp: u32,
    /// The transaction.
    pub tx_hash: TxHash,
    /// The outcome token.
    pub token_id: TokenId,
    /// What the wallet did.
    pub side: Side,
}

/// The sum of a wallet's fills of one token on one side in one transaction.
///
/// Several orders of a wallet can be filled in one transaction, and not every witness tells them
/// apart: their sum is what all of them tell alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Which trade.
    pub key: TradeKey,
    /// How many fills, or rows of a witness that merges them, it is the sum of.
    pub fills: u64,
    /// Outcome shares, in base units, modulo 2^128.
    pub shares_base_units: u128,
    /// USDC, in base units, modulo 2^128; nothing where a witness does not tell.
    pub usdc_base_units: Option<u128>,
}

impl Trade {
    /// Sums trades up by their keys; the sums are in ascending order. USDC that is not told of a
    /// part is not known of the sum.
    pub fn sum(parts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut sums: BTreeMap<TradeKey, Self> = BTreeMap::new();
        for part in parts {
            sums.entry(part.key)
                .and_modify(|sum| sum.add(&part))
                .or_insert(part);
        }
        sums.into_values().collect()
    }

    fn add(&mut self, part: &Self) {
        self.fills += part.fills;
        self.shares_base_units = self.shares_base_units.wrapping_add(part.shares_base_units);
        self.usdc_base_units = self
            .usdc_base_units
            .zip(part.usdc_base_units)
            .map(|(sum, part)| sum.wrapping_add(part));
    }
}

impl From<&Fill> for Trade {
    /// Takes a fill for a trade of its maker, alone.
    fn from(fill: &Fill) -> Self {
        Self {
            key: TradeKey {
                timestamp: fill.timestamp,
                tx_hash: fill.id.tx_hash,
                token_id: fill.token_id,
                side: fill.side,
            },
            fills: 1,
            shares_base_units: fill.shares_base_units,
            usdc_base_units: Some(fill.usdc_base_units),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(timestamp: u32, side: Side, usdc: Option<u128>) -> Trade {
        Trade {
            key: TradeKey {
                timestamp,
                tx_hash: TxHash([1; 32]),
                token_id: 7.into(),
                side,
            },
            fills: 1,
            shares_base_units: 3,
            usdc_base_units: usdc,
        }
    }

    #[test]
    fn parts_of_one_trade_add_up_and_others_stay_apart_in_order() {
        let sums = Trade::sum([
            part(9, Side::Sell, Some(1)),
            part(9, Side::Buy, Some(2)),
            part(8, Side::Sell, Some(4)),
            part(9, Side::Buy, Some(8)),
        ]);
        let told: Vec<_> = sums
            .iter()
            .map(|sum| {
                (
                    sum.key.timestamp,
                    sum.key.side,
                    sum.fills,
                    sum.usdc_base_units,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (8, Side::Sell, 1, Some(4)),
                (9, Side::Buy, 2, Some(10)),
                (9, Side::Sell, 1, Some(1)),
            ]
        );
        assert_eq!(sums[1].shares_base_units, 6);
    }

    #[test]
    fn usdc_that_is_not_told_of_a_part_is_not_known_of_the_sum() {
        let sums = Trade::sum([part(9, Side::Buy, Some(2)), part(9, Side::Buy, None)]);
        assert_eq!(sums[0].usdc_base_units, None);
    }

    #[test]
    fn sums_wrap_around_as_the_tables_do() {
        let sums = Trade::sum([
            part(9, Side::Buy, Some(u128::MAX)),
            part(9, Side::Buy, Some(2)),
        ]);
        assert_eq!(sums[0].usdc_base_units, Some(1));
    }
}
