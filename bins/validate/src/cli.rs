//! The command line.

use clap::{Args, Parser};
use startup::{LogArgs, Settings, SettingsArgs};
use validation::{Config, Level, Spot};

/// Proves that a load is complete and right, and mends what is not.
///
/// Without a level it runs counts, quality and source. Give it what the load was given: the same
/// --from, --to and markets.
#[derive(Debug, Parser)]
#[command(name = "validate", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Run only this level (repeatable): counts, quality, source or spot
    #[arg(long = "level", value_name = "NAME")]
    levels: Vec<Level>,
    /// Also read N random windows again and compare every field; `all` reads everything again,
    /// the only proof for the wallet of a resting order
    #[arg(long, value_name = "N", value_parser = spot)]
    spot: Option<Spot>,
    /// Seed of the random windows: the same seed picks the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Most findings that are listed; the others are counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    most_findings: usize,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

/// What to do about what is found.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Repair")]
pub(crate) struct RepairArgs {
    /// Load what is missing, replace what is wrong, and validate again
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print what a repair would do, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --repair, also move rows that the source does not have, and doubles, into the table
    /// `TABLE_quarantine`
    #[arg(long)]
    pub(crate) remove_extra: bool,
}

impl RepairArgs {
    /// Tells whether the table may be changed.
    pub(crate) fn is_asked(self) -> bool {
        self.repair && !self.dry_run
    }
}

const EXAMPLES: &str = "\
Examples:
  validate                                        counts, quality and source
  validate --spot 20                              and 20 windows field by field
  validate --repair --dry-run                     what a repair would load and replace
  validate --repair                               load it, replace it, validate again
  validate --from 2024-10-01 --to 2024-12-01      of a load of two months

Exit codes: 0 all is right, 1 failed, 2 wrong usage, 65 differences were found, 69 a service cannot
be reached, 130 interrupted.";

/// Windows that the spot level reads where it is asked for without a number.
const SPOT_WINDOWS: u32 = 10;

impl Cli {
    /// Returns the levels to run.
    pub(crate) fn levels(&self) -> Vec<Level> {
        let mut levels = match self.levels.as_slice() {
            [] => vec![Level::Counts, Level::Quality, Level::Source],
            named => named.to_vec(),
        };
        if self.spot.is_some() {
            levels.push(Level::Spot);
        }
        levels
    }

    /// Returns the bounds of the validation.
    pub(crate) fn config(&self, settings: &Settings) -> Config {
        Config {
            most_findings: self.most_findings,
            workers: settings.source.workers,
            seed: self.seed,
            spot: self.spot.unwrap_or(Spot::Windows(SPOT_WINDOWS)),
            ..Config::default()
        }
    }
}

fn spot(text: &str) -> Result<Spot, String> {
    match text {
        "all" => Ok(Spot::All),
        number => match number.parse() {
            Ok(windows) => Ok(Spot::Windows(windows)),
            Err(_) => Err("a whole number of windows, or all".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn clap_finds_nothing_wrong_with_the_flags() {
        Cli::command().debug_assert();
    }

    #[test]
    fn windows_asked_for_add_their_level() {
        let parsed = |line: &[&str]| Cli::try_parse_from(line).unwrap().levels();
        let all = [Level::Counts, Level::Quality, Level::Source];
        assert_eq!(parsed(&["validate"]), all);
        assert_eq!(
            parsed(&["validate", "--spot", "all"]).last(),
            Some(&Level::Spot)
        );
        assert_eq!(parsed(&["validate", "--level", "spot"]), [Level::Spot]);
        assert!(Cli::try_parse_from(["validate", "--spot", "some"]).is_err());
    }
}
