use std::collections::BTreeSet;

use serde::Serialize;

use crate::{Check, CheckVerdict, Finding, Findings, Level, Pictures, Plan};

/// The verdict over all checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every level ran, and no check found anything wrong.
    Ok,
    /// No check found anything wrong, and a level could not check what it was asked to.
    Incomplete,
    /// At least one check found something wrong.
    Differs,
}

/// What one level answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its checks, in the order in which they ran.
    pub checks: Vec<Check>,
    /// What they found.
    pub findings: Findings,
    /// Levels that ended before they had made all of their checks.
    pub broken_off: BTreeSet<Level>,
}

/// What a validation answers; its JSON keys are part of the program's outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The verdict over all checks.
    pub verdict: Verdict,
    /// The verdict in one sentence for people.
    pub summary: String,
    /// Levels that could not check what they were asked to, in the order in which they run.
    pub incomplete_levels: Vec<Level>,
    /// Every check, level after level.
    pub checks: Vec<Check>,
    /// Differences, at most as many as were asked for.
    pub findings: Vec<Finding>,
    /// How many differences there are, listed or not.
    pub findings_total: u64,
    /// Rows that were put in and rows that were taken out by a repair.
    pub repaired: u64,
    /// What a repair would do, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What is drawn of it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Pictures>,
}

impl Outcome {
    /// Makes the outcome of a level that keeps at most so many findings.
    pub const fn new(most_findings: usize) -> Self {
        Self {
            checks: Vec::new(),
            findings: Findings::new(most_findings),
            broken_off: BTreeSet::new(),
        }
    }

    /// Adds what another level answers.
    pub fn extend(&mut self, other: Self) {
        self.checks.extend(other.checks);
        self.findings.extend(other.findings);
        self.broken_off.extend(other.broken_off);
    }

    /// Returns the levels that could not check what they were asked to: those that broke off, those
    /// that could make none of their checks, and that of wallets without the checks of all wallets.
    fn incomplete_levels(&self) -> Vec<Level> {
        let is_incomplete = |level: &Level| {
            let mut checks = self.checks.iter().filter(|check| check.level == *level);
            let has_checks = checks.clone().next().is_some();
            let is_short = match level {
                Level::Wallet => checks.any(Check::is_not_run),
                _ => has_checks && checks.all(Check::is_not_run),
            };
            is_short || self.broken_off.contains(level)
        };
        Level::ALL.into_iter().filter(is_incomplete).collect()
    }
}

impl Report {
    /// Sums levels up.
    pub fn new(outcome: Outcome) -> Self {
        let incomplete_levels = outcome.incomplete_levels();
        let Outcome {
            checks, findings, ..
        } = outcome;
        let differs = checks.iter().any(|check| !check.is_ok()) || !findings.is_empty();
        let is_incomplete = !incomplete_levels.is_empty() || checks.iter().all(Check::is_not_run);
        let verdict = match (differs, is_incomplete) {
            (true, _) => Verdict::Differs,
            (false, true) => Verdict::Incomplete,
            (false, false) => Verdict::Ok,
        };
        Self {
            verdict,
            summary: summary(verdict, &incomplete_levels, &checks, findings.total()),
            incomplete_levels,
            findings_total: findings.total(),
            findings: findings.kept().to_vec(),
            checks,
            repaired: 0,
            plan: None,
            pictures: None,
        }
    }
}

fn summary(verdict: Verdict, incomplete: &[Level], checks: &[Check], findings: u64) -> String {
    let count = |wanted: &str| {
        let such = checks.iter().filter(|check| check.verdict.name() == wanted);
        such.count()
    };
    let (good, bad) = (
        count(CheckVerdict::Ok.name()),
        count(CheckVerdict::Differs.name()),
    );
    let mut text = match verdict {
        Verdict::Ok => format!("ok: all {good} checks that were made hold"),
        Verdict::Incomplete => format!("incomplete: {}", could_not(incomplete)),
        Verdict::Differs => format!(
            "differs: {bad} of {} checks, {findings} findings",
            good + bad
        ),
    };
    if verdict == Verdict::Incomplete {
        text += &format!("; {good} checks were made and hold");
    }
    let left_out = checks.len() - good - bad;
    if left_out > 0 {
        text += &format!("; {left_out} could not be made");
    }
    if verdict == Verdict::Differs && !incomplete.is_empty() {
        text += &format!("; {}", could_not(incomplete));
    }
    text
}

