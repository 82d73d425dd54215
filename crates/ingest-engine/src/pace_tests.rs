//! A scan of uneven fills in simulated time, page by page without rows: how full its pages are,
//! and how much of a rate limit it uses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fills::Span;
use monitor::{Reading, Watch};
use pacer::pages_per_request;

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
    /// When how many pages had come.
    came: Vec<(Duration, usize)>,
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
            came: Vec::new(),
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
        let pages = self.capacity();
        while segments.len() < pages {
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

    fn capacity(&self) -> usize {
        let Source { interval, page, .. } = self.source;
        let paced = (!interval.is_zero()).then(|| page.div_duration_f64(interval));
        let pages = pages_per_request(self.planner.segments(), paced);
        pages.clamp(1, self.source.pages_per_request)
    }

    fn take_in(&mut self, (lease, at): (Lease, u64)) {
        self.pages += 1;
        self.came.push((self.now, self.pages));
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

#[test]
fn large_requests_leave_none_of_the_places_in_flight_without_pages() {
    // Two thousand pages, 64 at a time: three pages in a request are enough to use the rate up.
    let (page, most_in_flight) = (Duration::from_millis(205), 64);
    let seconds = [3, 12, 32].map(|pages_per_request| {
        let scan = Scan::of(Source {
            fills: 2e6,
            interval: Duration::from_millis(10),
            page,
            most_in_flight,
            pages_per_request,
        });
        let seconds = scan.now.as_secs_f64();
        let best = page.as_secs_f64() * scan.pages as f64 / most_in_flight as f64;
        println!("up to {pages_per_request} pages: {seconds:.1} s, {best:.1} s at the best");
        seconds
    });
    assert!(
        seconds.iter().all(|&s| s < 1.25 * seconds[0]),
        "{seconds:?}"
    );
}

/// What a run that is watched says of its end, against what came: the worst of share done and of the
/// end that is expected, as shares of the whole, from a tenth of the way on.
fn worst_words(scan: &Scan, expected: f64) -> (f64, f64) {
    let every = Duration::from_millis(500);
    let fills = |pages: usize| (pages as f64 * scan.fills_per_page()) as u64;
    let (mut watch, mut share_off, mut end_off) = (Watch::new(), 0.0_f64, 0.0_f64);
    let end = scan.now.as_secs_f64();
    let looks = (1..)
        .map(|look| every * look)
        .take_while(|at| *at < scan.now);
    for at in looks {
        let came = scan.came.partition_point(|&(then, _)| then <= at);
        let pages = came.checked_sub(1).map_or(0, |last| scan.came[last].1);
        watch.note(
            at,
            Reading {
                fills_inserted: fills(pages),
                fills_expected: Some(expected as u64),
                pages: pages as u64,
                requests_in_flight: 1,
                ..Reading::default()
            },
        );
        let (way, status) = (at.as_secs_f64() / end, watch.status());
        if way >= 0.1 {
            let left = status.seconds_left.unwrap_or(f64::INFINITY);
            share_off = share_off.max((status.share_done - way).abs());
            end_off = end_off.max(((at.as_secs_f64() + left) / end - 1.0).abs());
        }
    }
    (share_off, end_off)
}

#[test]
fn a_run_that_is_watched_is_told_its_end_within_a_tenth_from_a_tenth_of_the_way_on() {
    for (name, interval_ms, page_ms, pages_per_request) in [
        ("one page in a request, no limit", 0, 41, 1),
        ("50 in 10 s, 12 pages in a request", 204, 205, 12),
        ("1000 in 10 s, 4 pages in a request", 10, 205, 4),
    ] {
        let scan = Scan::of(Source {
            fills: 1e7,
            interval: Duration::from_millis(interval_ms),
            page: Duration::from_millis(page_ms),
            most_in_flight: 16,
            pages_per_request,
        });
        let (share_off, end_off) = worst_words(&scan, 1e7);
        println!(
            "{name}: {:.0} s, the share is off by {:.1} % at the most, the end by {:.1} %",
            scan.now.as_secs_f64(),
            share_off * 100.0,
            end_off * 100.0
        );
        assert!(share_off <= 0.1 && end_off <= 0.1, "{share_off}, {end_off}");
    }
}
