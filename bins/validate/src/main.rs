//! The validation as a command. Types meet here; what they do is in the crates.

mod cli;
mod coverage;
mod errors;
mod files;
mod print;
mod progress;
mod wallets;

use std::sync::Arc;

use clap::Parser;
use fills::FillSource;
use startup::{ExitCode, Failure, Settings, Shutdown};
use validation::{Coverage, Plan, Progress, Report, Validation, Verdict};
use wiring::database::Database;
use wiring::errors::from_source;
use wiring::progress::Bar;
use wiring::source;

use crate::cli::Cli;
use crate::errors::from_validation;
use crate::files::Files;

fn main() -> ExitCode {
    // The embedded server is this program too, in a process of its own.
    wiring::database::run_if_server();
    // A usage error ends in here with code 2.
    let cli = Cli::parse();
    match cli.about.write::<Cli>(&mut std::io::stdout()) {
        Ok(false) => {}
        Ok(true) => return ExitCode::Done,
        Err(error) => return wiring::start::ended(Err(Failure::new(ExitCode::Failed, error))),
    }
    let (settings, logs) = (cli.settings.clone(), cli.logs);
    wiring::start::run(&settings, logs, |settings, bar| {
        validate(cli, settings, bar)
    })
}

async fn validate(cli: Cli, settings: Settings, bar: Bar) -> Result<ExitCode, Failure> {
    let (_, shutdown) = Shutdown::on_signals()?;
    let files = Files::open(&cli.files)?;
    let database = match cli.repair.is_asked() {
        // Nobody else may be loading meanwhile.
        true => Database::open(&settings.table).await?,
        false => Database::open_to_read(&settings.table).await?,
    };
    let ended = tokio::select! {
        ended = report(&cli, &settings, &database, &bar) => ended,
        () = shutdown.requested() => Ok(None),
    };
    bar.clear();
    database.close().await;
    let Some((report, coverage)) = ended? else {
        return Ok(ExitCode::Interrupted);
    };
    print::report(&report, settings.output)?;
    files.write(&report, &settings.table.table, &coverage)?;
    Ok(match report.verdict {
        Verdict::Ok => ExitCode::Done,
        Verdict::Differs => ExitCode::BadData,
    })
}

/// Validates, repairs where that is asked for, and validates again what was repaired.
async fn report(
    cli: &Cli,
    settings: &Settings,
    database: &Database,
    bar: &Bar,
) -> Result<Option<(Report, Coverage)>, Failure> {
    let client = Arc::new(source::client(&settings.source)?);
    let survey = client.survey().await.map_err(from_source)?;
    let (progress, steps) = Progress::new();
    let validation = Validation {
        table: database.table.clone(),
        client,
        data_api: Some(source::data_api(&settings.source)?),
        coverage: coverage::decide(settings, &survey, &database.table).await?,
        config: cli.config(settings),
        progress,
    };
    let work = checked(cli, &validation);
    let report = tokio::select! {
        report = work => report?,
        never = progress::follow(bar, steps) => match never {},
    };
    Ok(Some((report, validation.coverage)))
}

async fn checked(cli: &Cli, validation: &Validation) -> Result<Report, Failure> {
    let levels = cli.levels();
    let run = || async { validation.run(&levels).await.map_err(from_validation) };
    let planned = |of: &_| Plan::new(of, &validation.coverage, cli.repair.remove_extra);
    let mut validated = run().await?;
    let mut plan = planned(&validated);
    let mut repaired = 0;
    let repairs = cli.repair.is_asked() && !plan.is_empty();
    if repairs {
        repaired = validation.repair(&plan).await.map_err(from_validation)?;
        validated = run().await?;
        // What differs may be too much for one look.
        while validated.is_cut() {
            let next = planned(&validated);
            let more = validation.repair(&next).await.map_err(from_validation)?;
            if more == 0 {
                break;
            }
            plan.extend(next);
            repaired += more;
            validated = run().await?;
        }
    }
    let pictures = match &cli.files.report {
        Some(_) => Some(validation.pictures(&validated).await),
        None => None,
    };
    let mut report = Report::new(validated.outcome);
    report.pictures = pictures.transpose().map_err(from_validation)?;
    report.repaired = repaired;
    report.plan = (cli.repair.dry_run || repairs).then_some(plan);
    Ok(report)
}
