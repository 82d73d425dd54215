//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use command_line::{Shell, VERSION};
use startup::{LogArgs, SettingsArgs};

use crate::help;

/// Brings every fill of Polymarket's order book from Goldsky into ClickHouse, exactly once.
///
/// Without a command it runs the backfill. It resumes where it ended, however it ended.
#[derive(Debug, Parser)]
#[command(name = "ingest", version = VERSION, after_help = help::RUN)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) demo: DemoArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

/// The run without a network.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Load made-up fills from a simulated source into the embedded engine, offline
    #[arg(long, global = true, help_heading = "Demo")]
    pub(crate) demo: bool,
    /// Fills that the demo makes up
    #[arg(
        long,
        global = true,
        default_value_t = 200_000,
        value_name = "N",
        help_heading = "Demo"
    )]
    pub(crate) demo_fills: u64,
    /// Markets that the demo makes up
    #[arg(
        long,
        global = true,
        default_value_t = 2_000,
        value_name = "N",
        help_heading = "Demo"
    )]
    pub(crate) demo_markets: u32,
    /// Seed of the demo: the same seed makes up the same fills
    #[arg(
        long,
        global = true,
        default_value_t = 1,
        value_name = "N",
        help_heading = "Demo"
    )]
    pub(crate) demo_seed: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the backfill (the default)
    #[command(after_help = help::RUN)]
    Run,
    /// Tell what a run would take: fills, requests, time, disk; writes nothing
    #[command(after_help = help::PLAN)]
    Plan,
    /// Check everything that a run needs, and tell what mends what is not right
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Load the market catalogue: tokens and conditions, and texts with --gamma
    #[command(after_help = help::MARKETS)]
    Markets(MarketsArgs),
    /// Show where the backfill stands, from the checkpoint and the table
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// List the runs that left a report in the data directory
    #[command(after_help = help::RUNS)]
    Runs,
    /// The embedded ClickHouse engine
    #[command(subcommand, after_help = help::ENGINE)]
    Engine(EngineCommand),
    /// Settings
    #[command(subcommand, after_help = help::CONFIG)]
    Config(ConfigCommand),
    /// Print what a shell needs to complete this command
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write manual pages, one for each command
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct MarketsArgs {
    /// Also load slugs, questions and outcomes from Gamma
    #[arg(long)]
    pub(crate) gamma: bool,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct StatusArgs {
    /// Show it again every two seconds until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ManArgs {
    /// Directory to write them into; it is made if it is missing
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Fetch the engine's library, once
    #[command(after_help = help::ENGINE_INSTALL)]
    Install,
    /// Print where the engine's library is
    #[command(after_help = help::ENGINE_PATH)]
    Path,
    /// Serve the data directory to any ClickHouse HTTP client until interrupted
    #[command(after_help = help::ENGINE_SERVE)]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; beyond this machine it asks for --clickhouse-user and a password
    #[arg(long, default_value = "127.0.0.1:8123", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with where its value came from
    #[command(after_help = help::CONFIG_SHOW)]
    Show,
}

/// Where a demo keeps its data unless told: beside a real run's, not in it.
pub(crate) fn demo_dir(data_dir: PathBuf) -> PathBuf {
    data_dir.join("demo")
}
