//! The environment as a value, so that what reads it can be tested without one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;

/// The files that add to the environment, the first winning over the second.
const FILES: [&str; 2] = [".env.local", ".env"];

/// A snapshot of the environment variables and of what standard output is.
///
/// Variables win over `.env.local`, and that over `.env`. A variable without a value counts as
/// unset.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, Variable>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
}

#[derive(Clone)]
struct Variable {
    value: OsString,
    /// The file that sets it; nothing if it is a real variable.
    file: Option<&'static str>,
}

impl Environment {
    /// Takes a snapshot of this process, and adds `.env.local` and `.env` of a directory where
    /// they exist. The process's own environment stays as it is.
    ///
    /// # Errors
    /// [`Error::Unreadable`] or [`Error::EnvironmentFile`], naming the file.
    pub fn from_process(directory: &Path) -> Result<Self, Error> {
        use std::io::IsTerminal;

        let mut environment = Self {
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            ..Self::default()
        };
        for (name, value) in std::env::vars_os() {
            if let Ok(name) = name.into_string() {
                environment.add(name, value, None);
            }
        }
        environment.with_files(directory)
    }

    /// Makes an environment of the given variables, without a terminal.
    pub fn from_variables<N: Into<String>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            environment.add(name.into(), value.into(), None);
        }
        environment
    }

    /// Adds the variables of `.env.local` and `.env` that are not set yet.
    ///
    /// # Errors
    /// [`Error::Unreadable`] or [`Error::EnvironmentFile`], naming the file.
    pub fn with_files(mut self, directory: &Path) -> Result<Self, Error> {
        for file in FILES {
            let path = directory.join(file);
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::Unreadable { path, source }),
            };
            // The parser takes a blank before the end of the file for an unfinished line.
            let text = text + "\n";
            let mut last = None;
            for entry in dotenvy::from_read_iter(text.as_bytes()) {
                // The parser's own error quotes the line, which may hold a secret.
                let Ok((name, value)) = entry else {
                    return Err(Error::EnvironmentFile { path, last });
                };
                last = Some(name.clone());
                self.add(name, value.into(), Some(file));
            }
        }
        Ok(self)
    }

    /// Returns a variable's value, or nothing if it is unset, empty or not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.value.to_str()
    }

    /// Returns a variable's value and where it comes from.
    pub(crate) fn lookup(&self, name: &'static str) -> Result<Option<(&str, String)>, Error> {
        let Some(variable) = self.variables.get(name) else {
            return Ok(None);
        };
        let origin = match variable.file {
            None => format!("environment {name}"),
            Some(file) => format!("environment {name} in {file}"),
        };
        match variable.value.to_str() {
            Some(value) => Ok(Some((value, origin))),
            None => Err(Error::NotUtf8 { origin }),
        }
    }

    /// Tells whether standard output is a terminal.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Tells whether text on standard error may be coloured: on a terminal, unless `NO_COLOR` says
    /// otherwise or the terminal is dumb.
    pub fn may_colour_stderr(&self) -> bool {
        self.stderr_is_terminal
            && self.get("NO_COLOR").is_none()
            && self.get("TERM") != Some("dumb")
    }

    fn add(&mut self, name: String, value: OsString, file: Option<&'static str>) {
        if !value.is_empty() {
            self.variables
                .entry(name)
                .or_insert(Variable { value, file });
        }
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_files(
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Environment, Error> {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in files {
            fs::write(directory.path().join(file), text).unwrap();
        }
        Environment::from_variables(variables.iter().copied()).with_files(directory.path())
    }

    #[test]
    fn variables_win_over_env_local_and_that_over_env() {
        let environment = with_files(
            &[("A", "real")],
            &[
                (".env.local", "A=local\nB=local"),
                (".env", "A=env\nB=env\nC='env' # why"),
            ],
        )
        .unwrap();
        let check = |name, value, origin: &str| {
            let found = environment.lookup(name).unwrap();
            assert_eq!(found, Some((value, origin.to_owned())));
        };
        check("A", "real", "environment A");
        check("B", "local", "environment B in .env.local");
        check("C", "env", "environment C in .env");
    }

    #[test]
    fn an_empty_variable_is_unset() {
        let environment = with_files(&[("A", "")], &[(".env", "A=env\nB=")]).unwrap();
        assert_eq!(environment.get("A"), Some("env"));
        assert_eq!(environment.get("B"), None);
    }

    #[test]
    fn a_bad_line_is_placed_without_quoting_it() {
        let error = with_files(&[], &[(".env", "A=1\n# fine\nPASSWORD hunter2\n")]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(".env") && message.contains("after A"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn debug_output_shows_no_value() {
        let environment = Environment::from_variables([("PASSWORD", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"PASSWORD"}"#);
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_text_is_refused_where_it_is_asked_for() {
        use std::os::unix::ffi::OsStringExt;

        let environment =
            Environment::from_variables([("A", OsString::from_vec(b"\xff".to_vec()))]);
        let error = environment.lookup("A").unwrap_err();
        assert_eq!(error.to_string(), "environment A is not UTF-8");
    }
}
