//! The report on standard output.

use serde_json::Value;
use startup::{ExitCode, Failure, Output};
use validation::{Check, CheckVerdict, Figures, Finding, Plan, Report};
use wiring::errors::printed;
use wiring::progress::grouped;

use crate::wallets;

/// Findings that people are shown; programs get all that were asked for.
const MOST_SHOWN: usize = 20;

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
    if report.repaired > 0 {
        text += &format!("repaired: {} rows went or came\n", grouped(report.repaired));
    }
    for check in report.checks.iter().filter(|check| !wallets::is_one(check)) {
        text += &check_line(check);
    }
    text += &wallets::table(&report.checks);
    for finding in report.findings.iter().take(MOST_SHOWN) {
        text += &finding_line(finding);
    }
    let shown = report.findings.len().min(MOST_SHOWN) as u64;
    if report.findings_total > shown {
        let more = grouped(report.findings_total - shown);
        text += &format!("  and {more} more: --output json lists them\n");
    }
    if let Some(plan) = &report.plan {
        if !report.incomplete_levels.is_empty() {
            text += "the plan leaves out what could not be checked\n";
        }
        text += &plan_lines(plan);
    }
    text
}

fn check_line(check: &Check) -> String {
    let (level, name, verdict) = (check.level, &check.name, check.verdict.name());
    let about = match &check.verdict {
        CheckVerdict::NotRun { why } => why.clone(),
        _ => figures(&check.figures),
    };
    format!("  {verdict:8} {level:8} {name:16} {about}\n")
}

/// Writes the figures that are single values; lists are for programs.
fn figures(figures: &Figures) -> String {
    let single = figures.iter().filter_map(|(name, value)| {
        let value = match value {
            Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
            Value::Bool(is_so) => is_so.to_string(),
            _ => return None,
        };
        Some(format!("{} {value}", name.replace('_', " ")))
    });
    single.collect::<Vec<_>>().join(", ")
}

fn finding_line(finding: &Finding) -> String {
    let mut line = format!("  {}", finding.kind.name());
    if let Some(token) = &finding.token_id {
        line += &format!(" token {token}");
    }
    if let (Some(from), Some(to)) = (finding.from, finding.to) {
        line += &format!(" [{from}, {to})");
    }
    line += &format!(": expected {}, found {}", finding.expected, finding.found);
    if !finding.about.is_empty() {
        line += &format!(" ({})", finding.about);
    }
    if let Some(command) = &finding.repair {
        line += &format!("; {command}");
    }
    line + "\n"
}

fn plan_lines(plan: &Plan) -> String {
    let mut text = format!(
        "plan: {} parts to load, {} wrong rows to replace, {} extra rows and {} doubles to take \
         out, {} rows left as they are\n",
        plan.loads.len(),
        grouped(plan.wrong_rows),
        grouped(plan.extra_rows),
        grouped(plan.duplicate_rows),
        grouped(plan.rows_left),
    );
    for load in plan.loads.iter().take(MOST_SHOWN) {
        let tokens = match &load.tokens {
            Some(tokens) => format!("{} tokens", tokens.len()),
            None => "all tokens".to_owned(),
        };
        text += &format!("  load [{}, {}) of {tokens}\n", load.from, load.to);
    }
    text
}
