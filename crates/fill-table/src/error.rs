//! What a caller has to decide about, and how the server's answers become that.

use std::path::PathBuf;

use fills::StoreError;

use crate::difference::Difference;
use crate::retry::may_pass;

/// Why the table could not be made, checked, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server answers there. Start it or mend the URL.
    #[error("the ClickHouse server cannot be reached: {message}")]
    Unreachable {
        /// What the attempt met.
        message: String,
        /// Whether something took the connection and said nothing: a server that starts does that.
        is_silent: bool,
    },
    /// The file of additional certificates cannot be used.
    #[error("cannot use the CA file {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server does not know the user or the password.
    #[error("the ClickHouse server refuses the user name or the password: {message}")]
    Credentials {
        /// The server's words.
        message: String,
    },
    /// The server has no such database. Make it, or name another.
    #[error("the ClickHouse server has no such database: {message}")]
    NoDatabase {
        /// The server's words.
        message: String,
    },
    /// The user may not do that. The server's words name the grant that is needed.
    #[error("the ClickHouse user has no right to do that: {message}")]
    NoRights {
        /// The server's words.
        message: String,
    },
    /// The server is older than what the schema needs.
    #[error("the ClickHouse server is version {found}; {needed} or newer is needed")]
    TooOld {
        /// The server's version.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// A name that cannot be a table's.
    #[error("{name:?} is no table name: letters, digits and _, at most 128, no digit first")]
    Name {
        /// The name as given.
        name: String,
    },
    /// What stands in the database under these names is not what this program makes.
    #[error("{}", crate::difference::listed(.0))]
    Schema(Vec<Difference>),
    /// The catalogue cannot be read through its dictionary, so readers get errors instead of
    /// markets.
    #[error("the market dictionary does not load: {message}")]
    Dictionary {
        /// The server's words, without the credentials.
        message: String,
    },
    /// Rows could not be inserted.
    #[error("the insert failed")]
    Insert(#[from] clickhouse_sink::Error),
    /// The server refuses for another reason: no space, no memory, a query that it does not take.
    #[error("the ClickHouse server refuses: {message}")]
    Refused {
        /// `ClickHouse`'s error code, where the answer had one.
        code: Option<u32>,
        /// The server's words.
        message: String,
    },
}

impl From<clickhouse::error::Error> for Error {
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error as Client;
        match error {
            Client::Network(source) => Self::Unreachable {
                message: chain(source.as_ref()),
                is_silent: false,
            },
            Client::TimedOut => Self::Unreachable {
                message: "it did not answer in time".to_owned(),
                is_silent: true,
            },
            Client::BadResponse(message) => Self::said(message),
            other => Self::Refused {
                code: None,
                message: chain(&other),
            },
        }
    }
}

impl Error {
    /// Sorts what the server said by its error code.
    ///
    /// **Source**: `src/Common/ErrorCodes.cpp` of `ClickHouse`.
    fn said(message: String) -> Self {
        let message = one_line(message);
        match code_of(&message) {
            Some(192 | 193 | 194 | 516) => Self::Credentials { message },
            Some(81) => Self::NoDatabase { message },
            Some(497) => Self::NoRights { message },
            code => Self::Refused { code, message },
        }
    }

    /// Tells whether the server answered, so that trying another way makes sense.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let message = chain(&error);
        match error {
            Error::Unreachable { .. }
            | Error::Insert(clickhouse_sink::Error::Unavailable { .. }) => {
                Self::Unavailable { message }
            }
            error if may_pass(&error) => Self::Unavailable { message },
            _ => Self::Refused { message },
        }
    }
}

/// Returns the number behind `Code: `.
fn code_of(message: &str) -> Option<u32> {
    let digits = message.split_once("Code: ")?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    digits[..end].parse().ok()
}

/// A server's words can quote a whole statement; what is wrong stands at their beginning.
const MOST_CHARS: usize = 2000;

fn one_line(message: String) -> String {
    let words: Vec<_> = message.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Joins an error and its sources, leaving out what a message already ends with.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Error {
        clickhouse::error::Error::BadResponse(message.to_owned()).into()
    }

    #[test]
    fn answers_are_sorted_by_their_code() {
        let password = "Code: 516. DB::Exception: default: Authentication failed";
        assert!(matches!(said(password), Error::Credentials { .. }));
        let database = "Code: 81. DB::Exception: Database x does not exist";
        assert!(matches!(said(database), Error::NoDatabase { .. }));
        assert!(matches!(
            said("Code: 497. DB::Exception: x"),
            Error::NoRights { .. }
        ));
        let space = said("Code: 243. DB::Exception: Cannot reserve 1.00 MiB");
        assert!(matches!(
            space,
            Error::Refused {
                code: Some(243),
                ..
            }
        ));
        assert!(matches!(
            said("Bad Gateway"),
            Error::Refused { code: None, .. }
        ));
    }

    #[test]
    fn a_long_answer_is_cut_to_a_line() {
        let long = format!("Code: 497. DB::Exception: {}\n\n", "né ".repeat(1_000_000));
        let Error::NoRights { message } = said(&long) else {
            panic!("it has a code");
        };
        assert_eq!(message.chars().count(), MOST_CHARS + 1);
        assert!(message.ends_with('…'));
    }

    #[test]
    fn only_what_may_pass_is_unavailable_to_the_engine() {
        let unreachable = clickhouse::error::Error::TimedOut;
        assert!(matches!(
            StoreError::from(Error::from(unreachable)),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            StoreError::from(Error::Refused {
                code: None,
                message: "503 Service Unavailable".to_owned()
            }),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            StoreError::from(said("Code: 497. DB::Exception: x")),
            StoreError::Refused { .. }
        ));
    }
}
