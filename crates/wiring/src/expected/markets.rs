//! Fills of some markets, by the counters of their tokens.

use std::collections::{BTreeMap, BTreeSet};

use fills::{ConditionId, SourceError, TokenId};
use forecast::Estimate;
use goldsky_client::MarketData;
use startup::settings::ScopeSettings;

use super::{Asking, Expected, books};

const PAGE_ROWS: u16 = 1000;
/// Conditions in one request: their tokens, two each as a rule, fit into a page.
const CONDITIONS: usize = 400;
/// Tokens of a market, which has two outcomes.
const TOKENS_OF_A_MARKET: u64 = 2;

/// Expects the fills of the markets that a scope names, or of its first ones.
pub(super) async fn expect(
    asking: &mut Asking<'_>,
    scope: &ScopeSettings,
    whole: bool,
) -> Result<Expected, SourceError> {
    let (tokens, in_all) = match scope.limit {
        Some(markets) => first(asking, markets).await?,
        None => named(asking, scope).await?,
    };
    let counters = books::of_tokens(asking, &tokens).await?;
    let estimate = Estimate::of_parts(&counters, in_all);
    let estimate = match whole {
        true => estimate,
        // Counters know no time.
        false => Estimate::at_most(estimate.fills_high),
    };
    Ok(Expected::of(estimate, Some(in_all)))
}

/// Returns the tokens that were named, with those of the conditions, and how many they are.
async fn named(
    asking: &mut Asking<'_>,
    scope: &ScopeSettings,
) -> Result<(Vec<TokenId>, u64), SourceError> {
    let mut tokens: BTreeSet<TokenId> = scope.token_ids.iter().copied().collect();
    // Half of the requests is for the counters.
    let until = asking.requests_left / 2;
    let mut unread = 0;
    for conditions in scope.condition_ids.chunks(CONDITIONS) {
        if asking.requests_left <= until {
            unread += conditions.len() as u64;
            continue;
        }
        tokens.extend(of_conditions(asking, conditions).await?);
    }
    let in_all = tokens.len() as u64 + unread * TOKENS_OF_A_MARKET;
    Ok((tokens.into_iter().collect(), in_all))
}

async fn of_conditions(
    asking: &mut Asking<'_>,
    conditions: &[ConditionId],
) -> Result<Vec<TokenId>, SourceError> {
    let mut tokens = Vec::new();
    let mut after = String::new();
    while asking.take() {
        let page = asking.client.market_datas_of(conditions, &after).await?;
        let full = page.len() == usize::from(PAGE_ROWS);
        tokens.extend(page.entities.iter().map(|token| token.token_id));
        match page.last_id {
            Some(last) if full => after = last,
            _ => break,
        }
    }
    Ok(tokens)
}

/// Returns the tokens of the first `markets` markets by condition id, and how many they are; where
/// the catalogue is too long to be read, tokens from its beginning instead, which are as good as drawn
/// at random.
async fn first(
    asking: &mut Asking<'_>,
    markets: usize,
) -> Result<(Vec<TokenId>, u64), SourceError> {
    let (catalogue, all) = catalogue(asking).await?;
    if !all {
        let tokens = catalogue.iter().map(|token| token.token_id).collect();
        return Ok((tokens, markets as u64 * TOKENS_OF_A_MARKET));
    }
    let mut by_condition: BTreeMap<ConditionId, Vec<TokenId>> = BTreeMap::new();
    for token in catalogue {
        let tokens = by_condition.entry(token.condition_id).or_default();
        tokens.push(token.token_id);
    }
    let tokens: Vec<TokenId> = by_condition.into_values().take(markets).flatten().collect();
    let in_all = tokens.len() as u64;
    Ok((tokens, in_all))
}

/// Reads the catalogue with half of the requests, and tells whether that was all of it.
async fn catalogue(asking: &mut Asking<'_>) -> Result<(Vec<MarketData>, bool), SourceError> {
    let mut read = Vec::new();
    let mut after = String::new();
    for _ in 0..asking.requests_left / 2 {
        if !asking.take() {
            break;
        }
        let page = asking.client.market_datas(&after, PAGE_ROWS).await?;
        let full = page.len() == usize::from(PAGE_ROWS);
        read.extend(page.entities);
        match page.last_id {
            Some(last) if full => after = last,
            _ => return Ok((read, true)),
        }
    }
    Ok((read, false))
}
