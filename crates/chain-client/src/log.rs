//! A log as a node serves it.

use fills::{Address, TxHash};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A log of a contract, with its place on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// Up to four indexed words, the event's signature first.
    pub topics: Vec<[u8; 32]>,
    /// The words that are not indexed.
    pub data: Vec<u8>,
    /// The block.
    pub block_number: u32,
    /// The block's time in seconds since 1970; nothing where the node does not say it.
    pub block_timestamp: Option<u32>,
    /// The transaction.
    pub tx_hash: TxHash,
    /// The log's index among all logs of the block.
    pub log_index: u32,
}

impl<'de> Deserialize<'de> for Log {
    /// Reads an object of `eth_getLogs`. A log that a reorganisation removed is an error: it was asked for in
    /// blocks that are final.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let log = Served::deserialize(deserializer)?;
        if log.removed {
            return Err(D::Error::custom("the log was removed by a reorganisation"));
        }
        let topics = log.topics.into_iter().map(|topic| topic.0);
        Ok(Self {
            address: Address(log.address.0),
            topics: topics.collect(),
            data: log.data.0,
            block_number: log.block_number.0,
            block_timestamp: log.block_timestamp.map(|time| time.0),
            tx_hash: TxHash(log.transaction_hash.0),
            log_index: log.log_index.0,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    address: Hex<20>,
    topics: Vec<Hex<32>>,
    data: HexBytes,
    block_number: Quantity,
    #[serde(default)]
    block_timestamp: Option<Quantity>,
    transaction_hash: Hex<32>,
    log_index: Quantity,
    #[serde(default)]
    removed: bool,
}

/// Bytes of a fixed number, in hex behind `0x`.
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; N];
        let text = <&str>::deserialize(deserializer)?;
        const_hex::decode_to_slice(digits(text)?, &mut bytes).map_err(D::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Bytes of any number, in hex behind `0x`.
pub(crate) struct HexBytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for HexBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        const_hex::decode(digits(text)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A number in hex behind `0x`, of up to 32 bits.
struct Quantity(u32);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        u32::from_str_radix(digits(text)?, 16)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

fn digits<E: serde::de::Error>(text: &str) -> Result<&str, E> {
    text.strip_prefix("0x")
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or_else(|| E::custom(format!("{text:?} is not hex behind 0x")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVED: &str = r#"{
        "address": "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E",
        "topics": ["0x0101010101010101010101010101010101010101010101010101010101010101"],
        "data": "0x0a0b",
        "blockNumber": "0x4d93911",
        "transactionHash": "0x0202020202020202020202020202020202020202020202020202020202020202",
        "logIndex": "0x54d",
        "removed": false
    }"#;

    #[test]
    fn a_log_is_read_with_or_without_its_time() {
        let log: Log = serde_json::from_str(SERVED).unwrap();
        assert_eq!(log.address, fills::CTF_EXCHANGE);
        assert_eq!((log.topics, log.data), (vec![[1; 32]], vec![10, 11]));
        assert_eq!((log.block_number, log.log_index), (81_344_785, 1357));
        assert_eq!((log.tx_hash, log.block_timestamp), (TxHash([2; 32]), None));
        let timed = SERVED.replace(
            "\"removed\"",
            "\"blockTimestamp\": \"0x695e9f3d\", \"removed\"",
        );
        let log: Log = serde_json::from_str(&timed).unwrap();
        assert_eq!(log.block_timestamp, Some(0x695e_9f3d));
    }

    #[test]
    fn what_is_no_log_is_an_error_that_says_what() {
        for (from, to, words) in [
            ("false", "true", "removed"),
            ("0x54d", "54d", "not hex"),
            ("0x54d", "0x+54d", "not hex"),
            ("0x54d", "0x1ffffffff", "too large"),
            ("0x0a0b", "0x0a0", "odd"),
            ("8982E", "8982", ""),
        ] {
            let error = serde_json::from_str::<Log>(&SERVED.replace(from, to)).unwrap_err();
            assert!(
                error.to_string().to_lowercase().contains(words),
                "{to}: {error}"
            );
        }
    }
}
