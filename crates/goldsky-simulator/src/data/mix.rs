//! Hashes and randomness from ordinals: nothing that can be recomputed is stored.

/// The odd constant of `SplitMix64`, 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Scrambles a word; a bijection, so that distinct words stay distinct.
///
/// **Source**: the finalizer of Steele, Lea and Flood's `SplitMix64`.
pub(crate) const fn mix64(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A family of hashes: one for each kind of thing, all derived from the seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) const fn new(seed: u64, kind: u64) -> Self {
        Self(mix64(mix64(seed).wrapping_add(kind.wrapping_mul(GOLDEN))))
    }

    /// Derives the `index`th word for an ordinal. Word 0 differs for every ordinal.
    pub(crate) const fn word(self, ordinal: u32, index: u64) -> u64 {
        let base = mix64(self.0 ^ ordinal as u64);
        mix64(base.wrapping_add(index.wrapping_mul(GOLDEN)))
    }

    /// Derives 32 bytes, such as a transaction hash.
    pub(crate) fn bytes32(self, ordinal: u32) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (index, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&self.word(ordinal, index as u64).to_be_bytes());
        }
        bytes
    }

    /// Derives 20 bytes, such as a wallet's address.
    pub(crate) fn bytes20(self, ordinal: u32) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&self.bytes32(ordinal)[..20]);
        bytes
    }
}

/// A small random number generator whose sequence depends on its seed alone.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix64(seed ^ GOLDEN))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix64(self.0)
    }

    /// Draws from `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        unit(self.next())
    }

    /// Draws from `[0, bound)`; 0 for a bound of 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// Maps a word onto `[0, 1)`.
pub(crate) fn unit(word: u64) -> f64 {
    // The upper 53 bits are exactly what an f64 holds.
    (word >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_ordinals_have_distinct_hashes() {
        let key = Key::new(7, 1);
        let hashes: std::collections::HashSet<_> = (0..10_000).map(|i| key.bytes32(i)).collect();
        assert_eq!(hashes.len(), 10_000);
    }

    #[test]
    fn kinds_and_seeds_do_not_share_hashes() {
        assert_ne!(Key::new(7, 1).bytes32(5), Key::new(7, 2).bytes32(5));
        assert_ne!(Key::new(7, 1).bytes32(5), Key::new(8, 1).bytes32(5));
    }

    #[test]
    fn draws_stay_below_their_bound() {
        let mut random = Random::new(3);
        assert!((0..1000).all(|_| random.below(7) < 7));
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
        assert_eq!(random.below(0), 0);
    }
}
