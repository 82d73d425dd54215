//! What a client says at its end.

use serde::Deserialize;

use crate::Failure;
use crate::design::Design;
use crate::naive::NaiveReport;

/// What `ours` says at its end.
#[derive(Debug, Deserialize)]
struct Summary {
    fills_inserted: u64,
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
            let summary: Summary = serde_json::from_str(stdout)?;
            return match summary.complete {
                true => Ok(Self {
                    fills: summary.fills_inserted,
                    pages: summary.pages,
                    markets: None,
                    stopped: false,
                }),
                false => Err("ours has left work".into()),
            };
        }
        let report: NaiveReport = serde_json::from_str(stdout)?;
        Ok(Self {
            fills: report.fills,
            pages: report.pages,
            markets: design.is_by_market().then_some(report.markets),
            stopped: report.stopped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_ours_that_left_work_is_an_error() {
        let summary = |complete| {
            let object = serde_json::json!({
                "fills_inserted": 7, "pages": 2, "complete": complete, "run_id": "x"
            });
            Said::of(Design::Ours, &object.to_string())
        };
        assert!(summary(false).is_err());
        let said = summary(true).unwrap();
        assert_eq!((said.fills, said.pages, said.stopped), (7, 2, false));
    }

    #[test]
    fn only_designs_by_market_know_how_many_markets_they_have_loaded() {
        let report = r#"{"fills":7,"pages":2,"markets":3,"inserts":1,"stopped":true}"#;
        let markets = |design| Said::of(design, report).unwrap().markets;
        assert_eq!(markets(Design::PerMarket), Some(3));
        assert_eq!(markets(Design::Sequential), None);
    }
}
