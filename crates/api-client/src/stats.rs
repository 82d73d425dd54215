use std::sync::atomic::{AtomicU64, Ordering};

/// What a client has done since it was made. Plain sums: take two and subtract for a rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent, each retry counting again.
    pub requests: u64,
    /// Pages of fills, of market data or of order books that were answered.
    pub pages: u64,
    /// Requests that had to be sent again, those refused for their rate aside.
    pub retries: u64,
    /// Requests refused for their rate.
    pub rate_limited: u64,
    /// Bytes of answers, decompressed.
    pub bytes_received: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    pages: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
    bytes_received: AtomicU64,
}

impl Counters {
    pub(crate) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_pages(&self, pages: usize) {
        self.pages.fetch_add(pages as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_refusal(&self) {
        self.rate_limited.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.bytes_received
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.requests),
            pages: read(&self.pages),
            retries: read(&self.retries),
            rate_limited: read(&self.rate_limited),
            bytes_received: read(&self.bytes_received),
        }
    }
}
