//! `ingest doctor`: whether everything is there that a run needs.

use preflight::{Check, Report, State, examine};
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::errors::printed;

/// Makes every check and shows what was seen, with what mends it.
///
/// # Errors
/// That standard output cannot be written.
pub(crate) async fn show(settings: &Settings, shutdown: &Shutdown) -> Result<ExitCode, Failure> {
    let report = tokio::select! {
        report = examine(settings) => report,
        () = shutdown.requested() => return Ok(ExitCode::Interrupted),
    };
    let text = match settings.output {
        Output::Human => human(&report),
        Output::Json => serde_json::to_string(&report)
            .map(|json| json + "\n")
            .map_err(|error| Failure::new(ExitCode::Failed, error))?,
    };
    printed(&text)?;
    Ok(report.exit())
}

fn human(report: &Report) -> String {
    let mut text: String = report.checks.iter().map(line).collect();
    for unchecked in &report.not_checked {
        text += &format!(
            "not known  {:22} {} comes first\n",
            unchecked.code, unchecked.needs
        );
    }
    let count = |state| report.count(state);
    text + &format!(
        "{} checks: {} ok, {} with a warning, {} failed, {} not made\n",
        report.checks.len() + report.not_checked.len(),
        count(State::Ok),
        count(State::Warning),
        count(State::Failed),
        report.not_checked.len()
    )
}

fn line(check: &Check) -> String {
    let state = check.state.as_str();
    let mut line = format!("{state:10} {:22} {}\n", check.code, check.seen);
    if let Some(mend) = &check.mend {
        line += &format!("{:10} {:22} mend: {mend}\n", "", "");
    }
    line
}
