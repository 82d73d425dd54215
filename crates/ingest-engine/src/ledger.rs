//! What is durable: pure accounting between pages sent and seconds done.
//!
//! Invariant: a second is reported done for a segment only when every row of every page up to it,
//! in every stream of the segment, is known to be durable.

use std::collections::{HashMap, VecDeque};

use fills::Span;

use crate::planner::SegmentId;

/// Names a page on its way into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    segment: SegmentId,
    stream: usize,
    sequence: u64,
}

/// Seconds that became done, and how many rows the table holds in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) group: u32,
    pub(crate) span: Span,
    pub(crate) rows: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    segments: HashMap<SegmentId, Account>,
}

#[derive(Debug)]
struct Account {
    group: u32,
    /// All seconds before this one were reported done.
    reported: u64,
    /// Nothing more will be sent.
    closing: bool,
    streams: Vec<StreamAccount>,
}

#[derive(Debug)]
struct StreamAccount {
    frontier: u64,
    next_sequence: u64,
    pages: VecDeque<PageAccount>,
    /// Durable rows not yet reported, by second: those at and behind the frontier.
    held: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct PageAccount {
    frontier: u64,
    durable: bool,
    /// Rows by second, in order.
    rows: Vec<(u64, u64)>,
}

impl Ledger {
    pub(crate) fn open(&mut self, segment: SegmentId, group: u32, from: u64, streams: usize) {
        let stream = || StreamAccount {
            frontier: from,
            next_sequence: 0,
            pages: VecDeque::new(),
            held: VecDeque::new(),
        };
        self.segments.insert(
            segment,
            Account {
                group,
                reported: from,
                closing: false,
                streams: (0..streams).map(|_| stream()).collect(),
            },
        );
    }

    /// Notes a page whose rows go to the table. `seconds` are the rows' seconds, in order.
    pub(crate) fn sent(
        &mut self,
        segment: SegmentId,
        stream: usize,
        frontier: u64,
        seconds: impl Iterator<Item = u64>,
    ) -> Ticket {
        let mut rows: Vec<(u64, u64)> = Vec::new();
        for second in seconds {
            match rows.last_mut() {
                Some((last, count)) if *last == second => *count += 1,
                _ => rows.push((second, 1)),
            }
        }
        let mut sequence = 0;
        if let Some(account) = self.segments.get_mut(&segment) {
            let account = &mut account.streams[stream];
            sequence = account.next_sequence;
            account.next_sequence += 1;
            account.pages.push_back(PageAccount {
                frontier,
                durable: false,
                rows,
            });
        }
        Ticket {
            segment,
            stream,
            sequence,
        }
    }

    /// Notes that a page's rows are durable, and returns what that completes.
    pub(crate) fn durable(&mut self, ticket: Ticket) -> Option<Done> {
        let account = self.segments.get_mut(&ticket.segment)?;
        let stream = &mut account.streams[ticket.stream];
        let oldest = stream.next_sequence - stream.pages.len() as u64;
        let index = usize::try_from(ticket.sequence.checked_sub(oldest)?).ok()?;
        stream.pages.get_mut(index)?.durable = true;
        #[cfg(feature = "mutations")]
        if mutation::is_on(mutation::Mutation::ReceiptsOutOfOrder) {
            stream
                .pages
                .iter_mut()
                .take(index)
                .for_each(|page| page.durable = true);
        }
        while stream.pages.front().is_some_and(|page| page.durable) {
            if let Some(page) = stream.pages.pop_front() {
                stream.frontier = page.frontier;
                stream.held.extend(page.rows);
            }
        }
        let done = account.report();
        if account.closing && account.is_settled() {
            self.segments.remove(&ticket.segment);
        }
        done
    }

    /// Notes all pages as durable, and returns what that completes.
    #[cfg(feature = "mutations")]
    pub(crate) fn all_durable(&mut self) -> Vec<Done> {
        let report = |account: &mut Account| {
            for stream in &mut account.streams {
                for page in stream.pages.drain(..) {
                    stream.frontier = page.frontier;
                    stream.held.extend(page.rows);
                }
            }
            account.report()
        };
        self.segments.values_mut().filter_map(report).collect()
    }

    /// Forgets a segment of which nothing more will come, once all that was sent is durable.
    pub(crate) fn close(&mut self, segment: SegmentId) {
        if let Some(account) = self.segments.get_mut(&segment) {
            account.closing = true;
            if account.is_settled() {
                self.segments.remove(&segment);
            }
        }
    }
}

impl Account {
    fn is_settled(&self) -> bool {
        self.streams.iter().all(|stream| stream.pages.is_empty())
    }

    fn report(&mut self) -> Option<Done> {
        let frontier = self.streams.iter().map(|stream| stream.frontier).min()?;
        #[cfg(feature = "mutations")]
        let frontier = match mutation::is_on(mutation::Mutation::AnyStreamIsEnough) {
            true => self.streams.iter().map(|stream| stream.frontier).max()?,
            false => frontier,
        };
        let span = Span::new(self.reported, frontier);
        if span.is_empty() {
            return None;
        }
        self.reported = frontier;
        let mut rows = 0;
        for stream in &mut self.streams {
            while stream
                .held
                .front()
                .is_some_and(|&(second, _)| second < frontier)
            {
                rows += stream.held.pop_front().map_or(0, |(_, count)| count);
            }
        }
        Some(Done {
            group: self.group,
            span,
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::{Cuts, Planner};

    fn segment() -> SegmentId {
        Planner::new(Cuts::default(), 1, [(7, Span::new(0, 1))])
            .take()
            .unwrap()
            .id
    }

    fn done(from: u64, to: u64, rows: u64) -> Option<Done> {
        Some(Done {
            group: 7,
            span: Span::new(from, to),
            rows,
        })
    }

    #[test]
    fn a_later_receipt_waits_for_the_earlier_one() {
        let mut ledger = Ledger::default();
        let id = segment();
        ledger.open(id, 7, 10, 1);
        let first = ledger.sent(id, 0, 20, [10, 15, 20].into_iter());
        let second = ledger.sent(id, 0, 30, [20, 25].into_iter());
        assert_eq!(ledger.durable(second), None);
        ledger.close(id);
        assert_eq!(ledger.durable(first), done(10, 30, 5));
        assert!(ledger.segments.is_empty());
    }

    #[test]
    fn rows_of_the_second_that_a_page_ends_in_are_not_yet_done() {
        let mut ledger = Ledger::default();
        let id = segment();
        ledger.open(id, 7, 10, 1);
        let first = ledger.sent(id, 0, 20, [10, 20, 20].into_iter());
        assert_eq!(ledger.durable(first), done(10, 20, 1));
        let second = ledger.sent(id, 0, 40, [20, 30].into_iter());
        assert_eq!(ledger.durable(second), done(20, 40, 4));
    }

    #[test]
    fn a_second_is_done_when_all_streams_have_passed_it() {
        let mut ledger = Ledger::default();
        let id = segment();
        ledger.open(id, 7, 0, 2);
        let sells = ledger.sent(id, 0, 50, [1, 2].into_iter());
        let buys = ledger.sent(id, 1, 30, [5, 30].into_iter());
        assert_eq!(ledger.durable(sells), None);
        assert_eq!(ledger.durable(buys), done(0, 30, 3));
    }
}
