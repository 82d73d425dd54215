//! Blocks and heads, as far as fills need them.

use serde::Deserialize;
use serde::de::Error as _;

/// A block's place on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u32,
    /// Its hash, which tells it from another one of the same number.
    pub hash: [u8; 32],
    /// Its time in seconds since 1970.
    pub timestamp: u32,
}

/// How far a chain reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The chain's identity, where it was asked for; 137 is Polygon.
    pub chain_id: Option<u64>,
    /// The newest block.
    pub latest: u32,
    /// The newest block that no reorganisation takes back.
    pub finalized: u32,
}

#[derive(Deserialize)]
struct Served {
    number: String,
    hash: String,
    timestamp: String,
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let block = Served::deserialize(deserializer)?;
        let number = |text: &str| {
            let digits = text.strip_prefix("0x");
            let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            number
                .ok_or_else(|| D::Error::custom(format!("{text:?} is no number of 32 bits in hex")))
        };
        let mut hash = [0; 32];
        const_hex::decode_to_slice(&block.hash, &mut hash).map_err(D::Error::custom)?;
        Ok(Self {
            number: number(&block.number)?,
            hash,
            timestamp: number(&block.timestamp)?,
        })
    }
}
