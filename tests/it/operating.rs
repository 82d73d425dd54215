//! The document for operators says what the tests show.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    fs::read_to_string(repository().join("docs/OPERATING.md")).unwrap()
}

/// Returns what stands in backticks as `path.rs: function`.
fn named_tests(text: &str) -> Vec<(&str, &str)> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter_map(|code| code.split_once(": "))
        .filter(|(path, _)| path.ends_with(".rs"))
        .collect()
}

/// Returns why there is no such test; nothing if there is.
fn missing(path: &str, function: &str) -> Option<String> {
    let Ok(source) = fs::read_to_string(repository().join(path)) else {
        return Some(format!("there is no file {path}"));
    };
    let Some((before, _)) = source.split_once(&format!("fn {function}()")) else {
        return Some(format!("{path} has no function {function}"));
    };
    // Its attribute is on the line above.
    let before = before.trim_end().trim_end_matches("async").trim_end();
    let attribute = before.lines().next_back();
    let is_test = attribute.is_some_and(|line| line.contains("test"));
    (!is_test).then(|| format!("{function} of {path} is no test"))
}

#[test]
fn every_test_that_the_document_names_is_there() {
    let document = document();
    let named = named_tests(&document);
    assert!(named.len() > 50, "only {} tests are named", named.len());
    let missing: Vec<String> = named
        .into_iter()
        .filter_map(|(path, function)| missing(path, function))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn what_is_no_test_is_found() {
    let here = "tests/it/operating.rs";
    assert_eq!(missing(here, "what_is_no_test_is_found"), None);
    assert!(missing(here, "document").unwrap().contains("is no test"));
    assert!(
        missing(here, "nothing")
            .unwrap()
            .contains("has no function")
    );
    assert!(
        missing("tests/it/nothing.rs", "a")
            .unwrap()
            .contains("no file")
    );
}

#[test]
fn every_fault_has_a_test_or_says_that_it_has_none() {
    let document = document();
    let rows: Vec<Vec<&str>> = document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| fault |"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .filter(|cells: &Vec<_>| cells.len() != 3)
        .collect();
    assert!(rows.len() > 30, "only {} faults", rows.len());
    for cells in rows {
        assert_eq!(cells.len(), 5, "{cells:?}");
        let tests = cells[4];
        let told = tests.starts_with("none: ") || !named_tests(tests).is_empty();
        assert!(told, "{} has no test", cells[0]);
    }
}
