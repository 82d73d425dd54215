//! What loading an estimated number of fills takes.

use crate::Estimate;

/// What pages and fills cost, as measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageCosts {
    /// Fills in a page, on average over a run.
    pub fills_per_page: u64,
    /// Bytes of an answer for each fill.
    pub wire_bytes_per_fill: u64,
    /// Bytes of the table on disk for each fill.
    pub disk_bytes_per_fill: u64,
}

impl PageCosts {
    /// What `docs/BENCHMARKS.md` measured for a scan of ten million fills, and of five million of many
    /// wallets on disk.
    pub const MEASURED: Self = Self {
        fills_per_page: 966,
        wire_bytes_per_fill: 630,
        disk_bytes_per_fill: 94,
    };
}

/// How fast the source grants requests, and client and engine take fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Pages in one request.
    pub pages_per_request: u64,
    /// Pages that end a stream of fills before they are full.
    pub last_pages: u64,
    /// Requests for other things than fills.
    pub other_requests: u64,
    /// Requests that the source grants in ten seconds; none if no limit is known.
    pub requests_per_10s: Option<u64>,
    /// Fills a second that client and engine take at the least.
    pub fills_per_second_low: u64,
    /// Fills a second that client and engine take at the most.
    pub fills_per_second_high: u64,
}

/// What a run is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Fills, with their range.
    pub estimate: Estimate,
    /// Pages of fills.
    pub pages: u64,
    /// Requests for these pages and for other things.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Seconds if there are few fills and all goes fast.
    pub seconds_low: u64,
    /// Seconds if there are many fills and all goes slowly.
    pub seconds_high: u64,
    /// Bytes of the table on disk, at the upper end of the range.
    pub disk_bytes: u64,
}

impl Forecast {
    /// Computes what an estimate takes. A figure of zero in `costs` or `capacity` counts as one.
    pub fn new(estimate: Estimate, costs: PageCosts, capacity: Capacity) -> Self {
        let pages = |fills| pages(fills, costs).saturating_add(capacity.last_pages);
        let expected_pages = pages(estimate.fills);
        let seconds = |fills, fills_per_second: u64| {
            let granted = capacity.requests_per_10s.map_or(0, |granted| {
                let requests = requests(pages(fills), capacity);
                requests.saturating_mul(10).div_ceil(granted.max(1))
            });
            granted.max(u64::div_ceil(fills, fills_per_second.max(1)))
        };
        Self {
            estimate,
            pages: expected_pages,
            requests: requests(expected_pages, capacity),
            bytes: estimate.fills.saturating_mul(costs.wire_bytes_per_fill),
            seconds_low: seconds(estimate.fills_low, capacity.fills_per_second_high),
            seconds_high: seconds(estimate.fills_high, capacity.fills_per_second_low),
            disk_bytes: estimate
                .fills_high
                .saturating_mul(costs.disk_bytes_per_fill),
        }
    }
}

fn pages(fills: u64, costs: PageCosts) -> u64 {
    fills.div_ceil(costs.fills_per_page.max(1))
}

fn requests(pages: u64, capacity: Capacity) -> u64 {
    let for_fills = pages.div_ceil(capacity.pages_per_request.max(1));
    for_fills.saturating_add(capacity.other_requests)
}
