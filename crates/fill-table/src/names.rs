//! The names of everything that belongs to one fills table.

use std::fmt;

use crate::Error;

/// A table's name as readers know it, and the names derived from it, in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    database: String,
    table: String,
}

/// A quoted `database.name`, ready to stand in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qualified {
    database: String,
    /// The name without its database.
    pub name: String,
}

impl Names {
    /// Most characters of a table's name: derived names and file names have to fit too.
    const MOST_CHARS: usize = 128;

    /// Checks a table's name and derives the others.
    ///
    /// # Errors
    /// [`Error::Name`] unless the name is letters, digits, `_` and `-`, does not begin with a digit
    /// and has at most 128 characters: it becomes part of other names and of SQL.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Result<Self, Error> {
        let table = table.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let begins_well = table.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if begins_well && table.chars().all(plain) && table.len() <= Self::MOST_CHARS {
            Ok(Self {
                database: database.into(),
                table,
            })
        } else {
            Err(Error::Name { name: table })
        }
    }

    /// Returns the database that all of them are in.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Names the view that readers query.
    pub fn fills(&self) -> Qualified {
        self.derived("")
    }

    /// Names the table that holds the rows.
    pub fn data(&self) -> Qualified {
        self.derived("_data")
    }

    /// Names the view of the market catalogue, one row for each token.
    pub fn markets(&self) -> Qualified {
        self.derived("_markets")
    }

    /// Names the short way to [`Names::markets`], which is there unless the database has another
    /// `markets`.
    pub fn markets_alias(&self) -> Qualified {
        Qualified {
            database: self.database.clone(),
            name: "markets".to_owned(),
        }
    }

    /// Names the table that holds the market catalogue.
    pub fn markets_data(&self) -> Qualified {
        self.derived("_markets_data")
    }

    /// Names the dictionary through which the fills view looks tokens up.
    pub fn dictionary(&self) -> Qualified {
        self.derived("_markets_dictionary")
    }

    /// Names the table of events that could not become fills.
    pub fn dead_letters(&self) -> Qualified {
        self.derived("_dead_letters")
    }

    /// Names the table that holds the source's own counters, for validation.
    pub fn orderbooks(&self) -> Qualified {
        self.derived("_orderbooks")
    }

    /// Names the table of rows that were taken out.
    pub fn quarantine(&self) -> Qualified {
        self.derived("_quarantine")
    }

    fn derived(&self, suffix: &str) -> Qualified {
        Qualified {
            database: self.database.clone(),
            name: format!("{}{suffix}", self.table),
        }
    }
}

impl Qualified {
    /// Returns `database.name` without quotes, as dictionary functions take it.
    pub(crate) fn unquoted(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }
}

impl fmt::Display for Qualified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, name) = (quoted(&self.database), quoted(&self.name));
        write!(f, "{database}.{name}")
    }
}

/// Quotes any name for use in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", escape(name, '`'))
}

/// Quotes a text for use in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", escape(text, '\''))
}

fn escape(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == quote || c == '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_derive_from_the_table() {
        let names = Names::new("default", "clob_fills_v2").unwrap();
        assert_eq!(names.fills().to_string(), "`default`.`clob_fills_v2`");
        assert_eq!(names.data().name, "clob_fills_v2_data");
        assert_eq!(names.dead_letters().name, "clob_fills_v2_dead_letters");
    }

    #[test]
    fn a_name_that_is_not_plain_is_refused() {
        for name in [
            "",
            "1st",
            "-a",
            "db.table",
            "a b",
            "a`b",
            "ä",
            &"x".repeat(129),
        ] {
            assert!(matches!(
                Names::new("default", name),
                Err(Error::Name { .. })
            ));
        }
    }

    #[test]
    fn quotes_and_backslashes_cannot_leave_their_place() {
        assert_eq!(literal(r"it's \ fine"), r"'it\'s \\ fine'");
        let names = Names::new("a`b", "t").unwrap();
        assert_eq!(names.fills().to_string(), r"`a\`b`.`t`");
    }
}
