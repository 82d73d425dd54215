//! The report on standard output.

use startup::{ExitCode, Failure, Output};
use validation::Report;
use wiring::errors::printed;

/// Prints a report for people or for programs.
///
/// # Errors
/// That standard output cannot be written.
pub(crate) fn report(report: &Report, output: Output) -> Result<(), Failure> {
    let text = match output {
        Output::Human => human(report),
        Output::Json => serde_json::to_string(report)
            .map(|json| json + "\n")
            .map_err(|error| Failure::new(ExitCode::Failed, error))?,
    };
    printed(&text).map(drop)
}

fn human(report: &Report) -> String {
    let mut text = format!("{}\n", report.summary);
    for check in &report.checks {
        let (level, name, verdict) = (check.level, check.name, check.verdict.name());
        text += &format!("  {verdict:8} {level:8} {name}\n");
    }
    text
}
