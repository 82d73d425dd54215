//! What a setting is declared to be.

use super::table::SETTINGS;

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The key in the settings file, and the name in `config show`.
    pub name: &'static str,
    /// The flag without its dashes; nothing if it has none.
    pub flag: Option<&'static str>,
    /// The environment variable; nothing if it has none.
    pub environment: Option<&'static str>,
    /// Whether it may stand in the settings file.
    pub in_file: bool,
    /// What counts where nobody sets it.
    pub default: Fallback,
    /// How it is written.
    pub form: Form,
    /// Whether its value is shown as `***`.
    pub secret: bool,
    /// Whether the path of its URL is shown as `***`, because hosts put keys there.
    pub secret_path: bool,
    /// What it is about.
    pub group: Group,
    /// What it does, as a line without a full stop.
    pub doc: &'static str,
    /// Which values are allowed, beside the word of [`Fallback::Absent`]; the rest of a sentence
    /// that begins with "allowed is".
    pub allowed: &'static str,
}

/// What counts where nobody sets a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This text, as if it had been given.
    Text(&'static str),
    /// No value. Giving this word as the value means the same, so that a flag can take back what a
    /// file sets.
    Absent(&'static str),
    /// A value made of others, described in words.
    Derived(&'static str),
}

/// How a setting is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `--flag VALUE`, with the name of the value.
    One(&'static str),
    /// `--flag VALUE`, any number of times; a list in the file.
    Many(&'static str),
    /// `--flag`.
    Switch,
}

/// What a setting is about: the headings of `--help` and of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Where fills come from, and how fast.
    Source,
    /// Where fills go.
    Table,
    /// Which fills.
    Scope,
    /// How far the job is.
    Progress,
    /// What is shown.
    Output,
}

impl Group {
    /// All groups, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Source,
        Self::Table,
        Self::Scope,
        Self::Progress,
        Self::Output,
    ];

    /// Returns the heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Table => "Table",
            Self::Scope => "Scope",
            Self::Progress => "Progress",
            Self::Output => "Output",
        }
    }
}

impl Setting {
    /// Returns the text of the default, as documentation shows it.
    pub const fn default_text(&self) -> &'static str {
        match self.default {
            Fallback::Text(text) | Fallback::Absent(text) | Fallback::Derived(text) => text,
        }
    }

    /// Returns which values are allowed, all of them.
    pub fn allowed_text(&self) -> String {
        match self.default {
            Fallback::Absent(word) => format!("{}, or `{word}`", self.allowed),
            Fallback::Text(_) | Fallback::Derived(_) => self.allowed.to_owned(),
        }
    }

    /// Finds a setting by its name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }
}
