//! The backfill as a command. Types meet here; what they do is in the crates.

mod catalogue;
mod checkpoint;
mod cli;
mod config;
mod database;
mod demo;
mod engine;
mod errors;
mod markets;
mod progress;
mod run;
mod scope;
mod source;
mod status;
mod summary;

use std::path::PathBuf;

use clap::Parser;
use startup::{Environment, ExitCode, Failure, Output, Settings, Shutdown};

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    // A usage error ends in here with code 2.
    let cli = Cli::parse();
    let mut output = output_before_settings();
    match start(cli, &mut output) {
        Ok(code) => code,
        Err(failure) => {
            // Standard error may be closed; then there is nobody to tell.
            let _ = failure.report(&mut std::io::stderr(), output);
            failure.code
        }
    }
}

/// Guesses for whom to write while the settings are not read yet, so that what is wrong with them
/// is told in the right form.
fn output_before_settings() -> Output {
    use std::io::IsTerminal;

    let line = std::env::args()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('=', " ");
    match line.rsplit_once("--output ") {
        Some((_, value)) if value.starts_with("json") => Output::Json,
        Some(_) => Output::Human,
        None if std::io::stdout().is_terminal() => Output::Human,
        None => Output::Json,
    }
}

fn start(cli: Cli, output: &mut Output) -> Result<ExitCode, Failure> {
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let environment = Environment::from_process(&directory)?;
    let settings = Settings::resolve(&cli.settings, &environment, &directory)?;
    *output = settings.output;
    let bar = progress::Bar::new(settings.output);
    let around = bar.clone();
    startup::logging::init(cli.logs, settings.output, &environment, move |print| {
        around.suspend(print)
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Failed, error))?;
    runtime.block_on(dispatch(cli, settings, bar))
}

async fn dispatch(cli: Cli, settings: Settings, bar: progress::Bar) -> Result<ExitCode, Failure> {
    let (_, shutdown) = Shutdown::on_signals()?;
    match cli.command {
        None | Some(Command::Run) if cli.demo.demo => {
            demo::run(settings, &cli.demo, &shutdown, &bar).await
        }
        None | Some(Command::Run) => run::run(&settings, &shutdown, &bar).await,
        Some(Command::Markets(args)) => markets::load(&settings, args, &shutdown).await,
        Some(Command::Status) => status::show(&demo::placed(settings, &cli.demo)).await,
        Some(Command::Engine(command)) => {
            let settings = demo::placed(settings, &cli.demo);
            engine::run(&settings, command, &shutdown).await
        }
        Some(Command::Config(command)) => config::run(&settings, &command),
    }
}
