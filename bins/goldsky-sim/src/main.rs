//! The simulated source as a command.

mod arguments;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use goldsky_simulator::Simulator;

use arguments::Arguments;

/// Exit code of a configuration that cannot be met.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.about.write::<Arguments>(&mut std::io::stdout()) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(error.as_ref());
            if error.is::<goldsky_simulator::Error>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let stop = stop_signal()?;
    let simulator = Simulator::start(arguments.into_config()).await?;
    let ready = serde_json::json!({
        "endpoint": simulator.endpoint(),
        "fills": simulator.fills(),
        "markets": simulator.markets(),
        "tokens": simulator.tokens(),
    });
    {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{ready}")?;
        output.flush()?;
    }
    stop.await;
    simulator.shutdown().await;
    Ok(())
}

/// Waits for SIGINT or SIGTERM, which are caught from now on.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Prints an error with what caused it.
fn report(error: &dyn std::error::Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
