//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser};
use command_line::{AboutArgs, VERSION};
use fills::Address;
use startup::{LogArgs, Settings, SettingsArgs};
use validation::{Config, Level, Spot, Wallets};

/// Proves that a load is complete and right, and mends what is not.
///
/// Without a level it runs counts, quality and source. Give it what the load was given: the same
/// --from, --to and markets.
#[derive(Debug, Parser)]
#[command(name = "validate", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Run only this level (repeatable): counts, quality, source, wallet or spot
    #[arg(long = "level", value_name = "NAME")]
    levels: Vec<Level>,
    /// Also read N random windows again and compare every field; `all` reads everything again,
    /// the only proof for the wallet of a resting order
    #[arg(long, value_name = "N", value_parser = spot)]
    spot: Option<Spot>,
    #[command(flatten)]
    wallets: WalletArgs,
    /// Seed of random windows and wallets: the same seed picks the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Most findings that are listed; the others are counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    most_findings: usize,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    #[command(flatten)]
    pub(crate) about: AboutArgs,
}

/// Which wallets are held against Polymarket's data API.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Wallets")]
struct WalletArgs {
    /// Also compare this wallet with Polymarket's data API, trade by trade (repeatable)
    #[arg(long = "wallet", value_name = "0x…", value_parser = wallet)]
    named: Vec<Address>,
    /// Also compare N wallets of the table: half of them those with the most volume, half drawn
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    sample: Option<u32>,
    /// Trades of one wallet after which the rest of it is left out, which is said
    #[arg(long, value_name = "N", default_value_t = Wallets::default().most_trades)]
    most_wallet_trades: usize,
}

impl WalletArgs {
    fn is_asked(&self) -> bool {
        !self.named.is_empty() || self.sample.is_some()
    }

    /// Returns the wallets to compare, those of the default where the level is asked for alone.
    fn wallets(&self) -> Wallets {
        let default = Wallets::default();
        Wallets {
            named: self.named.clone(),
            sample: match self.is_asked() {
                true => self.sample.unwrap_or(0),
                false => default.sample,
            },
            most_trades: self.most_wallet_trades,
        }
    }
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

/// Where the report goes besides standard output.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub(crate) struct FileArgs {
    /// Also write the report as one page with pictures, which needs nothing from elsewhere
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Also write the checks as JUnit XML, for pipelines
    #[arg(long, value_name = "FILE.xml")]
    pub(crate) junit: Option<PathBuf>,
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
  validate --level wallet --wallet 0x…            a wallet against Polymarket's data API
  validate --sample 20                            and 20 wallets
  validate --repair --dry-run                     what a repair would load and replace
  validate --repair                               load it, replace it, validate again
  validate --from 2024-10-01 --to 2024-12-01      of a load of two months
  validate --report report.html                   and a page with pictures

Exit codes: 0 all is right, 1 failed or a level could not be completed, 2 wrong usage, 65
differences were found, 69 a service cannot be reached, 130 interrupted.";

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
        if self.wallets.is_asked() {
            levels.push(Level::Wallet);
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
            wallets: self.wallets.wallets(),
            ..Config::default()
        }
    }
}

fn spot(text: &str) -> Result<Spot, String> {
    match text {
        "all" => Ok(Spot::All),
        number => match number.parse() {
            Ok(windows) if windows > 0 => Ok(Spot::Windows(windows)),
            _ => Err("a whole number of windows, at least 1, or all".to_owned()),
        },
    }
}

fn wallet(text: &str) -> Result<Address, String> {
    text.parse().map_err(|error| {
        format!("{error}; a wallet is 0x and 40 hex digits, as in its profile's URL")
    })
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
    fn examples_are_accepted() {
        let examples = command_line::examples(&Cli::command());
        assert!(examples.len() > 5, "only {} examples", examples.len());
        for example in examples {
            if let Err(refused) = Cli::try_parse_from(&example) {
                panic!("{example:?}: {refused}");
            }
        }
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
        for none in ["some", "0"] {
            assert!(Cli::try_parse_from(["validate", "--spot", none]).is_err());
        }
    }

    #[test]
    fn wallets_asked_for_add_their_level_and_it_alone_takes_a_sample() {
        let parsed = |line: &[&str]| {
            let cli = Cli::try_parse_from(line).unwrap();
            let wallets = cli.wallets.wallets();
            (
                cli.levels().contains(&Level::Wallet),
                wallets.named.len(),
                wallets.sample,
            )
        };
        let wallet = format!("0x{}", "aB".repeat(20));
        assert!(!parsed(&["validate"]).0);
        assert_eq!(parsed(&["validate", "--level", "wallet"]), (true, 0, 10));
        assert_eq!(parsed(&["validate", "--wallet", &wallet]), (true, 1, 0));
        assert_eq!(parsed(&["validate", "--sample", "4"]), (true, 0, 4));
        let both = ["validate", "--wallet", &wallet, "--sample", "4"];
        assert_eq!(parsed(&both), (true, 1, 4));
    }

    #[test]
    fn what_is_no_wallet_is_refused_with_what_one_is() {
        for text in ["0x12", "vitalik", ""] {
            let refused = Cli::try_parse_from(["validate", "--wallet", text]).unwrap_err();
            assert!(refused.to_string().contains("40 hex digits"), "{refused}");
        }
        assert!(Cli::try_parse_from(["validate", "--sample", "0"]).is_err());
    }
}
