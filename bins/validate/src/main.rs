//! The validation as a command. Types meet here; what they do is in the crates.

mod cli;
mod print;

use clap::Parser;
use startup::{ExitCode, Failure, Settings, Shutdown};
use validation::{Outcome, Report, Verdict};
use wiring::database::Database;
use wiring::progress::Bar;

use crate::cli::Cli;

fn main() -> ExitCode {
    // A usage error ends in here with code 2.
    let cli = Cli::parse();
    let (settings, logs) = (cli.settings.clone(), cli.logs);
    wiring::start::run(&settings, logs, |settings, bar| {
        validate(cli, settings, bar)
    })
}

async fn validate(cli: Cli, settings: Settings, _bar: Bar) -> Result<ExitCode, Failure> {
    let (_, _shutdown) = Shutdown::on_signals()?;
    let database = Database::open_to_read(&settings.table).await?;
    let outcome = Outcome::new(cli.most_findings);
    database.close().await;
    let report = Report::new(outcome);
    print::report(&report, settings.output)?;
    Ok(match report.verdict {
        Verdict::Ok => ExitCode::Done,
        Verdict::Differs => ExitCode::BadData,
    })
}
