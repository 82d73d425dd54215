//! How long a query takes on a real graph-node.

use super::filter::{Filter, Operand};
use super::operator::Operator;
use super::order::Order;
use super::select::Slice;
use crate::data::Column;

/// What the cheapest full page takes there: a keyset within a time window.
///
/// **Source** of all times here: medians in milliseconds of `first: 1000` with all fields on a
/// graph-node v0.44 over 2.1 million rows in memory, two cores.
pub(crate) const CHEAPEST_MS: f64 = 41.0;

const BY_ID_MS: f64 = 73.0;
const WINDOW_BY_TIME_MS: f64 = 47.0;
const WINDOW_BY_ID_MS: f64 = 262.0;
const PLAIN_KEYSET_MS: f64 = 576.0;
const ONE_TOKEN_MS: f64 = 16.0;
const TOKENS_50_MS: f64 = 189.0;
const TOKENS_500_MS: f64 = 117.0;
/// The hottest token; where the disks are busy the whole is what times out.
const EITHER_ASSET_MS: f64 = 320.0;
/// For each row skipped: 483 ms more for 180,000 rows more.
const SKIPPED_ROW_MS: f64 = 483.0 / 180_000.0;

/// Estimates what a page of events takes.
pub(crate) fn page_ms(filter: &Filter, order: Order, slice: Slice, rows: usize) -> f64 {
    let by_time = order.column == Column::Timestamp as usize;
    let tokens = tokens(filter);
    // The database stops as soon as the page is full if an index gives the order, and else has to
    // find and sort everything that passes.
    let (full_ms, stops_early) = if either_asset(filter) {
        (EITHER_ASSET_MS, false)
    } else if plain_keyset(filter) {
        (PLAIN_KEYSET_MS, false)
    } else if let Some(tokens) = tokens {
        match tokens {
            0 | 1 => (ONE_TOKEN_MS, true),
            2..500 => (TOKENS_50_MS, true),
            _ => (TOKENS_500_MS, true),
        }
    } else if mentions(filter, Column::Timestamp) && !by_time {
        (WINDOW_BY_ID_MS, false)
    } else if !by_time {
        (BY_ID_MS, true)
    } else if has_any(filter) {
        (CHEAPEST_MS, true)
    } else {
        (WINDOW_BY_TIME_MS, true)
    };
    let filled = if stops_early {
        0.2 + 0.8 * (rows as f64 / 1000.0)
    } else {
        1.0
    };
    full_ms * filled + slice.skip as f64 * SKIPPED_ROW_MS
}

/// Tells whether an `or` reaches over both asset columns.
fn either_asset(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(either_asset),
        Filter::Any(parts) => {
            let over = |column| parts.iter().any(|part| mentions(part, column));
            over(Column::MakerAssetId) && over(Column::TakerAssetId)
        }
        _ => false,
    }
}

/// Tells whether an `or` over times stands without a lower bound beside it, so that no index
/// gives the database a place to begin.
fn plain_keyset(filter: &Filter) -> bool {
    match filter {
        Filter::Any(parts) => parts.iter().any(|part| mentions(part, Column::Timestamp)),
        Filter::All(parts) => !parts.iter().any(bounds_below) && parts.iter().any(plain_keyset),
        _ => false,
    }
}

fn bounds_below(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(bounds_below),
        Filter::Column {
            column, operator, ..
        } => {
            *column == Column::Timestamp as usize
                && matches!(
                    operator,
                    Operator::Greater | Operator::GreaterOrEqual | Operator::Equal
                )
        }
        _ => false,
    }
}

fn has_any(filter: &Filter) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().any(has_any),
        Filter::Any(_) => true,
        _ => false,
    }
}

fn mentions(filter: &Filter, wanted: Column) -> bool {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|part| mentions(part, wanted)),
        Filter::Column { column, .. } => *column == wanted as usize,
        Filter::ChangedSince(_) => false,
    }
}

/// Returns how many tokens a filter names, if it is about tokens.
fn tokens(filter: &Filter) -> Option<usize> {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().filter_map(tokens).max(),
        Filter::Column {
            column, operand, ..
        } if *column == Column::MakerAssetId as usize
            || *column == Column::TakerAssetId as usize =>
        {
            match operand {
                Operand::Texts(texts) => Some(texts.len()),
                Operand::Text(text) if text != "0" => Some(1),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::build;
    use super::super::schema::Entity;
    use super::super::value::Value;
    use super::*;

    fn full_page(filter: serde_json::Value, column: Column) -> f64 {
        let value = Value::from_json(filter, false);
        let filter = build(Entity::OrderFilledEvent, &value).unwrap();
        let order = Order {
            column: column as usize,
            descending: false,
        };
        let slice = Slice {
            skip: 0,
            first: 1000,
        };
        page_ms(&filter, order, slice, 1000)
    }

    #[test]
    fn a_keyset_within_a_window_is_the_cheapest_scan() {
        let keyset = serde_json::json!({"and": [
            {"timestamp_gte": "5"}, {"timestamp_lt": "9"},
            {"or": [{"timestamp_gt": "5"}, {"id_gt": "0x8"}]},
        ]});
        assert_eq!(full_page(keyset, Column::Timestamp), CHEAPEST_MS);
    }

    #[test]
    fn a_plain_or_is_fourteen_times_slower() {
        let keyset = serde_json::json!({"or": [
            {"timestamp_gt": "5"}, {"timestamp": "5", "id_gt": "0x8"},
        ]});
        let times = full_page(keyset, Column::Timestamp) / CHEAPEST_MS;
        assert!((14.0..15.0).contains(&times), "{times}");
    }

    #[test]
    fn a_window_by_id_is_six_times_slower() {
        let window = serde_json::json!({"timestamp_gte": "5", "timestamp_lt": "9"});
        let times = full_page(window, Column::Id) / CHEAPEST_MS;
        assert!((6.0..7.0).contains(&times), "{times}");
    }

    #[test]
    fn either_asset_costs_more_than_one() {
        let either = serde_json::json!({"or": [{"makerAssetId": "7"}, {"takerAssetId": "7"}]});
        let one = serde_json::json!({"makerAssetId": "7"});
        assert!(full_page(either, Column::Id) > 2.0 * full_page(one, Column::Id));
    }
}
