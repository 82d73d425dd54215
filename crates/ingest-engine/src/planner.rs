//! Who fetches which part of the range: pure, no I/O and no clock.
//!
//! The range is cut into *segments*. A segment belongs to one worker, which pages through it from
//! its beginning; nobody knows beforehand how many fills lie in it. So nothing is probed: a worker
//! that has nothing to do takes the back part of a segment that others' pages have shown to be
//! long. Until its own first page, a part is expected to be as dense as the whole was expected to
//! be there. A cut costs about half a page (the last page of the front part is not full), so a
//! segment is only cut where both parts hold several pages.
//!
//! Cuts are made in the earliest segment that is long enough. Work thereby stays together in time,
//! rows of one insert fall into few partitions, and the checkpoint has few holes. Where none is
//! long enough any more the end is near, and the longest is cut finer: all would wait for it.
//!
//! Invariants:
//! * Every second of the work belongs to exactly one segment until it is completed.
//! * A segment's end only ever moves towards its beginning, and never to before what its worker
//!   has seen: a page that reaches beyond the end is cut there by the worker.

use std::collections::VecDeque;

use fills::Span;

use crate::outlook::{Density, Outlook};

/// Names a segment for the life of a planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId(u64);

/// A segment as its worker gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which segment.
    pub id: SegmentId,
    /// Which group of tokens it is for; 0 in a scan.
    pub group: u32,
    /// Which seconds; the end may come nearer, see [`Planner::end`].
    pub span: Span,
}

/// How finely to cut.
#[derive(Debug, Clone, Copy)]
pub struct Cuts {
    /// Pages that either part of a cut segment must be expected to hold.
    pub least_pages: u32,
    /// The same where no segment is that long: when the end is near.
    pub least_pages_at_the_end: u32,
    /// Pages in front of the last segment's cut: how far ahead of the earliest work others start.
    pub stretch_pages: u32,
    /// Pages for which a part is expected to be as dense as its place was, before its own first
    /// page has come.
    pub horizon_pages: u32,
}

impl Default for Cuts {
    /// 16 pages, 2 at the end, stretches of 512 and a horizon of 128.
    fn default() -> Self {
        Self {
            least_pages: 16,
            least_pages_at_the_end: 2,
            stretch_pages: 512,
            horizon_pages: 128,
        }
    }
}

#[derive(Debug)]
struct Segment {
    id: SegmentId,
    group: u32,
    /// The earliest second not yet passed by all its streams.
    from: u64,
    /// The latest second that any of its streams has seen.
    seen: u64,
    to: u64,
    /// Rows in a second, as the last pages have shown it.
    density: Density,
    /// What stands in for it before the first page.
    belief: Option<Belief>,
    /// What is expected of the rest; kept, because every segment is looked at for every cut.
    outlook: Option<Outlook>,
}

/// What is expected of a part of which no page has come yet, from what came before it.
#[derive(Debug, Clone, Copy)]
struct Belief {
    /// Rows in a second.
    rate: f64,
    /// The second up to which to believe it: a burst says nothing about the day behind it.
    to: u64,
}

impl Segment {
    /// Tells whether something is expected of all that is left of it.
    fn is_known(&self) -> bool {
        match self.belief {
            Some(belief) => belief.to >= self.to,
            None => self.density.rate().is_some(),
        }
    }

    /// Returns what to expect of what lies behind a cut.
    fn belief_at(&self, cut: u64, horizon_rows: f64) -> Option<Belief> {
        let seconds = cut.saturating_sub(self.seen) as f64;
        let rate = self.outlook?.rate_in(seconds);
        let to = cut.saturating_add((horizon_rows / rate) as u64);
        Some(Belief {
            rate,
            to: self.belief.map_or(to, |belief| belief.to),
        })
    }
}

/// Deals out segments and cuts them.
#[derive(Debug)]
pub struct Planner {
    cuts: Cuts,
    /// Rows of a full page.
    page_rows: f64,
    next_id: u64,
    /// Not leased, in order of work.
    waiting: VecDeque<(u32, Span)>,
    /// Leased, by group and time.
    leased: Vec<Segment>,
}

