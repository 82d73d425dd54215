//! From layers of text to checked values.

use std::collections::HashSet;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::SettingsArgs;
use super::choice::{Output, Strategy};
use super::file::SettingsFile;
use super::layers::{self, Given, Merged, PASSWORD, PASSWORD_FILE};
use super::markets_file::MarketsFile;
use super::parse::{self, Parsed, whole_number};
use super::presentation::Shown;
use super::secret::Secret;
use super::setting::{Fallback, Setting};
use super::table::SETTINGS;
use super::typed::{
    FollowSettings, ProgressSettings, ScopeSettings, Settings, SourceSettings, TableSettings,
};
use crate::environment::Environment;
use crate::error::Error;

impl Settings {
    /// Reads all settings: flags over `environment`, that over the settings file, that over
    /// defaults.
    ///
    /// Relative paths, and the settings file where `--config` names none, are looked for in
    /// `directory`. Besides the settings file it reads the markets file and the password file.
    ///
    /// # Errors
    /// Any [`Error`] that names a setting, a key, a file or a line of one. The exit code of all of
    /// them is [`ExitCode::Usage`](crate::ExitCode::Usage).
    pub fn resolve(
        args: &SettingsArgs,
        environment: &Environment,
        directory: &Path,
    ) -> Result<Self, Error> {
        let file = SettingsFile::read(args.config.as_deref(), directory)?;
        Reader {
            merged: layers::merge(args, environment, file)?,
            directory,
        }
        .settings(environment)
    }
}

/// Reads settings by name out of the merged layers.
pub(super) struct Reader<'a> {
    pub(super) merged: Merged,
    pub(super) directory: &'a Path,
}

