//! The examples at the end of a help, as command lines: a test can hold each against the flags.

use clap::Command;

/// What stands in an example for a wallet or a market.
const SOME_ID: &str = "0x…";

/// Returns the examples in the help of a command and of its subcommands, each as the words that the
/// program is started with; its own name is the first.
///
/// A line of an example holds assignments, the program, its arguments, perhaps `>` with a file or `&`,
/// and, two spaces further on or behind `#`, what it does. Lines of other programs are left out. An id that is written
/// `0x…` becomes one of 40 digits.
pub fn examples(command: &Command) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(command, command.get_name(), &mut found);
    found
}

fn collect(command: &Command, program: &str, found: &mut Vec<Vec<String>>) {
    if let Some(help) = command.get_after_help() {
        let help = help.to_string();
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        found.extend(lines.filter_map(|line| example(line, program)));
    }
    for subcommand in command.get_subcommands() {
        collect(subcommand, program, found);
    }
}

/// Returns the words of a command line if it is one of this program; see [`examples`].
pub fn example(line: &str, program: &str) -> Option<Vec<String>> {
    let (line, _) = line.split_once("  ").unwrap_or((line, ""));
    let mut words = line
        .split(' ')
        .skip_while(|word| word.contains('=') && !word.starts_with('-'));
    let own = words.next() == Some(program);
    let arguments = words.take_while(|word| !matches!(*word, ">" | "&" | "#"));
    let arguments = arguments.map(spelled_out);
    own.then(|| {
        std::iter::once(program.to_owned())
            .chain(arguments)
            .collect()
    })
}

fn spelled_out(word: &str) -> String {
    match word {
        SOME_ID => format!("0x{}", "0".repeat(40)),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_those_of_all_commands_without_what_is_said_of_them() {
        let again = Command::new("again")
            .after_help("Examples:\n  KEY=… measure again > out   once more\n\nmeasure twice");
        let command = Command::new("measure")
            .after_help("Examples:\n  measure --id 0x…\n  curl http://…")
            .subcommand(again);
        let id = format!("0x{}", "0".repeat(40));
        assert_eq!(
            examples(&command),
            [vec!["measure", "--id", &id], vec!["measure", "again"]]
        );
    }
}
