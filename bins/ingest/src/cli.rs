//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use startup::{LogArgs, SettingsArgs};

/// Brings every fill of Polymarket's order book from Goldsky into ClickHouse, exactly once.
///
/// Without a command it runs the backfill. It resumes where it ended, however it ended.
#[derive(Debug, Parser)]
#[command(name = "ingest", version, after_help = EXAMPLES)]
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

const EXAMPLES: &str = "\
Examples:
  ingest --demo                                   try it offline, with made-up fills
  ingest                                          the whole archive, into ./data
  ingest --from 2024-10-01 --to 2024-12-01        two months of it
  ingest --condition-id 0x… --clickhouse-url http://localhost:8123
  ingest plan                                     what that would take, in 60 requests at most
  ingest status                                   where the backfill stands
  ingest engine serve                             query ./data while nothing runs

Exit codes: 0 done, 1 failed, 2 wrong usage, 65 rows kept as dead letters, 69 a service cannot be
reached, 75 stopped with work left (run again), 130 interrupted and drained.";

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
    Run,
    /// Tell what a run would take: fills, requests, time, disk; writes nothing
    Plan,
    /// Load the market catalogue: tokens and conditions, and texts with --gamma
    Markets(MarketsArgs),
    /// Show where the backfill stands, from the checkpoint and the table
    Status,
    /// The embedded ClickHouse engine
    #[command(subcommand)]
    Engine(EngineCommand),
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct MarketsArgs {
    /// Also load slugs, questions and outcomes from Gamma
    #[arg(long)]
    pub(crate) gamma: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Fetch the engine's library, once
    Install,
    /// Print where the engine's library is
    Path,
    /// Serve the data directory to any ClickHouse HTTP client until interrupted
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
    Show,
}

/// Where a demo keeps its data unless told: beside a real run's, not in it.
pub(crate) fn demo_dir(data_dir: PathBuf) -> PathBuf {
    data_dir.join("demo")
}
