//! The flags by which a command without subcommands writes of itself.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{write_completions, write_manuals};

// What the command writes of itself. Flatten it into its arguments.
#[expect(
    missing_docs,
    reason = "clap would make it the description of the command that takes these"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct AboutArgs {
    /// Print what this shell needs to complete the command, and do nothing else
    #[arg(long, value_name = "SHELL", help_heading = "About")]
    pub completions: Option<Shell>,
    /// Write the manual page into this directory, and do nothing else
    #[arg(long, value_name = "DIR", help_heading = "About")]
    pub man: Option<PathBuf>,
}

impl AboutArgs {
    /// Writes what was asked for, completions to `out`, and tells whether anything was.
    ///
    /// # Errors
    /// That `out` or the directory cannot be written.
    pub fn write<C: CommandFactory>(&self, out: &mut dyn Write) -> io::Result<bool> {
        if let Some(shell) = self.completions {
            write_completions(C::command(), shell, out)?;
        }
        if let Some(directory) = &self.man {
            write_manuals(C::command(), directory)?;
        }
        Ok(self.completions.is_some() || self.man.is_some())
    }
}
