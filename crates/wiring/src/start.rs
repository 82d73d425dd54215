//! The way from a command line to a running command.

use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use startup::logging::Listener;
use startup::{Environment, ExitCode, Failure, LogArgs, Output, Settings, SettingsArgs};

use crate::progress::Bar;

/// Reads the settings, begins to log and runs a command on a runtime; tells what stood in the way.
pub fn run<F>(
    settings: &SettingsArgs,
    logs: LogArgs,
    command: impl FnOnce(Settings, Bar) -> F,
) -> ExitCode
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    #[cfg(feature = "otel")]
    return match crate::traces::Traces::from_environment() {
        Ok(Some((_traces, listener))) => run_listened(settings, logs, Some(listener), command),
        Ok(None) => run_listened(settings, logs, None, command),
        Err(failure) => ended(Err(failure)),
    };
    #[cfg(not(feature = "otel"))]
    run_listened(settings, logs, None, command)
}

/// Runs a command like [`run`], while somebody listens to what its crates do.
pub fn run_listened<F>(
    settings: &SettingsArgs,
    logs: LogArgs,
    listener: Option<Listener>,
    command: impl FnOnce(Settings, Bar) -> F,
) -> ExitCode
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let mut output = output_before_settings();
    let ended = start(settings, logs, listener, &mut output, command);
    told(ended, output)
}

/// Ends a command that needed neither settings nor a runtime; tells what stood in the way.
pub fn ended(ended: Result<ExitCode, Failure>) -> ExitCode {
    told(ended, output_before_settings())
}

fn told(ended: Result<ExitCode, Failure>, output: Output) -> ExitCode {
    ended.unwrap_or_else(|failure| {
        // Standard error may be closed; then there is nobody to tell.
        let _ = failure.report(&mut std::io::stderr(), output);
        failure.code
    })
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

fn start<F>(
    settings: &SettingsArgs,
    logs: LogArgs,
    listener: Option<Listener>,
    output: &mut Output,
    command: impl FnOnce(Settings, Bar) -> F,
) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let environment = Environment::from_process(&directory)?;
    let settings = Settings::resolve(settings, &environment, &directory)?;
    *output = settings.output;
    let bar = Bar::new(settings.output);
    let around = bar.clone();
    let around = move |print: &mut dyn FnMut()| around.suspend(print);
    startup::logging::init_beside(logs, settings.output, &environment, around, listener)?;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Failed, error))?;
    runtime.block_on(command(settings, bar))
}

/// Lets this process open as many files as its user may: the usual limit is of a time when programs
/// could not bear more, and the engine needs more.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
