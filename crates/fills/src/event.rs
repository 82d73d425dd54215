//! The event as the subgraph serves it, and its conversion into a [`Fill`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::decimal;
use crate::fill::{Fill, Side};
use crate::id::{FillId, ParseIdError, TokenId};

/// An `OrderFilledEvent`, field by field as text, borrowed from the answer where possible.
///
/// **Source**: `orderbook-subgraph/schema.graphql` of Polymarket/polymarket-subgraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderFilled<'a> {
    /// `transactionHash_orderHash`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// 32 bytes in hex.
    #[serde(borrow)]
    pub transaction_hash: Cow<'a, str>,
    /// Seconds since 1970, decimal.
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    /// 32 bytes in hex.
    #[serde(borrow)]
    pub order_hash: Cow<'a, str>,
    /// The owner of the order, an address in hex.
    #[serde(borrow)]
    pub maker: Cow<'a, str>,
    /// The crossing wallet or the exchange, an address in hex.
    #[serde(borrow)]
    pub taker: Cow<'a, str>,
    /// What the maker gave: "0" for USDC or a token id, decimal.
    #[serde(borrow)]
    pub maker_asset_id: Cow<'a, str>,
    /// What the maker got: "0" for USDC or a token id, decimal.
    #[serde(borrow)]
    pub taker_asset_id: Cow<'a, str>,
    /// Base units of the maker asset, decimal.
    #[serde(borrow)]
    pub maker_amount_filled: Cow<'a, str>,
    /// Base units of the taker asset, decimal.
    #[serde(borrow)]
    pub taker_amount_filled: Cow<'a, str>,
    /// Base units of the asset that the maker got, decimal.
    #[serde(borrow)]
    pub fee: Cow<'a, str>,
}

/// A field that keeps an event from being a fill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct FieldError {
    /// The subgraph's name of the field.
    pub field: &'static str,
    /// What is wrong with it, as the rest of a sentence that begins with the field's name.
    pub reason: String,
}

/// An event that the source served and that cannot be a fill: it is kept, counted and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fill {fill_id}: {field} {reason}")]
pub struct Malformed {
    /// The event's id as served, or empty where it has none.
    pub fill_id: String,
    /// The subgraph's name of the field that is wrong.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its position on the source's axis, where it tells one.
    pub position: Option<u64>,
    /// The event as served, JSON.
    pub event: String,
}

impl OrderFilled<'_> {
    /// Converts the event into a fill.
    ///
    /// # Errors
    /// Names the first field that does not hold what the exchange contracts can emit: bad hex, an
    /// id that is not its own hashes in lower case, both or neither asset being USDC, an amount of
    /// 2^128 or more, a timestamp that no `DateTime` holds.
    pub fn to_fill(&self) -> Result<Fill, FieldError> {
        let id = self.id()?;
        let (token_id, side) = self.token_and_side()?;
        let given = amount("makerAmountFilled", &self.maker_amount_filled)?;
        let got = amount("takerAmountFilled", &self.taker_amount_filled)?;
        let (usdc_base_units, shares_base_units) = match side {
            Side::Buy => (given, got),
            Side::Sell => (got, given),
        };
        Ok(Fill {
            id,
            timestamp: self.timestamp()?,
            maker: id_field("maker", &self.maker)?,
            taker: id_field("taker", &self.taker)?,
            token_id,
            side,
            shares_base_units,
            usdc_base_units,
            fee_base_units: amount("fee", &self.fee)?,
            // The subgraph has V1 alone, and no more of a log than this.
            ..Fill::default()
        })
    }

    fn id(&self) -> Result<FillId, FieldError> {
        let id = FillId {
            tx_hash: id_field("transactionHash", &self.transaction_hash)?,
            order_hash: id_field("orderHash", &self.order_hash)?,
            nth_from_last: 0,
        };
        if !self.id_is_its_hashes() && id_field::<FillId>("id", &self.id)? != id {
            return Err(FieldError {
                field: "id",
                reason: "is not its transactionHash and orderHash joined by _".to_owned(),
            });
        }
        // The source orders ids as text, so that the same one in capitals would be another place.
        if has_capitals(&self.id) {
            return Err(FieldError {
                field: "id",
                reason: format!("{} is not in lower case", excerpt(&self.id)),
            });
        }
        Ok(id)
    }

    /// Tells whether the id is made of the very same text as its hashes, as it nearly always is:
    /// then there is nothing to parse in it.
    fn id_is_its_hashes(&self) -> bool {
        let rest = self.id.strip_prefix(&*self.transaction_hash);
        rest.and_then(|rest| rest.strip_prefix('_')) == Some(&*self.order_hash)
    }

    fn token_and_side(&self) -> Result<(TokenId, Side), FieldError> {
        let given: TokenId = id_field("makerAssetId", &self.maker_asset_id)?;
        let got: TokenId = id_field("takerAssetId", &self.taker_asset_id)?;
        let reason = match (given.is_zero(), got.is_zero()) {
            (true, false) => return Ok((got, Side::Buy)),
            (false, true) => return Ok((given, Side::Sell)),
            (true, true) => "and takerAssetId are both 0: no token changed hands",
            (false, false) => "and takerAssetId are both tokens: no USDC changed hands",
        };
        Err(FieldError {
            field: "makerAssetId",
            reason: reason.to_owned(),
        })
    }

    fn timestamp(&self) -> Result<u32, FieldError> {
        let out_of_range = || FieldError {
            field: "timestamp",
            reason: format!("{} is not within 1970 to 2106", excerpt(&self.timestamp)),
        };
        match decimal::u128(&self.timestamp) {
            Ok(0) | Err(decimal::Wrong::TooLarge) => Err(out_of_range()),
            Ok(seconds) => seconds.try_into().map_err(|_| out_of_range()),
            Err(decimal::Wrong::NotDecimal) => Err(not_decimal("timestamp", &self.timestamp)),
        }
    }
}

