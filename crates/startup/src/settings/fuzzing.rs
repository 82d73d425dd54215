//! What the fuzzer calls, and the test that replays its corpus.

use clap::{Args, Command, FromArgMatches};

use super::args::SettingsArgs;
use super::file::SettingsFile;
use super::layers;
use super::markets_file::MarketsFile;
use super::resolve::Reader;
use super::setting::Setting;
use super::typed::Settings;
use crate::environment::Environment;
use crate::error::Error;

/// Stands for a password that nothing may show.
const PASSWORD: &str = "kept-to-itself";

/// Resolves settings: the text of a settings file, variables and flags, one a line, and of a
/// markets file, parted by lines of `---`.
pub fn sources(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split("\n---\n");
    let mut part = || parts.next().unwrap_or_default();
    let (file, variables, flags, markets) = (part(), part(), part(), part());
    if let Err(error) = MarketsFile::parse("markets.txt".as_ref(), markets) {
        check(&error);
    }
    match resolve(file, variables, flags) {
        Ok(Some(settings)) => {
            let shown = format!("{settings:?} {:?}", settings.shown());
            assert!(!shown.contains(PASSWORD), "{shown}");
            assert!((1..=1024).contains(&settings.source.workers));
            assert!((1..=1_000_000).contains(&settings.table.insert_batch_size));
        }
        Ok(None) => {}
        Err(error) => check(&error),
    }
}

fn resolve(file: &str, variables: &str, flags: &str) -> Result<Option<Settings>, Error> {
    let command = SettingsArgs::augment_args(Command::new("ingest").no_binary_name(true));
    let Ok(matches) = command.try_get_matches_from(flags.lines()) else {
        return Ok(None);
    };
    let Ok(args) = SettingsArgs::from_arg_matches(&matches) else {
        return Ok(None);
    };
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let environment =
        Environment::from_variables(variables.chain([("CLICKHOUSE_PASSWORD", PASSWORD)]));
    let file = SettingsFile::parse("clob-backfill.toml".as_ref(), file)?;
    let merged = layers::merge(&args, &environment, Some(file))?;
    // The fuzzer names files that are endless, such as terminals.
    for name in ["markets_file", layers::PASSWORD_FILE] {
        if Setting::find(name).is_some_and(|file| !matches!(merged.get(file), Ok(None))) {
            return Ok(None);
        }
    }
    Reader {
        merged,
        directory: "/started/here".as_ref(),
    }
    .settings(&environment)
    .map(Some)
}

/// An error is the user's to mend, and says where.
fn check(error: &Error) {
    let message = error.to_string();
    assert!(!message.contains(PASSWORD), "{message}");
    assert_eq!(error.exit_code(), crate::ExitCode::Usage);
    let place = match error {
        Error::BadValue { name, .. } => name,
        Error::UnknownKey { key, .. } | Error::FlagOnly { key, .. } => {
            // Quoted, so that no line of a terminal is broken by it.
            assert!(message.contains(&format!("{key:?}")), "{message}");
            return;
        }
        Error::Syntax { .. } => "clob-backfill.toml",
        Error::MarketLine { .. } => "line ",
        _ => return assert!(!message.is_empty()),
    };
    assert!(message.contains(place), "{place} is not in {message}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_settings_file_of_the_corpus_is_read_or_refused() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/settings");
        if !Path::new(corpus).exists() {
            println!("skipped: {corpus} is not here, as in a package");
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            sources(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{corpus} is empty");
    }
}
