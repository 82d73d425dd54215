//! The report, as programs read it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::bound::{Bound, Limit, Usage};
use crate::measured::Measured;
use crate::projection::Projection;
use crate::steps::{STEPS, Step};

/// Everything that was measured, and what follows from it.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// The steps that were taken, in the order in which a page goes through them.
    pub steps: Vec<StepReport>,
    /// What bounds the run.
    pub bottleneck: Limit,
    /// How that is known.
    pub evidence: String,
    /// How much of what there is the run used.
    pub usage: Usage,
    /// What to set.
    pub recommended: Recommended,
    /// What the whole run would take; nothing where it was not worked out.
    pub projection: Option<Projection>,
    /// What the sweep tried, in order.
    pub sweep: Vec<Tried>,
    /// Requests made for all of it.
    pub requests: u64,
    /// Rows written to a table of its own, which is gone.
    pub rows: u64,
    /// Whether the requests allowed were used up before the sweep was at its end.
    pub budget_used_up: bool,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Its name.
    pub name: &'static str,
    /// The step that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<&'static str>,
    /// How often it was taken.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50_ms: f64,
    /// Nine in ten took at most this long.
    pub p90_ms: f64,
    /// All but one in a hundred took at most this long.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Its part of the time that all steps took together, 0 to 1; those within others are in both.
    pub share: f64,
}

/// What to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recommended {
    /// `WORKER_COUNT`.
    pub workers: usize,
    /// `INSERT_BATCH_SIZE`.
    pub insert_batch_size: usize,
    /// `PAGES_PER_REQUEST`.
    pub pages_per_request: usize,
    /// `REQUESTS_PER_10S`; nothing where no limit was met.
    pub requests_per_10s: Option<u32>,
}

/// One trial of the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tried {
    /// What was varied: `workers`, `pages_per_request` or `insert_batch_size`.
    pub setting: &'static str,
    /// Its value.
    pub value: usize,
    /// Rows a second, fetched or, for `insert_batch_size`, inserted.
    pub rows_per_second: f64,
    /// Half of the requests had their first byte within so many milliseconds; nothing where none was
    /// made.
    pub first_byte_p50_ms: Option<f64>,
}

impl Profile {
    /// Makes the report of a measured run; the sweep's part of it is still empty.
    pub fn new(
        steps: &BTreeMap<&'static str, Measured>,
        usage: Usage,
        recommended: Recommended,
    ) -> Self {
        let Bound { limit, evidence } = Bound::of(&usage);
        Self {
            steps: reports(steps),
            bottleneck: limit,
            evidence,
            usage,
            recommended,
            projection: None,
            sweep: Vec::new(),
            requests: 0,
            rows: 0,
            budget_used_up: false,
        }
    }
}

fn reports(steps: &BTreeMap<&'static str, Measured>) -> Vec<StepReport> {
    let taken: Vec<_> = STEPS
        .iter()
        .filter_map(|step| Some((step, steps.get(step.name)?)))
        .collect();
    let outermost = taken.iter().filter(|(step, _)| step.within.is_none());
    let all: Duration = outermost.map(|(_, measured)| measured.total()).sum();
    let report = |(step, measured): (&Step, &Measured)| StepReport {
        name: step.name,
        within: step.within,
        count: measured.count(),
        p50_ms: measured.quantile_ms(0.5),
        p90_ms: measured.quantile_ms(0.9),
        p99_ms: measured.quantile_ms(0.99),
        max_ms: measured.max_ms(),
        share: measured.total().as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE),
    };
    taken.into_iter().map(report).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(seconds: u64) -> Measured {
        let mut measured = Measured::new();
        measured.add(Duration::from_secs(seconds));
        measured
    }

    #[test]
    fn shares_add_up_to_one_without_the_steps_that_are_part_of_others() {
        let steps = BTreeMap::from([
            ("connect", took(1)),
            ("first_byte", took(6)),
            ("insert", took(2)),
        ]);
        let reports = reports(&steps);
        let shares: Vec<_> = reports.iter().map(|step| (step.name, step.share)).collect();
        assert_eq!(
            shares,
            [("connect", 0.125), ("first_byte", 0.75), ("insert", 0.25)]
        );
    }

    #[test]
    fn the_report_has_the_keys_that_programs_rely_on() {
        let recommended = Recommended {
            workers: 8,
            insert_batch_size: 1000,
            pages_per_request: 2,
            requests_per_10s: None,
        };
        let steps = BTreeMap::from([("decode", took(1))]);
        let profile = Profile::new(&steps, Usage::default(), recommended);
        let json = serde_json::to_value(&profile).unwrap();
        assert_eq!(json["bottleneck"], "source");
        assert_eq!(json["recommended"]["workers"], 8);
        assert!(json["projection"].is_null());
        for key in ["name", "p50_ms", "p90_ms", "p99_ms", "max_ms", "share"] {
            assert!(!json["steps"][0][key].is_null(), "{key}");
        }
    }
}
