//! One match after another: a taker's order against resting ones.

use crate::config::Seeded;
use crate::data::catalogue::Catalogue;
use crate::data::counters::Counters;
use crate::data::mix::{Key, Random};
use crate::data::row::{CTF, NEG_RISK, Row, Trade};

/// The most events of one transaction, and about as many as the mean has.
pub(crate) const MOST_ROWS: u64 = 15;
pub(crate) const MEAN_ROWS: u64 = 3;

/// The negative-risk exchange's first second, by its block.
const NEG_RISK_FROM: u32 = 1_702_860_387;
/// Prices are in thousandths of a dollar.
const DOLLAR: u64 = 1_000;
/// Orders that wait to be filled again, at most.
const RESTING: usize = 1 << 14;

/// An order that rests in the book and may be filled again by a later transaction.
#[derive(Debug, Clone, Copy)]
struct Resting {
    token: u32,
    sell: bool,
    wallet: u32,
    order: u32,
}

/// What one resting order contributes to a match. Amounts are base units.
#[derive(Debug, Clone, Copy)]
struct Part {
    shares: u64,
    /// What the resting order pays or gets.
    usdc: u64,
    /// What the taker's order gets or pays for it.
    taker_usdc: u64,
}

/// Makes transactions, counting as the indexer does.
#[derive(Debug)]
pub(crate) struct Matching<'a> {
    catalogue: &'a Catalogue,
    market_key: Key,
    collisions: f64,
    wallets: u64,
    resting: Vec<Option<Resting>>,
    counters: Vec<Counters>,
    transactions: u32,
    orders: u32,
    overwritten: u64,
}

/// One match while it is made.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    token: u32,
    complement: u32,
    sell: bool,
    price: u64,
    second: u32,
    transaction: u32,
    taker: u32,
    fee_per_mille: u32,
}

