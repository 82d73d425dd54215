//! The market catalogue, compared with the source's.

use fill_table::{FillTable, Selection};
use goldsky_client::Client;
use startup::Failure;
use wiring::errors::{from_source, from_table};
use wiring::progress::grouped;

use crate::check::Check;

const UNLOADED: &str = "not loaded yet; a run loads it beside the fills";
/// **Source**: `src/Common/ErrorCodes.cpp` of `ClickHouse`.
const UNKNOWN_TABLE: u32 = 60;

/// Checks whether the source has tokens behind those that were loaded. One request.
pub(crate) async fn fresh(client: &Client, table: &FillTable) -> Check {
    const CODE: &str = "catalogue";
    match behind(client, table).await {
        Ok((0, _)) => Check::ok(CODE, UNLOADED),
        Ok((tokens, true)) => Check::ok(CODE, format!("{} tokens", grouped(tokens))),
        Ok((tokens, false)) => {
            let seen = format!("{} tokens, and the source has more", grouped(tokens));
            Check::warning(CODE, seen, "ingest markets (a run goes on with it, too)")
        }
        // Made by the first run, like the table.
        Err(Behind::NoTable) => Check::ok(CODE, UNLOADED),
        Err(Behind::Failed(failure)) => Check::refused(CODE, &failure),
    }
}

enum Behind {
    NoTable,
    Failed(Failure),
}

/// Returns how many tokens were loaded, and whether the source has none behind the last of them.
async fn behind(client: &Client, table: &FillTable) -> Result<(u64, bool), Behind> {
    let catalogue = table.catalogue();
    let size = catalogue.size(&Selection::All).await.map_err(unread)?;
    let last = catalogue.last_id().await.map_err(unread)?;
    let next = client.market_datas(&last, 1).await;
    let next = next.map_err(|error| Behind::Failed(from_source(error)))?;
    Ok((size.tokens, next.is_empty()))
}

fn unread(error: fill_table::Error) -> Behind {
    match error {
        fill_table::Error::Refused {
            code: Some(UNKNOWN_TABLE),
            ..
        } => Behind::NoTable,
        error => Behind::Failed(from_table(error)),
    }
}
