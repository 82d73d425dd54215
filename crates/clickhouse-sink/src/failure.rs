//! What a failed request means: the one place where errors of `ClickHouse` are classified, for inserts
//! here and for reads elsewhere.
//!
//! Two questions are answered for each failed attempt: what to do about it ([`FailureKind`]), and whether
//! rows of it can be in the table nevertheless ([`Failure::may_have_committed`]).
//!
//! `ClickHouse` commits an insert part by part, one for each partition, once a whole block was
//! read. So a part of a batch may be in the table although the answer is an error, and even more so
//! when there is no answer. *Nothing* was committed only where
//! - no connection was made,
//! - the server turned the query away before it began (202, 252, 745, …),
//! - the body was refused by its size (413) or while it was still being read, which the exception
//!   tells by its code and by not speaking of a view that was being pushed to.

use clickhouse::error::Error as ClientError;
use hyper_util::client::legacy::Error as HttpError;

use crate::exception::{exception_code, of_code};

/// What to do about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// It passes: the same bytes again, later.
    Transient,
    /// It lasts: stop.
    Permanent,
    /// The insert as a whole is more than the server takes: cut it in two.
    TooLarge,
    /// It was more than the memory that one query may use: cut it in two if that is safe.
    TooMuchMemory,
    /// The server cannot read or may not take a row.
    BadRow,
    /// Not known. Worth some attempts, not all the time in the world.
    Unknown,
}

/// The meaning of a failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub kind: FailureKind,
    /// Some rows of an insert may be in the table.
    pub may_have_committed: bool,
    /// `ClickHouse`'s error code, where it answered with one.
    pub code: Option<u32>,
    /// What was said, in one line of at most 600 characters: an answer can quote a whole statement, and what
    /// is wrong stands at its beginning.
    pub message: String,
}

const MESSAGE_CHARS: usize = 600;

impl Failure {
    /// Classifies an error of the client.
    pub fn of(error: &ClientError) -> Self {
        let text = match error {
            ClientError::BadResponse(text) => text.clone(),
            other => with_sources(other),
        };
        let code = match error {
            ClientError::BadResponse(text) => exception_code(text),
            _ => None,
        };
        let (kind, may_have_committed) = match (error, code) {
            (_, Some(code)) => of_code(code, &text),
            (ClientError::BadResponse(text), None) => of_status(text),
            (ClientError::Network(source), None) => {
                let http = source.downcast_ref::<HttpError>();
                (
                    FailureKind::Transient,
                    !http.is_some_and(HttpError::is_connect),
                )
            }
            (
                ClientError::InvalidParams(_)
                | ClientError::Unsupported(_)
                | ClientError::Compression(_)
                | ClientError::SchemaMismatch(_),
                None,
            ) => (FailureKind::Permanent, false),
            (ClientError::TimedOut | ClientError::Decompression(_), None) => {
                (FailureKind::Transient, true)
            }
            (_, None) => (FailureKind::Unknown, true),
        };
        #[cfg(feature = "mutations")]
        let may_have_committed =
            may_have_committed && !mutation::is_on(mutation::Mutation::LostAnswerIsRefusal);
        Self {
            kind,
            may_have_committed,
            code,
            message: one_line(&text),
        }
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(MESSAGE_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn with_sources(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Judges an answer without an exception: from something between here and the server. The client
/// gives the status only where the body was empty, so that pages of proxies are read as well.
fn of_status(text: &str) -> (FailureKind, bool) {
    let head: String = text
        .chars()
        .take(400)
        .collect::<String>()
        .to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| head.contains(word));
    if says(&[
        "413 payload",
        "413 request entity",
        "413 content",
        "entity too large",
    ]) {
        (FailureKind::TooLarge, false)
    } else if says(&["429 too many requests"]) {
        (FailureKind::Transient, false)
    } else if says(&[
        "401 unauthorized",
        "403 forbidden",
        "404 not found",
        "is for clickhouse-client program",
    ]) {
        (FailureKind::Permanent, false)
    } else if says(&["400 bad request", "405 method", "501 not implemented"]) {
        (FailureKind::Unknown, true)
    } else {
        // 500, 502, 503, 504 and pages in no known words: the server may have got it all.
        (FailureKind::Transient, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: FailureKind, may_have_committed: bool) {
        let failure = Failure::of(&ClientError::BadResponse(text.to_owned()));
        assert_eq!(
            (failure.kind, failure.may_have_committed),
            (kind, may_have_committed),
            "{text}"
        );
    }

    #[test]
    fn answers_of_proxies_are_known_by_their_words() {
        check("503 Service Unavailable", FailureKind::Transient, true);
        check(
            "<html><title>413 Request Entity Too Large</title>",
            FailureKind::TooLarge,
            false,
        );
        check("429 Too Many Requests", FailureKind::Transient, false);
        check(
            "<html>upstream is sleeping</html>",
            FailureKind::Transient,
            true,
        );
        check("401 Unauthorized", FailureKind::Permanent, false);
    }

    #[test]
    fn no_answer_may_hide_a_commit() {
        let failure = Failure::of(&ClientError::TimedOut);
        assert_eq!(
            (failure.kind, failure.may_have_committed),
            (FailureKind::Transient, true)
        );
        let reset = ClientError::Network("connection reset".into());
        let failure = Failure::of(&reset);
        assert_eq!(
            (failure.kind, failure.may_have_committed),
            (FailureKind::Transient, true)
        );
    }

    #[tokio::test]
    async fn nothing_is_committed_without_a_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let client = clickhouse::Client::default().with_url(url);
        let error = client.query("SELECT 1").execute().await.unwrap_err();
        let failure = Failure::of(&error);
        assert_eq!(
            (failure.kind, failure.may_have_committed),
            (FailureKind::Transient, false)
        );
    }

    #[test]
    fn messages_are_cut_and_codes_kept() {
        let long = format!("Code: 117. DB::Exception: {}\n\n", "né ".repeat(1_000_000));
        let failure = Failure::of(&ClientError::BadResponse(long));
        assert_eq!(failure.code, Some(117));
        assert_eq!(failure.message.chars().count(), MESSAGE_CHARS + 1);
        assert!(failure.message.ends_with('…'));
    }
}
