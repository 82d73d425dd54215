//! What bounds a run, and how that is known.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::measured::Measured;

/// What is in use for more than this share of a run is what holds it up.
const SATURATED: f64 = 0.5;

/// What a run can be bound by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// How many requests the source allows, or how many were asked for.
    Rate,
    /// The inserts: all places for them are taken.
    Clickhouse,
    /// The processor of this machine.
    Machine,
    /// How long the source takes to answer.
    Source,
}

impl Limit {
    /// Returns its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Clickhouse => "clickhouse",
            Self::Machine => "machine",
            Self::Source => "source",
        }
    }
}

/// How much of what there is a run used, each as a share of its time, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Time in which requests waited for the rate's sake; 0 where no rate is known.
    pub rate: f64,
    /// Places for inserts that were taken.
    pub clickhouse: f64,
    /// Cores that read, turned, sorted and laid out.
    pub machine: f64,
    /// Time in which at least one request was on its way.
    pub source: f64,
}

impl Usage {
    /// Adds up what steps took in a run of `wall`, with so many inserts at once and so many cores;
    /// `rate_bound` says that the pacer held requests back for the rate's sake.
    pub fn of(
        steps: &BTreeMap<&'static str, Measured>,
        wall: Duration,
        inserts_at_once: usize,
        cores: usize,
        rate_bound: bool,
    ) -> Self {
        let total = |names: &[&str]| -> Duration {
            let named = names.iter().filter_map(|name| steps.get(name));
            named.map(Measured::total).sum()
        };
        let share = |time: Duration, places: usize| {
            let room = wall.as_secs_f64() * places.max(1) as f64;
            match room > 0.0 {
                true => (time.as_secs_f64() / room).min(1.0),
                false => 0.0,
            }
        };
        let source = steps
            .get("first_byte")
            .map_or(Duration::ZERO, Measured::busy);
        let waited = steps
            .get("pacer_wait")
            .map_or(Duration::ZERO, Measured::busy);
        Self {
            rate: if rate_bound { share(waited, 1) } else { 0.0 },
            clickhouse: share(total(&["insert"]), inserts_at_once),
            machine: share(total(&["decode", "transform", "sort", "encode"]), cores),
            source: share(source, 1),
        }
    }
}

/// What bounds a run, with the evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bound {
    /// What it is.
    pub limit: Limit,
    /// How that is known, in a sentence without its full stop.
    pub evidence: String,
}

impl Bound {
    /// Names what bounds a run. The source is what is left: a request is on its way nearly always,
    /// also while something else holds the run up.
    pub fn of(usage: &Usage) -> Self {
        let percent = |share: f64| (share * 100.0).round();
        let (limit, evidence) = if usage.clickhouse > SATURATED && usage.clickhouse >= usage.machine
        {
            let share = percent(usage.clickhouse);
            let words = format!("inserts took {share} % of the places for them");
            (Limit::Clickhouse, words)
        } else if usage.machine > SATURATED {
            let share = percent(usage.machine);
            let words = format!("reading and laying out took {share} % of the cores");
            (Limit::Machine, words)
        } else if usage.rate > SATURATED {
            let share = percent(usage.rate);
            let words = format!("requests were held back for the rate {share} % of the time");
            (Limit::Rate, words)
        } else {
            let words = format!(
                "requests were on their way {} % of the time, while inserts took {} % of their \
                 places and this machine {} % of its cores",
                percent(usage.source),
                percent(usage.clickhouse),
                percent(usage.machine)
            );
            (Limit::Source, words)
        };
        Self { limit, evidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(rate: f64, clickhouse: f64, machine: f64) -> Usage {
        Usage {
            rate,
            clickhouse,
            machine,
            source: 0.97,
        }
    }

    #[test]
    fn what_is_used_up_is_the_limit_and_else_the_source() {
        let check = |usage, limit| assert_eq!(Bound::of(&usage).limit, limit, "{usage:?}");
        check(usage(0.0, 0.05, 0.1), Limit::Source);
        check(usage(0.0, 0.9, 0.1), Limit::Clickhouse);
        check(usage(0.9, 0.9, 0.1), Limit::Clickhouse);
        check(usage(0.0, 0.6, 0.9), Limit::Machine);
        check(usage(0.9, 0.2, 0.3), Limit::Rate);
    }

    #[test]
    fn the_evidence_has_the_figures() {
        let bound = Bound::of(&usage(0.0, 0.934, 0.1));
        assert_eq!(bound.evidence, "inserts took 93 % of the places for them");
    }

    #[test]
    fn shares_are_of_the_time_and_of_the_places() {
        let mut insert = Measured::new();
        insert.add(Duration::from_secs(3));
        let mut wait = Measured::new();
        wait.add_busy(Duration::from_secs(1));
        let steps = BTreeMap::from([("insert", insert), ("pacer_wait", wait)]);
        let usage = |bound| Usage::of(&steps, Duration::from_secs(2), 2, 4, bound);
        assert!((usage(false).clickhouse - 0.75).abs() < 1e-9);
        assert_eq!(usage(false).rate, 0.0);
        assert!((usage(true).rate - 0.5).abs() < 1e-9);
        assert_eq!(
            Usage::of(&steps, Duration::ZERO, 2, 4, true),
            Usage::default()
        );
    }
}