impl Reader<'_> {
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        let table = self.table()?;
        let mut settings = Settings {
            source: self.source()?,
            scope: self.scope()?,
            progress: self.progress(&table)?,
            table,
            output: self.output(environment)?,
            metrics_listen: self.optional("metrics_listen", parse::listen_address)?,
            shown: Vec::new(),
        };
        settings.shown = self.shown(&settings)?;
        Ok(settings)
    }

    fn source(&self) -> Result<SourceSettings, Error> {
        Ok(SourceSettings {
            endpoint: self.required("endpoint", parse::http_url)?,
            workers: self.required("workers", whole_number(1..=1024))?,
            requests_per_10s: self.optional("requests_per_10s", whole_number(1..=u32::MAX))?,
            pages_per_request: self.optional("pages_per_request", whole_number(1..=100))?,
            patience: Duration::from_secs(
                self.required("source_patience_seconds", whole_number(1..=86_400))?,
            ),
            gamma_url: self.required("gamma_url", parse::http_url)?,
            data_api: self.required("data_api", parse::http_url)?,
        })
    }

    fn table(&self) -> Result<TableSettings, Error> {
        Ok(TableSettings {
            clickhouse_urls: self
                .optional("clickhouse_url", parse::server_urls)?
                .unwrap_or_default(),
            clickhouse_user: self.required("clickhouse_user", parse::name)?,
            clickhouse_password: self.password()?,
            clickhouse_access_token: self
                .optional("clickhouse_access_token", parse::header_value)?
                .map(Secret::new),
            clickhouse_database: self.required("clickhouse_database", parse::plain_name)?,
            clickhouse_ca: self.path("clickhouse_ca")?,
            clickhouse_client_cert: self.client_cert()?,
            clickhouse_headers: self.list("clickhouse_headers", parse::header)?,
            clickhouse_roles: self.list("clickhouse_roles", parse::name)?,
            clickhouse_settings: self.list("clickhouse_settings", parse::name_and_value)?,
            data_dir: self.joined(&self.required("data_dir", parse::path)?),
            table: self.required("table", parse::plain_name)?,
            insert_batch_size: self.required("insert_batch_size", whole_number(1..=1_000_000))?,
        })
    }

    fn client_cert(&self) -> Result<Option<(PathBuf, PathBuf)>, Error> {
        let key = self.path("clickhouse_client_key")?;
        match (self.path("clickhouse_client_cert")?, key) {
            (Some(chain), key) => {
                let key = key.unwrap_or_else(|| chain.clone());
                Ok(Some((chain, key)))
            }
            (None, Some(_)) => Err(Error::Conflict(
                "clickhouse_client_key has no certificate: set clickhouse_client_cert too"
                    .to_owned(),
            )),
            (None, None) => Ok(None),
        }
    }

    fn scope(&self) -> Result<ScopeSettings, Error> {
        let mut condition_ids = self.list("condition_ids", parse::id)?;
        let mut token_ids = self.list("token_ids", parse::token_id)?;
        if let Some(path) = self.path("markets_file")? {
            let markets = MarketsFile::read(&path)?;
            condition_ids.extend(markets.condition_ids);
            token_ids.extend(markets.token_ids);
        }
        let follows: bool = self.required("follow", parse::switch)?;
        let follow = FollowSettings {
            settled_after: Duration::from_secs(
                self.required("settled_after_seconds", whole_number(0..=86_400))?,
            ),
            look_every: Duration::from_secs(
                self.required("look_every_seconds", whole_number(1..=3600))?,
            ),
        };
        let scope = ScopeSettings {
            strategy: self.required("strategy", Strategy::parse)?,
            from: self.optional("from", parse::time)?,
            to: self.optional("to", parse::time)?,
            condition_ids: each_once(condition_ids),
            token_ids: each_once(token_ids),
            limit: self.optional("limit", whole_number(1..=usize::MAX))?,
            follow: follows.then_some(follow),
        };
        match (scope.from, scope.to) {
            (Some(from), Some(to)) if from >= to => Err(Error::Conflict(format!(
                "no second lies between from {} and to {}, which is exclusive",
                self.told("from")?,
                self.told("to")?
            ))),
            _ => Ok(scope),
        }
    }

    fn progress(&self, table: &TableSettings) -> Result<ProgressSettings, Error> {
        let checkpoint = match self.path("checkpoint")? {
            Some(path) => path,
            None => table.data_dir.join(format!("checkpoint-{}", table.table)),
        };
        Ok(ProgressSettings {
            checkpoint,
            checkpoint_interval: self
                .required("checkpoint_interval", whole_number(1..=u64::MAX))?,
            fresh: self.required("fresh", parse::switch)?,
            yes: self.required("yes", parse::switch)?,
        })
    }

    fn output(&self, environment: &Environment) -> Result<Output, Error> {
        let fitting = if environment.stdout_is_terminal() {
            Output::Human
        } else {
            Output::Json
        };
        Ok(self.optional("output", Output::parse)?.unwrap_or(fitting))
    }

    fn password(&self) -> Result<Secret, Error> {
        if let Some(password) = self.given(PASSWORD)? {
            return Ok(Secret::new(password.texts.concat()));
        }
        let Some(path) = self.path(PASSWORD_FILE)? else {
            return Ok(Secret::default());
        };
        let text = fs::read_to_string(&path).map_err(Error::unreadable(&path))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
    }

    /// Reads a setting that has a text as its default.
    fn required<T>(&self, name: &str, parse: impl Fn(&str) -> Parsed<T>) -> Result<T, Error> {
        self.optional(name, parse)?
            .ok_or_else(|| Error::Conflict(format!("{name} has no value")))
    }

    /// Reads a setting that may be absent.
    fn optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Result<Option<T>, Error> {
        Ok(self.list(name, parse)?.pop())
    }

    /// Reads a setting that may be given several times.
    fn list<T>(&self, name: &str, parse: impl Fn(&str) -> Parsed<T>) -> Result<Vec<T>, Error> {
        let setting = declared(name)?;
        let Some(Given { texts, origin }) = self.given(name)? else {
            return Ok(Vec::new());
        };
        texts
            .iter()
            .map(|text| {
                parse(text).map_err(|reason| Error::bad_value(setting, text, &origin, reason))
            })
            .collect()
    }

    fn path(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let path = self.optional(name, parse::path)?;
        Ok(path.map(|path| self.joined(&path)))
    }

    /// Joins a path to the directory that the program was started in, without needless dots.
    fn joined(&self, path: &str) -> PathBuf {
        self.directory.join(path).components().collect()
    }

    /// Returns what was given for a setting, unless that is the word for nothing.
    fn given(&self, name: &str) -> Result<Option<Given>, Error> {
        let setting = declared(name)?;
        let given = self.merged.get(setting)?;
        Ok(given.filter(|given| match setting.default {
            Fallback::Absent(word) => given.texts != [word],
            Fallback::Text(_) | Fallback::Derived(_) => true,
        }))
    }

    /// Returns a setting's text and origin, for messages.
    fn told(&self, name: &str) -> Result<String, Error> {
        let given = self.given(name)?;
        Ok(given.map_or_else(String::new, |given| {
            format!("{} ({})", given.texts.concat(), given.origin)
        }))
    }

    fn shown(&self, settings: &Settings) -> Result<Vec<Shown>, Error> {
        SETTINGS
            .iter()
            .map(|setting| {
                let derived = match setting.name {
                    "checkpoint" => settings.progress.checkpoint.display().to_string(),
                    "output" => settings.output.to_string(),
                    _ => setting.default_text().to_owned(),
                };
                let given = self.merged.get(setting)?;
                Ok(Shown::new(setting, given, derived))
            })
            .collect()
    }
}

/// Finds the declaration of a setting that this module reads.
fn declared(name: &str) -> Result<&'static Setting, Error> {
    Setting::find(name).ok_or_else(|| Error::Conflict(format!("{name} is no setting")))
}

fn each_once<T: Copy + Eq + Hash>(values: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    values
        .into_iter()
        .filter(|&value| seen.insert(value))
        .collect()
}
