//! One leased segment on its way: which pages to ask for next, and what an answer means.

use std::sync::Arc;

use fills::{Cursor, Fill, Filter, Malformed, Page, PageQuery, Span, TokenId};

use crate::blocks::Completed;
use crate::planner::{Lease, SegmentId};

/// Fewest rows in a page: below this the source is not relieved any further.
const LEAST_PAGE_ROWS: u16 = 10;

/// A segment that a worker pages through, with one stream for each filter.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) group: u32,
    /// All streams have passed the seconds before this one, and their rows were given away.
    completed: u64,
    streams: Vec<Stream>,
    /// Events that are no fills, of pages since.
    malformed: Vec<Malformed>,
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
    /// It has passed all seconds before this one.
    frontier: u64,
    /// Its rows that are not complete yet, in order of time.
    held: Vec<Fill>,
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
            completed: lease.span.from,
            malformed: Vec::new(),
            streams: filters
                .into_iter()
                .map(|filter| Stream {
                    filter,
                    from: lease.span.from,
                    after: None,
                    rate: None,
                    done: false,
                    frontier: lease.span.from,
                    held: Vec::new(),
                })
                .collect(),
            page_rows,
            most_together: usize::MAX,
            reach_seconds: None,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.streams.iter().all(|stream| stream.done)
    }

    /// Returns how many rows it holds that are not complete yet.
    pub(crate) fn rows_held(&self) -> usize {
        self.streams.iter().map(|stream| stream.held.len()).sum()
    }

    /// Returns how many pages a request may have that this segment is part of.
    pub(crate) fn most_together(&self) -> usize {
        self.most_together
    }

    /// Lets no request have more than `pages` pages that this segment is part of.
    pub(crate) fn keep_apart(&mut self, pages: usize) {
        self.most_together = pages.max(1);
    }

    /// Returns the next page of up to `most` streams that are not done, those that are furthest behind, up
    /// to the segment's end `to`.
    pub(crate) fn queries(&self, to: u64, most: usize) -> Vec<(Asked, PageQuery)> {
        let open = self.streams.iter().enumerate();
        let mut open: Vec<_> = open.filter(|(_, stream)| !stream.done).collect();
        open.sort_by_key(|(_, stream)| stream.at());
        open.into_iter()
            .take(most)
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

    /// Takes an answer in, and returns what it completes. `to` is where the segment ends *now*: others may
    /// have taken its back while the request was under way, and what lies there is theirs.
    pub(crate) fn absorb(&mut self, asked: Asked, mut page: Page, to: u64) -> Completed {
        let stream = &mut self.streams[asked.stream];
        let full = page.len() >= usize::from(asked.limit);
        let last = page.last.take();
        if let Some(last) = &last {
            let seconds = last.timestamp.saturating_sub(stream.at()).max(1);
            stream.rate = Some(page.len() as f64 / seconds as f64);
        }
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
        stream.frontier = frontier;
        stream.held.append(&mut page.fills);
        self.malformed.append(&mut page.malformed);
        self.complete(to)
    }

    /// Gives away the rows of the seconds that all streams have passed.
    fn complete(&mut self, to: u64) -> Completed {
        let frontiers = self.streams.iter().map(|stream| stream.frontier);
        let frontier = frontiers.min().unwrap_or(to);
        #[cfg(feature = "mutations")]
        let frontier = match mutation::is_on(mutation::Mutation::AnyStreamIsEnough) {
            true => self.streams.iter().map(|stream| stream.frontier).max(),
            false => Some(frontier),
        }
        .unwrap_or(to);
        let span = Span::new(self.completed, frontier.min(to));
        if span.is_empty() {
            return Completed::default();
        }
        self.completed = span.to;
        let mut fills = Vec::new();
        for stream in &mut self.streams {
            let passed = |fill: &Fill| u64::from(fill.timestamp) < span.to;
            #[cfg(feature = "mutations")]
            let passed = |fill: &Fill| {
                passed(fill) || stream.done && mutation::is_on(mutation::Mutation::CutIsNotTrimmed)
            };
            let count = stream.held.partition_point(passed);
            match fills.is_empty() {
                // All of it, most of the time.
                true => {
                    let behind = stream.held.split_off(count);
                    fills = std::mem::replace(&mut stream.held, behind);
                }
                false => fills.extend(stream.held.drain(..count)),
            }
        }
        if self.streams.len() > 1 {
            fills.sort_by_key(|fill| fill.timestamp);
        }
        Completed {
            group: self.group,
            span,
            fills,
            malformed: std::mem::take(&mut self.malformed),
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
