//! The backfill as a command. Types meet here; what they do is in the crates.

mod about;
mod catalogue;
mod cli;
mod config;
mod demo;
mod doctor;
mod engine;
mod help;
mod markets;
mod plan;
mod reports;
mod run;
mod runs;
mod status;
mod summary;
mod watching;

use clap::Parser;
use startup::{ExitCode, Failure, Settings, Shutdown};
use wiring::progress::Bar;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    // The embedded server is this program too, in a process of its own.
    wiring::database::run_if_server();
    // A usage error ends in here with code 2.
    let cli = Cli::parse();
    if let Some(ended) = cli.command.as_ref().and_then(about::run) {
        return wiring::start::ended(ended);
    }
    let (settings, logs) = (cli.settings.clone(), cli.logs);
    wiring::start::run(&settings, logs, |settings, bar| {
        dispatch(cli, settings, bar)
    })
}

async fn dispatch(cli: Cli, settings: Settings, bar: Bar) -> Result<ExitCode, Failure> {
    let (_, shutdown) = Shutdown::on_signals()?;
    match cli.command {
        None | Some(Command::Run) if cli.demo.demo => {
            demo::run(settings, &cli.demo, &shutdown, &bar).await
        }
        None | Some(Command::Run) => run::run(&settings, &shutdown, &bar).await,
        Some(Command::Plan) if cli.demo.demo => demo::plan(settings, &cli.demo, &shutdown).await,
        Some(Command::Plan) => plan::show(&settings, &shutdown).await,
        Some(Command::Doctor) if cli.demo.demo => {
            demo::doctor(settings, &cli.demo, &shutdown).await
        }
        Some(Command::Doctor) => doctor::show(&settings, &shutdown).await,
        Some(Command::Markets(args)) => markets::load(&settings, args, &shutdown).await,
        Some(Command::Status(args)) => {
            status::show(&demo::placed(settings, &cli.demo), args, &shutdown).await
        }
        Some(Command::Runs) => runs::show(&demo::placed(settings, &cli.demo)),
        Some(Command::Engine(command)) => {
            let settings = demo::placed(settings, &cli.demo);
            engine::run(&settings, command, &shutdown).await
        }
        Some(Command::Config(command)) => config::run(&settings, &command),
        // They were run before the settings were read.
        Some(Command::Completions(_) | Command::Man(_)) => Ok(ExitCode::Done),
    }
}
