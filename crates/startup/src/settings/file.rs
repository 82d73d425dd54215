//! The settings file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::{FileFormat, Map, Source, Value};

use super::setting::Setting;
use super::table::SETTINGS;
use crate::error::Error;

/// The settings file that is read where `--config` names none.
pub const DEFAULT_FILE: &str = "clob-backfill.toml";

/// A settings file whose keys are all settings.
#[derive(Debug)]
pub(super) struct SettingsFile {
    /// As it is shown.
    pub(super) path: PathBuf,
    pub(super) values: Map<String, Value>,
}

impl SettingsFile {
    /// Reads the file that `--config` names, or the default file of a directory if there is one.
    pub(super) fn read(named: Option<&Path>, directory: &Path) -> Result<Option<Self>, Error> {
        let path = named.unwrap_or(DEFAULT_FILE.as_ref());
        match fs::read_to_string(directory.join(path)) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unreadable(path)(error)),
        }
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let values = config::File::from_str(text, FileFormat::Toml)
            .collect()
            .map_err(|error| Error::Syntax {
                path: path.to_owned(),
                message: without_the_line(&error.to_string()),
            })?;
        let mut keys: Vec<&String> = values.keys().collect();
        keys.sort();
        for key in keys {
            match Setting::find(key) {
                Some(setting) if setting.in_file => {}
                Some(_) => {
                    return Err(Error::FlagOnly {
                        path: path.to_owned(),
                        key: key.clone(),
                    });
                }
                None => {
                    return Err(Error::UnknownKey {
                        path: path.to_owned(),
                        key: key.clone(),
                        nearest: nearest(key),
                    });
                }
            }
        }
        Ok(Self {
            path: path.to_owned(),
            values,
        })
    }
}

/// Returns what the parser says without the line that it quotes, which may hold a secret.
fn without_the_line(message: &str) -> String {
    let is_quoted = |line: &str| {
        line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
            .starts_with('|')
    };
    let lines = message.lines().filter(|line| !is_quoted(line));
    lines.collect::<Vec<_>>().join(": ")
}

/// Returns the setting whose name, flag or variable is nearest to a misspelt key, if one is near.
fn nearest(key: &str) -> Option<&'static str> {
    const NEAR: f64 = 0.8;
    let key = key.to_lowercase().replace('-', "_");
    let similarity = |setting: &Setting| {
        [Some(setting.name), setting.flag, setting.environment]
            .into_iter()
            .flatten()
            .map(|name| strsim::jaro_winkler(&name.to_lowercase().replace('-', "_"), &key))
            .fold(0.0, f64::max)
    };
    SETTINGS
        .iter()
        .filter(|setting| setting.in_file)
        .map(|setting| (similarity(setting), setting.name))
        .filter(|&(similarity, _)| similarity >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_keys_find_their_setting() {
        let check = |key, expected| assert_eq!(nearest(key), expected, "{key}");
        check("worker", Some("workers"));
        check("wrokers", Some("workers"));
        check("worker_count", Some("workers"));
        check("WORKER-COUNT", Some("workers"));
        check("clickhouse_uri", Some("clickhouse_url"));
        check("insert_batch", Some("insert_batch_size"));
        check("token_id", Some("token_ids"));
        check("fills_table", Some("table"));
        check("test_limit", Some("limit"));
        check("zzz", None);
    }

    #[test]
    fn the_first_unknown_key_is_refused_with_a_suggestion() {
        let error = SettingsFile::parse("s.toml".as_ref(), "table = 't'\nwrokers = 3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "s.toml has the unknown key \"wrokers\" (did you mean workers?)"
        );
    }

    #[test]
    fn a_flag_that_may_not_be_kept_is_told_from_a_misspelling() {
        let error = SettingsFile::parse("s.toml".as_ref(), "fresh = true").unwrap_err();
        assert!(matches!(&error, Error::FlagOnly { key, .. } if key == "fresh"));
        assert!(error.hint().unwrap().contains("--fresh"));
    }

    #[test]
    fn bad_toml_is_refused_with_its_line() {
        let error = SettingsFile::parse("s.toml".as_ref(), "table = 't'\nworkers 3").unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("s.toml cannot be understood"),
            "{message}"
        );
        assert!(message.contains("line 2"), "{message}");
    }

    #[test]
    fn a_token_id_without_quotes_gets_advice() {
        let text = "token_ids = [21742633143463906290569050155826241533]";
        let error = SettingsFile::parse("s.toml".as_ref(), text).unwrap_err();
        assert!(error.hint().unwrap().contains("quotes"), "{error}");
    }
}
