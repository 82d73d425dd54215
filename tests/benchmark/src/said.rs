//! What a client says at its end.

use serde::Deserialize;

use crate::Failure;
use crate::design::Design;
use crate::naive::NaiveReport;

/// What `ours` says at its end.
#[derive(Debug, Deserialize)]
struct Summary {
    fills_inserted: u64,
    fills_total: u64,
    pages: u64,
    complete: bool,
}

/// What any design says at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// Rows that are in the table.
    pub(crate) fills: u64,
    /// Pages of fills that were answered.
    pub(crate) pages: u64,
    /// Markets loaded as a whole, by a design that was stopped and can tell.
    pub(crate) markets: Option<u64>,
    pub(crate) stopped: bool,
}

impl Said {
    /// Reads what a design printed.
    ///
    /// # Errors
    /// That it is something else, or a complete run that is not complete.
    pub(crate) fn of(design: Design, stdout: &str) -> Result<Self, Failure> {
        if design == Design::Ours {
            let summary = Summary::of(stdout)?;
            return Ok(summary.said(summary.fills_inserted));
        }
        let report: NaiveReport = serde_json::from_str(stdout)?;
        Ok(Self {
            fills: report.fills,
            pages: report.pages,
            markets: design.is_by_market().then_some(report.markets),
            stopped: report.stopped,
        })
    }

    /// Reads what a load of what is loaded printed.
    ///
    /// # Errors
    /// That it inserted anything, or is not complete.
    pub(crate) fn of_fresh(stdout: &str) -> Result<Self, Failure> {
        let summary = Summary::of(stdout)?;
        match summary.fills_inserted {
            0 => Ok(summary.said(summary.fills_total)),
            fills => Err(format!("{fills} fills were inserted that were there").into()),
        }
    }
}

impl Summary {
    fn of(stdout: &str) -> Result<Self, Failure> {
        let summary: Self = serde_json::from_str(stdout)?;
        match summary.complete {
            true => Ok(summary),
            false => Err("ours has left work".into()),
        }
    }

    fn said(&self, fills: u64) -> Said {
        Said {
            fills,
            pages: self.pages,
            markets: None,
            stopped: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_ours_that_left_work_is_an_error() {
        let summary = |complete| {
            let object = serde_json::json!({
                "fills_inserted": 7, "fills_total": 7, "pages": 2, "complete": complete, "run_id": "x"
            });
            Said::of(Design::Ours, &object.to_string())
        };
        assert!(summary(false).is_err());
        let said = summary(true).unwrap();
        assert_eq!((said.fills, said.pages, said.stopped), (7, 2, false));
    }

    #[test]
    fn a_load_of_what_is_loaded_inserts_nothing() {
        let again = |inserted| {
            let object = serde_json::json!({
                "fills_inserted": inserted, "fills_total": 7, "pages": 2, "complete": true
            });
            Said::of_fresh(&object.to_string())
        };
        assert_eq!(again(0).unwrap().fills, 7);
        assert!(again(1).is_err());
    }

    #[test]
    fn only_designs_by_market_know_how_many_markets_they_have_loaded() {
        let report = r#"{"fills":7,"pages":2,"markets":3,"inserts":1,"stopped":true}"#;
        let markets = |design| Said::of(design, report).unwrap().markets;
        assert_eq!(markets(Design::PerMarket), Some(3));
        assert_eq!(markets(Design::Sequential), None);
    }
}
