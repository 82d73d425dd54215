//! One made-up event in 40 bytes.

use super::catalogue::USDC;
use super::mix::Key;

/// The CTF exchange in place of a wallet's ordinal.
pub(crate) const CTF: u32 = u32::MAX;
/// The negative-risk exchange in place of a wallet's ordinal.
pub(crate) const NEG_RISK: u32 = u32::MAX - 1;

/// One event. Amounts are base units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) timestamp: u32,
    pub(crate) transaction: u32,
    pub(crate) order: u32,
    pub(crate) maker: u32,
    pub(crate) taker: u32,
    pub(crate) trade: Trade,
    pub(crate) shares: u64,
    pub(crate) usdc: u64,
}

// 50 million fills are to fit in 3 GB together with the postings.
const _: () = assert!(size_of::<Row>() == 40);

/// Token, side and fee rate in one word: 26 bits, 1 bit and 5 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trade(u32);

impl Trade {
    /// The most tokens that fit.
    pub(crate) const MAX_TOKENS: u32 = 1 << 26;

    /// The fee rate is in thousandths of what the maker gets, below 32.
    pub(crate) const fn new(token: u32, sell: bool, fee_per_mille: u32) -> Self {
        Self(token << 6 | (sell as u32) << 5 | fee_per_mille & 31)
    }

    pub(crate) const fn token(self) -> u32 {
        self.0 >> 6
    }

    pub(crate) const fn is_sell(self) -> bool {
        self.0 & 32 != 0
    }

    const fn fee_per_mille(self) -> u64 {
        (self.0 & 31) as u64
    }
}

/// The keys of everything that is derived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) transactions: Key,
    pub(crate) orders: Key,
    pub(crate) wallets: Key,
}

impl Keys {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            transactions: Key::new(seed, 1),
            orders: Key::new(seed, 2),
            wallets: Key::new(seed, 3),
        }
    }

    /// Returns words that sort as the row's id does: the first eight bytes of either hash differ
    /// for different ordinals, so nothing behind them decides.
    pub(crate) const fn id_words(&self, row: &Row) -> (u64, u64) {
        (
            self.transactions.word(row.transaction, 0),
            self.orders.word(row.order, 0),
        )
    }
}

impl Row {
    /// Returns the maker's and the taker's asset.
    pub(crate) fn assets(&self) -> [u32; 2] {
        if self.trade.is_sell() {
            [self.trade.token(), USDC]
        } else {
            [USDC, self.trade.token()]
        }
    }

    /// Returns what the maker gave.
    pub(crate) fn given(&self) -> u64 {
        if self.trade.is_sell() {
            self.shares
        } else {
            self.usdc
        }
    }

    /// Returns what the maker got.
    pub(crate) fn got(&self) -> u64 {
        if self.trade.is_sell() {
            self.usdc
        } else {
            self.shares
        }
    }

    /// Returns the fee, in what the maker got.
    pub(crate) fn fee(&self) -> u64 {
        self.got() * self.trade.fee_per_mille() / 1000
    }
}