/// Says which levels are incomplete.
fn could_not(incomplete: &[Level]) -> String {
    let names: Vec<&str> = incomplete.iter().map(|level| level.name()).collect();
    match names[..] {
        [] => "nothing was checked".to_owned(),
        [one] => format!("the level {one} could not be completed"),
        _ => format!("the levels {} could not be completed", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Figures, Kind, Level};

    fn check(ok: bool) -> Check {
        Check::new(Level::Counts, "duplicates", ok, Figures::new(), "")
    }

    #[test]
    fn one_check_that_differs_decides() {
        let mut outcome = Outcome::new(10);
        outcome.checks = vec![check(true), check(false)];
        let report = Report::new(outcome);
        assert_eq!(report.verdict, Verdict::Differs);
        assert_eq!(report.summary, "differs: 1 of 2 checks, 0 findings");
    }

    fn not_run(level: Level, name: &'static str) -> Check {
        Check::not_run(level, name, "no reason")
    }

    fn reported(checks: Vec<Check>) -> Report {
        let mut outcome = Outcome::new(10);
        outcome.checks = checks;
        Report::new(outcome)
    }

    #[test]
    fn a_level_that_made_some_of_its_checks_is_ok_and_says_how_many_it_did_not_make() {
        let report = reported(vec![check(true), not_run(Level::Counts, "checkpoint")]);
        assert_eq!(report.verdict, Verdict::Ok);
        assert_eq!(report.incomplete_levels, []);
        assert_eq!(
            report.summary,
            "ok: all 1 checks that were made hold; 1 could not be made"
        );
    }

    #[test]
    fn a_level_without_any_check_that_ran_is_incomplete() {
        for level in Level::ALL {
            let alone = reported(vec![not_run(level, "one"), not_run(level, "another")]);
            assert_eq!(alone.verdict, Verdict::Incomplete);
            assert_eq!(alone.incomplete_levels, [level]);
            assert_eq!(
                alone.summary,
                format!(
                    "incomplete: the level {level} could not be completed; 0 checks were made and \
                     hold; 2 could not be made"
                )
            );
        }
        let beside = reported(vec![check(true), not_run(Level::Spot, "windows")]);
        assert_eq!(beside.verdict, Verdict::Incomplete);
        let written = serde_json::to_value(beside).unwrap();
        assert_eq!(written["verdict"], "incomplete");
        assert_eq!(written["incomplete_levels"], serde_json::json!(["spot"]));
    }

    #[test]
    fn every_wallet_is_asked_for() {
        let compared = Check::new(Level::Wallet, "0xab", true, Figures::new(), "");
        let report = reported(vec![compared, not_run(Level::Wallet, "0xcd")]);
        assert_eq!(report.verdict, Verdict::Incomplete);
        assert_eq!(report.incomplete_levels, [Level::Wallet]);
    }

    #[test]
    fn a_level_that_broke_off_is_incomplete_whatever_it_checked_before() {
        let mut outcome = Outcome::new(10);
        outcome.checks = vec![check(true), not_run(Level::Counts, "level")];
        outcome.broken_off.insert(Level::Counts);
        assert_eq!(Report::new(outcome).verdict, Verdict::Incomplete);
    }

    #[test]
    fn nothing_checked_is_not_ok() {
        let report = reported(Vec::new());
        assert_eq!(report.verdict, Verdict::Incomplete);
        assert_eq!(
            report.summary,
            "incomplete: nothing was checked; 0 checks were made and hold"
        );
    }

    #[test]
    fn what_differs_comes_before_what_is_incomplete() {
        let report = reported(vec![
            check(false),
            not_run(Level::Source, "fills"),
            not_run(Level::Spot, "windows"),
        ]);
        assert_eq!(report.verdict, Verdict::Differs);
        assert_eq!(
            report.summary,
            "differs: 1 of 1 checks, 0 findings; 2 could not be made; the levels source, spot could \
             not be completed"
        );
    }

    #[test]
    fn findings_beyond_the_bound_count() {
        let mut outcome = Outcome::new(1);
        for found in 0..3 {
            let place = (Level::Counts, "duplicates");
            outcome
                .findings
                .push(Finding::new(Kind::DuplicateRows, place, 1, found));
        }
        let written = serde_json::to_value(Report::new(outcome)).unwrap();
        assert_eq!(written["verdict"], "differs");
        assert_eq!(written["findings"].as_array().unwrap().len(), 1);
        assert_eq!(written["findings_total"], 3);
        assert_eq!(written["repaired"], 0);
    }
}
