//! The report on standard output.

use profile::{Profile, StepReport};
use startup::{ExitCode, Failure, Output};
use wiring::errors::printed;
use wiring::progress::{duration, grouped};

/// Prints a report for people or for programs.
///
/// # Errors
/// That standard output cannot be written.
pub(crate) fn profile(profile: &Profile, output: Output) -> Result<(), Failure> {
    let text = match output {
        Output::Human => human(profile),
        Output::Json => serde_json::to_string(profile)
            .map(|json| json + "\n")
            .map_err(|error| Failure::new(ExitCode::Failed, error))?,
    };
    printed(&text).map(drop)
}

fn human(profile: &Profile) -> String {
    let (limit, evidence) = (profile.bottleneck.name(), &profile.evidence);
    let mut text = format!("bound by {limit}: {evidence}\n");
    text += "  step                 times    p50 ms    p90 ms    p99 ms    max ms  share\n";
    text.extend(profile.steps.iter().map(step_line));
    for tried in &profile.sweep {
        let rate = grouped(tried.rows_per_second as u64);
        text += &format!("  {:18} {:>8}: {rate} rows/s\n", tried.setting, tried.value);
    }
    if profile.budget_used_up {
        text += "the sweep ended where --max-requests did\n";
    }
    let set = &profile.recommended;
    text += &format!(
        "set WORKER_COUNT={} INSERT_BATCH_SIZE={} PAGES_PER_REQUEST={}",
        set.workers, set.insert_batch_size, set.pages_per_request
    );
    if let Some(rate) = set.requests_per_10s {
        text += &format!(" REQUESTS_PER_10S={rate}");
    }
    text += &match &profile.projection {
        Some(all) => format!(
            "\nso set, {} fills take {} to {}",
            grouped(all.fills_total),
            duration(all.seconds_low),
            duration(all.seconds_high)
        ),
        None => "\nthe sample was too small to tell what the whole run takes".to_owned(),
    };
    let (requests, rows) = (grouped(profile.requests), grouped(profile.rows));
    text + &format!("\n{requests} requests, {rows} rows in a table that is gone\n")
}

fn step_line(step: &StepReport) -> String {
    let indent = if step.within.is_some() { "  " } else { "" };
    format!(
        "  {:16} {:>9} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>5.1}%\n",
        format!("{indent}{}", step.name),
        step.count,
        step.p50_ms,
        step.p90_ms,
        step.p99_ms,
        step.max_ms,
        step.share * 100.0
    )
}
