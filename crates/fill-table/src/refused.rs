//! Rows that the server does not take, kept as dead letters.

use clickhouse::Row;
use clickhouse_sink::{Config, Deduplication, OnRefused, RefusedRow, RetryPolicy, Sink};
use fills::{Fill, Malformed, Side};
use serde::Serialize;
use serde_json::json;

use crate::decode::decode;
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

/// Starts to take dead letters.
pub(crate) async fn open(table: &FillTable, retry: RetryPolicy) -> Result<Sink<DeadLetter>, Error> {
    let mut config = Config::new(table.names().dead_letters().name);
    // Rows that are there twice become one.
    config.deduplication = Deduplication::Off;
    config.retry = retry;
    Ok(Sink::start(table.server().client().clone(), config).await?)
}

/// Keeps dead letters, and returns when they are durable.
pub(crate) async fn keep(
    sink: &Sink<DeadLetter>,
    letters: Vec<DeadLetter>,
) -> Result<(), clickhouse_sink::Error> {
    let receipt = sink.send(letters).await?;
    sink.flush().await?;
    receipt.await?;
    Ok(())
}

/// Keeps the rows that another sink's server refuses.
pub(crate) fn on_refused(sink: &Sink<DeadLetter>) -> OnRefused {
    let sink = sink.clone();
    OnRefused::new(move |refused| {
        let sink = sink.clone();
        async move { Ok(keep(&sink, vec![DeadLetter::from(refused)]).await?) }
    })
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
        let fill = decode(&refused.row);
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
