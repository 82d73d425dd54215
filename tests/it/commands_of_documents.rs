//! The commands of the documents are those of the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::*;

const PROGRAMS: [&str; 4] = ["ingest", "validate", "profile-fills", "goldsky-sim"];

/// How the documents start a program from the sources.
const BY_CARGO: [&str; 2] = ["cargo run --release -p ", "cargo run -p "];

fn documents() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = fs::read_dir(repository.join("docs")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut documents: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    documents.push(repository.join("README.md"));
    documents
}

/// Returns the lines of all blocks for a shell; one that goes on ends with a backslash.
fn lines(document: &str) -> Vec<String> {
    let blocks = document.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| Some(rest.split_once("\n```")?.0));
    blocks
        .flat_map(|block| {
            let block = block.replace("\\\n", "");
            let lines = block.lines().flat_map(|line| line.split(" && "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the line as if the program were installed.
fn installed(line: &str) -> String {
    let started = BY_CARGO.iter().find_map(|start| line.strip_prefix(start));
    started.map_or_else(|| line.to_owned(), |rest| rest.replacen(" -- ", " ", 1))
}

fn commands(document: &str) -> Vec<Vec<String>> {
    let lines = lines(document);
    let lines = lines.iter().map(|line| installed(line));
    lines
        .filter_map(|line| {
            let mut programs = PROGRAMS.iter();
            programs.find_map(|program| command_line::example(&line, program))
        })
        .collect()
}

#[test]
fn every_command_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for words in commands(&text) {
            let mut command = command(&words[0], directory.path());
            // What stands before it is read first, and refused if it is wrong.
            command.args(&words[1..]).arg("--help");
            let ended = Running::start(command).end();
            assert_eq!(
                ended.code,
                Some(0),
                "{words:?} of {}: {}",
                document.display(),
                ended.stderr
            );
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} commands");
}

#[test]
fn a_wrong_command_is_refused_and_not_taken_for_a_call_for_help() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = "```sh\ncargo run --release -p ingest -- --frm 2024-10-01    # a typo\n```";
    let [words] = &commands(wrong)[..] else {
        panic!("one command");
    };
    assert_eq!(words[..], ["ingest", "--frm", "2024-10-01"]);
    let mut command = command(&words[0], directory.path());
    command.args(&words[1..]).arg("--help");
    Running::start(command).end().expect(2);
}
