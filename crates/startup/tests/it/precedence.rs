//! Flags win over environment, environment over file, file over defaults: for every setting.

use proptest::prelude::*;
use startup::Settings;
use startup::settings::{Fallback, Form, SETTINGS, Setting};

use crate::{Start, shown};

const CONDITIONS: [&str; 3] = [
    "0x1111111111111111111111111111111111111111111111111111111111111111",
    "0x2222222222222222222222222222222222222222222222222222222222222222",
    "0x3333333333333333333333333333333333333333333333333333333333333333",
];

/// Settings that are refused where another one is not given too.
const NEEDS_ANOTHER: [&str; 1] = ["clickhouse_client_key"];

/// Three good values of a setting, none of them its default: for flag, environment and file.
fn values(setting: &Setting) -> [&'static str; 3] {
    match (setting.name, setting.form) {
        (_, Form::One("URL")) => ["http://flag/", "http://environment/", "http://file/"],
        ("condition_ids", _) => CONDITIONS,
        ("clickhouse_settings" | "clickhouse_roles", _) => ["a=1", "a=2", "a=3"],
        ("strategy", _) => ["scan", "markets", "scan"],
        ("output", _) => ["human", "human", "human"],
        ("from", _) => ["11", "12", "13"],
        ("to", _) => ["21", "22", "23"],
        ("metrics_listen", _) => ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"],
        ("markets_file", _) => ["flag.txt", "environment.txt", "file.txt"],
        ("clickhouse_headers", _) => ["a=1", "b=2", "c=3"],
        (_, Form::Switch) => ["true"; 3],
        (_, Form::One("N")) | ("token_ids", _) => ["3", "5", "7"],
        (_, Form::One(_)) => ["by_flag", "by_environment", "by_file"],
        (name, Form::Many(_)) => panic!("no values for {name}"),
    }
}

/// Which layers give a setting.
#[derive(Debug, Clone, Copy)]
struct By {
    flag: bool,
    environment: bool,
    file: bool,
}

impl By {
    /// Reads the three lowest bits.
    fn bits(bits: u8) -> Self {
        Self {
            flag: bits & 4 != 0,
            environment: bits & 2 != 0,
            file: bits & 1 != 0,
        }
    }
}

/// Starts with settings given by some of the layers.
fn start(given: &[(&Setting, By)]) -> Start {
    let mut start = Start::new();
    let mut file = String::new();
    for (setting, by) in given {
        let [flag_value, environment_value, file_value] = values(setting);
        if setting.name.ends_with("_file") {
            for value in values(setting) {
                start = start.file(value, "1\n");
            }
        }
        if let (true, Some(flag)) = (by.flag, setting.flag) {
            start = start.flags(&[&format!("--{flag}")]);
            if setting.form != Form::Switch {
                start = start.flags(&[flag_value]);
            }
        }
        if let (true, Some(variable)) = (by.environment, setting.environment) {
            start = start.variable(variable, environment_value);
        }
        if by.file && setting.in_file {
            let value = match setting.form {
                Form::Many(_) => format!("[\"{file_value}\"]"),
                Form::One("N") => file_value.to_owned(),
                Form::One(_) | Form::Switch => format!("\"{file_value}\""),
            };
            file += &format!("{} = {value}\n", setting.name);
        }
    }
    start.settings_file(&file)
}

/// Returns the value and origin that should win.
fn winner(setting: &Setting, by: By) -> Option<(&'static str, String)> {
    let [flag_value, environment_value, file_value] = values(setting);
    let flag = setting.flag.filter(|_| by.flag);
    let variable = setting.environment.filter(|_| by.environment);
    let file = (by.file && setting.in_file).then_some("clob-backfill.toml");
    flag.map(|flag| (flag_value, format!("--{flag}")))
        .or_else(|| variable.map(|name| (environment_value, format!("environment {name}"))))
        .or_else(|| file.map(|file| (file_value, format!("file {file}"))))
}

fn check(settings: &Settings, setting: &Setting, by: By) {
    let (value, origin) = shown(settings, setting.name);
    match winner(setting, by) {
        Some((winning_value, winning_origin)) => {
            assert_eq!(origin, winning_origin, "{} {by:?}", setting.name);
            let shown = if setting.secret { "***" } else { winning_value };
            assert_eq!(value, shown, "{} {by:?}", setting.name);
        }
        None => {
            assert_eq!(origin, "default", "{} {by:?}", setting.name);
            if !matches!(setting.default, Fallback::Derived(_)) {
                assert_eq!(value, setting.default_text(), "{} {by:?}", setting.name);
            }
        }
    }
}

#[test]
fn each_setting_alone_takes_every_combination_of_layers() {
    for setting in SETTINGS
        .iter()
        .filter(|setting| !NEEDS_ANOTHER.contains(&setting.name))
    {
        for by in (0..8).map(By::bits) {
            check(&start(&[(setting, by)]).settings(), setting, by);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn settings_given_together_do_not_touch_each_other(
        bits in proptest::collection::vec(0_u8..8, SETTINGS.len()),
    ) {
        let given: Vec<(&Setting, By)> = SETTINGS
            .iter()
            .zip(bits.into_iter().map(By::bits))
            // The password and its file are two ways to say one thing, with tests of their own.
            .filter(|(setting, _)| setting.name != "clickhouse_password_file")
            .filter(|(setting, _)| !NEEDS_ANOTHER.contains(&setting.name))
            .collect();
        let settings = start(&given).settings();
        for (setting, by) in given {
            check(&settings, setting, by);
        }
    }
}