/// Tells whether a letter is a capital. It looks at all bytes without a branch, many at a time.
fn has_capitals(text: &str) -> bool {
    text.bytes()
        .fold(false, |any, byte| any | byte.is_ascii_uppercase())
}

fn id_field<T: std::str::FromStr<Err = ParseIdError>>(
    field: &'static str,
    text: &str,
) -> Result<T, FieldError> {
    text.parse().map_err(|error| FieldError {
        field,
        reason: format!("{} {error}", excerpt(text)),
    })
}

fn amount(field: &'static str, text: &str) -> Result<u128, FieldError> {
    decimal::u128(text).map_err(|wrong| match wrong {
        decimal::Wrong::NotDecimal => not_decimal(field, text),
        decimal::Wrong::TooLarge => FieldError {
            field,
            reason: format!("{} is 2^128 or more", excerpt(text)),
        },
    })
}

fn not_decimal(field: &'static str, text: &str) -> FieldError {
    FieldError {
        field,
        reason: format!("{} is not a decimal integer", excerpt(text)),
    }
}

/// Quotes a value that came from outside, cut to a length that a log line can hold.
fn excerpt(text: &str) -> String {
    const MOST_CHARS: usize = 160;
    if text.chars().count() <= MOST_CHARS {
        format!("{text:?}")
    } else {
        format!("{:?}…", text.chars().take(MOST_CHARS).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::{FeeAsset, Role};

    const TX: &str = "0x0012214aa998f1c9b2389af527f2de896a8b5d3310597aaa08d91d64af60984b";
    const ORDER: &str = "0x051a1268037790187395bccbe8aff3b4c988ede75a755c62655e97666f2da28c";

    fn event() -> OrderFilled<'static> {
        OrderFilled {
            id: format!("{TX}_{ORDER}").into(),
            transaction_hash: TX.into(),
            timestamp: "1705973400".into(),
            order_hash: ORDER.into(),
            maker: "0x6a643531b7daea11369ee14508ad794c24fd4172".into(),
            taker: "0x667cd60b7924dedecf7eda112df83c66d627d2b8".into(),
            maker_asset_id: "0".into(),
            taker_asset_id: "647".into(),
            maker_amount_filled: "42420000".into(),
            taker_amount_filled: "67333333".into(),
            fee: "7".into(),
        }
    }

    #[test]
    fn usdc_given_is_a_buy_of_the_taker_asset() {
        let fill = event().to_fill().unwrap();
        assert_eq!(fill.side, Side::Buy);
        assert_eq!(fill.token_id, TokenId::from(647));
        assert_eq!(fill.maker.to_string(), event().maker);
        assert_eq!(
            (fill.usdc_base_units, fill.shares_base_units),
            (42_420_000, 67_333_333)
        );
        assert_eq!(fill.fee_asset(), FeeAsset::Shares);
        assert_eq!(fill.role(), Role::Maker);
    }

    #[test]
    fn a_token_given_is_a_sell_of_the_maker_asset_by_the_maker() {
        let fill = OrderFilled {
            maker_asset_id: "647".into(),
            taker_asset_id: "0".into(),
            ..event()
        }
        .to_fill()
        .unwrap();
        assert_eq!(fill.side, Side::Sell);
        assert_eq!(fill.maker.to_string(), event().maker);
        assert_eq!(
            (fill.shares_base_units, fill.usdc_base_units),
            (42_420_000, 67_333_333)
        );
        assert_eq!(fill.fee_asset(), FeeAsset::Usdc);
    }

    #[test]
    fn either_exchange_as_taker_makes_this_the_crossing_order() {
        for exchange in [crate::CTF_EXCHANGE, crate::NEG_RISK_EXCHANGE] {
            let fill = OrderFilled {
                taker: exchange.to_string().into(),
                ..event()
            };
            assert_eq!(fill.to_fill().unwrap().role(), Role::Taker);
        }
    }

    #[test]
    fn no_shares_means_no_price() {
        let fill = OrderFilled {
            taker_amount_filled: "0".into(),
            ..event()
        };
        assert!(fill.to_fill().unwrap().price().is_none());
    }

    #[test]
    fn the_largest_amount_loads_and_the_next_is_malformed() {
        let with = |amount: &'static str| OrderFilled {
            maker_amount_filled: amount.into(),
            ..event()
        };
        let largest = with("340282366920938463463374607431768211455");
        assert_eq!(largest.to_fill().unwrap().usdc_base_units, u128::MAX);
        let above = with("340282366920938463463374607431768211456");
        assert_eq!(above.to_fill().unwrap_err().field, "makerAmountFilled");
    }

    #[test]
    fn what_does_not_parse_names_its_field() {
        let check = |event: OrderFilled<'_>, field: &str, reason: &str| {
            let error = event.to_fill().unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.reason.contains(reason), "{error}");
        };
        check(
            OrderFilled {
                transaction_hash: "0xzz".into(),
                ..event()
            },
            "transactionHash",
            "hex digits",
        );
        check(
            OrderFilled {
                order_hash: TX.into(),
                ..event()
            },
            "id",
            "joined",
        );
        check(
            OrderFilled {
                id: TX.into(),
                ..event()
            },
            "id",
            "hex digits",
        );
        check(
            OrderFilled {
                maker: "6a643531".into(),
                ..event()
            },
            "maker",
            "0x",
        );
        check(
            OrderFilled {
                taker: "".into(),
                ..event()
            },
            "taker",
            "0x",
        );
        check(
            OrderFilled {
                taker_asset_id: "0".into(),
                ..event()
            },
            "makerAssetId",
            "both 0",
        );
        check(
            OrderFilled {
                maker_asset_id: "5".into(),
                ..event()
            },
            "makerAssetId",
            "both tokens",
        );
        check(
            OrderFilled {
                maker_asset_id: "0x5".into(),
                ..event()
            },
            "makerAssetId",
            "decimal",
        );
        check(
            OrderFilled {
                timestamp: "0".into(),
                ..event()
            },
            "timestamp",
            "1970",
        );
        check(
            OrderFilled {
                timestamp: "4294967296".into(),
                ..event()
            },
            "timestamp",
            "2106",
        );
        check(
            OrderFilled {
                timestamp: "-5".into(),
                ..event()
            },
            "timestamp",
            "decimal",
        );
        check(
            OrderFilled {
                fee: "+5".into(),
                ..event()
            },
            "fee",
            "decimal",
        );
        check(
            OrderFilled {
                taker_amount_filled: "1.5".into(),
                ..event()
            },
            "takerAmountFilled",
            "decimal",
        );
    }

    #[test]
    fn an_id_in_capitals_is_not_a_second_place_for_the_same_fill() {
        let hashes_in_capitals = OrderFilled {
            transaction_hash: TX.to_uppercase().replace('X', "x").into(),
            ..event()
        };
        assert_eq!(hashes_in_capitals.to_fill(), event().to_fill());
        let id_in_capitals = OrderFilled {
            id: event().id.to_uppercase().replace('X', "x").into(),
            ..event()
        };
        let error = id_in_capitals.to_fill().unwrap_err();
        assert_eq!(error.field, "id");
        assert!(error.reason.contains("lower case"), "{error}");
    }

    #[test]
    fn json_is_read_without_copying() {
        let json = serde_json::to_string(&event()).unwrap();
        let read: OrderFilled<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, event());
        assert!(matches!(read.maker, Cow::Borrowed(_)));
    }
}
