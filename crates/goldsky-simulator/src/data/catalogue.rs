//! Tokens and the markets they belong to.

use std::collections::HashMap;

use super::mix::{Key, unit};
use super::texts::Texts;

/// The asset id "0": USDC.
pub(crate) const USDC: u32 = u32::MAX;
/// An asset id that the event lacks.
pub(crate) const NO_ASSET: u32 = u32::MAX - 1;

/// Where a market's condition id comes from.
#[derive(Debug)]
pub(crate) enum Conditions {
    /// Derived from the market's ordinal.
    Derived(Key),
    /// As given, by market.
    Given(Vec<String>),
}

/// Every token in bytewise order of its id, and the markets.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Token ids, decimal, sorted bytewise: a token's index is its rank.
    pub(crate) tokens: Texts,
    /// The market of each token.
    pub(crate) market_of: Vec<u32>,
    /// Tokens by market, in order of outcome.
    pub(crate) market_tokens: Vec<u32>,
    /// Where each market's tokens begin in `market_tokens`, and one more entry for the end.
    pub(crate) market_starts: Vec<u32>,
    pub(crate) conditions: Conditions,
    /// The few `outcomeIndex` values that are not null.
    pub(crate) outcome_indexes: HashMap<u32, String>,
    /// The tokens that `MarketData` knows, ascending.
    pub(crate) listed: Vec<u32>,
}

impl Catalogue {
    /// Returns the index of an asset id, which may be "0".
    pub(crate) fn asset(&self, id: &[u8]) -> Option<u32> {
        if id == b"0" {
            Some(USDC)
        } else {
            self.tokens.find(id)
        }
    }

    pub(crate) fn markets(&self) -> u32 {
        (self.market_starts.len() - 1) as u32
    }

    pub(crate) fn tokens_of(&self, market: u32) -> &[u32] {
        let market = market as usize;
        let range = self.market_starts[market] as usize..self.market_starts[market + 1] as usize;
        &self.market_tokens[range]
    }

    /// Returns the condition id of a market, hex.
    pub(crate) fn condition(&self, market: u32) -> String {
        match &self.conditions {
            Conditions::Derived(key) => format!("0x{}", const_hex::encode(key.bytes32(market))),
            Conditions::Given(conditions) => conditions[market as usize].clone(),
        }
    }

    /// Keeps a share of the tokens out of `MarketData`. Which ones depends on the key alone.
    pub(crate) fn unlist(&mut self, share: f64, key: Key) {
        self.listed
            .retain(|token| unit(key.word(*token, 0)) >= share);
    }
}

/// A token as a caller knows it, to build a catalogue from.
#[derive(Debug, Clone)]
pub(crate) struct KnownToken {
    pub(crate) id: String,
    pub(crate) condition: String,
    pub(crate) outcome_index: Option<String>,
    pub(crate) listed: bool,
}

/// Builds a catalogue from tokens in any order; of two with one id the later stays. Tokens with
/// the same condition form a market.
pub(crate) fn from_tokens(mut known: Vec<KnownToken>) -> Catalogue {
    known.reverse();
    known.sort_by(|a, b| a.id.as_bytes().cmp(b.id.as_bytes()));
    known.dedup_by(|later, kept| later.id == kept.id);

    let mut by_condition: HashMap<String, u32> = HashMap::new();
    let mut conditions = Vec::new();
    let mut members: Vec<Vec<u32>> = Vec::new();
    let mut market_of = Vec::with_capacity(known.len());
    for (token, entry) in known.iter().enumerate() {
        let market = *by_condition
            .entry(entry.condition.clone())
            .or_insert_with(|| {
                conditions.push(entry.condition.clone());
                members.push(Vec::new());
                (members.len() - 1) as u32
            });
        members[market as usize].push(token as u32);
        market_of.push(market);
    }
    let mut market_starts = vec![0];
    let mut market_tokens = Vec::with_capacity(known.len());
    for tokens in members {
        market_tokens.extend(tokens);
        market_starts.push(market_tokens.len() as u32);
    }
    Catalogue {
        tokens: known.iter().map(|entry| entry.id.as_str()).collect(),
        market_of,
        market_tokens,
        market_starts,
        conditions: Conditions::Given(conditions),
        outcome_indexes: known
            .iter()
            .enumerate()
            .filter_map(|(token, entry)| Some((token as u32, entry.outcome_index.clone()?)))
            .collect(),
        listed: (0..known.len() as u32)
            .filter(|token| known[*token as usize].listed)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: &str, condition: &str, listed: bool) -> KnownToken {
        KnownToken {
            id: id.to_owned(),
            condition: condition.to_owned(),
            outcome_index: None,
            listed,
        }
    }

    #[test]
    fn tokens_of_one_condition_form_a_market() {
        let catalogue = from_tokens(vec![
            token("9", "0xa", true),
            token("10", "0xb", true),
            token("7", "0xa", false),
        ]);
        assert_eq!(catalogue.markets(), 2);
        assert_eq!(catalogue.asset(b"10"), Some(0));
        assert_eq!(catalogue.asset(b"0"), Some(USDC));
        assert_eq!(catalogue.asset(b"8"), None);
        let market = catalogue.market_of[2];
        assert_eq!(catalogue.tokens_of(market), [1, 2]);
        assert_eq!(catalogue.condition(market), "0xa");
        assert_eq!(catalogue.listed, [0, 2]);
    }

    #[test]
    fn of_two_tokens_with_one_id_the_later_stays() {
        let catalogue = from_tokens(vec![token("7", "0xa", true), token("7", "0xb", true)]);
        assert_eq!(catalogue.tokens.len(), 1);
        assert_eq!(catalogue.condition(0), "0xb");
    }
}
