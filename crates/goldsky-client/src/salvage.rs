//! What can be told of a row that does not fit the event.

use api_client::{kind, text};
use fills::Malformed;
use serde_json::Value;
use serde_json::value::RawValue;

/// The fields that an event has, all text.
const FIELDS: [&str; 11] = [
    "id",
    "transactionHash",
    "timestamp",
    "orderHash",
    "maker",
    "taker",
    "makerAssetId",
    "takerAssetId",
    "makerAmountFilled",
    "takerAmountFilled",
    "fee",
];

/// A row that does not fit, and its place in the order where it tells one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Salvaged {
    pub(crate) place: Option<(u64, String)>,
    pub(crate) malformed: Malformed,
}

/// Names the field that keeps a row from being read as an event.
pub(crate) fn salvage(row: &RawValue, error: &serde_json::Error) -> Salvaged {
    let value: Value = serde_json::from_str(row.get()).unwrap_or_default();
    let id = value["id"].as_str();
    let seconds = match &value["timestamp"] {
        Value::String(text) => seconds(text),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    let (field, reason) = match value.as_object() {
        None => ("event", format!("is {} instead of an object", kind(&value))),
        Some(object) => FIELDS
            .into_iter()
            .find_map(|field| match object.get(field) {
                Some(Value::String(_)) => None,
                Some(other) => Some((field, format!("is {} instead of text", kind(other)))),
                None => Some((field, "is missing".to_owned())),
            })
            // For example a field that is there twice.
            .unwrap_or_else(|| ("event", format!("does not read: {error}"))),
    };
    Salvaged {
        place: seconds.zip(id.map(str::to_owned)),
        malformed: Malformed {
            fill_id: id.unwrap_or_default().to_owned(),
            field: field.to_owned(),
            reason: text::one_line(&reason),
            position: seconds,
            event: row.get().to_owned(),
        },
    }
}

/// Reads a time in seconds: digits, and nothing else.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}
