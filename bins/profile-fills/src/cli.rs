//! The command line.

use std::path::PathBuf;

use clap::Parser;
use command_line::{AboutArgs, VERSION};
use startup::{LogArgs, SettingsArgs};

/// Measures where the time of a backfill goes, names what bounds it and recommends settings.
///
/// It loads a sample from across the whole range into a table of its own, which it takes away at
/// the end, also after Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "profile-fills", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Ask by N tokens from across the sizes of markets, instead of scanning parts of the range
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) markets: Option<u16>,
    /// Try these numbers of workers, instead of doubling while that pays
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = workers)]
    pub(crate) sweep: Vec<usize>,
    /// Most requests to make in all
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(100..))]
    pub(crate) max_requests: u64,
    /// Also write the report as one page with pictures, which needs nothing from elsewhere
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
    #[command(flatten)]
    pub(crate) about: AboutArgs,
}

const EXAMPLES: &str = "\
Examples:
  profile-fills                              a sample, a sweep, a recommendation
  profile-fills --sweep 1,8,64,128           with these numbers of workers
  profile-fills --markets 50                 by tokens of small and large markets
  profile-fills --max-requests 300           and no more than so many requests
  profile-fills --report profile.html        and a page with pictures

Exit codes: 0 done, 1 failed, 2 wrong usage, 69 a service cannot be reached, 130 interrupted.";

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=1024) => Ok(workers),
        _ => Err("a whole number from 1 to 1024".to_owned()),
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
    fn examples_are_accepted() {
        let examples = command_line::examples(&Cli::command());
        assert!(examples.len() > 3, "only {} examples", examples.len());
        for example in examples {
            if let Err(refused) = Cli::try_parse_from(&example) {
                panic!("{example:?}: {refused}");
            }
        }
    }

    #[test]
    fn a_sweep_is_a_list_of_workers() {
        let parsed = |list| Cli::try_parse_from(["profile-fills", "--sweep", list]);
        assert_eq!(parsed("1,8,64").unwrap().sweep, [1, 8, 64]);
        assert!(parsed("1,0").is_err());
        assert!(parsed("many").is_err());
    }
}
