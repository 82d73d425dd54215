//! The documents as a book: nothing is left out, and nothing leads nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the book's links may lead.
fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .canonicalize()
        .unwrap()
}

/// Returns the targets of links and images that are no URLs.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("](").skip(1);
    behind
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|target| !target.contains("://"))
}

/// Returns a document as the book has it: what it includes in place of the line that says so.
fn included(path: &Path) -> String {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| {
        let Some(place) = line.strip_prefix("{{#include ") else {
            return line.to_owned();
        };
        let (file, anchor) = place
            .trim_end_matches("}}")
            .split_once(':')
            .unwrap_or((place.trim_end_matches("}}"), ""));
        let file = path.parent().unwrap().join(file);
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        part(&text, anchor).unwrap_or_else(|| panic!("{} has no {anchor}", file.display()))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns what stands between the marks of an anchor; everything where none is asked for.
fn part(text: &str, anchor: &str) -> Option<String> {
    if anchor.is_empty() {
        return Some(text.to_owned());
    }
    let (_, rest) = text.split_once(&format!("<!-- ANCHOR: {anchor} -->\n"))?;
    let (part, _) = rest.split_once(&format!("<!-- ANCHOR_END: {anchor} -->"))?;
    Some(part.to_owned())
}

fn chapters() -> BTreeSet<PathBuf> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    targets(&summary)
        .map(|target| docs().join(target))
        .collect()
}

#[test]
fn every_document_is_a_chapter() {
    let mut documents = BTreeSet::new();
    for directory in [docs(), docs().join("decisions")] {
        let entries = fs::read_dir(directory).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        documents.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    documents.remove(&docs().join("SUMMARY.md"));
    assert_eq!(chapters(), documents);
}

#[test]
fn links_of_chapters_lead_to_chapters_and_to_what_lies_beside_them() {
    let chapters = chapters();
    let mut followed = 0;
    for chapter in &chapters {
        for target in targets(&included(chapter)) {
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            let path = chapter.parent().unwrap().join(file);
            let path = match file {
                "" => chapter.clone(),
                _ => path
                    .canonicalize()
                    .unwrap_or_else(|error| panic!("{target} in {}: {error}", chapter.display())),
            };
            let is_text = path.extension().is_some_and(|end| end == "md");
            let is_there = match is_text {
                true => chapters.contains(&path),
                false => path.starts_with(docs()),
            };
            assert!(is_there, "{target} in {}", chapter.display());
            followed += 1;
        }
    }
    assert!(followed > 30, "only {followed} links");
}

#[test]
fn links_to_headings_name_headings() {
    for chapter in chapters() {
        for target in targets(&included(&chapter)) {
            let Some((file, heading)) = target.split_once('#') else {
                continue;
            };
            let path = match file {
                "" => chapter.clone(),
                _ => chapter.parent().unwrap().join(file),
            };
            let text = included(&path);
            let headings = text.lines().filter(|line| line.starts_with('#'));
            let mut names = headings.map(name_of);
            assert!(
                names.any(|name| name == heading),
                "{target} in {}",
                chapter.display()
            );
        }
    }
}

/// Names a heading as links do: in small letters, with hyphens for spaces.
fn name_of(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|letter| match letter {
        ' ' | '-' => Some('-'),
        letter if letter.is_alphanumeric() || letter == '_' => Some(letter),
        _ => None,
    });
    kept.collect()
}
