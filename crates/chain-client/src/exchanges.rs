//! The contracts that emit fills.

use fills::{Address, Version};

/// An exchange of Polymarket's on Polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// The contract.
    pub address: Address,
    /// Its generation, which decides how its events read.
    pub version: Version,
    /// No block before this one has a fill of it.
    pub first_block: u32,
}

/// All exchanges that are known, by generation.
///
/// **Source**: the READMEs of Polymarket/ctf-exchange and Polymarket/ctf-exchange-v2, `environments.py` of
/// Polymarket/py-sdk; the four of 2026-03 before V2's launch from a census of its topic.
pub const EXCHANGES: &[Exchange] = &[
    exchange(
        "4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e",
        Version::V1,
        33_605_403,
    ),
    exchange(
        "c5d563a36ae78145c45a50134d48a1215220f80a",
        Version::V1,
        50_505_492,
    ),
    exchange(
        "e111180000d2663c0091e4f400237545b87b996b",
        Version::V2,
        84_902_353,
    ),
    exchange(
        "e2222d279d744050d28e00520010520000310f59",
        Version::V2,
        84_902_353,
    ),
    // The first deployment of the NegRisk exchange of V2, retired before its launch.
    exchange(
        "e2222d002000ba0053cef3375333610f64600036",
        Version::V2,
        84_902_353,
    ),
    exchange(
        "f60ca007115a47a11295f053156d913d83fed095",
        Version::V2,
        83_601_585,
    ),
    exchange(
        "93f0a57b6f7d1e765ca2674ab2ecb6ff6406b3c3",
        Version::V2,
        83_601_585,
    ),
    exchange(
        "dbf75b4057ced0b6fc9b521acfabfe817613af04",
        Version::V2,
        83_601_585,
    ),
    exchange(
        "1e50bf2bc715f022cb33f456269ded62011dded8",
        Version::V2,
        83_601_585,
    ),
    exchange(
        "e3333700ca9d93003f00f0f71f8515005f6c00aa",
        Version::V3,
        87_479_409,
    ),
];

const fn exchange(address: &str, version: Version, first_block: u32) -> Exchange {
    // A wrong digit does not compile.
    let Ok(address) = const_hex::const_decode_to_array(address.as_bytes()) else {
        panic!("an address is 40 hex digits")
    };
    Exchange {
        address: Address(address),
        version,
        first_block,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use fills::{CTF_EXCHANGE, NEG_RISK_EXCHANGE};

    use super::*;

    #[test]
    fn the_exchanges_of_v1_are_those_of_the_domain_and_none_is_there_twice() {
        let v1 = EXCHANGES.iter().filter(|one| one.version == Version::V1);
        let v1: Vec<_> = v1.map(|one| one.address).collect();
        assert_eq!(v1, [CTF_EXCHANGE, NEG_RISK_EXCHANGE]);
        let all: HashSet<_> = EXCHANGES.iter().map(|one| one.address).collect();
        assert_eq!(all.len(), EXCHANGES.len());
    }
}
