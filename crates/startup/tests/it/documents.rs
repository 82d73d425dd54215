//! The documents that speak of settings say what the program does.

use std::fs;
use std::path::PathBuf;

use startup::settings::{SETTINGS, Setting, reference};

use crate::Start;

fn document(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Starts with a settings file and the files that it names.
fn start(settings_file: &str) -> Start {
    Start::new()
        .settings_file(settings_file)
        .file("markets.txt", "7\n")
        .file("clickhouse-password", "hunter2\n")
}

#[test]
fn the_sample_can_be_used_as_it_is_and_sets_nothing_but_defaults() {
    let settings = start(&document("samples/clob-backfill.toml")).settings();
    for shown in settings.shown() {
        if shown.origin != "default" {
            let setting = Setting::find(shown.name).unwrap();
            assert_eq!(shown.value, setting.default_text(), "{}", shown.name);
        }
    }
}

#[test]
fn the_sample_has_every_key_and_each_example_is_allowed() {
    let sample = document("samples/clob-backfill.toml");
    for setting in SETTINGS.iter().filter(|setting| setting.in_file) {
        let key = format!("{} = ", setting.name);
        let lines: Vec<&str> = sample
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .filter(|line| line.starts_with(&key))
            .collect();
        let [line] = lines[..] else {
            panic!("{} stands in {} lines", setting.name, lines.len());
        };
        // A key is refused without its certificate.
        let settings = match setting.name {
            "clickhouse_client_key" => start(&format!("{line}\nclickhouse_client_cert = \"c\"")),
            _ => start(line),
        };
        let settings = settings.settings();
        let shown = settings
            .shown()
            .iter()
            .find(|shown| shown.name == setting.name);
        assert_eq!(shown.unwrap().origin, "file clob-backfill.toml", "{line}");
    }
}

#[test]
fn the_reference_is_the_one_that_the_settings_declare() {
    let document = document("SETTINGS.md");
    let expected = reference();
    assert!(
        document.ends_with(&expected),
        "docs/SETTINGS.md should end with:\n\n{expected}"
    );
}
