//! What is still to be asked for: segments on their way, and the parts that nobody has begun.

use std::collections::VecDeque;
use std::sync::Arc;

use fills::{StoreError, Task, TokenGroups, TokenId};
use tokio::task::{JoinError, JoinSet};

use crate::planner::{Lease, Planner, SegmentId};
use crate::segment::{Place, Segment};

/// Segments of groups that wait for a turn, or for their tokens: enough for a request of most sizes.
const SEGMENTS_AHEAD: usize = 32;

type Tokens = Arc<[TokenId]>;

/// What to read next of some segments, together in one request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) segments: Vec<Segment>,
    pub(crate) places: Vec<Place>,
    /// What to read for each of the places.
    pub(crate) tasks: Vec<Task>,
}

/// Segments that wait for their next page, and the planner that has more of them.
pub(crate) struct Work {
    planner: Planner,
    groups: Option<Arc<dyn TokenGroups>>,
    ready: VecDeque<Segment>,
    /// Segments whose tokens are being read.
    loading: JoinSet<(Lease, Result<Tokens, StoreError>)>,
}

impl Work {
    pub(crate) fn new(planner: Planner, groups: Option<Arc<dyn TokenGroups>>) -> Self {
        Self {
            planner,
            groups,
            ready: VecDeque::new(),
            loading: JoinSet::new(),
        }
    }

    /// Returns true if there is something to ask for, now or when the tokens of a group were read.
    pub(crate) fn has_more(&self) -> bool {
        !self.ready.is_empty() || self.planner.has_more()
    }

    /// Begins to read the tokens of the next groups. Returns true if there is a page to ask for now.
    pub(crate) fn prepare(&mut self) -> bool {
        let Some(groups) = &self.groups else {
            return self.has_more();
        };
        while self.ready.len() + self.loading.len() < SEGMENTS_AHEAD
            && let Some(lease) = self.planner.take()
        {
            let groups = Arc::clone(groups);
            self.loading
                .spawn(async move { (lease, groups.tokens(lease.group).await) });
        }
        !self.ready.is_empty()
    }

    /// Returns true while the tokens of a group are being read.
    pub(crate) fn is_loading(&self) -> bool {
        !self.loading.is_empty()
    }

    /// Waits until a group's tokens were read; nothing if none are being read.
    ///
    /// # Cancel safety
    /// Nothing is lost: a dropped call can be made again.
    pub(crate) async fn loaded(&mut self) -> Option<Result<Result<(), StoreError>, JoinError>> {
        let joined = self.loading.join_next().await?;
        Some(joined.map(|(lease, tokens)| {
            let segment = Segment::new(lease, Some(tokens?));
            self.ready.push_back(segment);
            Ok(())
        }))
    }

    /// Returns about into how many segments what is left can be cut, those under way among them.
    pub(crate) fn segments(&self) -> usize {
        self.planner.segments()
    }

    /// Puts together a request of up to `max` tasks; it has none if there is nothing to read.
    pub(crate) fn next_request(&mut self, mut max: usize) -> Request {
        let mut request = Request::default();
        while request.tasks.len() < max {
            let Some(segment) = self.next_segment() else {
                break;
            };
            if segment.max_tasks() <= request.tasks.len() {
                self.ready.push_front(segment);
                break;
            }
            max = max.min(segment.max_tasks());
            let end = self.planner.end(segment.id);
            for (stream, task) in segment.tasks(end, max - request.tasks.len()) {
                let segment = request.segments.len();
                request.places.push(Place { segment, stream });
                request.tasks.push(task);
            }
            request.segments.push(segment);
        }
        request
    }

    fn next_segment(&mut self) -> Option<Segment> {
        if self.ready.is_empty() && self.groups.is_none() {
            let lease = self.planner.take()?;
            return Some(Segment::new(lease, None));
        }
        self.ready.pop_front()
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
