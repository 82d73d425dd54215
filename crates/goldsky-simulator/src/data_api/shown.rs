//! One row as the API shows it.

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Listing;

/// What a wallet did in a transaction. Amounts are kept as the text of a JSON number, exact.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    pub(crate) proxy_wallet: String,
    pub(crate) timestamp: i64,
    transaction_hash: String,
    asset: String,
    side: String,
    condition_id: String,
    size: Box<RawValue>,
    usdc_size: Box<RawValue>,
    /// Whether the wallet's was the crossing order; recorded rows do not tell.
    #[serde(skip)]
    pub(crate) is_taker: bool,
}

/// A row in the making, amounts in base units.
#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) timestamp: i64,
    pub(crate) transaction: String,
    pub(crate) asset: String,
    pub(crate) side: &'static str,
    pub(crate) condition: String,
    pub(crate) shares: u128,
    pub(crate) usdc: u128,
    pub(crate) is_taker: bool,
}

impl Shown {
    /// Makes the row of a wallet; nothing if an amount has no JSON form, which cannot be.
    pub(crate) fn new(wallet: &str, sum: Sum) -> Option<Self> {
        Some(Self {
            proxy_wallet: wallet.to_owned(),
            timestamp: sum.timestamp,
            transaction_hash: sum.transaction,
            asset: sum.asset,
            side: sum.side.to_owned(),
            condition_id: sum.condition,
            size: number(sum.shares)?,
            usdc_size: number(sum.usdc)?,
            is_taker: sum.is_taker,
        })
    }

    /// Writes the row as an object.
    pub(crate) fn write(&self, listing: Listing) -> String {
        let own = match listing {
            Listing::Activity => format!(r#""type":"TRADE","usdcSize":{},"#, self.usdc_size),
            Listing::Trades => String::new(),
        };
        format!(
            r#"{{"proxyWallet":{},"side":{},"asset":{},"conditionId":{},"size":{},{own}"timestamp":{},"transactionHash":{}}}"#,
            json!(self.proxy_wallet),
            json!(self.side),
            json!(self.asset),
            json!(self.condition_id),
            self.size,
            self.timestamp,
            json!(self.transaction_hash),
        )
    }
}

/// Writes base units as the API does: a number with at least one decimal.
fn number(base_units: u128) -> Option<Box<RawValue>> {
    let (whole, rest) = (base_units / 1_000_000, base_units % 1_000_000);
    let decimals = format!("{rest:06}");
    let decimals = match decimals.trim_end_matches('0') {
        "" => "0",
        decimals => decimals,
    };
    RawValue::from_string(format!("{whole}.{decimals}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_with_at_least_one_decimal() {
        let check = |base_units, text| assert_eq!(number(base_units).unwrap().get(), text);
        check(28_300_000, "28.3");
        check(60_000_000, "60.0");
        check(1, "0.000001");
        check(0, "0.0");
    }
}
