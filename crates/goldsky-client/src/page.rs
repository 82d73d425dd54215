//! One page of fills: the rows of a field, checked against what was asked.

use std::collections::HashSet;

use api_client::Failure;
use fills::{Fill, Filter, Malformed, OrderFilled, Side, TokenId};
use serde_json::value::RawValue;

use crate::pages::{Cursor, Page, PageQuery};
use crate::salvage::{self, Salvaged};

/// Reads the rows that were answered to `query`.
///
/// A row that cannot be a fill becomes a [`Malformed`] and spoils no other. A page that is not
/// what was asked for is a failure: more rows than the limit, rows out of `(timestamp, id)` order
/// or twice, outside of the window, not behind the cursor, or not of the asked tokens. So is a
/// full page whose last row tells no place, since nothing could be asked for behind it.
pub(crate) fn read(query: &PageQuery, alias: &str, rows: &RawValue) -> Result<Page, Failure> {
    let rows = parse(rows).ok_or_else(|| wrong(alias, "is not a list"))?;
    let limit = usize::from(query.limit);
    if rows.len() > limit {
        let found = format!("has {} rows, {limit} were asked for", rows.len());
        return Err(wrong(alias, &found));
    }
    if rows.len() == limit && rows.last().is_some_and(|row| row.place().is_none()) {
        return Err(wrong(alias, "is full and its last row tells no place"));
    }
    let mut order = Order::new(query);
    let asked = Asked::new(&query.filter);
    let mut page = Page {
        fills: Vec::with_capacity(rows.len()),
        ..Page::default()
    };
    for row in &rows {
        if let Some(place) = row.place() {
            order.follow(place).map_err(|found| wrong(alias, &found))?;
        }
    }
    page.last = order.last.map(|(timestamp, id)| Cursor {
        timestamp,
        id: id.to_owned(),
    });
    for row in rows {
        match row {
            Row::Event(event) => match event.to_fill() {
                Ok(fill) if asked.holds(&fill) => page.fills.push(fill),
                Ok(fill) => {
                    let found = format!("has fill {} of a token not asked for", fill.id);
                    return Err(wrong(alias, &found));
                }
                Err(error) => page.malformed.push(Malformed {
                    fill_id: event.id.to_string(),
                    field: error.field.to_owned(),
                    reason: error.reason,
                    position: salvage::seconds(&event.timestamp),
                    event: serde_json::to_string(&event).unwrap_or_default(),
                }),
            },
            Row::Salvaged(salvaged) => page.malformed.push(salvaged.malformed),
        }
    }
    Ok(page)
}

fn wrong(alias: &str, found: &str) -> Failure {
    Failure::misshapen(format!("page {alias} {found}"))
}

enum Row<'a> {
    Event(OrderFilled<'a>),
    Salvaged(Salvaged),
}

impl Row<'_> {
    fn place(&self) -> Option<(u64, &str)> {
        match self {
            Self::Event(event) => Some((salvage::seconds(&event.timestamp)?, event.id.as_ref())),
            Self::Salvaged(row) => row.place.as_ref().map(|(at, id)| (*at, id.as_str())),
        }
    }
}

/// Reads all rows at once; only where one does not fit, one by one.
fn parse(rows: &RawValue) -> Option<Vec<Row<'_>>> {
    if let Ok(events) = serde_json::from_str::<Vec<OrderFilled<'_>>>(rows.get()) {
        return Some(events.into_iter().map(Row::Event).collect());
    }
    let rows: Vec<&RawValue> = serde_json::from_str(rows.get()).ok()?;
    let rows = rows.into_iter().map(|row| {
        serde_json::from_str(row.get()).map_or_else(
            |error| Row::Salvaged(salvage::salvage(row, &error)),
            Row::Event,
        )
    });
    Some(rows.collect())
}

/// The order of a page, row by row.
struct Order<'a> {
    from: u64,
    until: u64,
    after: Option<(u64, &'a str)>,
    last: Option<(u64, &'a str)>,
}

impl<'a> Order<'a> {
    fn new(query: &'a PageQuery) -> Self {
        Self {
            from: query.from,
            until: query.until,
            after: query
                .after
                .as_ref()
                .map(|cursor| (cursor.timestamp, cursor.id.as_str())),
            last: None,
        }
    }

    fn follow(&mut self, place: (u64, &'a str)) -> Result<(), String> {
        let (timestamp, id) = place;
        let shown = || api_client::text::one_line(id);
        if timestamp < self.from || timestamp >= self.until {
            return Err(format!(
                "has row {} of second {timestamp}, outside of [{}, {})",
                shown(),
                self.from,
                self.until
            ));
        }
        if self.after.is_some_and(|after| place <= after) {
            return Err(format!(
                "has row {}, which is not behind the cursor",
                shown()
            ));
        }
        match self.last {
            Some(last) if place == last => Err(format!("has row {} twice", shown())),
            Some(last) if place < last => Err(format!("has row {} out of order", shown())),
            _ => {
                self.last = Some(place);
                Ok(())
            }
        }
    }
}

/// Which tokens were asked for, and on which side.
pub(crate) struct Asked(Option<(Side, HashSet<TokenId>)>);

impl Asked {
    pub(crate) fn new(filter: &Filter) -> Self {
        let set = |tokens: &[TokenId]| tokens.iter().copied().collect();
        Self(match filter {
            Filter::All => None,
            Filter::MakerAssetIn(tokens) => Some((Side::Sell, set(tokens))),
            Filter::TakerAssetIn(tokens) => Some((Side::Buy, set(tokens))),
        })
    }

    pub(crate) fn holds(&self, fill: &Fill) -> bool {
        let Some((side, tokens)) = &self.0 else {
            return true;
        };
        // What the maker gave, or got, is USDC on the other side.
        if fill.side == *side {
            tokens.contains(&fill.token_id)
        } else {
            tokens.contains(&TokenId::from(0))
        }
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
