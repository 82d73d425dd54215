//! ClickHouse's exceptions: a code, a text, and the HTTP status that a server gives them.

use std::fmt;

use http::StatusCode;

/// The codes that this crate raises itself, by ClickHouse's names.
pub(crate) mod code {
    pub(crate) const BAD_ARGUMENTS: u32 = 36;
    pub(crate) const NOT_IMPLEMENTED: u32 = 48;
    pub(crate) const SYNTAX_ERROR: u32 = 62;
    pub(crate) const UNKNOWN_SETTING: u32 = 115;
    pub(crate) const READONLY: u32 = 164;
    pub(crate) const TOO_MANY_SIMULTANEOUS_QUERIES: u32 = 202;
    pub(crate) const QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: u32 = 216;
    pub(crate) const ABORTED: u32 = 236;
    pub(crate) const QUERY_IS_TOO_LARGE: u32 = 471;
    pub(crate) const CANNOT_DECOMPRESS: u32 = 271;
    pub(crate) const AUTHENTICATION_FAILED: u32 = 516;
    pub(crate) const CHECKSUM_DOESNT_MATCH: u32 = 40;
    pub(crate) const LOGICAL_ERROR: u32 = 49;
}

/// One exception, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// ClickHouse's error code.
    pub(crate) code: u32,
    /// The whole text, `Code: N. DB::Exception: …`, without a line end.
    pub(crate) text: String,
}

impl Exception {
    /// Makes an exception of this crate's own, in ClickHouse's wording.
    pub(crate) fn new(code: u32, message: impl fmt::Display) -> Self {
        Self {
            code,
            text: format!("Code: {code}. DB::Exception: {message}"),
        }
    }

    /// Reads what the engine said. A text without a code counts as a logical error.
    pub(crate) fn from_engine(text: &str) -> Self {
        let text = text.trim_end();
        match code_of(text) {
            Some(code) => Self {
                code,
                text: text.to_owned(),
            },
            None => Self::new(code::LOGICAL_ERROR, text),
        }
    }

    /// Returns the HTTP status that a ClickHouse server answers this code with.
    ///
    /// **Source**: `exceptionCodeToHTTPStatus` of ClickHouse's HTTP handler.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            // Bad arguments, syntax, values that do not parse.
            6 | 26 | 27 | 36 | 38 | 41 | 43 | 53 | 62 | 69 | 72 | 117 | 167 | 168 | 427 => {
                StatusCode::BAD_REQUEST
            }
            // Unknown table, database, function, identifier, type, format, setting.
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 => StatusCode::NOT_FOUND,
            code::NOT_IMPLEMENTED => StatusCode::NOT_IMPLEMENTED,
            159 => StatusCode::REQUEST_TIMEOUT,
            192 | 193 | 516 => StatusCode::FORBIDDEN,
            code::ABORTED => StatusCode::SERVICE_UNAVAILABLE,
            439 => StatusCode::SERVICE_UNAVAILABLE,
            code::QUERY_IS_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn code_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("Code: ")?;
    digits.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_from_the_engines_text() {
        let exception =
            Exception::from_engine("Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)\n");
        assert_eq!(exception.code, 60);
        assert_eq!(exception.status(), StatusCode::NOT_FOUND);
        assert!(exception.text.ends_with("(UNKNOWN_TABLE)"));
    }

    #[test]
    fn a_text_without_a_code_is_given_one() {
        let exception = Exception::from_engine("Invalid insert stream");
        assert_eq!(exception.code, code::LOGICAL_ERROR);
        assert_eq!(
            exception.text,
            "Code: 49. DB::Exception: Invalid insert stream"
        );
        assert_eq!(exception.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
