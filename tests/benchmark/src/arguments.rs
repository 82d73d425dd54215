use clap::{Parser, Subcommand, ValueEnum};

use crate::design::Design;
use crate::naive::NaiveArguments;

/// Fills of the average market in the first implementation's sessions, rounded.
const FILLS_PER_MARKET: u64 = 210;

/// Measures the backfill and naive designs against the same simulated source and the real engine,
/// each a process of its own, and prints one table.
#[derive(Debug, Clone, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// What to measure
    #[arg(
        long = "design",
        value_enum,
        value_delimiter = ',',
        value_name = "DESIGN,…",
        default_value = "ours,per-market,per-market-batched,sequential"
    )]
    pub designs: Vec<Design>,

    /// Fills that the source has; with several sizes, one after another
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "1000000",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fills: Vec<u64>,

    /// Markets that they lie in, unevenly; one for each 210 fills unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub markets: Option<u32>,

    /// Decides the data
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How long the source takes for a request at least
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub latency_ms: u64,

    /// Requests that the source answers in each window of ten seconds; all unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_10s: Option<u32>,

    /// Let the source compress its answers
    #[arg(long)]
    pub gzip: bool,

    /// Rounds, each with every design in turn; the table has the medians
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,

    /// How `ours` loads
    #[arg(long, value_enum, default_value_t = Strategy::Scan)]
    pub strategy: Strategy,

    /// Rows in one insert of `ours`
    #[arg(long, value_name = "ROWS", default_value_t = 98_304,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub insert_batch_size: u64,

    /// Stop each naive design after so many fills
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub naive_fills: Option<u64>,

    /// Stop each naive design after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,

    /// Print the table, or an object with every run
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    pub output: Format,

    /// Further flags of `ours`, as `ingest` has them
    #[arg(last = true, value_name = "INGEST FLAG")]
    pub ingest_flags: Vec<String>,

    /// What this process is started again for.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the benchmark starts itself again for.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Be a naive design
    #[command(hide = true)]
    Naive(NaiveArguments),
}

/// How `ours` loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// All fills by time.
    Scan,
    /// By the tokens of the markets.
    Markets,
}

impl Strategy {
    /// Returns the value of `ingest --strategy`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Markets => "markets",
        }
    }
}

/// For whom to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For documents.
    Markdown,
    /// For programs.
    Json,
}

impl Arguments {
    /// Returns how many markets a source of so many fills has.
    pub(crate) fn markets_for(&self, fills: u64) -> u32 {
        self.markets
            .unwrap_or_else(|| u32::try_from(fills.div_ceil(FILLS_PER_MARKET)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn nothing_said_means_every_design_at_a_million_fills() {
        let arguments = parse("benchmark").unwrap();
        assert_eq!(arguments.designs.as_slice(), Design::value_variants());
        assert_eq!(arguments.fills, [1_000_000]);
        assert_eq!(arguments.markets_for(1_000_000), 4_762);
    }

    #[test]
    fn sizes_and_designs_are_lists() {
        let arguments = parse("benchmark --fills 100,200 --design ours,sequential --markets 3");
        let arguments = arguments.unwrap();
        assert_eq!(arguments.fills, [100, 200]);
        assert_eq!(arguments.designs, [Design::Ours, Design::Sequential]);
        assert_eq!(arguments.markets_for(200), 3);
    }

    #[test]
    fn what_stands_behind_two_dashes_is_for_ingest() {
        let arguments = parse("benchmark --runs 2 -- --pages-per-request 4").unwrap();
        assert_eq!(arguments.ingest_flags, ["--pages-per-request", "4"]);
        assert!(arguments.command.is_none());
    }

    #[test]
    fn nothing_of_nothing_is_a_usage_error() {
        for line in [
            "--fills 0",
            "--runs 0",
            "--design none",
            "--requests-per-10s 0",
        ] {
            let error = parse(&format!("benchmark {line}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
