//! All checks together.

use serde::Serialize;
use startup::{ExitCode, Failure};

use crate::check::{Check, State};

/// A check that was not made, because one that it needs failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// Its name.
    pub code: &'static str,
    /// The one that it needs.
    pub needs: &'static str,
}

/// What was checked and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether no check failed.
    #[serde(rename = "ok")]
    is_ok: AllPassed,
    /// Checks in the order in which they were made.
    pub checks: Vec<Check>,
    /// What was not checked, for want of something else.
    pub not_checked: Vec<Unchecked>,
}

/// True until a check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
struct AllPassed(bool);

impl Default for AllPassed {
    fn default() -> Self {
        Self(true)
    }
}

impl Report {
    /// Adds a check, and tells whether it passed.
    pub(crate) fn note(&mut self, check: Check) -> bool {
        let is_passed = check.is_passed();
        self.is_ok.0 &= is_passed;
        self.checks.push(check);
        is_passed
    }

    /// Adds checks that are not made for want of another.
    pub(crate) fn skip(&mut self, codes: &[&'static str], needs: &'static str) {
        let skipped = codes.iter().map(|&code| Unchecked { code, needs });
        self.not_checked.extend(skipped);
    }

    /// Tells whether no check failed.
    pub fn is_ok(&self) -> bool {
        self.is_ok.0
    }

    /// Counts the checks that came out like this.
    pub fn count(&self, state: State) -> usize {
        let such = self.checks.iter().filter(|check| check.state == state);
        such.count()
    }

    /// Returns what a program ends with that made these checks and did no more.
    pub fn exit(&self) -> ExitCode {
        self.first_failed().map_or(ExitCode::Done, Check::exit)
    }

    /// Lets a run go on where no check failed, and logs what it should know.
    ///
    /// # Errors
    /// The first failed check.
    pub fn pass(&self) -> Result<(), Failure> {
        if let Some(failed) = self.first_failed() {
            return Err(failed.failure());
        }
        for check in &self.checks {
            if let (State::Warning, Some(mend)) = (check.state, &check.mend) {
                tracing::warn!(check = check.code, mend, "{}", check.seen);
            }
        }
        Ok(())
    }

    fn first_failed(&self) -> Option<&Check> {
        self.checks.iter().find(|check| !check.is_passed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_codes_and_what_mends_them() {
        let mut report = Report::default();
        assert!(report.note(Check::ok("a", "fine")));
        assert!(report.note(Check::warning("b", "slow", "wait")));
        assert!(report.is_ok() && report.pass().is_ok());
        assert!(!report.note(Check::failed("c", "gone", "bring it back")));
        report.skip(&["d"], "c");
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            serde_json::json!({
                "ok": false,
                "checks": [
                    {"code": "a", "ok": true, "state": "ok", "seen": "fine", "mend": null},
                    {"code": "b", "ok": true, "state": "warning", "seen": "slow", "mend": "wait"},
                    {"code": "c", "ok": false, "state": "failed", "seen": "gone",
                     "mend": "bring it back"},
                ],
                "not_checked": [{"code": "d", "needs": "c"}],
            })
        );
    }

    #[test]
    fn a_run_ends_with_the_first_failed_check() {
        let mut report = Report::default();
        let away = Check::failed("a", "nobody answers", "start it");
        report.note(away.ending_with(ExitCode::Unreachable));
        report.note(Check::failed("b", "other", "no matter"));
        let failure = report.pass().unwrap_err();
        assert_eq!(failure.code, ExitCode::Unreachable);
        assert_eq!(report.exit(), ExitCode::Unreachable);
        assert_eq!(
            failure.error.to_string(),
            "the check a failed: nobody answers"
        );
        assert_eq!(failure.hint.as_deref(), Some("start it"));
    }
}
