//! `ingest completions` and `ingest man`: what the program tells of itself.

use clap::CommandFactory;
use command_line::{write_completions, write_manuals};
use startup::{ExitCode, Failure};

use crate::cli::{Cli, Command};

/// Runs a command that needs no settings; nothing where it is another one.
pub(crate) fn run(command: &Command) -> Option<Result<ExitCode, Failure>> {
    let written = match command {
        Command::Completions(args) => {
            write_completions(Cli::command(), args.shell, &mut std::io::stdout())
        }
        Command::Man(args) => write_manuals(Cli::command(), &args.directory),
        _ => return None,
    };
    Some(match written {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) => Err(Failure::new(ExitCode::Failed, error)),
    })
}
