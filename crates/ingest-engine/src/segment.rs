//! One leased segment on its way: which tasks to read next, and what a chunk means.

use std::sync::Arc;

use fills::{Chunk, Fill, Filter, Malformed, Resume, Span, Task, TokenId};

use crate::blocks::Completed;
use crate::planner::{Lease, SegmentId};

/// A segment that a worker reads from its beginning, with one stream for each filter.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) group: u32,
    /// All streams have passed the positions before this one, and their rows were given away.
    completed: u64,
    streams: Vec<Stream>,
    /// Events that are no fills, of chunks since.
    malformed: Vec<Malformed>,
    /// Maximum number of tasks in a request that this segment is part of: bounded while the source fails
    /// on larger ones.
    max_tasks: usize,
}

#[derive(Debug)]
struct Stream {
    filter: Filter,
    /// It has passed all positions before this one.
    frontier: u64,
    /// How the source goes on from there.
    resume: Option<Resume>,
    rate: Option<f64>,
    done: bool,
    /// Its rows that are not complete yet, in order of position.
    held: Vec<Fill>,
}

/// Which of a request's segments a task is for, and which of its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: usize,
    pub(crate) stream: usize,
}

impl Segment {
    pub(crate) fn new(lease: Lease, tokens: Option<Arc<[TokenId]>>) -> Self {
        let filters = match &tokens {
            None => vec![Filter::All],
            Some(tokens) => vec![
                Filter::MakerAssetIn(Arc::clone(tokens)),
                Filter::TakerAssetIn(Arc::clone(tokens)),
            ],
        };
        let stream = |filter| Stream {
            filter,
            frontier: lease.span.from,
            resume: None,
            rate: None,
            done: false,
            held: Vec::new(),
        };
        Self {
            id: lease.id,
            group: lease.group,
            completed: lease.span.from,
            streams: filters.into_iter().map(stream).collect(),
            malformed: Vec::new(),
            max_tasks: usize::MAX,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.streams.iter().all(|stream| stream.done)
    }

    /// Returns how many rows it holds that are not complete yet.
    pub(crate) fn rows_held(&self) -> usize {
        self.streams.iter().map(|stream| stream.held.len()).sum()
    }

    /// Returns how many tasks a request may have that this segment is part of.
    pub(crate) fn max_tasks(&self) -> usize {
        self.max_tasks
    }

    /// Lets no request have more than `tasks` tasks that this segment is part of.
    pub(crate) fn limit_tasks(&mut self, tasks: usize) {
        self.max_tasks = tasks.max(1);
    }

    /// Lets requests have more tasks again after one that was answered.
    pub(crate) fn recover(&mut self) {
        self.max_tasks = self.max_tasks.saturating_mul(2);
    }

    /// Returns what to read next of up to `max` streams that are not done, those that are furthest behind, up
    /// to the segment's end `to`.
    pub(crate) fn tasks(&self, to: u64, max: usize) -> Vec<(usize, Task)> {
        let open = self.streams.iter().enumerate();
        let mut open: Vec<_> = open.filter(|(_, stream)| !stream.done).collect();
        open.sort_by_key(|(_, stream)| stream.frontier);
        let task = |stream: &Stream| Task {
            filter: stream.filter.clone(),
            range: Span::new(stream.frontier, to),
            resume: stream.resume.clone(),
        };
        let open = open.into_iter().take(max);
        open.map(|(index, stream)| (index, task(stream))).collect()
    }

    /// Takes in what was read of a stream, and returns what it completes. `to` is where the segment ends
    /// *now*: others may have taken its back while the request was under way, and what lies there is theirs.
    pub(crate) fn absorb(&mut self, stream: usize, mut chunk: Chunk, to: u64) -> Completed {
        let stream = &mut self.streams[stream];
        let frontier = chunk
            .complete_to
            .clamp(stream.frontier, to.max(stream.frontier));
        if !chunk.is_empty() {
            let positions = chunk.complete_to.saturating_sub(stream.frontier).max(1);
            stream.rate = Some(chunk.len() as f64 / positions as f64);
        }
        stream.frontier = frontier;
        stream.resume = chunk.resume.take();
        stream.done = frontier >= to;
        stream.held.append(&mut chunk.fills);
        self.malformed.append(&mut chunk.malformed);
        self.complete(to)
    }

    /// Gives away the rows of the positions that all streams have passed.
    fn complete(&mut self, to: u64) -> Completed {
        let frontiers = self.streams.iter().map(|stream| stream.frontier);
        let frontier = frontiers.min().unwrap_or(to);
        #[cfg(feature = "mutations")]
        let frontier = match mutation::is_on(mutation::Mutation::AnyStreamIsEnough) {
            true => self.streams.iter().map(|stream| stream.frontier).max(),
            false => Some(frontier),
        }
        .unwrap_or(to);
        #[cfg(feature = "mutations")]
        let frontier = match mutation::is_on(mutation::Mutation::PageEndIsPassed) {
            true => frontier.saturating_add(1),
            false => frontier,
        };
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
        // What lies behind the segment's end is read by others too, and is theirs.
        let is_passed = |event: &mut Malformed| event.position.is_none_or(|at| at < span.to);
        let malformed = self.malformed.extract_if(.., is_passed).collect();
        Completed {
            group: self.group,
            span,
            fills,
            malformed,
        }
    }

    /// Returns the earliest position not passed by all streams, the latest one passed by any, and how many
    /// rows there are at a position.
    pub(crate) fn position(&self, to: u64) -> (u64, u64, Option<f64>) {
        let open = || self.streams.iter().filter(|stream| !stream.done);
        let from = open().map(|stream| stream.frontier).min().unwrap_or(to);
        // A stream that is done has read everything: no one else may read any of it again.
        let frontiers = self.streams.iter().map(|stream| stream.frontier);
        let seen = frontiers.max().unwrap_or(to);
        let rate = open().filter_map(|stream| stream.rate).sum::<f64>();
        (from, seen, (rate > 0.0).then_some(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{Cuts, Planner};

    fn segment(from: u64, to: u64) -> Segment {
        let mut planner = Planner::new(Cuts::default(), 1000, [(0, Span::new(from, to))]);
        Segment::new(planner.take().unwrap(), None)
    }

    /// A chunk to the end of the range, with an event at each of these positions that is no fill.
    fn chunk(complete_to: u64, positions: &[u64]) -> Chunk {
        let malformed = positions.iter().map(|&position| Malformed {
            fill_id: position.to_string(),
            field: "maker".to_owned(),
            reason: "is not an address".to_owned(),
            position: Some(position),
            event: "{}".to_owned(),
        });
        Chunk {
            malformed: malformed.collect(),
            complete_to,
            ..Chunk::default()
        }
    }

    #[test]
    fn an_event_behind_the_end_is_left_to_whoever_took_the_back() {
        let (mut front, mut back) = (segment(0, 1000), segment(500, 1000));
        let of_front = front.absorb(0, chunk(1000, &[499, 500, 900]), 500);
        let of_back = back.absorb(0, chunk(1000, &[500, 900]), 1000);
        let ids = |completed: &Completed| {
            let ids = completed
                .malformed
                .iter()
                .map(|event| event.fill_id.clone());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(&of_front), ["499"]);
        assert_eq!(ids(&of_back), ["500", "900"]);
    }
}
