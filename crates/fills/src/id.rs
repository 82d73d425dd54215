//! Identifiers as fixed bytes. Text forms are lower-case hex with `0x`, token ids are decimal.

use std::fmt;
use std::str::FromStr;

use ruint::aliases::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decimal;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// The text does not begin with `0x`.
    #[error("does not begin with 0x")]
    MissingPrefix,
    /// The text has another number of hex digits than the identifier.
    #[error("has {found} hex digits instead of {expected}")]
    WrongLength {
        /// Hex digits an identifier of this kind has.
        expected: usize,
        /// Hex digits found behind `0x`.
        found: usize,
    },
    /// A character is not a hex digit.
    #[error("is not hex")]
    NotHex,
    /// The text is not a decimal integer without sign.
    #[error("is not a decimal integer")]
    NotDecimal,
    /// The number does not fit in 256 bits.
    #[error("does not fit in 256 bits")]
    TooLarge,
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    let digits = text.strip_prefix("0x").ok_or(ParseIdError::MissingPrefix)?;
    if digits.len() != 2 * N {
        return Err(ParseIdError::WrongLength {
            expected: 2 * N,
            found: digits.len(),
        });
    }
    let mut bytes = [0; N];
    const_hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseIdError::NotHex)?;
    Ok(bytes)
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl Default for $name {
            /// Returns the identifier of all zeros, which stands for none.
            fn default() -> Self {
                Self([0; $bytes])
            }
        }

        impl $name {
            /// Returns true if all bytes are zero: it stands for none.
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $bytes]
            }

            /// The identifier's bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0_u8; 2 * $bytes];
                // The buffer is exactly as long as the digits, so encoding cannot fail.
                const_hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
                f.write_str("0x")?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// A wallet or contract on Polygon.
    Address,
    20
);
hex_id!(
    /// The hash of the transaction that settled a match.
    TxHash,
    32
);
hex_id!(
    /// The hash of a signed order.
    OrderHash,
    32
);
hex_id!(
    /// Who brought an order to the exchange, as the builder program registers them.
    BuilderCode,
    32
);
hex_id!(
    /// The condition that groups the outcome tokens of one market.
    ConditionId,
    32
);

/// The ERC-1155 id of an outcome token: an unsigned 256-bit integer, written in decimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(U256);

impl TokenId {
    /// Makes an id from its 32 bytes, least significant first (`ClickHouse`'s `UInt256`).
    pub const fn from_le_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_le_bytes(bytes))
    }

    /// Returns the 32 bytes, least significant first (`ClickHouse`'s `UInt256`).
    pub const fn to_le_bytes(self) -> [u8; 32] {
        self.0.to_le_bytes()
    }

    /// Tells whether this is asset id 0, which stands for USDC and is no token.
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

impl From<u64> for TokenId {
    fn from(value: u64) -> Self {
        Self(U256::from(value))
    }
}

impl FromStr for TokenId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match decimal::limbs(text) {
            Ok(limbs) => Ok(Self(U256::from_limbs(limbs))),
            Err(decimal::Wrong::NotDecimal) => Err(ParseIdError::NotDecimal),
            Err(decimal::Wrong::TooLarge) => Err(ParseIdError::TooLarge),
        }
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The identity of a fill: transaction hash, order hash, and which fill of that order in the transaction.
///
/// Its text is `transactionHash_orderHash`, with `_n` behind it where n is not 0. A subgraph keeps only the last
/// fill of an order in a transaction, so that its fills have the same identity from the chain.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FillId {
    /// The transaction.
    pub tx_hash: TxHash,
    /// The order.
    pub order_hash: OrderHash,
    /// How many fills of the order come behind this one in the transaction.
    pub nth_from_last: u16,
}

impl FromStr for FillId {
    type Err = ParseIdError;

    /// Reads `transactionHash_orderHash` and `transactionHash_orderHash_n`.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (tx_hash, rest) = text.split_once('_').ok_or(ParseIdError::WrongLength {
            expected: 128,
            found: text.len().saturating_sub(2),
        })?;
        let (order_hash, nth) = match rest.split_once('_') {
            None => (rest, 0),
            // Each has one text: without sign and zeros in front, and no suffix for the last.
            Some((order_hash, digits)) => match digits.parse() {
                Ok(nth @ 1..)
                    if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0') =>
                {
                    (order_hash, nth)
                }
                _ => return Err(ParseIdError::NotDecimal),
            },
        };
        Ok(Self {
            tx_hash: tx_hash.parse()?,
            order_hash: order_hash.parse()?,
            nth_from_last: nth,
        })
    }
}

impl fmt::Display for FillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.tx_hash, self.order_hash)?;
        match self.nth_from_last {
            0 => Ok(()),
            nth => write!(f, "_{nth}"),
        }
    }
}

impl fmt::Debug for FillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_written_in_lower_case() {
        let address: Address = "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E"
            .parse()
            .unwrap();
        assert_eq!(
            address.to_string(),
            "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e"
        );
    }

    #[test]
    fn wrong_hex_is_named() {
        let check = |text: &str, expected| assert_eq!(text.parse::<Address>(), Err(expected));
        check("4bfb", ParseIdError::MissingPrefix);
        check(
            "0x4bfb",
            ParseIdError::WrongLength {
                expected: 40,
                found: 4,
            },
        );
        check(
            "0xzbfb41d5b3570defd03c39a9a4d8de6bd8b8982e",
            ParseIdError::NotHex,
        );
    }

    #[test]
    fn token_ids_end_at_256_bits() {
        let largest = U256::MAX.to_string();
        assert_eq!(
            largest.parse::<TokenId>().unwrap().to_le_bytes(),
            [0xff; 32]
        );
        let above =
            "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        assert_eq!(above.parse::<TokenId>(), Err(ParseIdError::TooLarge));
        for text in ["", "-1", "+1", "0x1", "1 ", "1e5"] {
            assert_eq!(
                text.parse::<TokenId>(),
                Err(ParseIdError::NotDecimal),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_fill_id_has_one_text() {
        let id = FillId::default();
        assert_eq!(id.to_string().len(), 133);
        let third = FillId {
            nth_from_last: 2,
            ..id
        };
        assert_eq!(third.to_string(), format!("{id}_2"));
        for suffix in ["_0", "_02", "_+2", "_", "_2_1", "_65536"] {
            let wrong = format!("{id}{suffix}").parse::<FillId>();
            assert_eq!(wrong, Err(ParseIdError::NotDecimal), "{suffix}");
        }
    }

    proptest! {
        #[test]
        fn token_ids_survive_text_and_bytes(bytes: [u8; 32]) {
            let token = TokenId::from_le_bytes(bytes);
            prop_assert_eq!(token.to_string().parse::<TokenId>().unwrap(), token);
            prop_assert_eq!(token.to_le_bytes(), bytes);
        }

        #[test]
        fn fill_ids_survive_text(tx: [u8; 32], order: [u8; 32], nth_from_last: u16) {
            let id = FillId { tx_hash: TxHash(tx), order_hash: OrderHash(order), nth_from_last };
            prop_assert_eq!(id.to_string().parse::<FillId>().unwrap(), id);
        }
    }
}
