//! The figures of a plan.

use std::time::Duration;

use fills::Survey;
use forecast::{Capacity, Estimate, Forecast, PageCosts};
use pacer::Pacer;
use serde::Serialize;
use serde_json::{Value, json};
use startup::Settings;
use wiring::expected::Expected;
use wiring::progress::{duration, grouped, instant};
use wiring::scope;

use crate::run::most_rows_in_hand;
use crate::watching::Expectation;

/// Goldsky's general rule, which counts until the source says otherwise.
const GENERAL_RULE_PER_10S: u64 = 50;
/// What a run comes to that may choose: 1,067 requests for ten million fills behind a limit.
const PAGES_PER_REQUEST: u64 = 10;
/// Client and engine on two cores, with builds beside and alone (`docs/BENCHMARKS.md`).
const FILLS_PER_SECOND: (u64, u64) = (397_403, 542_103);
/// Tokens in a request for the catalogue.
const TOKENS_PER_REQUEST: u64 = 1000;
/// Memory of a run that holds no rows, and of a row that it holds: of `docs/BENCHMARKS.md`.
const MEMORY: (u64, u64) = (32 << 20, 760);

/// How fast the source is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Set by the user.
    stated: Option<u64>,
    /// Learned from refusals.
    learned: Option<u64>,
    latency: Duration,
}

impl Pace {
    pub(crate) fn of(settings: &Settings, pacer: &Pacer) -> Self {
        let stats = pacer.stats();
        let stated = settings.source.requests_per_10s.map(u64::from);
        Self {
            stated,
            // A pacer that was told its limit has it from there.
            learned: stats
                .requests_per_10s
                .map(u64::from)
                .filter(|_| stated.is_none()),
            latency: stats.latency.unwrap_or_default(),
        }
    }

    fn known(&self) -> Option<u64> {
        self.stated.or(self.learned)
    }
}

/// What a run is expected to take.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plan {
    strategy: &'static str,
    why: &'static str,
    from: u64,
    to: u64,
    fills_total: u64,
    fills_low: u64,
    fills_high: u64,
    method: &'static str,
    /// Samples that say only how many fills there are at the least.
    samples_cut_short: u64,
    pages: u64,
    /// With as many pages in each as behind a limit.
    requests: u64,
    /// With one page in each, as while no limit is met.
    requests_high: u64,
    bytes: u64,
    seconds_low: u64,
    seconds_high: u64,
    requests_per_10s_stated: Option<u64>,
    requests_per_10s_learned: Option<u64>,
    disk_bytes: u64,
    memory_bytes: u64,
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Actual {
    /// Whether this one run did the whole job.
    pub(crate) whole: bool,
    pub(crate) fills: u64,
    pub(crate) pages: u64,
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) seconds: f64,
}

impl Plan {
    /// Works out what loading these fills takes.
    pub(crate) fn new(
        settings: &Settings,
        survey: &Survey,
        expected: &Expected,
        pace: Pace,
    ) -> Self {
        // A strategy that does not fit the scope was refused before anything was asked.
        let (by_market, why) = scope::by_market(&settings.scope).unwrap_or((true, ""));
        let span = scope::span(&settings.scope, survey);
        let at = |requests_per_10s, pages_per_request| {
            let capacity = Capacity {
                pages_per_request,
                requests_per_10s,
                ..capacity(expected, by_market)
            };
            Forecast::new(expected.estimate, PageCosts::MEASURED, capacity)
        };
        let set = settings.source.pages_per_request;
        let bundled = set.map_or(PAGES_PER_REQUEST, |pages| pages as u64);
        let limited = at(pace.known().or(Some(GENERAL_RULE_PER_10S)), bundled);
        let low = match pace.known() {
            Some(_) => limited,
            None => at(None, 1),
        };
        let at_once = settings.source.workers.max(1) as f64;
        let in_turn = low.requests as f64 * pace.latency.as_secs_f64() / at_once;
        let Estimate {
            fills,
            fills_low,
            fills_high,
            method,
        } = expected.estimate;
        Self {
            strategy: if by_market { "markets" } else { "scan" },
            why,
            from: span.from,
            to: span.to,
            fills_total: fills,
            fills_low,
            fills_high,
            method: method.as_str(),
            samples_cut_short: expected.cut_short,
            pages: low.pages,
            requests: limited.requests,
            requests_high: low.requests,
            bytes: low.bytes,
            seconds_low: low.seconds_low.max(in_turn as u64),
            seconds_high: limited.seconds_high,
            requests_per_10s_stated: pace.stated,
            requests_per_10s_learned: pace.learned,
            disk_bytes: low.disk_bytes,
            memory_bytes: memory_bytes(settings),
        }
    }

