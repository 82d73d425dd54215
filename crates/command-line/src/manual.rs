//! Manual pages.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use roff::{Roff, roman};

use crate::VERSION;

/// Writes a manual page for a command and for each of its subcommands into a directory, which is made
/// if it is missing: `ingest.1`, `ingest-status.1` and so on.
///
/// # Errors
/// That the directory cannot be made or written.
pub fn write_manuals(command: Command, directory: &Path) -> io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let source = format!("{} {VERSION}", command.get_name());
    let written = fs::create_dir_all(directory).and_then(|()| write(&command, &source, directory));
    written.map_err(|error| {
        let place = directory.display();
        io::Error::new(
            error.kind(),
            format!("manual pages cannot be written into {place}: {error}"),
        )
    })
}

fn write(command: &Command, source: &str, directory: &Path) -> io::Result<()> {
    let shown = |subcommand: &&Command| !subcommand.is_hide_set();
    for subcommand in command.get_subcommands().filter(shown) {
        write(subcommand, source, directory)?;
    }
    let man = Man::new(command.clone()).source(source);
    fs::write(directory.join(man.get_filename()), page(command, &man)?)
}

fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    synopsis(command).to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_help() {
        as_it_is(&text.to_string()).to_writer(&mut page)?;
    }
    Ok(page)
}

/// Names what a command takes as its usage does: all flags by name would fill half a page.
fn synopsis(command: &Command) -> Roff {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([roman(usage.trim_end())]);
    roff
}

/// Sets the examples and what follows them line by line, as `--help` shows them.
fn as_it_is(text: &str) -> Roff {
    let text = text.strip_prefix("Examples:\n").unwrap_or(text);
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Command {
        Command::new("measure")
            .about("Measures")
            .after_help("Examples:\n  measure again   once more\n  measure")
            .subcommand(Command::new("again").about("Measures again"))
            .subcommand(Command::new("secret").hide(true))
    }

    fn written(command: Command) -> Vec<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        // It need not be there.
        let inner = directory.path().join("man1");
        write_manuals(command, &inner).unwrap();
        let entries = fs::read_dir(inner).unwrap().map(Result::unwrap);
        let pages = entries.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        });
        let mut pages: Vec<_> = pages.collect();
        pages.sort();
        pages
    }

    #[test]
    fn each_command_that_is_shown_has_a_page() {
        let pages = written(sample());
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["measure-again.1", "measure.1"]);
        assert!(pages[0].1.contains("Measures again"), "{}", pages[0].1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = write_manuals(sample(), &file.path().join("man1")).unwrap_err();
        assert!(error.to_string().contains("man1"), "{error}");
    }

    #[test]
    fn the_synopsis_is_the_usage_with_all_names() {
        let (_, page) = written(sample()).swap_remove(0);
        assert!(page.contains(".SH SYNOPSIS\nmeasure again\n"), "{page}");
    }

    #[test]
    fn examples_keep_their_lines() {
        let (_, page) = written(sample()).pop().unwrap();
        let examples = page.split(".SH EXAMPLES\n").nth(1).unwrap();
        let text = examples.strip_prefix(".nf\n").unwrap();
        let (text, _) = text.split_once(".fi").unwrap();
        assert_eq!(text, "  measure again   once more\n  measure\n");
    }
}
