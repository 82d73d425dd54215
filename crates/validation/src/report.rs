use serde::Serialize;

use crate::{Check, CheckVerdict, Finding, Findings, Pictures, Plan};

/// The verdict over all checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No check found anything wrong.
    Ok,
    /// At least one did.
    Differs,
}

/// What one level answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its checks, in the order in which they ran.
    pub checks: Vec<Check>,
    /// What they found.
    pub findings: Findings,
}

/// What a validation answers; its JSON keys are part of the program's outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The verdict over all checks.
    pub verdict: Verdict,
    /// The verdict in one sentence for people.
    pub summary: String,
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
        }
    }

    /// Adds what another level answers.
    pub fn extend(&mut self, other: Self) {
        self.checks.extend(other.checks);
        self.findings.extend(other.findings);
    }
}

impl Report {
    /// Sums levels up.
    pub fn new(outcome: Outcome) -> Self {
        let Outcome { checks, findings } = outcome;
        let differs = checks.iter().any(|check| !check.is_ok()) || !findings.is_empty();
        Self {
            verdict: match differs {
                true => Verdict::Differs,
                false => Verdict::Ok,
            },
            summary: summary(&checks, findings.total()),
            findings_total: findings.total(),
            findings: findings.kept().to_vec(),
            checks,
            repaired: 0,
            plan: None,
            pictures: None,
        }
    }
}

fn summary(checks: &[Check], findings: u64) -> String {
    let count = |wanted: &str| {
        let such = checks.iter().filter(|check| check.verdict.name() == wanted);
        such.count()
    };
    let (good, bad) = (
        count(CheckVerdict::Ok.name()),
        count(CheckVerdict::Differs.name()),
    );
    let mut text = match (bad, findings) {
        (0, 0) => format!("ok: all {good} checks that were made hold"),
        _ => format!(
            "differs: {bad} of {} checks, {findings} findings",
            good + bad
        ),
    };
    let left_out = checks.len() - good - bad;
    if left_out > 0 {
        text += &format!("; {left_out} could not be made");
    }
    text
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

    #[test]
    fn what_could_not_be_checked_is_said_and_is_not_wrong() {
        let mut outcome = Outcome::new(10);
        let skipped = Check::not_run(Level::Wallet, "wallets", "no data API");
        outcome.checks = vec![check(true), skipped];
        let report = Report::new(outcome);
        assert_eq!(report.verdict, Verdict::Ok);
        assert_eq!(
            report.summary,
            "ok: all 1 checks that were made hold; 1 could not be made"
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
