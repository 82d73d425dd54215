//! The servers of the table, and what the pacer has to reach on each.

use std::time::Duration;

use crate::servers::{Limit, Others, Rules};

/// At least so much of what was granted used, and at most so much of the answers refused, in
/// percent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    pub(crate) used: f64,
    pub(crate) refused: f64,
}

/// The limit does not change and is ours alone.
pub(crate) const STEADY: Demand = Demand {
    used: 95.0,
    refused: 1.0,
};
/// Others use it too, or it changes. Refusals are then mostly what others bring about: a burst of
/// theirs empties a bucket whatever we ask for.
pub(crate) const MOVING: Demand = Demand {
    used: 85.0,
    refused: 10.0,
};

/// Servers that differ in what no client knows; the worst of them counts.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) cases: Vec<Rules>,
    pub(crate) length: Duration,
    pub(crate) demand: Demand,
}

/// Returns a server for each half second by which its windows may be off.
pub(crate) fn every_phase(per_window: u32, retry_after: bool) -> Vec<Rules> {
    (0..20)
        .map(|halves| Rules {
            retry_after,
            ..Rules::new(fixed(halves * 500), per_window)
        })
        .collect()
}

/// Returns the rows about rates, in the order of the table.
pub(crate) fn limited() -> Vec<Row> {
    let mut rows = Vec::new();
    for per_window in [50, 1000] {
        for retry_after in [false, true] {
            rows.extend(steady(per_window, retry_after));
        }
    }
    for per_window in [50, 1000] {
        rows.extend(shared(per_window));
    }
    rows.extend(changing());
    rows
}

/// Returns the rows about failures: all requests fail for a time.
pub(crate) fn failing() -> Vec<Row> {
    let begin = Duration::from_secs(60);
    let row = |seconds| Row {
        name: format!("fixed 1000, 503 for {seconds} s"),
        cases: vec![Rules {
            failing: Some((begin, begin + Duration::from_secs(seconds))),
            ..Rules::new(fixed(3_500), 1000)
        }],
        length: Duration::from_secs(160),
        demand: STEADY,
    };
    [5, 20, 45].map(row).into()
}

/// Returns the rows about queues: so many requests are worked on at once.
pub(crate) fn queueing() -> Vec<Row> {
    let row = |places| Row {
        name: format!("{places} places"),
        cases: vec![Rules {
            places,
            ..Rules::new(Limit::None, 1)
        }],
        length: Duration::from_secs(120),
        demand: STEADY,
    };
    let mut rows: Vec<Row> = [4, 16, 50].map(row).into();
    rows.push(Row {
        name: "no queue".into(),
        cases: vec![Rules::new(Limit::None, 1)],
        length: Duration::from_secs(120),
        demand: STEADY,
    });
    rows
}

fn steady(per_window: u32, retry_after: bool) -> Vec<Row> {
    let says = if retry_after { ", Retry-After" } else { "" };
    let row = |name: &str, limits: &[Limit]| Row {
        name: format!("{name} {per_window}{says}"),
        cases: limits
            .iter()
            .map(|&limit| Rules {
                retry_after,
                ..Rules::new(limit, per_window)
            })
            .collect(),
        length: Duration::from_secs(200),
        demand: STEADY,
    };
    vec![
        row("fixed", &[2_500, 7_500].map(fixed)),
        row("bucket", &[Limit::Bucket { capacity: 1.0 }]),
        row("small bucket", &[Limit::Bucket { capacity: 0.1 }]),
    ]
}

fn shared(per_window: u32) -> Vec<Row> {
    let row = |name: &str, limit, others| Row {
        name: format!("{name} {per_window}, half taken {}", how(others)),
        cases: vec![Rules {
            others,
            ..Rules::new(limit, per_window)
        }],
        length: Duration::from_secs(300),
        demand: MOVING,
    };
    let bucket = Limit::Bucket { capacity: 1.0 };
    let small = Limit::Bucket { capacity: 0.1 };
    let mut rows = Vec::new();
    for others in [Others::Evenly, Others::InBursts] {
        rows.push(row("fixed", fixed(3_500), others));
        rows.push(row("bucket", bucket, others));
        rows.push(row("small bucket", small, others));
    }
    rows
}

fn changing() -> Vec<Row> {
    let row = |name: &str, limit, changed| Row {
        name: format!("{name} 1000, {changed} after 5 min"),
        cases: vec![Rules {
            change: Some((Duration::from_secs(300), changed)),
            ..Rules::new(limit, 1000)
        }],
        length: Duration::from_secs(600),
        demand: MOVING,
    };
    let bucket = Limit::Bucket { capacity: 1.0 };
    vec![
        row("fixed", fixed(3_500), 500),
        row("fixed", fixed(3_500), 2000),
        row("bucket", bucket, 500),
        row("bucket", bucket, 2000),
    ]
}

fn how(others: Others) -> &'static str {
    match others {
        Others::InBursts => "in bursts",
        _ => "evenly",
    }
}

fn fixed(phase_ms: u64) -> Limit {
    Limit::Fixed {
        phase: Duration::from_millis(phase_ms),
    }
}
