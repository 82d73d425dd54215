//! `cargo run --release -p benchmark`: every design, one table.

use std::process::ExitCode;

use benchmark::{Arguments, Command, Failure, Programs};
use clap::Parser;
use processes::Binaries;
use startup::Shutdown;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: Arguments) -> Result<ExitCode, Failure> {
    if let Some(Command::Naive(naive)) = arguments.command.take() {
        let report = benchmark::run_naive(&naive).await?;
        println!("{}", serde_json::to_string(&report)?);
        return Ok(ExitCode::SUCCESS);
    }
    let (_, shutdown) = Shutdown::on_signals()?;
    let programs = Programs {
        binaries: tokio::task::spawn_blocking(Binaries::build).await??,
        benchmark: std::env::current_exe()?,
    };
    // Dropped half way, it ends every process that it started and removes what they wrote.
    tokio::select! {
        report = benchmark::benchmark(&arguments, &programs) => {
            print!("{}", report?.print(arguments.output)?);
            Ok(ExitCode::SUCCESS)
        }
        () = shutdown.requested() => Ok(startup::ExitCode::Interrupted.number().into()),
    }
}
