use api_client::{Object, Wrong};
use fills::{ConditionId, TokenId};
use serde_json::Value;

use crate::entity::Entity;

/// A token of the book and the condition it belongs to.
///
/// **Source**: `MarketData` in `orderbook-subgraph/schema.graphql` of
/// Polymarket/polymarket-subgraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketData {
    /// The outcome token.
    pub token_id: TokenId,
    /// The condition that groups it with the market's other tokens.
    pub condition_id: ConditionId,
    /// Which outcome of the condition it is, from 0; the subgraph nearly always leaves it out.
    pub outcome_index: Option<u32>,
}

impl Entity for MarketData {
    const FIELD: &str = "marketDatas";
    const COLUMNS: &str = "id condition outcomeIndex";

    fn read(object: &Object) -> Result<Self, Wrong> {
        Ok(Self {
            token_id: object.parse("id")?,
            condition_id: object.parse("condition")?,
            outcome_index: outcome_index(object.value("outcomeIndex"))?,
        })
    }
}

/// A `BigInt`, which arrives as text, or nothing.
fn outcome_index(value: &Value) -> Result<Option<u32>, Wrong> {
    let index = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|index| index.try_into().ok()),
        _ => None,
    };
    match index {
        Some(index) => Ok(Some(index)),
        None => Err((
            "outcomeIndex",
            api_client::text::one_line(&format!("{value} is no index")),
        )),
    }
}
