//! Given events, served as they are.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::catalogue::{Catalogue, NO_ASSET};
use super::rows::{Column, Rows};

/// One event: its texts in order of the columns, end to end.
#[derive(Debug)]
struct Row {
    timestamp: i64,
    assets: [u32; 2],
    text: Box<str>,
    ends: [u32; Column::ALL.len()],
    present: u16,
}

/// Given events in order of `(timestamp, id)`.
#[derive(Debug)]
pub(crate) struct Given {
    rows: Vec<Row>,
    by_id: Vec<u32>,
    rank: Vec<u32>,
}

/// An event of which nothing is certain.
#[derive(Debug, Clone)]
pub(crate) struct Loose {
    fields: [Option<String>; Column::ALL.len()],
    pub(crate) timestamp: i64,
}

impl Loose {
    /// Takes the columns that an object has. A value that is no text is taken as its JSON.
    pub(crate) fn new(object: &Map<String, Value>) -> Self {
        let fields = Column::ALL.map(|column| match object.get(column.name()) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        });
        Self {
            fields,
            timestamp: 0,
        }
    }

    pub(crate) fn get(&self, column: Column) -> Option<&str> {
        self.fields[column as usize].as_deref()
    }

    /// Returns the token, whether the maker buys it, and the USDC base units, where all three can
    /// be read: what the counters need.
    pub(crate) fn trade(&self) -> Option<(&str, bool, u128)> {
        let (given, got) = (
            self.get(Column::MakerAssetId)?,
            self.get(Column::TakerAssetId)?,
        );
        let (token, buy, usdc) = match (given, got) {
            ("0", "0") => return None,
            ("0", token) => (token, true, Column::MakerAmountFilled),
            (token, "0") => (token, false, Column::TakerAmountFilled),
            _ => return None,
        };
        Some((token, buy, self.get(usdc)?.parse().ok()?))
    }
}

/// Puts events in order and collapses those with one id: the later overwrites the earlier, as
/// entities do. Returns how many were overwritten.
pub(crate) fn settle(mut events: Vec<Loose>) -> (Vec<Loose>, u64) {
    // An event whose timestamp is no number stands with the one before it, so that a scan by
    // time meets it.
    let mut latest = 0;
    for event in &mut events {
        if let Some(seconds) = event
            .get(Column::Timestamp)
            .and_then(|text| text.parse().ok())
        {
            latest = seconds;
        }
        event.timestamp = latest;
    }
    let before = events.len();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Loose> = Vec::with_capacity(before);
    for event in events {
        match event.get(Column::Id) {
            Some(id) => match places.get(id) {
                Some(place) => kept[*place] = event,
                None => {
                    places.insert(id.to_owned(), kept.len());
                    kept.push(event);
                }
            },
            None => kept.push(event),
        }
    }
    kept.sort_by(|a, b| {
        (a.timestamp, a.get(Column::Id).map(str::as_bytes))
            .cmp(&(b.timestamp, b.get(Column::Id).map(str::as_bytes)))
    });
    let overwritten = before - kept.len();
    (kept, overwritten as u64)
}

impl Given {
    /// Takes settled events.
    pub(crate) fn new(events: &[Loose], catalogue: &Catalogue) -> Self {
        let asset = |id: Option<&str>| {
            id.and_then(|id| catalogue.asset(id.as_bytes()))
                .unwrap_or(NO_ASSET)
        };
        let rows: Vec<Row> = events
            .iter()
            .map(|event| {
                let mut text = String::new();
                let mut ends = [0; Column::ALL.len()];
                let mut present = 0;
                for (place, field) in event.fields.iter().enumerate() {
                    if let Some(field) = field {
                        text.push_str(field);
                        present |= 1 << place;
                    }
                    ends[place] = text.len() as u32;
                }
                Row {
                    timestamp: event.timestamp,
                    assets: [
                        asset(event.get(Column::MakerAssetId)),
                        asset(event.get(Column::TakerAssetId)),
                    ],
                    text: text.into_boxed_str(),
                    ends,
                    present,
                }
            })
            .collect();
        let mut by_id: Vec<u32> = (0..rows.len() as u32).collect();
        by_id.sort_by(|a, b| rows[*a as usize].id().cmp(&rows[*b as usize].id()));
        let mut rank = vec![0; rows.len()];
        for (place, row) in by_id.iter().enumerate() {
            rank[*row as usize] = place as u32;
        }
        Self { rows, by_id, rank }
    }
}

impl Row {
    fn get(&self, column: Column) -> Option<&[u8]> {
        let place = column as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        (self.present & 1 << place != 0)
            .then(|| &self.text.as_bytes()[start as usize..self.ends[place] as usize])
    }

    fn id(&self) -> Option<&[u8]> {
        self.get(Column::Id)
    }
}

impl Rows for Given {
    const PLAIN: bool = false;

    fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    fn timestamp(&self, row: u32) -> i64 {
        self.rows[row as usize].timestamp
    }

    fn assets(&self, row: u32) -> [u32; 2] {
        self.rows[row as usize].assets
    }

    fn write(&self, row: u32, column: Column, out: &mut Vec<u8>) -> bool {
        match self.rows[row as usize].get(column) {
            Some(text) => {
                out.extend_from_slice(text);
                true
            }
            None => false,
        }
    }

    fn compare_ids(&self, a: u32, b: u32) -> Ordering {
        self.rank[a as usize].cmp(&self.rank[b as usize])
    }

    fn by_id(&self) -> &[u32] {
        &self.by_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: Value) -> Loose {
        Loose::new(json.as_object().unwrap())
    }

    #[test]
    fn a_later_event_overwrites_an_earlier_one_of_the_same_id() {
        let (events, overwritten) = settle(vec![
            event(serde_json::json!({"id": "b", "timestamp": "5", "fee": "1"})),
            event(serde_json::json!({"id": "a", "timestamp": "5"})),
            event(serde_json::json!({"id": "b", "timestamp": "5", "fee": "2"})),
        ]);
        assert_eq!(overwritten, 1);
        let ids: Vec<_> = events.iter().map(|e| e.get(Column::Id).unwrap()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(events[1].get(Column::Fee), Some("2"));
    }

    #[test]
    fn an_unreadable_timestamp_stands_with_the_event_before_it() {
        let (events, _) = settle(vec![
            event(serde_json::json!({"id": "a", "timestamp": "7"})),
            event(serde_json::json!({"id": "b", "timestamp": "soon"})),
            event(serde_json::json!({"id": "c", "timestamp": 9})),
        ]);
        let order: Vec<_> = events.iter().map(|e| e.timestamp).collect();
        assert_eq!(order, [7, 7, 9]);
        assert_eq!(events[1].get(Column::Timestamp), Some("soon"));
        assert_eq!(events[2].get(Column::Timestamp), Some("9"));
    }

    #[test]
    fn only_a_readable_trade_counts() {
        let trade = |maker: &str, taker: &str, amount: &str| {
            event(serde_json::json!({
                "makerAssetId": maker, "takerAssetId": taker,
                "makerAmountFilled": amount, "takerAmountFilled": "3",
            }))
            .trade()
            .map(|(token, buy, usdc)| (token.to_owned(), buy, usdc))
        };
        assert_eq!(trade("0", "7", "5"), Some(("7".to_owned(), true, 5)));
        assert_eq!(trade("7", "0", "5"), Some(("7".to_owned(), false, 3)));
        assert_eq!(trade("0", "0", "5"), None);
        assert_eq!(trade("7", "8", "5"), None);
        assert_eq!(
            trade("0", "7", "340282366920938463463374607431768211456"),
            None
        );
    }
}
