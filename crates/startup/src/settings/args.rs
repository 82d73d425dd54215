//! The settings' flags, as arguments that any command can take.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches, value_parser};

use super::file::DEFAULT_FILE;
use super::setting::{Form, Setting};
use super::table::SETTINGS;

const CONFIG: &str = "config";

/// What the command line says about settings: `--config` and one flag for each setting that has
/// one.
///
/// Flatten it into a command's arguments. The flags are global: they may stand before and after a
/// subcommand. Values are text here; [`Settings::resolve`](crate::Settings::resolve) reads them,
/// so that a bad value gets the same message wherever it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsArgs {
    pub(super) config: Option<PathBuf>,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl SettingsArgs {
    /// Returns what the command line says of a setting, if anything.
    pub(super) fn values(&self, setting: &Setting) -> Option<&[String]> {
        self.values.get(setting.name).map(Vec::as_slice)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(path) = matches.get_one::<PathBuf>(CONFIG) {
            self.config = Some(path.clone());
        }
        for setting in SETTINGS.iter().filter(|setting| setting.flag.is_some()) {
            let values: Vec<String> = match setting.form {
                Form::Switch if matches.get_flag(setting.name) => vec![true.to_string()],
                Form::Switch => continue,
                Form::One(_) | Form::Many(_) => matches
                    .get_many(setting.name)
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect(),
            };
            if !values.is_empty() {
                self.values.insert(setting.name, values);
            }
        }
        Ok(())
    }
}

impl clap::Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .global(true)
            .value_name("PATH")
            // Not under what a command has before its settings.
            .help_heading(None::<&str>)
            .value_parser(value_parser!(PathBuf))
            .help(format!(
                "File with settings [default: {DEFAULT_FILE}, if it exists]"
            ));
        SETTINGS
            .iter()
            .filter_map(|setting| Some(argument(setting, setting.flag?)))
            .fold(command.arg(config), Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &Setting, flag: &'static str) -> Arg {
    let argument = Arg::new(setting.name)
        .long(flag)
        .global(true)
        .help(help(setting))
        .help_heading(setting.group.heading());
    match setting.form {
        Form::One(value) => argument
            .value_name(value)
            // Not a flag, but a value that is then refused with the values that are allowed.
            .allow_negative_numbers(true),
        Form::Many(value) => argument
            .value_name(value)
            .action(ArgAction::Append)
            .allow_negative_numbers(true),
        Form::Switch => argument.action(ArgAction::SetTrue),
    }
}

fn help(setting: &Setting) -> String {
    let mut help = setting.doc.to_owned();
    if setting.form != Form::Switch {
        help += &format!(" [default: {}]", setting.default_text());
    }
    if let Some(name) = setting.environment {
        help += &format!(" [env: {name}]");
    }
    help
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    fn parsed(line: &[&str]) -> SettingsArgs {
        let command =
            SettingsArgs::augment_args(Command::new("ingest")).subcommand(Command::new("status"));
        SettingsArgs::from_arg_matches(&command.get_matches_from(line)).unwrap()
    }

    fn values<'a>(args: &'a SettingsArgs, name: &str) -> Option<&'a [String]> {
        args.values(Setting::find(name).unwrap())
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_flags() {
        SettingsArgs::augment_args(Command::new("ingest")).debug_assert();
    }

    #[test]
    fn flags_count_before_and_after_a_subcommand() {
        for line in [
            ["ingest", "--workers", "3", "status"],
            ["ingest", "status", "--workers", "3"],
        ] {
            assert_eq!(values(&parsed(&line), "workers").unwrap(), ["3"]);
        }
    }

    #[test]
    fn lists_collect_and_switches_are_off_unless_given() {
        let args = parsed(&["ingest", "--token-id", "1", "--fresh", "--token-id", "2"]);
        assert_eq!(values(&args, "token_ids").unwrap(), ["1", "2"]);
        assert_eq!(values(&args, "fresh").unwrap(), ["true"]);
        assert_eq!(values(&args, "yes"), None);
        assert_eq!(values(&args, "workers"), None);
    }
}
