//! `ingest engine …`: the embedded ClickHouse engine by itself.

use clickhouse_embedded::{InstallOptions, LIBRARY_VERSION, locate};
use serde_json::json;
use startup::{ExitCode, Failure, Output, Settings, Shutdown};
use wiring::database::{auth, ensure_library, open_engine};
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
    let engine = open_engine(&settings.table).await?;
    let auth = auth(&settings.table);
    let server = engine.serve(args.listen, auth).await.map_err(from_engine)?;
    let (url, version) = (server.url(), engine.version());
    printed(&match settings.output {
        Output::Json => format!("{}\n", json!({ "url": url, "version": version })),
        Output::Human => format!(
            "ClickHouse {version} serves {} at {url} until Ctrl-C, for example:\n  \
             curl '{url}' --data-binary 'SELECT count() FROM {}'\n",
            engine.data_dir().display(),
            settings.table.table,
        ),
    })?;
    shutdown.requested().await;
    drop(server);
    engine.shutdown().await;
    Ok(ExitCode::Done)
}
