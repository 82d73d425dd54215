//! `ingest engine …`: the embedded ClickHouse engine by itself.

use clickhouse_embedded::{InstallOptions, LIBRARY_VERSION, locate};
use serde_json::json;
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::database::{curl, ensure_library, start_engine, stop};
use wiring::errors::{from_engine, printed};

use crate::cli::{EngineCommand, ServeArgs};

/// Runs one of the engine's commands.
///
/// # Errors
/// What stands in the way.
pub(crate) async fn run(
    settings: &Settings,
    command: EngineCommand,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    match command {
        EngineCommand::Install => {
            let path = ensure_library().await?;
            show_path(settings.output, &path)
        }
        EngineCommand::Path => match locate(&InstallOptions::default()) {
            Some(path) => show_path(settings.output, &path),
            None => Err(from_engine(clickhouse_embedded::Error::LibraryMissing {
                version: LIBRARY_VERSION,
            })
            .with_hint("ingest engine install")),
        },
        EngineCommand::Serve(args) => serve(settings, &args, shutdown).await,
    }
}

fn show_path(output: Output, path: &std::path::Path) -> Result<ExitCode, Failure> {
    printed(&match output {
        Output::Human => format!("{}\n", path.display()),
        Output::Json => format!("{}\n", json!({ "path": path })),
    })
}

async fn serve(
    settings: &Settings,
    args: &ServeArgs,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let engine = start_engine(&settings.table, args.listen).await?;
    let (connection, version) = (engine.connection(), engine.version());
    let (url, native) = (&connection.url, connection.native);
    printed(&match settings.output {
        Output::Json => format!(
            "{}\n",
            json!({
                "url": url,
                "native": native,
                "version": version,
                "process_id": connection.process_id,
            })
        ),
        Output::Human => format!(
            "ClickHouse {version} serves {} at {url} (native protocol: {native}) until Ctrl-C, for \
             example:\n  {} --data-binary 'SELECT count() FROM {}'\n",
            engine.data_dir().display(),
            curl(url, &settings.table),
            settings.table.table,
        ),
    })?;
    shutdown.requested().await;
    stop(engine).await;
    Ok(ExitCode::Done)
}