impl Planner {
    /// Makes a planner of the parts that are still to be loaded, in the order to load them, for
    /// pages of so many rows.
    pub fn new(cuts: Cuts, page_rows: u16, parts: impl IntoIterator<Item = (u32, Span)>) -> Self {
        Self {
            cuts,
            page_rows: f64::from(page_rows.max(1)),
            next_id: 0,
            waiting: parts
                .into_iter()
                .filter(|(_, span)| !span.is_empty())
                .collect(),
            leased: Vec::new(),
        }
    }

    /// Leases a part to an idle worker: one that waits, else the back of a long one; nothing if
    /// no part is known to be long enough.
    pub fn take(&mut self) -> Option<Lease> {
        if let Some((group, span)) = self.waiting.pop_front() {
            return Some(self.lease(group, span, None));
        }
        let (index, cut) = self.next_cut()?;
        let front = self.leased.get_mut(index)?;
        let back = Span::new(cut, front.to);
        let group = front.group;
        let horizon_rows = f64::from(self.cuts.horizon_pages) * self.page_rows;
        let belief = front.belief_at(cut, horizon_rows);
        front.to = cut;
        Some(self.lease(group, back, belief))
    }

    /// Tells whether [`Planner::take`] has a part to lease.
    pub fn has_more(&self) -> bool {
        !self.waiting.is_empty() || self.next_cut().is_some()
    }

    /// Returns where a leased segment ends now, exclusive.
    pub fn end(&self, id: SegmentId) -> u64 {
        self.position(id).map_or(0, |index| self.leased[index].to)
    }

    /// Notes what a worker has seen: all its streams have passed the seconds before `from`, none
    /// has seen one behind `seen`, and there are about `rate` rows in a second.
    pub fn advance(&mut self, id: SegmentId, from: u64, seen: u64, rate: Option<f64>) {
        let Some(index) = self.position(id) else {
            return;
        };
        let segment = &mut self.leased[index];
        segment.from = segment.from.max(from);
        segment.seen = segment.seen.max(seen);
        if let Some(rate) = rate {
            if let Some(belief) = segment.belief.take() {
                segment.density.note(belief.rate);
            }
            segment.density.note(rate);
        }
        self.look_ahead_from(index);
    }

    /// Ends a lease whose segment was fetched to its end or given up.
    pub fn complete(&mut self, id: SegmentId) {
        if let Some(index) = self.position(id) {
            self.leased.remove(index);
            self.look_ahead_from(index);
        }
    }

    /// Estimates how many rows the leased segments still hold.
    pub fn rows_ahead(&self) -> f64 {
        let outlooks = self.leased.iter().filter_map(|segment| segment.outlook);
        outlooks.map(|outlook| outlook.rows).sum()
    }

    /// Returns about into how many segments what is left can be cut: each gives one page at a time.
    pub fn segments(&self) -> usize {
        // Towards the end they are cut finer.
        let least_rows = f64::from(self.cuts.least_pages) / 2.0 * self.page_rows;
        let cut = (self.rows_ahead() / least_rows) as usize;
        cut.max(self.leased.len()) + self.waiting.len()
    }

    fn lease(&mut self, group: u32, span: Span, belief: Option<Belief>) -> Lease {
        let id = SegmentId(self.next_id);
        self.next_id += 1;
        let segment = Segment {
            id,
            group,
            from: span.from,
            seen: span.from,
            to: span.to,
            density: Density::default(),
            belief,
            outlook: None,
        };
        let place = self
            .leased
            .partition_point(|other| (other.group, other.from) < (group, span.from));
        self.leased.insert(place, segment);
        self.look_ahead_from(place);
        Lease { id, group, span }
    }

    /// Looks ahead again from where a segment changed, and from before it, which grows towards it.
    fn look_ahead_from(&mut self, index: usize) {
        for index in index.saturating_sub(1)..=index {
            let outlook = self.outlook(index);
            if let Some(segment) = self.leased.get_mut(index) {
                segment.outlook = outlook;
            }
        }
    }

    fn position(&self, id: SegmentId) -> Option<usize> {
        self.leased.iter().position(|segment| segment.id == id)
    }

