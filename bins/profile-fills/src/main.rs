//! The measurement as a command. Types meet here; what follows from figures is in `profile`.

mod asked;
mod cli;
mod kept;
mod look;
mod measure;
mod nowhere;
mod page;
mod print;
mod project;
mod sample;
mod trial;

use std::time::Instant;

use clap::Parser;
use fill_table::FillTable;
use profile::Recorder;
use startup::{ExitCode, Failure, Settings, Shutdown};
use wiring::database::Database;
use wiring::errors::from_table;

use crate::cli::Cli;
use crate::measure::Measurement;

/// Most characters of the user's table in the name of the table of its own.
const MOST_NAME_CHARS: usize = 100;

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
    let recorder = Recorder::default();
    let listener = Box::new(recorder.layer());
    wiring::start::run_listened(&settings, logs, Some(listener), |settings, _| {
        measured(cli, settings, recorder)
    })
}

async fn measured(cli: Cli, settings: Settings, recorder: Recorder) -> Result<ExitCode, Failure> {
    let (_, shutdown) = Shutdown::on_signals()?;
    let page = cli.report.as_deref().map(page::open).transpose()?;
    let begun = Instant::now();
    let database = Database::open(&settings.table).await?;
    let opened = begun.elapsed();
    let table = own_table(&settings, &database)?;
    let measurement = Measurement::new(&cli, &settings, &table, &recorder, &shutdown, opened);
    let profile = measurement.run().await;
    // However it ended, nothing of it stays.
    let removed = table.remove().await.map_err(from_table);
    database.close().await;
    let profile = profile?;
    removed?;
    let Some(profile) = profile else {
        return Ok(ExitCode::Interrupted);
    };
    print::profile(&profile, settings.output)?;
    if let (Some(page), Some(path)) = (page, &cli.report) {
        page::write(page, path, &profile)?;
    }
    Ok(ExitCode::Done)
}

/// Names a table that nobody else has, beside the user's.
fn own_table(settings: &Settings, database: &Database) -> Result<FillTable, Failure> {
    let users: String = settings.table.table.chars().take(MOST_NAME_CHARS).collect();
    let name = format!("{users}_profile_{:016x}", fastrand::u64(..));
    FillTable::new(database.table.server().clone(), name).map_err(from_table)
}
