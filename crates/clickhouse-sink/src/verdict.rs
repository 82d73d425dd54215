//! What an answer means: the one place where errors are classified.
//!
//! Two questions are answered for each failed attempt: what to do about it ([`Kind`]), and whether
//! rows of it can be in the table nevertheless ([`Verdict::may_have_committed`]).
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
pub(crate) enum Kind {
    /// It passes: the same bytes again, later.
    Passing,
    /// It lasts: stop.
    Final,
    /// The insert as a whole is more than the server takes: cut it in two.
    TooLarge,
    /// It was more than the memory that one query may use: cut it in two if that is safe.
    TooMuchMemory,
    /// The server cannot read or may not take a row.
    BadRow,
    /// Not known. Worth some attempts, not all the time in the world.
    Unknown,
}

/// The meaning of a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    /// Some rows of the attempt may be in the table.
    pub(crate) may_have_committed: bool,
    pub(crate) code: Option<u32>,
    pub(crate) message: String,
}

/// Longest message that is kept of an answer, in characters.
const MESSAGE_CHARS: usize = 600;

impl Verdict {
    pub(crate) fn of(error: &ClientError) -> Self {
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
                (Kind::Passing, !http.is_some_and(HttpError::is_connect))
            }
            (
                ClientError::InvalidParams(_)
                | ClientError::Unsupported(_)
                | ClientError::Compression(_)
                | ClientError::SchemaMismatch(_),
                None,
            ) => (Kind::Final, false),
            (ClientError::TimedOut | ClientError::Decompression(_), None) => (Kind::Passing, true),
            (_, None) => (Kind::Unknown, true),
        };
        #[cfg(feature = "mutations")]
        let may_have_committed =
            may_have_committed && !mutation::is_on(mutation::Mutation::LostAnswerIsRefusal);
        Self {
            kind,
            may_have_committed,
            code,
            message: text.chars().take(MESSAGE_CHARS).collect(),
        }
    }
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
fn of_status(text: &str) -> (Kind, bool) {
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
        (Kind::TooLarge, false)
    } else if says(&["429 too many requests"]) {
        (Kind::Passing, false)
    } else if says(&["401 unauthorized", "403 forbidden", "404 not found"]) {
        (Kind::Final, false)
    } else {
        // 500, 502, 503, 504 and pages in no known words: the server may have got it all.
        (Kind::Passing, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: Kind, may_have_committed: bool) {
        let verdict = Verdict::of(&ClientError::BadResponse(text.to_owned()));
        assert_eq!(
            (verdict.kind, verdict.may_have_committed),
            (kind, may_have_committed),
            "{text}"
        );
    }

    #[test]
    fn answers_of_proxies_are_known_by_their_words() {
        check("503 Service Unavailable", Kind::Passing, true);
        check(
            "<html><title>413 Request Entity Too Large</title>",
            Kind::TooLarge,
            false,
        );
        check("429 Too Many Requests", Kind::Passing, false);
        check("<html>upstream is sleeping</html>", Kind::Passing, true);
        check("401 Unauthorized", Kind::Final, false);
    }

    #[test]
    fn no_answer_may_hide_a_commit() {
        let verdict = Verdict::of(&ClientError::TimedOut);
        assert_eq!(
            (verdict.kind, verdict.may_have_committed),
            (Kind::Passing, true)
        );
        let reset = ClientError::Network("connection reset".into());
        let verdict = Verdict::of(&reset);
        assert_eq!(
            (verdict.kind, verdict.may_have_committed),
            (Kind::Passing, true)
        );
    }

    #[tokio::test]
    async fn nothing_is_committed_without_a_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let client = clickhouse::Client::default().with_url(url);
        let error = client.query("SELECT 1").execute().await.unwrap_err();
        let verdict = Verdict::of(&error);
        assert_eq!(
            (verdict.kind, verdict.may_have_committed),
            (Kind::Passing, false)
        );
    }

    #[test]
    fn messages_are_cut_and_codes_kept() {
        let long = format!("Code: 117. DB::Exception: {}", "é".repeat(5000));
        let verdict = Verdict::of(&ClientError::BadResponse(long));
        assert_eq!(verdict.code, Some(117));
        assert_eq!(verdict.message.chars().count(), MESSAGE_CHARS);
    }
}
