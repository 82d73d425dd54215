//! Block numbers and their times: evenly spaced up to the head.

/// The newest block that the simulated deployment has indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The block's height.
    pub number: u64,
    /// The block's time, seconds since 1970.
    pub timestamp: i64,
    /// 32 bytes in hex.
    pub hash: String,
    /// 32 bytes in hex.
    pub parent_hash: String,
}

/// The chain as far as queries can see it.
#[derive(Debug, Clone)]
pub(crate) struct Blocks {
    pub(crate) head: Head,
    /// The first block of which the deployment has data.
    pub(crate) start: u64,
    pub(crate) seconds_per_block: i64,
}

impl Blocks {
    /// Returns the last second that a block covers: events of the block and those before it have
    /// timestamps up to and including it.
    pub(crate) fn last_second(&self, number: u64) -> i64 {
        let behind = self.head.number as i64 - number as i64;
        self.head.timestamp - behind * self.seconds_per_block
    }

    /// Returns the head as it was some blocks ago. Its hash is unknown to any client, so it is
    /// derived from the number.
    pub(crate) fn head_before(&self, blocks: u64) -> Head {
        let number = self.head.number.saturating_sub(blocks).max(self.start);
        Head {
            number,
            timestamp: self.last_second(number),
            hash: block_hash(number),
            parent_hash: block_hash(number - 1),
        }
    }
}

/// Derives a made-up hash of a block.
pub(crate) fn block_hash(number: u64) -> String {
    let key = super::mix::Key::new(number, 9);
    format!("0x{}", const_hex::encode(key.bytes32(number as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_covers_the_seconds_up_to_its_own() {
        let blocks = Blocks {
            head: Head {
                number: 100,
                timestamp: 1_000,
                hash: block_hash(100),
                parent_hash: block_hash(99),
            },
            start: 50,
            seconds_per_block: 2,
        };
        assert_eq!(blocks.last_second(100), 1_000);
        assert_eq!(blocks.last_second(90), 980);
        assert_eq!(blocks.head_before(10).timestamp, 980);
        assert_eq!(blocks.head_before(1_000).number, 50);
    }
}
