//! The made-up markets and their tokens.

use std::collections::HashMap;

use ruint::aliases::U256;

use crate::data::catalogue::{Catalogue, Conditions};
use crate::data::mix::Key;

/// More would not fit where a row keeps its token; a market has at most four.
pub(crate) const MOST_MARKETS: u32 = crate::data::row::Trade::MAX_TOKENS / 4;

/// Makes the markets: nearly all with two tokens, one in fifty with three or four.
pub(crate) fn catalogue(seed: u64, markets: u32) -> Catalogue {
    let token_key = Key::new(seed, 4);
    let shape_key = Key::new(seed, 5);
    let mut market_starts = vec![0_u32];
    let mut ids: Vec<(String, u32)> = Vec::new();
    for market in 0..markets {
        let shape = shape_key.word(market, 0);
        let tokens = if shape.is_multiple_of(50) {
            3 + shape / 50 % 2
        } else {
            2
        };
        for _ in 0..tokens {
            let ordinal = ids.len() as u32;
            let id = U256::from_be_bytes(token_key.bytes32(ordinal));
            ids.push((id.to_string(), ordinal));
        }
        market_starts.push(ids.len() as u32);
    }
    let made: Vec<u32> = {
        ids.sort_unstable();
        let mut rank_of = vec![0; ids.len()];
        for (rank, (_, ordinal)) in ids.iter().enumerate() {
            rank_of[*ordinal as usize] = rank as u32;
        }
        rank_of
    };
    let mut market_of = vec![0; made.len()];
    for market in 0..markets {
        let range = market_starts[market as usize]..market_starts[market as usize + 1];
        for ordinal in range {
            market_of[made[ordinal as usize] as usize] = market;
        }
    }
    Catalogue {
        tokens: ids.iter().map(|(id, _)| id.as_str()).collect(),
        listed: (0..ids.len() as u32).collect(),
        market_of,
        // Tokens were made in order of market and outcome.
        market_tokens: made,
        market_starts,
        conditions: Conditions::Derived(Key::new(seed, 8)),
        outcome_indexes: HashMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markets_have_two_tokens_and_a_few_have_more() {
        let catalogue = catalogue(1, 1_000);
        let sizes: Vec<usize> = (0..1_000).map(|m| catalogue.tokens_of(m).len()).collect();
        let more = sizes.iter().filter(|size| **size > 2).count();
        assert!(sizes.iter().all(|size| (2..=4).contains(size)));
        assert!((5..50).contains(&more), "{more}");
        for market in 0..1_000 {
            for token in catalogue.tokens_of(market) {
                assert_eq!(catalogue.market_of[*token as usize], market);
            }
        }
    }

    #[test]
    fn token_ids_are_sorted_bytewise() {
        let catalogue = catalogue(1, 100);
        let ids: Vec<&[u8]> = (0..catalogue.tokens.len() as u32)
            .map(|token| catalogue.tokens.get(token))
            .collect();
        assert!(ids.is_sorted());
    }
}
