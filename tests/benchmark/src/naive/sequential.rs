//! One cursor over all fills, one request at a time.

use fills::Filter;
use goldsky_client::PageQuery;

use super::by_market::rows_of;
use super::{BATCH_ROWS, NaiveReport, Parts};
use crate::Failure;
use crate::budget::FILLS_PER_PAGE;

/// Loads page after page; an insert may go on while the next page is fetched.
pub(super) async fn load(parts: Parts) -> Result<NaiveReport, Failure> {
    let sink = parts.sink(BATCH_ROWS, 1).await?;
    let mut query = PageQuery {
        filter: Filter::All,
        from: parts.span.from,
        after: None,
        until: parts.span.to,
        limit: FILLS_PER_PAGE as u16,
    };
    let (mut fills, mut pages) = (0, 0);
    let mut more = true;
    while more && parts.bound.allows_more(fills) {
        let answered = parts.source.pages(std::slice::from_ref(&query)).await?;
        let page = answered.into_iter().next().ok_or("no page was answered")?;
        pages += 1;
        fills += page.len() as u64;
        more = page.len() == usize::from(query.limit);
        query.after = page.last.clone();
        // Closing the sink waits for all rows.
        let _receipt = sink.send(rows_of(page)?.collect()).await?;
    }
    sink.close().await?;
    Ok(NaiveReport {
        fills,
        pages,
        markets: 0,
        inserts: sink.stats().batches_inserted,
        stopped: parts.bound.has_stopped(),
    })
}
