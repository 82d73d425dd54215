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
use fills::Source as _;
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
    let Some((checked, coverage)) = ended? else {
        return Ok(ExitCode::Interrupted);
    };
    let Checked { report, failure } = checked;
    print::report(&report, settings.output)?;
    files.write(&report, &settings.table.table, &coverage)?;
    let code = exit_code(report.verdict, failure.as_ref());
    match failure {
        Some(failure) => Err(Failure { code, ..failure }),
        None => Ok(code),
    }
}

/// What was found out, and what kept the rest from being checked.
struct Checked {
    report: Report,
    failure: Option<Failure>,
}

/// Returns the code to end with. That of wrong usage is never one: it means that nothing was done and
/// that there is no report.
fn exit_code(verdict: Verdict, failure: Option<&Failure>) -> ExitCode {
    match (verdict, failure) {
        (Verdict::Differs, _) => ExitCode::BadData,
        (Verdict::Ok, None) => ExitCode::Done,
        (_, Some(failure)) if failure.code == ExitCode::Unreachable => ExitCode::Unreachable,
        _ => ExitCode::Failed,
    }
}

/// Validates, repairs where that is asked for, and validates again what was repaired.
async fn report(
    cli: &Cli,
    settings: &Settings,
    database: &Database,
    bar: &Bar,
) -> Result<Option<(Checked, Coverage)>, Failure> {
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
    let checked = tokio::select! {
        checked = work => checked?,
        never = progress::follow(bar, steps) => match never {},
    };
    Ok(Some((checked, validation.coverage)))
}

async fn checked(cli: &Cli, validation: &Validation) -> Result<Checked, Failure> {
    let levels = cli.levels();
    let run = || async { validation.run(&levels).await.map_err(from_validation) };
    let planned = |of: &_| Plan::new(of, &validation.coverage, cli.repair.remove_extra);
    let mut validated = run().await?;
    let mut plan = planned(&validated);
    let mut repaired = 0;
    // Not every difference is known where a level broke off.
    let is_known = validated.failure.is_none();
    if cli.repair.is_asked() && !is_known {
        tracing::warn!("nothing is repaired: a level failed, so not every difference is known");
    }
    let repairs = cli.repair.is_asked() && !plan.is_empty() && is_known;
    if repairs {
        repaired = validation.repair(&plan).await.map_err(from_validation)?;
        validated = run().await?;
        // What differs may be too much for one look.
        while validated.is_cut() && validated.failure.is_none() {
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
    let (pictures, not_drawn) = match pictures {
        Some(Ok(pictures)) => (Some(pictures), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let mut report = Report::new(validated.outcome);
    report.pictures = pictures;
    report.repaired = repaired;
    report.plan = (cli.repair.dry_run || repairs).then_some(plan);
    Ok(Checked {
        report,
        failure: validated.failure.or(not_drawn).map(from_validation),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_checked_as_asked_ends_with_0() {
        let check = |verdict, reason: Option<ExitCode>, expected| {
            let failure = reason.map(|code| Failure::new(code, "a level broke off"));
            assert_eq!(
                exit_code(verdict, failure.as_ref()),
                expected,
                "{verdict:?} {reason:?}"
            );
        };
        let (unreachable, usage) = (Some(ExitCode::Unreachable), Some(ExitCode::Usage));
        check(Verdict::Ok, None, ExitCode::Done);
        check(Verdict::Ok, usage, ExitCode::Failed);
        check(Verdict::Incomplete, None, ExitCode::Failed);
        check(Verdict::Incomplete, usage, ExitCode::Failed);
        check(Verdict::Incomplete, unreachable, ExitCode::Unreachable);
        check(Verdict::Differs, None, ExitCode::BadData);
        check(Verdict::Differs, unreachable, ExitCode::BadData);
    }
}
