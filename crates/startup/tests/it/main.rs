//! Settings from real files, signals to real processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod precedence;
mod settings;
mod signals;

use std::fs;
use std::path::Path;

use clap::{Args, Command, FromArgMatches};
use startup::{Environment, Error, Settings, SettingsArgs};
use tempfile::TempDir;

/// A directory to start in, and what the environment and the command line say.
struct Start {
    directory: TempDir,
    variables: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Start {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            flags: Vec::new(),
        }
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    /// Adds the settings file that is read unless another is named.
    fn settings_file(self, text: &str) -> Self {
        self.file("clob-backfill.toml", text)
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn resolve(&self) -> Result<Settings, Error> {
        let command = SettingsArgs::augment_args(Command::new("ingest").no_binary_name(true));
        let matches = command.get_matches_from(&self.flags);
        let args = SettingsArgs::from_arg_matches(&matches).unwrap();
        let environment =
            Environment::from_variables(self.variables.clone()).with_files(self.path())?;
        Settings::resolve(&args, &environment, self.path())
    }

    fn settings(&self) -> Settings {
        self.resolve().unwrap()
    }

    /// Returns the message of the error that resolving ends with.
    fn refusal(&self) -> String {
        let error = self.resolve().unwrap_err();
        assert_eq!(error.exit_code(), startup::ExitCode::Usage);
        error.to_string()
    }
}

/// Returns a setting's value and origin as `config show` prints them.
fn shown<'a>(settings: &'a Settings, name: &str) -> (&'a str, &'a str) {
    let shown = settings.shown().iter().find(|shown| shown.name == name);
    let shown = shown.unwrap();
    (&shown.value, &shown.origin)
}
