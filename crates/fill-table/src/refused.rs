//! Rows that the server does not take, kept as dead letters.

use clickhouse::Row;
use clickhouse_sink::{OnRefused, RefusedRow};
use fills::{Block, Fill, Malformed, Side};
use serde::Serialize;
use serde_json::json;

use crate::columns;
use crate::retry::reading_on;
use crate::{Error, FillTable};

/// The field of a letter about a whole row.
pub(crate) const WHOLE_ROW: &str = "row";

/// Something that could not go into the table.
#[derive(Debug, Row, Serialize)]
pub(crate) struct DeadLetter {
    fill_id: String,
    field: String,
    reason: String,
    event: String,
}

impl FillTable {
    /// Writes dead letters, and returns when they are durable.
    pub(crate) async fn write_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), Error> {
        let (name, token) = (self.names().dead_letters(), Block::unused_token());
        // In the middle of a run, which waits for its inserts without end as well.
        reading_on(|| self.insert_once(&name, letters, &token)).await
    }

    /// Keeps the rows that the sink's server refuses.
    pub(crate) fn on_refused(&self) -> OnRefused {
        let table = self.clone();
        OnRefused::new(move |refused| {
            let table = table.clone();
            async move {
                let letter = DeadLetter::from(refused);
                Ok(table.write_dead_letters(&[letter]).await?)
            }
        })
    }
}

impl From<Malformed> for DeadLetter {
    fn from(event: Malformed) -> Self {
        Self {
            fill_id: event.fill_id,
            field: event.field,
            reason: event.reason,
            event: event.event,
        }
    }
}

impl From<RefusedRow> for DeadLetter {
    fn from(refused: RefusedRow) -> Self {
        let fill = columns::read(&mut &*refused.row);
        Self {
            fill_id: fill.map(|fill| fill.id.to_string()).unwrap_or_default(),
            field: WHOLE_ROW.to_owned(),
            reason: refused.message,
            event: match fill {
                Some(fill) => readable(&fill),
                None => refused.row.iter().map(|b| format!("{b:02x}")).collect(),
            },
        }
    }
}

/// Writes a fill with the columns that readers know, amounts in base units.
fn readable(fill: &Fill) -> String {
    json!({
        "fill_id": fill.id.to_string(),
        "proxy_wallet": fill.maker.to_string(),
        "counterparty": fill.taker.to_string(),
        "asset_id": fill.token_id.to_string(),
        "side": match fill.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        },
        "size_base_units": fill.shares_base_units.to_string(),
        "usdc_base_units": fill.usdc_base_units.to_string(),
        "fee_base_units": fill.fee_base_units.to_string(),
        "timestamp": fill.timestamp,
    })
    .to_string()
}
