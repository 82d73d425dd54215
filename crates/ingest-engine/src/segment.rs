//! One leased segment on its way: which pages to ask for next, and what an answer means.

use std::collections::HashSet;
use std::sync::Arc;

use fills::{
    Cursor, Fill, FillId, FillStore, Filter, Page, PageQuery, Scope, Span, SpanSet, StoreError,
    TokenId,
};

use crate::planner::{Lease, SegmentId};
use crate::reconcile::Reconciled;

/// Fewest rows in a page: below this the source is not relieved any further.
const LEAST_PAGE_ROWS: u16 = 10;

/// A segment that a worker pages through, with one stream for each filter.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) group: u32,
    pub(crate) from: u64,
    tokens: Option<Arc<[TokenId]>>,
    streams: Vec<Stream>,
    page_rows: u16,
    /// Pages of a request that this segment may be part of: bounded while the source finds
    /// requests too heavy.
    most_together: usize,
    /// Seconds that one page may ask for: only bounded while the source finds pages too heavy.
    reach_seconds: Option<u64>,
}

#[derive(Debug)]
struct Stream {
    filter: Filter,
    from: u64,
    after: Option<Cursor>,
    rate: Option<f64>,
    done: bool,
    reconciled: Reconciled,
}

/// What one page was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) stream: usize,
    until: u64,
    limit: u16,
}

/// The pages of a request: of which of its segments, what was asked, and how.
pub(crate) type Plan = Vec<(usize, Asked, PageQuery)>;

/// What one page brought, cut at the segment's end.
#[derive(Debug)]
pub(crate) struct Progressed {
    pub(crate) stream: usize,
    pub(crate) page: Page,
    /// Once the page's rows are durable, the stream has passed all seconds before this one.
    pub(crate) frontier: u64,
}

impl Segment {
    pub(crate) fn new(lease: Lease, tokens: Option<Arc<[TokenId]>>, page_rows: u16) -> Self {
        let filters = match &tokens {
            None => vec![Filter::All],
            Some(tokens) => vec![
                Filter::MakerAssetIn(Arc::clone(tokens)),
                Filter::TakerAssetIn(Arc::clone(tokens)),
            ],
        };
        Self {
            id: lease.id,
            group: lease.group,
            from: lease.span.from,
            tokens,
            streams: filters
                .into_iter()
                .map(|filter| Stream {
                    filter,
                    from: lease.span.from,
                    after: None,
                    rate: None,
                    done: false,
                    reconciled: Reconciled::default(),
                })
                .collect(),
            page_rows,
            most_together: usize::MAX,
            reach_seconds: None,
        }
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.streams.iter().all(|stream| stream.done)
    }

    /// Returns which fills of a stream's page the table holds already.
    ///
    /// # Errors
    /// [`StoreError`] where the table cannot be read.
    pub(crate) async fn loaded_among(
        &mut self,
        asked: Asked,
        fills: &[Fill],
        occupied: &SpanSet,
        store: &dyn FillStore,
    ) -> Result<HashSet<FillId>, StoreError> {
        let scope = Scope {
            span: Span::new(self.from, asked.until),
            tokens: self.tokens.clone(),
        };
        let reconciled = &mut self.streams[asked.stream].reconciled;
        reconciled
            .loaded_among(fills, occupied, &scope, store)
            .await
    }

    /// Returns how many pages a request may have that this segment is part of.
    pub(crate) fn most_together(&self) -> usize {
        self.most_together
    }

    /// Lets no request have more than `pages` pages that this segment is part of.
    pub(crate) fn keep_apart(&mut self, pages: usize) {
        self.most_together = pages.max(1);
    }

    /// Returns the next page of up to `most` streams that are not done, up to the segment's end
    /// `to`.
    pub(crate) fn queries(&self, to: u64, most: usize) -> Vec<(Asked, PageQuery)> {
        let open = self
            .streams
            .iter()
            .enumerate()
            .filter(|(_, stream)| !stream.done);
        open.take(most)
            .map(|(index, stream)| {
                let until = self
                    .reach_seconds
                    .map_or(to, |seconds| to.min(stream.at().saturating_add(seconds)));
                let asked = Asked {
                    stream: index,
                    until,
                    limit: self.page_rows,
                };
                let query = PageQuery {
                    filter: stream.filter.clone(),
                    from: stream.from,
                    after: stream.after.clone(),
                    until,
                    limit: self.page_rows,
                };
                (asked, query)
            })
            .collect()
    }

