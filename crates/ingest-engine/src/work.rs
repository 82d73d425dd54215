//! What is still to be asked for: segments on their way, and the parts that nobody has begun.

use std::collections::VecDeque;
use std::sync::Arc;

use fills::{StoreError, TokenGroups};

use crate::ledger::Ledger;
use crate::planner::{Planner, SegmentId};
use crate::segment::{Plan, Segment};

/// The next pages of some segments, together in one request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) segments: Vec<Segment>,
    pub(crate) plan: Plan,
}

/// Segments that wait for their next page, and the planner that has more of them.
pub(crate) struct Work {
    planner: Planner,
    groups: Option<Arc<dyn TokenGroups>>,
    ready: VecDeque<Segment>,
    page_rows: u16,
}

impl Work {
    pub(crate) fn new(
        planner: Planner,
        groups: Option<Arc<dyn TokenGroups>>,
        page_rows: u16,
    ) -> Self {
        Self {
            planner,
            groups,
            ready: VecDeque::new(),
            page_rows,
        }
    }

    /// Tells whether there is a page to ask for now.
    pub(crate) fn has_more(&self) -> bool {
        !self.ready.is_empty() || self.planner.has_more()
    }

    /// Returns about into how many segments what is left can be cut, those under way among them.
    pub(crate) fn segments(&self) -> usize {
        self.planner.segments()
    }

    /// Puts together a request for up to `most` pages; it has none if there is nothing to ask for.
    ///
    /// # Errors
    /// [`StoreError`] where the tokens of a group cannot be read.
    pub(crate) async fn next_request(
        &mut self,
        mut most: usize,
        ledger: &mut Ledger,
    ) -> Result<Request, StoreError> {
        let mut request = Request::default();
        while request.plan.len() < most {
            let Some(segment) = self.next_segment(ledger).await? else {
                break;
            };
            if segment.most_together() <= request.plan.len() {
                self.ready.push_front(segment);
                break;
            }
            most = most.min(segment.most_together());
            let end = self.planner.end(segment.id);
            let place = request.segments.len();
            let queries = segment.queries(end, most - request.plan.len());
            let queries = queries.into_iter();
            request
                .plan
                .extend(queries.map(|(asked, query)| (place, asked, query)));
            request.segments.push(segment);
        }
        Ok(request)
    }

    async fn next_segment(&mut self, ledger: &mut Ledger) -> Result<Option<Segment>, StoreError> {
        if let Some(segment) = self.ready.pop_front() {
            return Ok(Some(segment));
        }
        let Some(lease) = self.planner.take() else {
            return Ok(None);
        };
        let tokens = match &self.groups {
            Some(groups) => Some(groups.tokens(lease.group).await?),
            None => None,
        };
        let segment = Segment::new(lease, tokens, self.page_rows);
        ledger.open(segment.id, segment.group, segment.from, segment.streams());
        Ok(Some(segment))
    }

    /// Returns where a segment ends now, exclusive.
    pub(crate) fn end(&self, id: SegmentId) -> u64 {
        self.planner.end(id)
    }

    /// Notes how far a segment has come.
    pub(crate) fn advance(&mut self, segment: &Segment) {
        let (from, seen, rate) = segment.position(self.end(segment.id));
        self.planner.advance(segment.id, from, seen, rate);
    }

    /// Puts a segment back, to be asked for again.
    pub(crate) fn put_back(&mut self, segment: Segment) {
        self.ready.push_back(segment);
    }

    /// Ends a segment that was fetched to its end or given up.
    pub(crate) fn complete(&mut self, id: SegmentId) {
        self.planner.complete(id);
    }

    /// Estimates how many rows the segments on their way still hold.
    pub(crate) fn rows_ahead(&self) -> f64 {
        self.planner.rows_ahead()
    }
}
