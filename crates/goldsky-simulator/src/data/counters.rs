//! The `Orderbook` counters of one token.

use serde::Serialize;

/// What the indexer counts for a token, one event at a time: the proof that a load is complete.
///
/// Volumes are USDC base units (6 decimals).
///
/// **Source**: `orderbook-subgraph` of Polymarket/polymarket-subgraph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Events whose maker bought the token.
    pub(crate) buys: u64,
    /// Events whose maker sold the token.
    pub(crate) sells: u64,
    /// USDC paid in the buys.
    pub(crate) buy_volume: u128,
    /// USDC received in the sells.
    pub(crate) sell_volume: u128,
}

impl Counters {
    /// Counts one event.
    pub(crate) fn add(&mut self, buy: bool, usdc: u128) {
        let (count, volume) = if buy {
            (&mut self.buys, &mut self.buy_volume)
        } else {
            (&mut self.sells, &mut self.sell_volume)
        };
        *count += 1;
        *volume = volume.saturating_add(usdc);
    }

    /// Returns the number of events.
    pub(crate) fn trades(&self) -> u64 {
        self.buys + self.sells
    }

    /// Returns the USDC of all events, base units.
    pub(crate) fn volume(&self) -> u128 {
        self.buy_volume.saturating_add(self.sell_volume)
    }
}

/// What `GET /expected` says of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedToken {
    /// All events of the token.
    pub trades_quantity: u64,
    /// Those whose maker bought.
    pub buys_quantity: u64,
    /// Those whose maker sold.
    pub sells_quantity: u64,
    /// USDC of all events, base units, decimal.
    pub collateral_volume: String,
}

impl From<Counters> for ExpectedToken {
    fn from(counters: Counters) -> Self {
        Self {
            trades_quantity: counters.trades(),
            buys_quantity: counters.buys,
            sells_quantity: counters.sells,
            collateral_volume: counters.volume().to_string(),
        }
    }
}

/// Writes an amount of base units as the subgraph's `scaled…` columns show it: six decimals,
/// without trailing zeros.
pub(crate) fn scaled(base_units: u128) -> String {
    let (whole, fraction) = (base_units / 1_000_000, base_units % 1_000_000);
    if fraction == 0 {
        return whole.to_string();
    }
    format!("{whole}.{fraction:06}")
        .trim_end_matches('0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_amounts_have_no_trailing_zeros() {
        assert_eq!(scaled(31_687_467_070), "31687.46707");
        assert_eq!(scaled(5_000_000), "5");
        assert_eq!(scaled(1), "0.000001");
        assert_eq!(scaled(0), "0");
    }
}
