//! The layers that a setting can come from, merged: for each setting the value of the highest
//! layer that has one, and where that is.

use config::{Config, Map, Source, Value, ValueKind};

use super::args::SettingsArgs;
use super::file::SettingsFile;
use super::setting::{Fallback, Form, Setting};
use super::table::SETTINGS;
use crate::environment::Environment;
use crate::error::Error;

pub(super) const PASSWORD: &str = "clickhouse_password";
pub(super) const PASSWORD_FILE: &str = "clickhouse_password_file";

/// A setting as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// One text, or several for a list.
    pub(super) texts: Vec<String>,
    /// Where it was given.
    pub(super) origin: String,
}

/// The settings that any layer gives.
#[derive(Debug)]
pub(super) struct Merged(Map<String, Value>);

impl Merged {
    /// Returns what was given for a setting, if anything.
    pub(super) fn get(&self, setting: &Setting) -> Result<Option<Given>, Error> {
        let Some(value) = self.0.get(setting.name) else {
            return Ok(None);
        };
        let origin = value.origin().unwrap_or("default").to_owned();
        let values = match (&value.kind, setting.form) {
            (ValueKind::Nil, _) => return Ok(None),
            (ValueKind::Array(values), Form::Many(_)) => values.clone(),
            _ => vec![value.clone()],
        };
        let texts = values
            .into_iter()
            .map(|value| {
                let shown = value.to_string();
                value.into_string().map_err(|_| {
                    let reason = "it is not one value".to_owned();
                    Error::bad_value(setting, &shown, &origin, reason)
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(Given { texts, origin }))
    }
}

/// Merges the layers: flags over environment, environment over file, file over defaults.
pub(super) fn merge(
    args: &SettingsArgs,
    environment: &Environment,
    file: Option<SettingsFile>,
) -> Result<Merged, Error> {
    let mut builder = Config::builder().add_source(defaults());
    if let Some(file) = file {
        builder = builder.add_source(of_file(file)?);
    }
    let merged = builder
        .add_source(of_environment(environment)?)
        .add_source(of_args(args)?)
        .build()
        .and_then(|config| config.collect());
    // No layer does I/O or parses any more, so that nothing is left to fail.
    merged
        .map(Merged)
        .map_err(|error| Error::Conflict(error.to_string()))
}

/// One layer: what it gives, each value with its origin.
#[derive(Debug, Clone, Default)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    fn give(&mut self, setting: &Setting, kind: impl Into<ValueKind>, origin: String) {
        self.0
            .insert(setting.name.to_owned(), Value::new(Some(&origin), kind));
    }

    /// Makes the password and the file that holds it two ways to say one thing: the layer that
    /// says it one way silences the other way of the layers below.
    fn with_one_password(mut self) -> Result<Self, Error> {
        let origin = |name| self.0.get(name).and_then(Value::origin);
        let silenced = match (origin(PASSWORD), origin(PASSWORD_FILE)) {
            (Some(one), Some(other)) => {
                return Err(Error::Conflict(format!(
                    "the password is given twice: by {one} and as a file by {other}"
                )));
            }
            (Some(_), None) => PASSWORD_FILE,
            (None, Some(_)) => PASSWORD,
            (None, None) => return Ok(self),
        };
        self.0
            .insert(silenced.to_owned(), Value::new(None, ValueKind::Nil));
        Ok(self)
    }
}

fn defaults() -> Layer {
    let mut layer = Layer::default();
    for setting in SETTINGS {
        if let Fallback::Text(text) = setting.default {
            layer.give(setting, text, "default".to_owned());
        }
    }
    layer
}

fn of_file(file: SettingsFile) -> Result<Layer, Error> {
    let mut layer = Layer::default();
    let origin = format!("file {}", file.path.display());
    for setting in SETTINGS {
        if let Some(value) = file.values.get(setting.name) {
            layer.give(setting, value.kind.clone(), origin.clone());
        }
    }
    layer.with_one_password()
}

fn of_environment(environment: &Environment) -> Result<Layer, Error> {
    let mut layer = Layer::default();
    for setting in SETTINGS {
        let Some(name) = setting.environment else {
            continue;
        };
        if let Some((value, origin)) = environment.lookup(name)? {
            layer.give(setting, value, origin);
        }
    }
    layer.with_one_password()
}

fn of_args(args: &SettingsArgs) -> Result<Layer, Error> {
    let mut layer = Layer::default();
    for setting in SETTINGS {
        let (Some(flag), Some(values)) = (setting.flag, args.values(setting)) else {
            continue;
        };
        let kind: ValueKind = match (setting.form, values) {
            (Form::One(_) | Form::Switch, [value]) => value.as_str().into(),
            _ => values.to_vec().into(),
        };
        layer.give(setting, kind, format!("--{flag}"));
    }
    layer.with_one_password()
}
