use std::num::NonZero;
use std::time::Duration;

use crate::endpoint::Endpoint;

/// Where and how to ask.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to ask.
    pub endpoint: Endpoint,
    /// Most connections kept open: as many as the pacer lets be in flight.
    pub max_connections: usize,
    /// How long one connection may take to open.
    pub connect_timeout: Duration,
    /// How long one answer may be silent between two reads.
    pub idle_timeout: Duration,
    /// How long one request may take from first to last byte. The source's own time-out fires
    /// late, so there is one here.
    pub request_timeout: Duration,
    /// Most bytes of one answer, decompressed.
    pub max_answer_bytes: usize,
    /// About how many bytes of answers are in memory at once, before they are fills. Others wait
    /// on their connections.
    pub max_bytes_at_once: usize,
    /// Most pages of fills that a turn is for, 0 counts as 1. How many of them serve best is
    /// learned.
    pub most_pages_per_request: usize,
    /// Most answers read at once, on threads beside the runtime's own; with 0 each is read where
    /// it arrives, as a runtime of one thread or a paused clock wants it.
    pub decoders: usize,
    /// How long to keep trying.
    pub retry: RetryPolicy,
    /// The same for a survey, behind which somebody waits to hear whether the source is there.
    pub survey_retry: RetryPolicy,
    /// Seed of the random waits before retries; nothing means another one for each client.
    pub jitter_seed: Option<u64>,
}

impl Config {
    /// Makes the default configuration for an endpoint: 128 connections, 10 s to connect, 30 s of
    /// silence, 60 s for a request, 64 MiB for an answer and 16 for all at once, 32 pages in a
    /// request; as many decoders as cores; 4 attempts at a survey.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            max_connections: 128,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            max_answer_bytes: 64 * 1024 * 1024,
            max_bytes_at_once: 16 * 1024 * 1024,
            most_pages_per_request: 32,
            decoders: std::thread::available_parallelism().map_or(1, NonZero::get),
            retry: RetryPolicy::default(),
            survey_retry: RetryPolicy {
                attempts: 4,
                total: Duration::from_secs(90),
                ..RetryPolicy::default()
            },
            jitter_seed: None,
        }
    }
}

/// How long one request is tried before its error comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Most attempts that may fail, refusals for the rate aside; 0 counts as 1.
    pub attempts: u32,
    /// Upper end of the first random wait; it doubles with each attempt.
    pub first_wait: Duration,
    /// Upper end of the longest random wait.
    pub longest_wait: Duration,
    /// Most time for asking and waiting together, the pacer's waits aside; and most time for
    /// which a breaker may stay open.
    pub total: Duration,
    /// For how long a request may be refused for its rate before it counts as unavailable.
    pub rate_limited: Duration,
}

impl Default for RetryPolicy {
    /// 10 attempts, waits of up to 0.5 s doubling to up to 30 s, 15 minutes in all; 10 minutes of
    /// refusals.
    fn default() -> Self {
        Self {
            attempts: 10,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            total: Duration::from_secs(15 * 60),
            rate_limited: Duration::from_secs(10 * 60),
        }
    }
}