    fn outlook(&self, index: usize) -> Option<Outlook> {
        let segment = self.leased.get(index)?;
        if let Some(belief) = segment.belief {
            let seconds = segment.to.min(belief.to).saturating_sub(segment.seen);
            return Some(Outlook::new(seconds as f64, belief.rate, None));
        }
        let next = self.leased.get(index + 1);
        let end_rate = next
            .filter(|next| next.group == segment.group)
            .and_then(|next| next.density.rate());
        let seconds = segment.to.saturating_sub(segment.seen);
        Some(Outlook::new(
            seconds as f64,
            segment.density.rate()?,
            end_rate,
        ))
    }

    /// Finds the segment to cut, and the second at which.
    fn next_cut(&self) -> Option<(usize, u64)> {
        let earliest = self.possible_cuts(self.cuts.least_pages).next();
        if earliest.is_some() || !self.leased.iter().all(Segment::is_known) {
            return earliest;
        }
        // The end is near: the longest is the one that all would wait for.
        self.possible_cuts(self.cuts.least_pages_at_the_end)
            .max_by(|&(left, _), &(right, _)| {
                self.pages_ahead(left).total_cmp(&self.pages_ahead(right))
            })
    }

    /// Finds the segments of which either part would hold so many pages, and where to cut each;
    /// not those whose rows lie too close together in time for any cut.
    fn possible_cuts(&self, least_pages: u32) -> impl Iterator<Item = (usize, u64)> {
        let least = 2.0 * f64::from(least_pages);
        (0..self.leased.len())
            .filter(move |&index| self.pages_ahead(index) >= least)
            .filter_map(|index| Some((index, self.cut(index)?)))
    }

    /// Returns how many pages a segment is expected to hold behind the one that is under way.
    fn pages_ahead(&self, index: usize) -> f64 {
        let rows = self.leased[index]
            .outlook
            .map_or(0.0, |outlook| outlook.rows);
        rows / self.page_rows - 1.0
    }

