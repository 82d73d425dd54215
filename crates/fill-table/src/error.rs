//! What a caller has to decide about, and how the server's answers become that.

use std::path::PathBuf;

use clickhouse_sink::{Failure, FailureKind};
use fills::StoreError;

use crate::difference::Difference;

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
    /// A file of certificates, or of a key, cannot be used.
    #[error("cannot use the certificate file {}: {reason}", path.display())]
    CertificateFile {
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
    #[error(
        "{name:?} is no table name: letters, digits, _ and -, at most 128, a letter or _ first"
    )]
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
    /// The table is on more servers than can be watched, so that rows could be doubled.
    #[error("{message}")]
    SeveralServers {
        /// What was found, and what would do.
        message: String,
    },
    /// The server refuses for another reason: no space, no memory, a query that it does not take.
    #[error("the ClickHouse server refuses: {message}")]
    Refused {
        /// `ClickHouse`'s error code, where the answer had one.
        code: Option<u32>,
        /// The server's words.
        message: String,
        /// Whether the same request may succeed later.
        is_transient: bool,
    },
}

impl From<clickhouse::error::Error> for Error {
    /// Sorts what the server said by its error code.
    ///
    /// **Source**: `src/Common/ErrorCodes.cpp` of `ClickHouse`.
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error as Client;
        let Failure {
            kind,
            code,
            message,
            ..
        } = Failure::of(&error);
        let is_answer = matches!(error, Client::BadResponse(_));
        match (error, code) {
            (Client::Network(_), None) => Self::Unreachable {
                message,
                is_silent: false,
            },
            (Client::TimedOut, None) => Self::Unreachable {
                message: "it did not answer in time".to_owned(),
                is_silent: true,
            },
            (_, Some(192 | 193 | 194 | 516)) => Self::Credentials { message },
            (_, Some(81)) => Self::NoDatabase { message },
            (_, Some(497)) => Self::NoRights { message },
            (_, code) => Self::Refused {
                code,
                message,
                // One that cannot be read at all is not ClickHouse's, or not for this client.
                is_transient: is_answer
                    && matches!(kind, FailureKind::Transient | FailureKind::TooMuchMemory),
            },
        }
    }
}

impl Error {
    /// Returns true if the server answered, so that trying another way makes sense.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }

    /// Returns true if the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { is_transient, .. } => *is_transient,
            _ => false,
        }
    }

    /// Returns true for what a server that starts or wakes up meets a client with: silence, or the
    /// answer of something in front of it.
    pub(crate) fn is_of_a_start(&self) -> bool {
        match self {
            Self::Unreachable { is_silent, .. } => *is_silent,
            Self::Refused {
                code, is_transient, ..
            } => code.is_none() && *is_transient,
            _ => false,
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let message = chain(&error);
        match error {
            Error::Insert(clickhouse_sink::Error::Unavailable { .. }) => {
                Self::Unavailable { message }
            }
            error if error.is_transient() => Self::Unavailable { message },
            _ => Self::Refused { message },
        }
    }
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
    fn only_what_may_pass_is_unavailable_to_the_engine() {
        let unreachable = clickhouse::error::Error::TimedOut;
        assert!(matches!(
            StoreError::from(Error::from(unreachable)),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            StoreError::from(said("503 Service Unavailable")),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            StoreError::from(said("Code: 497. DB::Exception: x")),
            StoreError::Refused { .. }
        ));
    }
}