    /// Takes an answer in. `to` is where the segment ends *now*: others may have taken its back
    /// while the request was under way, and what lies there is theirs.
    pub(crate) fn absorb(&mut self, asked: Asked, mut page: Page, to: u64) -> Progressed {
        let stream = &mut self.streams[asked.stream];
        let full = page.len() >= usize::from(asked.limit);
        let last = page.last.take();
        if let Some(last) = &last {
            let seconds = last.timestamp.saturating_sub(stream.at()).max(1);
            stream.rate = Some(page.len() as f64 / seconds as f64);
        }
        let cut = to;
        #[cfg(feature = "mutations")]
        let cut = match mutation::is_on(mutation::Mutation::CutIsNotTrimmed) {
            true => u64::MAX,
            false => cut,
        };
        page.fills.retain(|fill| u64::from(fill.timestamp) < cut);
        let frontier = match last {
            Some(last) if full && last.timestamp < to => {
                let frontier = last.timestamp;
                stream.from = frontier;
                stream.after = Some(last);
                #[cfg(feature = "mutations")]
                if mutation::is_on(mutation::Mutation::CursorByTimestamp) {
                    (stream.from, stream.after) = (frontier + 1, None);
                }
                #[cfg(feature = "mutations")]
                let frontier = match mutation::is_on(mutation::Mutation::PageEndIsPassed) {
                    true => frontier + 1,
                    false => frontier,
                };
                frontier
            }
            // A page that is full reached the end; one that is not holds all up to `until`.
            _ if full || asked.until >= to => {
                stream.done = true;
                to
            }
            _ => {
                stream.from = asked.until;
                stream.after = None;
                asked.until
            }
        };
        Progressed {
            stream: asked.stream,
            page,
            frontier,
        }
    }

    /// Returns the earliest second not passed by all streams, the latest one seen by any, and how
    /// many rows there are in a second.
    pub(crate) fn position(&self, to: u64) -> (u64, u64, Option<f64>) {
        let open = || self.streams.iter().filter(|stream| !stream.done);
        let from = open().map(Stream::at).min().unwrap_or(to);
        // A stream that is done has seen everything: no one else may ask for any of it again.
        let seen = self
            .streams
            .iter()
            .map(|stream| if stream.done { to } else { stream.at() })
            .max()
            .unwrap_or(to);
        let rate = open().filter_map(|stream| stream.rate).sum::<f64>();
        (from, seen, (rate > 0.0).then_some(rate))
    }

    /// Asks for half the rows and a quarter of the time from now on; false if that is not possible.
    pub(crate) fn relieve(&mut self, to: u64) -> bool {
        if self.page_rows <= LEAST_PAGE_ROWS {
            return false;
        }
        self.page_rows = (self.page_rows / 2).max(LEAST_PAGE_ROWS);
        let (from, _, _) = self.position(to);
        let reach = self.reach_seconds.unwrap_or(to.saturating_sub(from));
        self.reach_seconds = Some((reach / 4).max(1));
        true
    }

    /// Goes back towards full pages and requests after an answer that came in full.
    pub(crate) fn recover(&mut self, page_rows: u16) {
        self.page_rows = page_rows.min(self.page_rows.saturating_mul(2));
        self.most_together = self.most_together.saturating_mul(2);
        if let Some(seconds) = self.reach_seconds {
            // A year and more is no bound at all.
            self.reach_seconds = Some(seconds.saturating_mul(2)).filter(|&s| s < 31_557_600);
        }
    }
}

impl Stream {
    fn at(&self) -> u64 {
        self.after
            .as_ref()
            .map_or(self.from, |after| after.timestamp)
    }
}
