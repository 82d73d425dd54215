//! The command line.

use clap::Parser;
use startup::{LogArgs, SettingsArgs};
use validation::Level;

/// Proves that a load is complete and right, and mends what is not.
#[derive(Debug, Parser)]
#[command(name = "validate", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Run only this level (repeatable): counts, quality, source, wallet or spot
    #[arg(long = "level", value_name = "NAME")]
    pub(crate) levels: Vec<Level>,
    /// Most findings that are listed; the others are counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) most_findings: usize,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

const EXAMPLES: &str = "\
Examples:
  validate                                        everything that can be checked
  validate --level counts --level quality         without asking the source

Exit codes: 0 all is right, 1 failed, 2 wrong usage, 65 differences were found, 69 a service cannot
be reached, 130 interrupted.";
