//! `ingest markets`.

use serde_json::json;
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::database::Database;
use wiring::errors::{from_source, from_table, printed};
use wiring::source;

use crate::catalogue;
use crate::cli::MarketsArgs;

/// Loads the catalogue from the beginning.
///
/// # Errors
/// What source, Gamma or table meet.
pub(crate) async fn load(
    settings: &Settings,
    args: MarketsArgs,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let database = Database::open(&settings.table).await?;
    let ended = load_into(settings, args, shutdown, &database).await;
    database.close().await;
    ended
}

async fn load_into(
    settings: &Settings,
    args: MarketsArgs,
    shutdown: &Shutdown,
    database: &Database,
) -> Result<ExitCode, Failure> {
    use fills::Source as _;

    let table = &database.table;
    table.ensure().await.map_err(from_table)?;
    let client = source::client(&settings.source)?;
    client.survey().await.map_err(from_source)?;
    let tokens = catalogue::from_subgraph(&client, table, String::new(), shutdown).await?;
    let texts = if args.gamma && !tokens.stopped {
        let gamma = source::gamma(&settings.source)?;
        Some(catalogue::from_gamma(&gamma, table, shutdown).await?)
    } else {
        None
    };
    let totals = table.totals().await.map_err(from_table)?;
    printed(&match settings.output {
        Output::Json => format!(
            "{}\n",
            json!({
                "tokens": tokens.tokens,
                "tokens_malformed": tokens.malformed,
                "tokens_with_texts": texts.map(|texts| texts.tokens),
                "markets_malformed": texts.map(|texts| texts.malformed),
                "unknown_tokens": totals.unknown_tokens,
                "unknown_fills": totals.unknown_fills,
            })
        ),
        Output::Human => {
            let mut text = format!("{} tokens with their conditions", tokens.tokens);
            if let Some(texts) = texts {
                text += &format!(", {} of them with texts", texts.tokens);
            }
            format!(
                "{text}\n{} tokens in the table are not in the catalogue ({} fills)\n",
                totals.unknown_tokens, totals.unknown_fills
            )
        }
    })?;
    Ok(if shutdown.is_requested() {
        ExitCode::Interrupted
    } else if tokens.malformed > 0 || texts.is_some_and(|texts| texts.malformed > 0) {
        ExitCode::BadData
    } else {
        ExitCode::Done
    })
}
