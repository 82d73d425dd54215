//! One attempt: the sealed bytes, over HTTP, with what makes its answer a promise.

use clickhouse::Client;
use tracing::trace_span;

use crate::batch::Batch;
use crate::config::{Config, MAX_ROWS_PER_BATCH};
use crate::table::Table;

/// Sends a batch once and waits until the server says that it is in the table.
///
/// # Cancel safety
/// Dropped, the insert is broken off; it may be in the table or not.
pub(crate) async fn attempt(
    client: &Client,
    table: &Table,
    config: &Config,
    batch: &Batch,
    number: u32,
) -> clickhouse::error::Result<()> {
    let token = batch.token.clone();
    #[cfg(feature = "mutations")]
    let token = match mutation::is_on(mutation::Mutation::TokenPerAttempt) {
        true => format!("{token}-{number}"),
        false => token,
    };
    #[cfg(feature = "mutations")]
    let batch = &match mutation::is_on(mutation::Mutation::BytesChange) && number > 1 {
        true => batch.behind_first(),
        false => batch.clone(),
    };
    let query_id = batch.token.clone();
    #[cfg(feature = "mutations")]
    let query_id = match mutation::is_on(mutation::Mutation::QueryIdPerAttempt) {
        true => format!("{query_id}-{number}"),
        false => query_id,
    };
    let mut body = table.layout.body(batch);
    let mut insert = client
        .insert_formatted_with(format!("{} {}", table.insert_sql, body.format()))
        .with_timeouts(Some(config.attempt_timeout), Some(config.attempt_timeout))
        // Acknowledged means written, not queued: `async_insert` is on by default since 26.
        .with_setting("async_insert", "0")
        // The status line waits for the outcome, instead of coming before it.
        .with_setting("wait_end_of_query", "1")
        .with_setting("insert_deduplicate", "1")
        .with_setting("insert_deduplication_token", token.as_str())
        // A repeated insert also adds nothing to what views made of the first one, and mends what
        // they missed.
        .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        // One batch is one block.
        .with_setting(
            "max_insert_block_size",
            (MAX_ROWS_PER_BATCH + 1).to_string(),
        )
        // The header's names and types are compared with the table's.
        .with_setting("input_format_with_names_use_header", "1")
        .with_setting("input_format_with_types_use_header", "1")
        .with_setting("input_format_native_allow_types_conversion", "0")
        // A server does not begin with a query whose id it is executing: an attempt that nobody
        // waits for any more has ended before the next one begins.
        .with_setting("query_id", query_id)
        .with_setting("log_comment", format!("attempt {number}"));
    if table.knows_deduplicate_insert {
        // It overrides `insert_deduplicate`, and a user's profile can set it.
        insert = insert.with_setting("deduplicate_insert", "enable");
    }
    for (name, value) in &config.settings {
        insert = insert.with_setting(name, value);
    }
    let mut next = || {
        let _step = trace_span!(target: "step", "encode");
        body.next()
    };
    while let Some(piece) = next() {
        insert.send(piece).await?;
    }
    insert.end().await
}
