//! How a request went: the answer's head and body.

use std::hash::{BuildHasher, Hasher, RandomState};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::download::Download;
use super::encode;
use super::format::content_type;
use crate::exception::{Exception, code};
use crate::library::Counts;

/// What every answer to one request says.
#[derive(Debug, Clone)]
pub(super) struct Replier {
    pub(super) query_id: String,
    pub(super) timezone: String,
    pub(super) coding: encode::Coding,
    /// Marks an error that comes after the first byte.
    pub(super) tag: String,
}

impl Replier {
    pub(super) fn new(query_id: Option<&str>, timezone: &str, coding: encode::Coding) -> Self {
        Self {
            query_id: query_id.map_or_else(new_query_id, str::to_owned),
            timezone: timezone.to_owned(),
            coding,
            tag: new_tag(),
        }
    }

    /// Answers with a statement's result.
    pub(super) fn result(
        &self,
        format: &str,
        counts: Counts,
        body: Download,
    ) -> Response<Download> {
        let mut response = self.response(StatusCode::OK, body);
        set(&mut response, CONTENT_TYPE, content_type(format));
        set(&mut response, name("x-clickhouse-format"), format);
        set(&mut response, name("x-clickhouse-timezone"), &self.timezone);
        set(
            &mut response,
            name("x-clickhouse-summary"),
            &summary(counts),
        );
        set(&mut response, name("x-clickhouse-exception-tag"), &self.tag);
        if let Some(coding) = self.coding.header() {
            set(&mut response, CONTENT_ENCODING, coding);
        }
        response
    }

    /// Answers with an error instead of a result.
    pub(super) fn error(&self, exception: &Exception) -> Response<Download> {
        let text = Bytes::from(format!("{}\n", exception.text));
        let mut response = self.response(exception.status(), Download::full(text));
        set(&mut response, CONTENT_TYPE, "text/plain; charset=UTF-8");
        set(
            &mut response,
            name("x-clickhouse-exception-code"),
            &exception.code.to_string(),
        );
        if exception.code == code::AUTHENTICATION_FAILED {
            set(
                &mut response,
                WWW_AUTHENTICATE,
                "Basic realm=\"ClickHouse\"",
            );
        }
        response
    }

    /// Frames an error that comes after the first byte, as servers do since 25.11.
    ///
    /// **Source**: `WriteBufferFromHTTPServerResponse::cancelWithException` of ClickHouse.
    pub(super) fn late_error(&self, exception: &Exception) -> String {
        let message = format!("{}\n", exception.text);
        let (tag, len) = (&self.tag, message.len());
        format!("\r\n__exception__\r\n{tag}\r\n{message}{len} {tag}\r\n__exception__\r\n")
    }

    fn response(&self, status: StatusCode, body: Download) -> Response<Download> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        set(&mut response, name("x-clickhouse-query-id"), &self.query_id);
        set(
            &mut response,
            name("x-clickhouse-server-display-name"),
            "clickhouse-embedded",
        );
        response
    }
}

/// Answers with a plain text, such as `Ok.`.
pub(super) fn text(status: StatusCode, text: &'static str) -> Response<Download> {
    let mut response = Response::new(Download::full(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "text/html; charset=UTF-8");
    response
}

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

/// Sets a header, unless its value cannot be one, as a query id from outside may be.
fn set(response: &mut Response<Download>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn summary(counts: Counts) -> String {
    // Every value is a string, as ClickHouse writes them.
    serde_json::json!({
        "read_rows": counts.read_rows.to_string(),
        "read_bytes": counts.read_bytes.to_string(),
        "written_rows": counts.written_rows.to_string(),
        "written_bytes": counts.written_bytes.to_string(),
        "result_rows": counts.result_rows.to_string(),
        "result_bytes": counts.result_bytes.to_string(),
    })
    .to_string()
}

/// Returns bits that differ from call to call; no secret depends on them.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn new_query_id() -> String {
    let (a, b) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xFFFF,
        a & 0xFFF,
        (b >> 48) & 0x3FFF | 0x8000,
        b & 0xFFFF_FFFF_FFFF
    )
}

fn new_tag() -> String {
    let (mut bits, mut tag) = (random(), String::with_capacity(16));
    for _ in 0..16 {
        tag.push(char::from(b'a' + (bits % 26) as u8));
        // Sixteen letters need more than the 64 bits; the tag is no secret.
        bits = (bits / 26) ^ bits.rotate_left(29);
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_error_names_its_tag_twice_and_its_length() {
        let mut replier = Replier::new(Some("id"), "UTC", encode::Coding::Identity);
        replier.tag = "abcdefghijklmnop".to_owned();
        let exception = Exception::new(159, "Timeout");
        assert_eq!(
            replier.late_error(&exception),
            "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 159. DB::Exception: Timeout\n\
             34 abcdefghijklmnop\r\n__exception__\r\n"
        );
    }

    #[test]
    fn ids_and_tags_have_their_shape() {
        let id = new_query_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert_ne!(id, new_query_id());
        let tag = new_tag();
        assert_eq!(tag.len(), 16);
        assert!(tag.bytes().all(|byte| byte.is_ascii_lowercase()));
    }

    #[test]
    fn a_query_id_that_is_no_header_is_left_out() {
        let replier = Replier::new(Some("a\nb"), "UTC", encode::Coding::Identity);
        let response = replier.error(&Exception::new(1, "x"));
        assert!(!response.headers().contains_key("x-clickhouse-query-id"));
    }
}
