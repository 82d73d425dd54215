//! The market catalogue as Polymarket's Gamma serves it.

use serde_json::{Value, json};

use crate::data::{Dataset, Key, unit};

/// The most markets in one answer. **Source**: Gamma answers at most 500.
const MOST: usize = 500;

/// Which markets are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarketQuery {
    limit: usize,
    offset: usize,
    closed: Option<bool>,
    condition_ids: Vec<String>,
    token_ids: Vec<String>,
}

impl MarketQuery {
    /// Reads a query string; what it does not know it ignores.
    pub(crate) fn parse(query: &str) -> Self {
        let mut parsed = Self {
            limit: 20,
            offset: 0,
            closed: None,
            condition_ids: Vec::new(),
            token_ids: Vec::new(),
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "limit" => parsed.limit = value.parse().unwrap_or(20).min(MOST),
                "offset" => parsed.offset = value.parse().unwrap_or(0),
                "closed" => parsed.closed = value.parse().ok(),
                "condition_ids" => parsed.condition_ids.push(value.to_owned()),
                "clob_token_ids" => parsed.token_ids.push(value.to_owned()),
                _ => {}
            }
        }
        parsed
    }
}

/// Writes the markets asked for, in order of their ids.
pub(crate) fn markets(dataset: &Dataset, query: &MarketQuery) -> Vec<u8> {
    let catalogue = &dataset.catalogue;
    let of_tokens: Vec<u32> = query
        .token_ids
        .iter()
        .filter_map(|id| catalogue.tokens.find(id.as_bytes()))
        .map(|token| catalogue.market_of[token as usize])
        .collect();
    let wanted = |market: &u32| {
        query
            .closed
            .is_none_or(|closed| is_closed(*market) == closed)
            && (query.token_ids.is_empty() || of_tokens.contains(market))
            && (query.condition_ids.is_empty()
                || query.condition_ids.contains(&catalogue.condition(*market)))
    };
    let found: Vec<Value> = (0..catalogue.markets())
        .filter(wanted)
        .skip(query.offset)
        .take(query.limit)
        .map(|market| describe(dataset, market))
        .collect();
    Value::from(found).to_string().into_bytes()
}

/// Three markets in four are over.
fn is_closed(market: u32) -> bool {
    unit(Key::new(0, 11).word(market, 0)) < 0.75
}

fn describe(dataset: &Dataset, market: u32) -> Value {
    let catalogue = &dataset.catalogue;
    let tokens: Vec<String> = catalogue
        .tokens_of(market)
        .iter()
        .map(|token| String::from_utf8_lossy(catalogue.tokens.get(*token)).into_owned())
        .collect();
    let outcomes: Vec<String> = if tokens.len() == 2 {
        vec!["Yes".to_owned(), "No".to_owned()]
    } else {
        (1..=tokens.len()).map(|i| format!("Outcome {i}")).collect()
    };
    let number = market + 1;
    // Lists stand in texts, as there.
    json!({
        "id": number.to_string(),
        "question": format!("Will simulated event {number} happen?"),
        "conditionId": catalogue.condition(market),
        "slug": format!("will-simulated-event-{number}-happen"),
        "outcomes": Value::from(outcomes).to_string(),
        "clobTokenIds": Value::from(tokens).to_string(),
        "closed": is_closed(market),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_broken_parameters_are_ignored() {
        let query = MarketQuery::parse("limit=900&offset=x&closed=true&order=id");
        assert_eq!((query.limit, query.offset), (500, 0));
        assert_eq!(query.closed, Some(true));
    }
}
