//! Completions of shells.

use std::io::{self, Write};

use clap::Command;
use clap_complete::{Shell, generate};

/// Writes to `out` what a shell needs to complete a command.
///
/// # Errors
/// What `out` says.
pub fn write_completions(
    mut command: Command,
    shell: Shell,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = command.get_name().to_owned();
    // The generator panics where it cannot write.
    let mut text = Vec::new();
    generate(shell, &mut command, name, &mut text);
    out.write_all(&text)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_gets_the_name_and_the_subcommands() {
        for &shell in Shell::value_variants() {
            let command = Command::new("measure").subcommand(Command::new("again"));
            let mut text = Vec::new();
            write_completions(command, shell, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("measure"), "{shell}: {text}");
            assert!(text.contains("again"), "{shell}: {text}");
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_an_error() {
        let mut full: &mut [u8] = &mut [0; 8];
        let written = write_completions(Command::new("measure"), Shell::Bash, &mut full);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
