//! How many different tokens there are among many rows, in half a mebibyte.

use std::sync::atomic::{AtomicU64, Ordering};

use fills::TokenId;

/// Bits, as a power of two: of 2.6 million tokens, as many as the archive has, 0.1 % off.
const BITS_LOG2: u32 = 22;
const BITS: usize = 1 << BITS_LOG2;
const WORD: usize = u64::BITS as usize;

/// A bit for each token that was met, several tokens to a bit.
///
/// **Source**: linear counting (Whang, Vander-Zanden, Taylor 1990): of `m` bits of which `z` are not set,
/// about `m ln(m / z)` different items were noted.
#[derive(Debug)]
pub(crate) struct DistinctTokens {
    words: Box<[AtomicU64]>,
    set: AtomicU64,
}

impl DistinctTokens {
    pub(crate) fn new() -> Self {
        Self {
            words: (0..BITS / WORD).map(|_| AtomicU64::new(0)).collect(),
            set: AtomicU64::new(0),
        }
    }

    pub(crate) fn note(&self, token: TokenId) {
        let bit = place(token);
        let Some(word) = self.words.get(bit / WORD) else {
            return;
        };
        let mask = 1 << (bit % WORD);
        // Nearly always it was met before, and a read leaves the line to all cores.
        if word.load(Ordering::Relaxed) & mask == 0
            && word.fetch_or(mask, Ordering::Relaxed) & mask == 0
        {
            self.set.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns about how many different tokens were noted; it never goes down.
    pub(crate) fn count(&self) -> u64 {
        let set = self.set.load(Ordering::Relaxed) as f64;
        let bits = BITS as f64;
        // All bits set would be infinitely many.
        let clear = (bits - set).max(1.0);
        (bits * (bits / clear).ln()).round() as u64
    }
}

/// Returns a token's bit. Ids are hashes already, but nobody promises it.
fn place(token: TokenId) -> usize {
    // 2^64 divided by the golden ratio: what is close together is spread (Knuth, TAOCP 6.4).
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let [a, b, c, d, e, f, g, h, ..] = token.to_le_bytes();
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]).wrapping_mul(SPREAD) >> (u64::BITS - BITS_LOG2))
        as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that look like hashes: the finalizer of `SplitMix64`.
    fn token(number: u64) -> TokenId {
        let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        TokenId::from(z ^ (z >> 31))
    }

    fn assert_close(counted: u64, real: u64) {
        let off = counted.abs_diff(real) as f64 / real as f64;
        assert!(off <= 0.005, "{counted} of {real}");
    }

    #[test]
    fn each_token_counts_once() {
        let tokens = DistinctTokens::new();
        assert_eq!(tokens.count(), 0);
        for _ in 0..3 {
            for number in 0..100 {
                tokens.note(TokenId::from(number));
            }
        }
        assert_eq!(tokens.count(), 100);
    }

    #[test]
    fn as_many_as_the_archive_has_are_counted_to_within_half_a_hundredth() {
        let tokens = DistinctTokens::new();
        for number in 0..2_600_000 {
            tokens.note(token(number));
            if number + 1 == 342_610 {
                assert_close(tokens.count(), 342_610);
            }
        }
        assert_close(tokens.count(), 2_600_000);
    }
}