    /// Tells whether the fills were counted and not estimated.
    pub(crate) fn is_exact(&self) -> bool {
        self.fills_low == self.fills_high
    }

    /// Returns the requests that it takes if each brings as many pages as it may.
    pub(crate) fn least_requests(&self) -> u64 {
        self.requests
    }

    /// Returns what a run is held against while it goes on.
    pub(crate) fn expectation(&self) -> Expectation {
        Expectation {
            fills: self.fills_total,
            seconds_high: self.seconds_high,
        }
    }

    /// Writes what was planned and what came, side by side. Of a job that earlier runs began, only what
    /// is the same for all of it.
    pub(crate) fn beside(&self, actual: &Actual) -> String {
        let mut text = format!("  {:11} {:>24}  {:>15}\n", "", "planned", "actual");
        let mut line = |name, planned: String, actual: String| {
            text += &format!("  {name:11} {planned:>24}  {actual:>15}\n");
        };
        line("fills", grouped(self.fills_total), grouped(actual.fills));
        line("disk", bytes(self.disk_bytes), bytes(actual.disk_bytes));
        if actual.whole {
            line("pages", grouped(self.pages), grouped(actual.pages));
            line("requests", self.requests_range(), grouped(actual.requests));
            line("bytes", bytes(self.bytes), bytes(actual.bytes));
            let (low, high) = (self.seconds_low as f64, self.seconds_high as f64);
            let planned = format!("{} to {}", duration(low), duration(high));
            line("time", planned, duration(actual.seconds));
        }
        text
    }

    fn requests_range(&self) -> String {
        match (self.requests, self.requests_high) {
            (few, many) if few == many => grouped(few),
            (few, many) => format!("{} to {}", grouped(few), grouped(many)),
        }
    }

    /// Returns it for programs, with the requests that it took.
    pub(crate) fn json(&self, requests_made: u64) -> Value {
        let mut json = json!(self);
        json["requests_made"] = json!(requests_made);
        json
    }

    /// Writes it for people.
    pub(crate) fn human(&self) -> String {
        let range = match self.method {
            "exact" => "counted".to_owned(),
            "at_most" => "at the most: counters of markets know no time".to_owned(),
            _ => format!(
                "sampled: {} to {}",
                grouped(self.fills_low),
                grouped(self.fills_high)
            ),
        };
        let rate = match (self.requests_per_10s_stated, self.requests_per_10s_learned) {
            (Some(stated), _) => format!("at {stated} requests in 10 s, as set"),
            (None, Some(learned)) => format!("at {learned} requests in 10 s, as learned"),
            (None, None) => format!(
                "without a limit, and at {GENERAL_RULE_PER_10S} requests in 10 s, Goldsky's \
                 general rule"
            ),
        };
        let cut_short = match self.samples_cut_short {
            0 => String::new(),
            count => format!(
                "  careful     {count} samples had more fills in a second than a page holds: \
                 there may be more\n"
            ),
        };
        format!(
            "{}: {}\n\
             \x20 range       {} to {}\n\
             \x20 fills       {} ({range})\n{cut_short}\
             \x20 pages       {} in {} requests, {} of JSON\n\
             \x20 time        {} to {}, {rate}\n\
             \x20 disk        {}, and as much again for merges in passing\n\
             \x20 memory      {}\n",
            self.strategy,
            self.why,
            instant(self.from),
            instant(self.to),
            grouped(self.fills_total),
            grouped(self.pages),
            self.requests_range(),
            bytes(self.bytes),
            duration(self.seconds_low as f64),
            duration(self.seconds_high as f64),
            bytes(self.disk_bytes),
            bytes(self.memory_bytes),
        )
    }
}

/// Returns what a request costs and who takes what came of it, without a limit.
fn capacity(expected: &Expected, by_market: bool) -> Capacity {
    let tokens = expected.tokens.unwrap_or_default();
    // A group of tokens has two streams of fills: they are what is given, or what is taken.
    let streams = match by_market {
        true => 2 * tokens.div_ceil(scope::TOKENS_PER_GROUP),
        false => 0,
    };
    Capacity {
        pages_per_request: 1,
        last_pages: streams,
        // The catalogue, and one to survey the source.
        other_requests: tokens.div_ceil(TOKENS_PER_REQUEST) + 1,
        requests_per_10s: None,
        fills_per_second_low: FILLS_PER_SECOND.0,
        fills_per_second_high: FILLS_PER_SECOND.1,
    }
}

fn memory_bytes(settings: &Settings) -> u64 {
    let (empty, row) = MEMORY;
    empty + row * most_rows_in_hand(settings.table.insert_batch_size) as u64
}

fn bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