    /// Finds the second at which to cut a segment in the middle, or one stretch ahead.
    fn cut(&self, index: usize) -> Option<u64> {
        let segment = self.leased.get(index)?;
        let outlook = segment.outlook?;
        let mut front = self.pages_ahead(index) / 2.0;
        if index + 1 == self.leased.len() {
            front = front.min(f64::from(self.cuts.stretch_pages));
        }
        let seconds = outlook.seconds_to(self.page_rows * (1.0 + front)).round();
        let cut = segment.seen.saturating_add((seconds as u64).max(1));
        (cut < segment.to).then_some(cut)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planner(parts: &[(u32, Span)]) -> Planner {
        Planner::new(Cuts::default(), 1000, parts.to_vec())
    }

    #[test]
    fn nothing_is_cut_before_a_page_has_shown_how_dense_it_is() {
        let mut planner = planner(&[(0, Span::new(0, 1_000_000))]);
        let first = planner.take().unwrap();
        assert_eq!(planner.take(), None);
        planner.advance(first.id, 100, 100, Some(10.0));
        let second = planner.take().unwrap();
        assert_eq!(planner.end(first.id), second.span.from);
        assert_eq!(second.span.to, 1_000_000);
    }

    #[test]
    fn a_segment_that_holds_few_pages_is_left_whole() {
        let mut planner = planner(&[(0, Span::new(0, 400))]);
        let first = planner.take().unwrap();
        planner.advance(first.id, 0, 0, Some(10.0));
        assert_eq!(planner.take(), None);
        assert!(!planner.has_more());
    }

    #[test]
    fn where_none_is_long_the_longest_is_cut_in_the_middle() {
        let mut planner = planner(&[(0, Span::new(0, 1_000)), (1, Span::new(0, 2_000))]);
        for _ in 0..2 {
            let lease = planner.take().unwrap();
            planner.advance(lease.id, 0, 0, Some(10.0));
        }
        assert!(planner.has_more());
        let back = planner.take().unwrap();
        assert_eq!((back.group, back.span), (1, Span::new(1_050, 2_000)));
    }

    #[test]
    fn a_crowded_second_that_cannot_be_cut_keeps_nobody_from_what_can() {
        let mut planner = planner(&[(0, Span::new(0, 1)), (1, Span::new(0, 100_000))]);
        let crowded = planner.take().unwrap();
        let long = planner.take().unwrap();
        planner.advance(long.id, 0, 0, Some(10.0));
        planner.advance(crowded.id, 0, 0, Some(1_000_000.0));
        assert_eq!(planner.take().map(|back| back.group), Some(1));
    }

    #[test]
    fn at_the_end_too_a_crowded_second_keeps_nobody_from_what_can_be_cut() {
        let mut planner = planner(&[(0, Span::new(0, 1)), (1, Span::new(0, 1_000))]);
        let crowded = planner.take().unwrap();
        let long = planner.take().unwrap();
        planner.advance(long.id, 0, 0, Some(10.0));
        planner.advance(crowded.id, 0, 0, Some(20_000.0));
        assert_eq!(planner.take().map(|back| back.group), Some(1));
    }

    #[test]
    fn a_part_is_expected_to_be_as_dense_as_its_place_was_until_it_shows_its_own_density() {
        let mut planner = planner(&[(0, Span::new(0, 1_000_000))]);
        let first = planner.take().unwrap();
        planner.advance(first.id, 0, 0, Some(10.0));
        let second = planner.take().unwrap();
        let third = planner.take().unwrap();
        assert!(third.span.to <= second.span.from);
        // Nothing has been seen of the second part, and yet it can be helped with.
        planner.complete(first.id);
        planner.complete(third.id);
        assert!(planner.has_more());
        planner.advance(second.id, second.span.from, second.span.from, Some(0.001));
        assert!(!planner.has_more());
    }

    #[test]
    fn the_last_segment_is_cut_one_stretch_ahead() {
        let mut planner = planner(&[(0, Span::new(0, 100_000_000))]);
        let first = planner.take().unwrap();
        planner.advance(first.id, 0, 0, Some(10.0));
        let second = planner.take().unwrap();
        assert_eq!(second.span.from, (512 + 1) * 1000 / 10);
    }

    #[test]
    fn an_earlier_segment_is_cut_first() {
        let mut planner = planner(&[(0, Span::new(0, 100_000_000))]);
        let first = planner.take().unwrap();
        planner.advance(first.id, 0, 0, Some(10.0));
        let second = planner.take().unwrap();
        planner.advance(second.id, second.span.from, second.span.from, Some(10.0));
        let third = planner.take().unwrap();
        assert!(third.span.to <= second.span.from);
    }

    #[test]
    fn a_burst_is_not_expected_to_last() {
        let mut planner = planner(&[(0, Span::new(0, 100_000_000))]);
        let first = planner.take().unwrap();
        planner.advance(first.id, 1, 1, Some(1000.0));
        let cuts = std::iter::from_fn(|| planner.take()).count();
        assert!(cuts < 64, "{cuts} cuts after one second");
    }

    proptest! {
        /// Whatever workers report and whenever others ask, the leases stay a partition.
        #[test]
        fn every_second_belongs_to_exactly_one_segment(
            steps in proptest::collection::vec((0_u8..4, 0_usize..8, 0_u64..5_000, 0.0_f64..50.0), 1..60)
        ) {
            const END: u64 = 200_000;
            let mut planner = planner(&[(0, Span::new(0, END))]);
            let mut open: Vec<(Lease, u64)> = Vec::new();
            let mut done: Vec<Span> = Vec::new();
            for (step, which, seconds, rate) in steps {
                match (step, open.len()) {
                    (0, _) | (_, 0) => open.extend(planner.take().map(|lease| (lease, lease.span.from))),
                    (1 | 2, held) => {
                        let (lease, at) = &mut open[which % held];
                        *at = (*at + seconds).min(planner.end(lease.id));
                        planner.advance(lease.id, *at, *at, Some(rate));
                    }
                    (_, held) => {
                        let (lease, _) = open.swap_remove(which % held);
                        done.push(Span::new(lease.span.from, planner.end(lease.id)));
                        planner.complete(lease.id);
                    }
                }
                let mut spans: Vec<Span> = open
                    .iter()
                    .map(|(lease, _)| Span::new(lease.span.from, planner.end(lease.id)))
                    .chain(done.iter().copied())
                    .collect();
                spans.sort_by_key(|span| span.from);
                if let Some(first) = spans.first() {
                    prop_assert_eq!(first.from, 0);
                    prop_assert_eq!(spans.last().map(|span| span.to), Some(END));
                    for pair in spans.windows(2) {
                        prop_assert_eq!(pair[0].to, pair[1].from);
                    }
                }
                for (lease, at) in &open {
                    prop_assert!(planner.end(lease.id) >= *at);
                }
            }
        }
    }
}
