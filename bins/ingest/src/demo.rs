//! `--demo`: the same run with a simulated source, all in this process.

use goldsky_simulator::{Data, Seeded, Simulator};
use startup::{ExitCode, Failure, Settings, Shutdown};
use wiring::progress::Bar;

use crate::cli::{DemoArgs, demo_dir};
use crate::{doctor, plan, run};

/// Puts a demo's data beside a real run's, unless a directory was named.
pub(crate) fn placed(mut settings: Settings, demo: &DemoArgs) -> Settings {
    let unnamed = |name: &str| {
        let shown = settings.shown().iter().find(|shown| shown.name == name);
        shown.is_none_or(|shown| shown.origin == "default")
    };
    if demo.demo && unnamed("data_dir") {
        let checkpoint_unnamed = unnamed("checkpoint");
        settings.table.data_dir = demo_dir(settings.table.data_dir);
        if checkpoint_unnamed {
            let file = settings
                .progress
                .checkpoint
                .file_name()
                .map(ToOwned::to_owned);
            let file = file.unwrap_or_else(|| "checkpoint".into());
            settings.progress.checkpoint = settings.table.data_dir.join(file);
        }
    }
    settings
}

/// Runs the backfill from a simulated source.
///
/// # Errors
/// What the run meets, or that the simulator cannot start.
pub(crate) async fn run(
    settings: Settings,
    demo: &DemoArgs,
    shutdown: &Shutdown,
    bar: &Bar,
) -> Result<ExitCode, Failure> {
    let (settings, simulator) = simulated(settings, demo).await?;
    let ended = run::run(&settings, shutdown, bar).await;
    simulator.shutdown().await;
    ended
}

/// Plans that run.
///
/// # Errors
/// As [`run()`].
pub(crate) async fn plan(
    settings: Settings,
    demo: &DemoArgs,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let (settings, simulator) = simulated(settings, demo).await?;
    let ended = plan::show(&settings, shutdown).await;
    simulator.shutdown().await;
    ended
}

/// Examines what that run needs.
///
/// # Errors
/// As [`run()`].
pub(crate) async fn doctor(
    settings: Settings,
    demo: &DemoArgs,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let (settings, simulator) = simulated(settings, demo).await?;
    let ended = doctor::show(&settings, shutdown).await;
    simulator.shutdown().await;
    ended
}

/// Starts the simulated source, and returns the settings of a run from it.
async fn simulated(settings: Settings, demo: &DemoArgs) -> Result<(Settings, Simulator), Failure> {
    let mut settings = placed(settings, demo);
    let config = goldsky_simulator::Config {
        data: Data::Seeded(Seeded {
            seed: demo.demo_seed,
            fills: demo.demo_fills,
            markets: demo.demo_markets,
            ..Seeded::default()
        }),
        ..goldsky_simulator::Config::default()
    };
    let simulator = Simulator::start(config)
        .await
        .map_err(|error| Failure::new(ExitCode::Failed, error))?;
    settings.source.endpoint = simulator
        .endpoint()
        .parse()
        .map_err(|error: url::ParseError| Failure::new(ExitCode::Failed, error))?;
    Ok((settings, simulator))
}
