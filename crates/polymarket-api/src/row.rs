//! One row of the data API.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use api_client::{MalformedEntity, Wrong, text};
use fills::{Address, Side, TokenId, Trade, TradeKey, TxHash};
use serde_json::value::RawValue;

use crate::millionths::millionths;

/// What the API says a wallet did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeRow {
    /// The wallet.
    pub wallet: Address,
    /// What it did; one row counts as one fill, whatever the API merged.
    pub trade: Trade,
}

/// Reads a row, field by field, or says which field is wrong.
pub(crate) fn read(row: &RawValue) -> Result<TradeRow, MalformedEntity> {
    let malformed = |id: &str, (field, reason): Wrong| MalformedEntity {
        id: id.to_owned(),
        field: field.to_owned(),
        reason: text::one_line(&reason),
        entity: row.get().to_owned(),
    };
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(row.get())
        .map_err(|_| malformed("", ("row", "is not an object".to_owned())))?;
    let fields = Fields(fields);
    let id = fields.text("transactionHash").unwrap_or_default();
    fields.row().map_err(|wrong| malformed(&id, wrong))
}

/// The fields of a row as they were written: numbers keep their digits.
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl Fields<'_> {
    fn row(&self) -> Result<TradeRow, Wrong> {
        self.is_a_trade()?;
        let trade = Trade {
            key: TradeKey {
                timestamp: self.timestamp()?,
                tx_hash: self.parse::<TxHash>("transactionHash")?,
                token_id: self.parse::<TokenId>("asset")?,
                side: self.side()?,
            },
            fills: 1,
            shares_base_units: self.amount("size")?,
            usdc_base_units: match self.0.contains_key("usdcSize") {
                true => Some(self.amount("usdcSize")?),
                false => None,
            },
        };
        Ok(TradeRow {
            wallet: self.parse("proxyWallet")?,
            trade,
        })
    }

    /// Whoever asks for trades wants to see nothing else.
    fn is_a_trade(&self) -> Result<(), Wrong> {
        match self.0.get("type").map(|value| value.get()) {
            None | Some(r#""TRADE""#) => Ok(()),
            Some(other) => Err(("type", format!("is {other} instead of \"TRADE\""))),
        }
    }

    fn side(&self) -> Result<Side, Wrong> {
        match self.text("side")?.as_str() {
            "BUY" => Ok(Side::Buy),
            "SELL" => Ok(Side::Sell),
            other => Err(("side", format!("is {other:?} instead of BUY or SELL"))),
        }
    }

    fn timestamp(&self) -> Result<u32, Wrong> {
        let field = "timestamp";
        let text = self.raw(field)?;
        text.parse()
            .map_err(|_| (field, format!("is {text} instead of seconds since 1970")))
    }

    fn amount(&self, field: &'static str) -> Result<u128, Wrong> {
        let text = self.raw(field)?;
        millionths(text).map_err(|reason| (field, format!("{text} {reason}")))
    }

    fn parse<T: FromStr<Err: Display>>(&self, field: &'static str) -> Result<T, Wrong> {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error| (field, format!("{text:?}: {error}")))
    }

    fn text(&self, field: &'static str) -> Result<String, Wrong> {
        let raw = self.raw(field)?;
        serde_json::from_str(raw).map_err(|_| (field, format!("is {raw} instead of text")))
    }

    fn raw(&self, field: &'static str) -> Result<&str, Wrong> {
        let value = self.0.get(field);
        value
            .map(|value| value.get())
            .ok_or_else(|| (field, "is missing".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn recorded() -> Value {
        json!({
            "proxyWallet": "0x961afce6bd9aec79c5cf09d2d4dac2b434b23361",
            "side": "SELL",
            "asset": "7",
            "transactionHash": format!("0x{:064x}", 9),
            "timestamp": 1_767_585_283,
            "size": 28.3,
            "usdcSize": 16.697,
            "price": 0.59,
            "title": "Bitcoin Up or Down",
        })
    }

    fn read_text(text: &str) -> Result<TradeRow, MalformedEntity> {
        read(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn a_row_is_read_whole() {
        let row = read_text(&recorded().to_string()).unwrap();
        assert_eq!(
            row.wallet.to_string(),
            "0x961afce6bd9aec79c5cf09d2d4dac2b434b23361"
        );
        assert_eq!(row.trade.key.timestamp, 1_767_585_283);
        assert_eq!(row.trade.key.side, Side::Sell);
        assert_eq!(row.trade.shares_base_units, 28_300_000);
        assert_eq!(row.trade.usdc_base_units, Some(16_697_000));
    }

    #[test]
    fn a_row_without_usdc_does_not_tell_it() {
        let mut row = recorded();
        row.as_object_mut().unwrap().remove("usdcSize");
        let row = read_text(&row.to_string()).unwrap();
        assert_eq!(row.trade.usdc_base_units, None);
    }

    #[test]
    fn a_row_that_does_not_read_names_its_field_and_its_transaction() {
        let check = |field: &str, value: Value| {
            let mut row = recorded();
            row[field] = value.clone();
            let malformed = read_text(&row.to_string()).unwrap_err();
            assert_eq!(malformed.field, field, "{value}: {malformed}");
            if field != "transactionHash" {
                assert_eq!(malformed.id, format!("0x{:064x}", 9));
            }
        };
        check("size", json!(0.000_000_1));
        check("size", json!(-1));
        check("size", json!("28.3"));
        check("usdcSize", json!(null));
        check("usdcSize", json!(16.697_000_1));
        check("side", json!("buy"));
        check("asset", json!("0x7"));
        check("asset", json!(7));
        check("timestamp", json!(-1));
        check("timestamp", json!(4_294_967_296_u64));
        check("transactionHash", json!("0x12"));
        check("proxyWallet", json!(null));
        check("type", json!("REDEEM"));
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        for text in ["null", "7", "[]", "\"row\""] {
            assert_eq!(read_text(text).unwrap_err().field, "row");
        }
    }

    #[test]
    fn all_rows_of_the_real_data_read() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/realdata/data_api_activity.jsonl"
        );
        let Ok(rows) = std::fs::read_to_string(path) else {
            println!("skipped: there is no real data beside the project");
            return;
        };
        let rows: Vec<_> = rows.lines().map(|line| read_text(line).unwrap()).collect();
        assert_eq!(rows.len(), 1_852);
    }
}
