//! `ingest runs`: the runs that left a report.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use startup::{ExitCode, Failure, Output, Settings};
use wiring::errors::printed;
use wiring::progress::{duration, grouped};

use crate::reports;

/// Lists the runs of the data directory, the oldest first.
///
/// # Errors
/// That the directory cannot be read.
pub(crate) fn show(settings: &Settings) -> Result<ExitCode, Failure> {
    let data_dir = &settings.table.data_dir;
    let paths = reports::list(data_dir).map_err(|error| unreadable(data_dir, &error))?;
    let runs: Vec<(PathBuf, Value)> = paths
        .into_iter()
        .map(|path| {
            let report = read(&path);
            (path, report)
        })
        .collect();
    printed(&match settings.output {
        Output::Json => {
            let runs: Vec<&Value> = runs.iter().map(|(_, report)| report).collect();
            format!("{}\n", json!({ "runs": runs }))
        }
        Output::Human if runs.is_empty() => {
            format!("no run has left a report in {}\n", data_dir.display())
        }
        Output::Human => runs
            .iter()
            .map(|(path, report)| line(path, report))
            .collect(),
    })
}

fn unreadable(data_dir: &Path, error: &std::io::Error) -> Failure {
    let message = format!(
        "the reports of {} cannot be read: {error}",
        data_dir.display()
    );
    Failure::new(ExitCode::Failed, message).with_hint("name another directory with --data-dir")
}

/// Reads a report; one that cannot be read says so in its place.
fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let report = text
        .and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()));
    report.unwrap_or_else(|error| json!({"report": path.display().to_string(), "error": error}))
}

fn line(path: &Path, report: &Value) -> String {
    if let Some(error) = report["error"].as_str() {
        return format!("{}: {error}\n", path.display());
    }
    let number = |key: &str| report[key].as_u64().unwrap_or_default();
    let state = match (&report["complete"], &report["interrupted"]) {
        (Value::Bool(true), _) => "complete",
        (_, Value::Bool(true)) => "interrupted",
        _ => "work left",
    };
    format!(
        "{}  {state:11}  {:>13} fills in {:>10}, {:>9} fills/s, {} requests  {}\n",
        report["run_id"].as_str().unwrap_or_default(),
        grouped(number("fills_inserted")),
        duration(report["seconds"].as_f64().unwrap_or_default()),
        grouped(report["fills_per_second"].as_f64().unwrap_or_default() as u64),
        grouped(number("requests")),
        path.display()
    )
}
