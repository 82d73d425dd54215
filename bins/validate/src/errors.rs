//! Errors of a validation as failures of the program.

use fills::SourceError;
use startup::{ExitCode, Failure};
use validation::Error;
use wiring::errors::{from_run, from_source, from_table};

/// Gives an error of a validation its exit code and what mends it.
pub(crate) fn from_validation(error: Error) -> Failure {
    match error {
        Error::Table(error) => from_table(error),
        Error::Source(error) => from_source(error),
        Error::Load(error) => from_run(error),
        error @ Error::NoTable { .. } => Failure::new(ExitCode::Usage, error)
            .with_hint("load it with `ingest`, or name another with --table or --data-dir"),
        Error::Store(error) => from_run(ingest_engine::Error::Store(error)),
        error @ Error::Witness { .. } => from_witness(error),
        error => Failure::new(ExitCode::Failed, error),
    }
}

fn from_witness(error: Error) -> Failure {
    let (code, hint) = match &error {
        Error::Witness {
            source: SourceError::Unavailable { .. } | SourceError::TooHeavy { .. },
            ..
        } => (
            ExitCode::Unreachable,
            "check the network and --data-api, then run again; the other levels need no data API",
        ),
        _ => (
            ExitCode::Failed,
            "check that --data-api is Polymarket's data API",
        ),
    };
    Failure::new(code, error).with_hint(hint)
}
