//! A scan of uneven fills in simulated time, page by page without rows: how full its pages are,
//! and how much of a rate limit it uses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fills::Span;

use crate::planner::{Cuts, Lease, Planner};

/// The archive's first and last second. **Source**: the deployment's own first and last fill.
const ARCHIVE: Span = Span {
    from: 1_669_060_209,
    to: 1_777_374_041,
};
const PAGE_ROWS: f64 = 1000.0;

/// Returns how many of the fills lie before a second: 95 % are in the last 15 % of the time, and
/// by day there are nine times as many as by night.
fn rows_before(second: u64, fills: f64) -> f64 {
    const RADIANS_IN_A_SECOND: f64 = std::f64::consts::TAU / 86_400.0;
    let seconds = ARCHIVE.seconds() as f64;
    let at = (second - ARCHIVE.from) as f64;
    let swing = 0.8 / RADIANS_IN_A_SECOND * (1.0 - (at * RADIANS_IN_A_SECOND).cos());
    let at = (at + swing) / seconds;
    let early = at.min(0.85) * 0.05 / 0.85;
    let late = (at - 0.85).max(0.0) * 0.95 / 0.15;
    fills * (early + late)
}

/// A source that grants a request every `interval` and takes `page` for each of its pages.
#[derive(Clone, Copy)]
struct Source {
    fills: f64,
    interval: Duration,
    page: Duration,
    most_in_flight: usize,
    pages_per_request: usize,
}

/// A scan on its way: segments that wait for a page, and requests by when they are answered.
struct Scan {
    source: Source,
    planner: Planner,
    ready: VecDeque<(Lease, u64)>,
    under_way: BTreeMap<(Duration, usize), Vec<(Lease, u64)>>,
    now: Duration,
    next_grant: Duration,
    requests: usize,
    pages: usize,
}

impl Scan {
    fn of(source: Source) -> Self {
        let mut scan = Self {
            source,
            planner: Planner::new(Cuts::default(), 1000, [(0, ARCHIVE)]),
            ready: VecDeque::new(),
            under_way: BTreeMap::new(),
            now: Duration::ZERO,
            next_grant: Duration::ZERO,
            requests: 0,
            pages: 0,
        };
        while scan.step() {}
        scan
    }

    /// Asks for more as soon as that is granted, else takes the next answer in; false at the end.
    fn step(&mut self) -> bool {
        let wants = self.under_way.len() < self.source.most_in_flight
            && (!self.ready.is_empty() || self.planner.has_more());
        let answer = self.under_way.keys().next().copied();
        match answer {
            Some((at, _)) if !wants || at <= self.now.max(self.next_grant) => {
                self.now = self.now.max(at);
                let (_, segments) = self.under_way.pop_first().unwrap();
                segments.into_iter().for_each(|at| self.take_in(at));
                true
            }
            _ if wants => {
                self.ask();
                true
            }
            _ => false,
        }
    }

    fn ask(&mut self) {
        self.now = self.now.max(self.next_grant);
        self.next_grant = self.now + self.source.interval;
        let mut segments = Vec::new();
        while segments.len() < self.source.pages_per_request {
            let fresh = || {
                let lease = self.planner.take()?;
                Some((lease, lease.span.from))
            };
            let Some(segment) = self.ready.pop_front().or_else(fresh) else {
                break;
            };
            segments.push(segment);
        }
        let pages = u32::try_from(segments.len()).unwrap();
        self.requests += 1;
        let answered = self.now + self.source.page * pages;
        self.under_way.insert((answered, self.requests), segments);
    }

    fn take_in(&mut self, (lease, at): (Lease, u64)) {
        self.pages += 1;
        let end = self.planner.end(lease.id);
        let upto = rows_before(at, self.source.fills) + PAGE_ROWS;
        if rows_before(end, self.source.fills) < upto {
            self.planner.complete(lease.id);
            return;
        }
        let (mut from, mut to) = (at + 1, end);
        while from < to {
            let middle = from + (to - from) / 2;
            match rows_before(middle, self.source.fills) < upto {
                true => from = middle + 1,
                false => to = middle,
            }
        }
        let rate = PAGE_ROWS / (from - at) as f64;
        self.planner.advance(lease.id, from, from, Some(rate));
        self.ready.push_back((lease, from));
    }

    fn fills_per_page(&self) -> f64 {
        self.source.fills / self.pages as f64
    }
}

#[test]
fn pages_of_ten_million_uneven_fills_are_full_however_many_requests_are_under_way() {
    for most_in_flight in [1, 16, 128] {
        let scan = Scan::of(Source {
            fills: 1e7,
            interval: Duration::ZERO,
            page: Duration::from_millis(41),
            most_in_flight,
            pages_per_request: 1,
        });
        let full = scan.fills_per_page();
        println!("{most_in_flight:3} in flight: {full:.0} fills a page");
        assert!(full >= 950.0, "{full}");
    }
}

#[test]
fn a_scan_keeps_up_with_its_rate_limit_at_every_size_of_request() {
    for (fills, pages_per_request) in [(1e6, 1), (1e6, 4), (1e7, 1), (1e7, 8), (1e7, 19), (5e7, 19)]
    {
        let interval = Duration::from_millis(204);
        let scan = Scan::of(Source {
            fills,
            interval,
            page: Duration::from_millis(205),
            most_in_flight: 128,
            pages_per_request,
        });
        let full = scan.fills_per_page();
        let granted = interval.as_secs_f64() * scan.requests as f64;
        let seconds = scan.now.as_secs_f64();
        println!(
            "{fills:10} fills, {pages_per_request:2} pages in a request: {full:.0} fills a page, \
             {} requests with {:.1} pages, {seconds:.0} s where the limit allows {granted:.0} s",
            scan.requests,
            scan.pages as f64 / scan.requests as f64,
        );
        assert!(full >= 950.0, "{full}");
        assert!(seconds <= 1.1 * granted, "{seconds} s");
    }
}
