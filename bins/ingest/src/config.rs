//! `ingest config show`.

use startup::{ExitCode, Failure, Output, Settings};
use wiring::errors::printed;

use crate::cli::ConfigCommand;

/// Prints every setting with its value and where it came from.
///
/// # Errors
/// That standard output cannot be written.
pub(crate) fn run(settings: &Settings, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    let ConfigCommand::Show = command;
    let text = match settings.output {
        Output::Human => {
            let wide = |field: fn(&startup::settings::Shown) -> usize| {
                settings.shown().iter().map(field).max().unwrap_or(0)
            };
            let names = wide(|shown| shown.name.len());
            let values = wide(|shown| shown.value.len()).min(60);
            let lines = settings.shown().iter().map(|shown| {
                let (name, value) = (shown.name, &shown.value);
                format!("{name:names$}  {value:values$}  {}\n", shown.origin)
            });
            lines.collect()
        }
        Output::Json => {
            let entries = settings.shown().iter().map(|shown| {
                let entry = serde_json::json!({"value": shown.value, "origin": shown.origin});
                (shown.name.to_owned(), entry)
            });
            format!("{}\n", serde_json::Value::Object(entries.collect()))
        }
    };
    printed(&text)
}