impl<'a> Matching<'a> {
    pub(crate) fn new(config: &Seeded, catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            market_key: Key::new(config.seed, 10),
            collisions: config.collisions,
            wallets: (config.fills / 100).clamp(20, 4_000_000),
            resting: vec![None; RESTING],
            counters: vec![Counters::default(); catalogue.tokens.len()],
            transactions: 0,
            orders: 0,
            overwritten: 0,
        }
    }

    /// Appends one transaction of at most `left` events and returns how many it has: the taker's,
    /// and one for each resting order. A single event is left only if no more are wanted at all.
    pub(crate) fn transaction(
        &mut self,
        market: u32,
        second: u32,
        left: u64,
        random: &mut Random,
        rows: &mut Vec<Row>,
    ) -> u64 {
        let crossing = self.crossing(market, second, random);
        let mut parts = 1;
        while parts + 1 < MOST_ROWS && random.chance(0.35) {
            parts += 1;
        }
        // No transaction may leave one event over, because none has just one.
        parts = parts.min(left.saturating_sub(1));
        if left - (parts + 1) == 1 {
            parts += 1;
        }
        let start = rows.len();
        let (mut shares, mut usdc) = (0, 0);
        for _ in 0..parts {
            let part = self.resting_event(&crossing, start, random, rows);
            shares += part.shares;
            usdc += part.taker_usdc;
        }
        if parts == 0 {
            (shares, usdc) = (5_000_000, 5_000 * crossing.price);
        }
        self.taker_event(&crossing, market, shares, usdc, rows);
        self.transactions += 1;
        (rows.len() - start) as u64
    }

    /// Returns the counters by token and how many events were overwritten.
    pub(crate) fn finish(self) -> (Vec<Counters>, u64) {
        (self.counters, self.overwritten)
    }

    fn crossing(&self, market: u32, second: u32, random: &mut Random) -> Crossing {
        let tokens = self.catalogue.tokens_of(market);
        let outcome = random.below(tokens.len() as u64) as usize;
        // The price wanders from week to week around what the market began with.
        let week = u64::from(second / 604_800);
        let base = 20 + self.market_key.word(market, 0) % 960;
        let drift = self.market_key.word(market, 1 + week) % 200;
        let price = (base + drift + random.below(40)).saturating_sub(120);
        let price = price.clamp(10, DOLLAR - 10) / 10 * 10;
        Crossing {
            token: tokens[outcome],
            complement: tokens[(outcome + 1) % tokens.len()],
            sell: random.chance(0.45),
            price: if outcome == 0 { price } else { DOLLAR - price },
            second,
            transaction: self.transactions,
            taker: self.wallet(random),
            fee_per_mille: if random.chance(0.003) {
                1 + random.below(20) as u32
            } else {
                0
            },
        }
    }

    /// Few wallets trade most.
    fn wallet(&self, random: &mut Random) -> u32 {
        let place = random.unit();
        (place * place * place * self.wallets as f64) as u32
    }

    fn resting_event(
        &mut self,
        crossing: &Crossing,
        start: usize,
        random: &mut Random,
        rows: &mut Vec<Row>,
    ) -> Part {
        // MINT and MERGE: both buy, or both sell, the two complements.
        let complementary = random.chance(if crossing.sell { 0.15 } else { 0.3 });
        let (token, sell) = if complementary {
            (crossing.complement, crossing.sell)
        } else {
            (crossing.token, !crossing.sell)
        };
        let resting = self.resting_order(token, sell, crossing.transaction, &rows[start..], random);
        let part = Self::part(crossing, complementary, random);
        let mut total = part;
        if self.collisions > 0.0 && random.chance(self.collisions) {
            // The same order once more in the same transaction: counted, then overwritten.
            let earlier = Self::part(crossing, complementary, random);
            self.counters[token as usize].add(!sell, u128::from(earlier.usdc));
            self.overwritten += 1;
            total.shares += earlier.shares;
            total.taker_usdc += earlier.taker_usdc;
        }
        self.counters[token as usize].add(!sell, u128::from(part.usdc));
        rows.push(Row {
            timestamp: crossing.second,
            transaction: crossing.transaction,
            order: resting.order,
            maker: resting.wallet,
            taker: crossing.taker,
            trade: Trade::new(token, sell, 0),
            shares: part.shares,
            usdc: part.usdc,
        });
        total
    }

    fn part(crossing: &Crossing, complementary: bool, random: &mut Random) -> Part {
        if random.below(5_000) == 0 {
            // Dust: rounding left no shares.
            let usdc = 1 + random.below(9);
            return Part {
                shares: 0,
                usdc,
                taker_usdc: usdc,
            };
        }
        let size = random.unit();
        let hundredths = 100 + (size * size * size * size * 200_000.0) as u64;
        let shares = if random.chance(0.2) {
            hundredths * 10_000 + random.below(10_000)
        } else {
            hundredths * 10_000
        };
        // Resting orders are a little better than what the taker asks for.
        let better = random.below(2) * 10;
        let price = if crossing.sell {
            (crossing.price + better).min(DOLLAR - 10)
        } else {
            crossing.price.saturating_sub(better).max(10)
        };
        let taker_usdc = shares * price / DOLLAR;
        Part {
            shares,
            usdc: if complementary {
                shares - taker_usdc
            } else {
                taker_usdc
            },
            taker_usdc,
        }
    }

    /// Takes a waiting order of the token and side, unless this transaction has it already, or
    /// makes a new one.
    fn resting_order(
        &mut self,
        token: u32,
        sell: bool,
        transaction: u32,
        so_far: &[Row],
        random: &mut Random,
    ) -> Resting {
        let slot = (token as usize * 2 + usize::from(sell)) % RESTING;
        if let Some(resting) = self.resting[slot]
            && (resting.token, resting.sell) == (token, sell)
            && random.chance(0.4)
            && !so_far
                .iter()
                .any(|row| row.transaction == transaction && row.order == resting.order)
        {
            return resting;
        }
        let resting = Resting {
            token,
            sell,
            wallet: self.wallet(random),
            order: self.next_order(),
        };
        self.resting[slot] = Some(resting);
        resting
    }

    fn taker_event(
        &mut self,
        crossing: &Crossing,
        market: u32,
        shares: u64,
        usdc: u64,
        rows: &mut Vec<Row>,
    ) {
        let neg_risk = crossing.second >= NEG_RISK_FROM && self.market_key.word(market, 0) % 10 < 3;
        self.counters[crossing.token as usize].add(!crossing.sell, u128::from(usdc));
        rows.push(Row {
            timestamp: crossing.second,
            transaction: crossing.transaction,
            order: self.next_order(),
            maker: crossing.taker,
            taker: if neg_risk { NEG_RISK } else { CTF },
            trade: Trade::new(crossing.token, crossing.sell, crossing.fee_per_mille),
            shares,
            usdc,
        });
    }

    fn next_order(&mut self) -> u32 {
        let order = self.orders;
        self.orders += 1;
        order
    }
}
