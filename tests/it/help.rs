//! What each command says of itself, held against tests/help.
//!
//! `SNAPSHOTS=overwrite cargo test -p end-to-end help` writes those files anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use snapbox::Data;

use crate::harness::*;

const PROGRAMS: [&str; 4] = ["ingest", "validate", "profile-fills", "goldsky-sim"];

/// Runs a command of which nothing is stored, with lines of a width that no terminal decides.
fn said(words: &[String], arguments: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(&words[0], directory.path());
    command.env("COLUMNS", "100").env_remove("NO_COLOR");
    command.args(&words[1..]).args(arguments);
    Running::start(command).end()
}

/// Returns the help of a command and of all commands below it.
fn helps(words: Vec<String>) -> Vec<(Vec<String>, String)> {
    let help = said(&words, &["--help"]).expect(0).stdout;
    let below: Vec<Vec<String>> = subcommands(&help)
        .map(|name| [words.as_slice(), &[name.to_owned()]].concat())
        .collect();
    let mut helps = vec![(words, help)];
    helps.extend(below.into_iter().flat_map(self::helps));
    helps
}

fn subcommands(help: &str) -> impl Iterator<Item = &str> {
    let (_, list) = help.split_once("\nCommands:\n").unwrap_or_default();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
}

fn all() -> Vec<(Vec<String>, String)> {
    let programs = PROGRAMS.map(|name| vec![name.to_owned()]);
    programs.into_iter().flat_map(helps).collect()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("help")
}

#[test]
fn helps_are_those_of_the_files() {
    let mut expected = BTreeSet::new();
    for (words, help) in all() {
        let name = format!("{}.txt", words.join("-"));
        let file = Data::read_from(&directory().join(&name), None);
        snapbox::Assert::new()
            .action_env("SNAPSHOTS")
            .eq(help, file.raw());
        expected.insert(name);
    }
    let entries = std::fs::read_dir(directory()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        expected,
        "files of commands"
    );
}

#[test]
fn every_help_has_examples() {
    for (words, help) in all() {
        let name = words.join(" ");
        let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_default();
        let own = examples.lines().filter(|line| line.contains(&words[0]));
        assert!(own.count() > 0, "the help of {name} has no examples");
    }
}

#[test]
fn a_typo_is_answered_with_what_was_meant() {
    let typos: [(&[&str], &str); 5] = [
        (&["ingest", "statsu"], "'status'"),
        (&["ingest", "engine", "instal"], "'install'"),
        (&["ingest", "--worker", "3"], "'--workers'"),
        (&["ingest", "completions", "bsh"], "'bash'"),
        (&["validate", "--repiar"], "'--repair'"),
    ];
    for (line, meant) in typos {
        let words: Vec<String> = line.iter().map(|&word| word.to_owned()).collect();
        let ended = said(&words, &[]).expect(2);
        assert!(ended.stderr.contains("tip: a similar "), "{ended:?}");
        assert!(ended.stderr.contains(meant), "{ended:?}");
    }
}

#[test]
fn the_version_is_one_line_and_the_same_for_all() {
    let versions = PROGRAMS.map(|name| {
        let ended = said(&[name.to_owned()], &["--version"]).expect(0);
        let version = ended.stdout.strip_prefix(name).unwrap();
        version.strip_suffix('\n').unwrap().to_owned()
    });
    assert!(versions[0].starts_with(concat!(" ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(BTreeSet::from(versions).len(), 1);
}

#[test]
fn completions_and_manuals_need_no_settings() {
    let directory = tempfile::tempdir().unwrap();
    // With this file in place no other command begins.
    std::fs::write(directory.path().join("clob-backfill.toml"), "nonsense").unwrap();
    let run = |line: &[&str]| {
        let mut command = command(line[0], directory.path());
        command.args(&line[1..]);
        Running::start(command).end().expect(0).stdout
    };
    assert!(run(&["ingest", "completions", "bash"]).contains("complete -F _ingest"));
    assert!(run(&["validate", "--completions", "zsh"]).starts_with("#compdef validate"));
    assert!(run(&["profile-fills", "--completions", "fish"]).contains("-c profile-fills"));
    run(&["ingest", "man", "pages"]);
    run(&["validate", "--man", "pages"]);
    run(&["profile-fills", "--man", "pages"]);
    run(&["goldsky-sim", "--man", "pages"]);
    for page in [
        "ingest.1",
        "ingest-engine-serve.1",
        "validate.1",
        "profile-fills.1",
        "goldsky-sim.1",
    ] {
        let page = std::fs::read_to_string(directory.path().join("pages").join(page)).unwrap();
        assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{page}");
    }
}
