//! What differs between the table that is there and the table that is needed.

use std::fmt;

/// One thing that is not as this program makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table or view, without its database.
    pub table: String,
    /// A column's name, or `engine`, `partition key`, `sorting key`, a setting, `definition`.
    pub what: String,
    /// What it has to be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// What to do about it, a sentence.
    pub mend: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            what,
            expected,
            found,
            mend,
        } = self;
        write!(
            f,
            "{table}: {what} is {found} instead of {expected} ({mend})"
        )
    }
}

/// Joins differences to one line.
pub(crate) fn listed(differences: &[Difference]) -> String {
    let lines: Vec<_> = differences.iter().map(ToString::to_string).collect();
    lines.join("; ")
}
