//! One run of many workers against one server, and what is measured of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::Instant;

use crate::designs::{Design, Worker};
use crate::servers::{Answer, Limit, Rules, Server, WINDOW};

pub(crate) const WORKERS: usize = 128;
/// What a design needs to find its way is not measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(20);

/// The figures of a run after its warm-up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    /// Served to us, as a share of what was not served to others.
    pub(crate) used: f64,
    pub(crate) served_per_second: f64,
    /// Refused for the rate, as a share of all answers.
    pub(crate) refused: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// The share used in each window after failures have ended.
    pub(crate) windows_after: Vec<f64>,
}

impl Measured {
    /// Takes the worse of each figure.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self {
            used: self.used.min(other.used),
            served_per_second: self.served_per_second.min(other.served_per_second),
            refused: self.refused.max(other.refused),
            p50: self.p50.max(other.p50),
            p99: self.p99.max(other.p99),
            windows_after: [self.windows_after, other.windows_after].concat(),
        }
    }
}

struct Record {
    arrived: Duration,
    ended: Duration,
    latency: Duration,
    answer: Answer,
}

/// Lets 128 workers that always want more ask a server for `length`.
pub(crate) fn run<D: Design>(design: &D, rules: Rules, length: Duration, seed: u64) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let records = Rc::new(RefCell::new(Vec::new()));
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        let server = Rc::new(Server::new(rules, seed));
        let begin = Instant::now();
        for worker in 0..WORKERS {
            let worker = design.worker(seed ^ worker as u64);
            tokio::task::spawn_local(work(worker, Rc::clone(&server), Rc::clone(&records), begin));
        }
        tokio::time::sleep(length).await;
        measure(&rules, &server, &records.borrow(), length)
    })
}

async fn work<W: Worker>(
    mut worker: W,
    server: Rc<Server>,
    records: Rc<RefCell<Vec<Record>>>,
    begin: Instant,
) {
    loop {
        let leave = worker.leave().await;
        let asked = Instant::now();
        let (answer, arrived) = server.ask().await;
        let latency = asked.elapsed();
        records.borrow_mut().push(Record {
            arrived,
            ended: begin.elapsed(),
            latency,
            answer,
        });
        worker.learn(leave, answer, latency).await;
    }
}

fn measure(rules: &Rules, server: &Server, records: &[Record], length: Duration) -> Measured {
    let (from, to) = span(rules, length);
    let served = |from: Duration, to: Duration| {
        let in_span = |record: &&Record| {
            record.answer == Answer::Served && (from..to).contains(&record.arrived)
        };
        records.iter().filter(in_span).count() as f64
    };
    let answers: Vec<&Record> = records
        .iter()
        .filter(|record| record.ended >= WARM_UP)
        .collect();
    let refused = answers
        .iter()
        .filter(|record| matches!(record.answer, Answer::Refused { .. }))
        .count();
    let mut latencies: Vec<Duration> = answers
        .iter()
        .filter(|record| record.answer == Answer::Served)
        .map(|record| record.latency)
        .collect();
    latencies.sort_unstable();
    let percentile = |percent: usize| {
        let place = latencies.len() * percent / 100;
        latencies.get(place).copied().unwrap_or_default()
    };
    let granted = granted(rules, from, to) - server.served_to_others(from, to) as f64;
    let windows_after = rules.failing.map(|(_, end)| {
        let windows = (0..).map(|window| end + WINDOW * window);
        let whole = windows.take_while(|&begin| begin + WINDOW <= length);
        whole
            .map(|begin| served(begin, begin + WINDOW) / granted_at(rules, begin))
            .collect()
    });
    Measured {
        used: served(from, to) / granted,
        served_per_second: served(from, to) / (to - from).as_secs_f64(),
        refused: refused as f64 / answers.len().max(1) as f64,
        p50: percentile(50),
        p99: percentile(99),
        windows_after: windows_after.unwrap_or_default(),
    }
}

/// Whole windows of the server after the warm-up.
fn span(rules: &Rules, length: Duration) -> (Duration, Duration) {
    let Limit::Fixed { phase } = rules.limit else {
        return (WARM_UP, length);
    };
    let begin = WARM_UP + phase;
    let windows = (length - begin).as_secs() / WINDOW.as_secs();
    (begin, begin + WINDOW * windows as u32)
}

fn granted_at(rules: &Rules, at: Duration) -> f64 {
    f64::from(rules.per_window_at(at))
}

fn granted(rules: &Rules, from: Duration, to: Duration) -> f64 {
    let windows =
        |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64() / WINDOW.as_secs_f64();
    match rules.change {
        Some((at, changed)) => {
            f64::from(rules.per_window) * windows(from, at) + f64::from(changed) * windows(at, to)
        }
        None => f64::from(rules.per_window) * windows(from, to),
    }
}
