//! A data set from given entities.

use serde_json::{Map, Value};

use super::blocks::{Blocks, block_hash};
use super::catalogue::{KnownToken, from_tokens};
use super::given::{Given, Loose, settle};
use super::mix::Key;
use super::{Column, Counters, Dataset, Events, Head};
use crate::config::{Entities, Text};
use crate::error::Error;

const SECONDS_PER_BLOCK: i64 = 2;
const START_BLOCK: u64 = 33_605_402;

/// Reads the entities and counts what the indexer would have counted.
pub(crate) fn load(config: &Entities) -> Result<Dataset, Error> {
    let mut events: Vec<Loose> = objects("events", &config.events)?
        .iter()
        .map(Loose::new)
        .collect();
    if let Some(head) = &config.head {
        // What comes after the head is not indexed yet.
        let seen = |event: &Loose| event.get(Column::Timestamp)?.parse().ok();
        events.retain(|event| seen(event).is_none_or(|second: i64| second <= head.timestamp));
    }
    let known = known_tokens(config, &events)?;
    let mut catalogue = from_tokens(known);
    catalogue.unlist(config.unknown_tokens, Key::new(0, 6));

    let mut counters = vec![Counters::default(); catalogue.tokens.len()];
    for event in &events {
        if let Some((token, buy, usdc)) = event.trade()
            && let Some(token) = catalogue.tokens.find(token.as_bytes())
        {
            counters[token as usize].add(buy, usdc);
        }
    }
    if let Some(text) = &config.orderbooks {
        for object in objects("orderbooks", text)? {
            if let Some((token, given)) = orderbook(&object)
                && let Some(token) = catalogue.tokens.find(token.as_bytes())
            {
                counters[token as usize] = given;
            }
        }
    }
    let (events, overwritten) = settle(events);
    let blocks = blocks(config, &events);
    let given = Given::new(&events, &catalogue);
    Ok(Dataset::new(
        Events::Given(given),
        catalogue,
        counters,
        blocks,
        overwritten,
    ))
}

/// Reads JSON objects, one a line.
fn objects(name: &'static str, text: &Text) -> Result<Vec<Map<String, Value>>, Error> {
    let text = text.read(name)?;
    let mut objects = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        objects.push(serde_json::from_str(line).map_err(|source| Error::Line {
            name,
            line: index + 1,
            source,
        })?);
    }
    Ok(objects)
}

fn known_tokens(config: &Entities, events: &[Loose]) -> Result<Vec<KnownToken>, Error> {
    let mut known = Vec::new();
    let listed_by_default = config.market_data.is_none();
    for event in events {
        for column in [Column::MakerAssetId, Column::TakerAssetId] {
            if let Some(id) = event.get(column)
                && id != "0"
            {
                known.push(KnownToken {
                    condition: made_up_condition(id),
                    id: id.to_owned(),
                    outcome_index: None,
                    listed: listed_by_default,
                });
            }
        }
    }
    // Each token once before the given ones come, of which the later stays.
    known.sort_by(|a, b| a.id.cmp(&b.id));
    known.dedup_by(|a, b| a.id == b.id);
    if let Some(text) = &config.market_data {
        for object in objects("market data", text)? {
            let field = |name: &str| Some(object.get(name)?.as_str()?.to_owned());
            if let (Some(id), Some(condition)) = (field("id"), field("condition")) {
                known.push(KnownToken {
                    id,
                    condition,
                    outcome_index: field("outcomeIndex"),
                    listed: true,
                });
            }
        }
    }
    Ok(known)
}

/// Derives a condition id from a token's id, so that each token is its own market.
fn made_up_condition(id: &str) -> String {
    let word = id.bytes().fold(0, |word, byte| {
        super::mix::mix64(word ^ u64::from(byte)).wrapping_add(1)
    });
    format!("0x{}", const_hex::encode(Key::new(word, 8).bytes32(0)))
}

fn orderbook(object: &Map<String, Value>) -> Option<(String, Counters)> {
    let text = |name: &str| object.get(name)?.as_str();
    let counters = Counters {
        buys: text("buysQuantity")?.parse().ok()?,
        sells: text("sellsQuantity")?.parse().ok()?,
        buy_volume: text("collateralBuyVolume")?.parse().ok()?,
        sell_volume: text("collateralSellVolume")?.parse().ok()?,
    };
    Some((text("id")?.to_owned(), counters))
}

fn blocks(config: &Entities, events: &[Loose]) -> Blocks {
    let seconds_per_block = config.seconds_per_block.unwrap_or(SECONDS_PER_BLOCK).max(1);
    let head = config.head.clone().unwrap_or_else(|| {
        let first = events.first().map_or(0, |event| event.timestamp);
        let last = events.last().map_or(0, |event| event.timestamp);
        let number = START_BLOCK + (last.saturating_sub(first) / seconds_per_block) as u64 + 1;
        Head {
            number,
            timestamp: last,
            hash: block_hash(number),
            parent_hash: block_hash(number - 1),
        }
    });
    Blocks {
        start: START_BLOCK.min(head.number),
        head,
        seconds_per_block,
    }
}
