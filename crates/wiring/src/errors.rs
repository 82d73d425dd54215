//! Errors of the crates as failures of the program: with the exit code and the line that mends.

use std::io::Write;

use fills::{SourceError, StoreError};
use startup::{ExitCode, Failure};

/// Prints to standard output.
///
/// # Errors
/// That it cannot be written.
pub fn printed(text: &str) -> Result<ExitCode, Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(ExitCode::Failed, error))?;
    Ok(ExitCode::Done)
}

/// Gives an error of the source its exit code and what mends it.
pub fn from_source(error: SourceError) -> Failure {
    let (code, hint) = match &error {
        SourceError::Unavailable { .. } => (
            ExitCode::Unreachable,
            "check the network and --endpoint, then run again: it goes on where it stopped",
        ),
        SourceError::Gone { .. } => (
            ExitCode::Unreachable,
            "name another deployment of the order-book subgraph with --endpoint (the public one ended on 2026-04-28)",
        ),
        SourceError::TooHeavy { .. } => (
            ExitCode::Unreachable,
            "the source is overloaded: run again later, it goes on where it stopped",
        ),
        SourceError::Protocol { .. } => (
            ExitCode::Failed,
            "check that --endpoint is an order-book subgraph",
        ),
        _ => (
            ExitCode::Failed,
            "the source's operator has to mend it; what was loaded stays",
        ),
    };
    Failure::new(code, error).with_hint(hint)
}

/// Gives an error of the table its exit code and what mends it.
pub fn from_table(error: fill_table::Error) -> Failure {
    use fill_table::Error;
    let (code, hint) = match &error {
        Error::Unreachable { .. } => (
            ExitCode::Unreachable,
            "start the server or mend --clickhouse-url; without it the embedded engine is used",
        ),
        Error::CertificateFile { .. } => (
            ExitCode::Usage,
            "name PEM files with --clickhouse-ca, --clickhouse-client-cert and --clickhouse-client-key",
        ),
        Error::SeveralServers { .. } => (
            ExitCode::Usage,
            "do what the message says, so that no row can be inserted twice",
        ),
        Error::Credentials { .. } => (
            ExitCode::Usage,
            "mend CLICKHOUSE_USER and CLICKHOUSE_PASSWORD (or CLICKHOUSE_PASSWORD_FILE)",
        ),
        Error::NoDatabase { .. } => (
            ExitCode::Usage,
            "create the database, or name another with CLICKHOUSE_DATABASE",
        ),
        Error::NoRights { .. } => (ExitCode::Usage, "grant what the message names"),
        Error::TooOld { .. } => (ExitCode::Usage, "use a newer server"),
        Error::Name { .. } | Error::Schema(_) => (
            ExitCode::Usage,
            "choose another --table or CLICKHOUSE_DATABASE, or rename what is there",
        ),
        _ => (
            ExitCode::Failed,
            "mend what the message names, then run again: nothing is lost",
        ),
    };
    Failure::new(code, error).with_hint(hint)
}

/// Gives an error of the checkpoint its exit code and what mends it.
pub fn from_checkpoint(error: checkpoint_store::Error) -> Failure {
    let code = match &error {
        checkpoint_store::Error::Corrupt { .. } | checkpoint_store::Error::Io { .. } => {
            ExitCode::Failed
        }
        _ => ExitCode::Usage,
    };
    let hint = error.hint();
    Failure::new(code, error).with_hint(hint)
}

/// Gives an error of the embedded engine its exit code and what mends it.
pub fn from_engine(error: clickhouse_embedded::Error) -> Failure {
    use clickhouse_embedded::Error;
    let (code, hint) = match &error {
        Error::Locked { .. } => (
            ExitCode::Usage,
            "stop the other process, or choose another --data-dir",
        ),
        Error::Listen { .. } => (
            ExitCode::Usage,
            "choose another --listen address, or stop what listens there",
        ),
        Error::UserName { .. } => (ExitCode::Usage, "choose another CLICKHOUSE_USER"),
        Error::CredentialsNeeded { .. } => (
            ExitCode::Usage,
            "set CLICKHOUSE_USER and CLICKHOUSE_PASSWORD, or listen on 127.0.0.1",
        ),
        Error::Fetch { .. } => (
            ExitCode::Unreachable,
            "try again when the network is there, or use --clickhouse-url",
        ),
        _ => (
            ExitCode::Failed,
            "mend what the message names, or use a server with --clickhouse-url",
        ),
    };
    Failure::new(code, error).with_hint(hint)
}

/// Gives an error of a run its exit code and what mends it.
pub fn from_run(error: ingest_engine::Error) -> Failure {
    use ingest_engine::Error;
    match error {
        Error::Source(error) => from_source(error),
        Error::Checkpoint(error) => from_checkpoint(error),
        Error::Store(error) | Error::TableAway(error) => {
            let (code, hint) = match &error {
                StoreError::Unavailable { .. } => (
                    ExitCode::Unreachable,
                    "bring ClickHouse back, or give it what it lacks, then run again: it goes on where it stopped",
                ),
                StoreError::Busy { .. } => (
                    ExitCode::Failed,
                    "let the other run end, or stop its inserts with KILL QUERY, then run again",
                ),
                StoreError::Refused { message } if message.contains("NOT_ENOUGH_SPACE") => (
                    ExitCode::Failed,
                    "make room on the table's disk, then run again: it goes on where it stopped",
                ),
                _ => (
                    ExitCode::Failed,
                    "mend what ClickHouse names, then run again: it goes on where it stopped",
                ),
            };
            Failure::new(code, error).with_hint(hint)
        }
        error @ Error::SourceBehind { .. } => Failure::new(ExitCode::WorkLeft, error).with_hint(
            "run again in some minutes; if it stays so, the endpoint serves another deployment",
        ),
        error @ Error::ForeignProgress { .. } => Failure::new(ExitCode::Usage, error).with_hint(
            "--fresh forgets the checkpoint (rows stay and are not doubled), --checkpoint names another",
        ),
        error => Failure::new(ExitCode::Failed, error),
    }
}
