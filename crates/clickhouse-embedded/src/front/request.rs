//! Reads what a request asks, from its URL and headers.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};

use super::{decode, encode, multipart};
use crate::exception::{Exception, code};

/// The most codings of one body. Each has its memory, and reads through the one below it: a header
/// has room for so many that the stack would not do.
const MOST_CODINGS: usize = 4;

/// What is asked, as far as URL and headers tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// The `query` parameter; the body goes on with it.
    pub(crate) query: Option<String>,
    pub(crate) database: Option<String>,
    /// The output format for a statement that names none.
    pub(crate) default_format: Option<String>,
    /// Settings, in the order given.
    pub(crate) settings: Vec<(String, String)>,
    /// Query parameters, without `param_`.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) query_id: Option<String>,
    /// The whole result is computed before the first byte of the answer.
    pub(crate) wait_end_of_query: bool,
    /// A `GET` must not change anything.
    pub(crate) read_only: bool,
    /// The body's codings, outermost first.
    pub(crate) body_codings: Vec<decode::Coding>,
    pub(crate) answer_coding: encode::Coding,
    /// The boundary of a `multipart/form-data` body.
    pub(crate) boundary: Option<String>,
}

/// Reads URL and headers; `query` is the URL's query.
pub(crate) fn read(
    method: &Method,
    query: &str,
    headers: &HeaderMap,
) -> Result<Request, Exception> {
    let mut request = Request {
        read_only: method != Method::POST && method != Method::PUT,
        database: header(headers, "x-clickhouse-database"),
        default_format: header(headers, "x-clickhouse-format"),
        query_id: header(headers, "x-clickhouse-query-id"),
        ..Request::default()
    };
    let (mut compress, mut decompress, mut http_compression) = (false, false, false);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "compress" => compress = flag(&name, &value)?,
            "decompress" => decompress = flag(&name, &value)?,
            "enable_http_compression" => http_compression = flag(&name, &value)?,
            _ => request.take(&name, &value)?,
        }
    }
    request.body_codings = body_codings(headers)?;
    if decompress {
        request.body_codings.push(decode::Coding::Blocks);
    }
    request.answer_coding = if compress {
        encode::Coding::Blocks
    } else if http_compression {
        accepted(headers)
    } else {
        encode::Coding::Identity
    };
    request.boundary = header(headers, CONTENT_TYPE.as_str())
        .map(|content_type| multipart::boundary(&content_type))
        .transpose()?
        .flatten();
    Ok(request)
}

impl Request {
    /// Takes one parameter, from the URL or a form.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Result<(), Exception> {
        match name {
            "query" => self.query = Some(value.to_owned()),
            "database" => self.database = Some(value.to_owned()).filter(|name| !name.is_empty()),
            "default_format" => self.default_format = Some(value.to_owned()),
            "query_id" => self.query_id = Some(value.to_owned()).filter(|id| !id.is_empty()),
            "wait_end_of_query" => self.wait_end_of_query = flag(name, value)?,
            "session_id" | "role" if !value.is_empty() => {
                return Err(Exception::new(
                    code::NOT_IMPLEMENTED,
                    format_args!("The embedded engine has no {name}. (NOT_IMPLEMENTED)"),
                ));
            }
            // Credentials are checked elsewhere; the others mean nothing here.
            "user"
            | "password"
            | "quota_key"
            | "stacktrace"
            | "buffer_size"
            | "session_id"
            | "session_timeout"
            | "session_check"
            | "close_session"
            | "role"
            | "client_protocol_version" => {}
            _ => match name.strip_prefix("param_") {
                Some(name) => self.parameters.push((name.to_owned(), value.to_owned())),
                None => self.settings.push((name.to_owned(), value.to_owned())),
            },
        }
        Ok(())
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn flag(name: &str, value: &str) -> Result<bool, Exception> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" | "" => Ok(false),
        _ => Err(Exception::new(
            code::BAD_ARGUMENTS,
            format_args!("{name} is 0 or 1, not {value:?}. (BAD_ARGUMENTS)"),
        )),
    }
}

fn body_codings(headers: &HeaderMap) -> Result<Vec<decode::Coding>, Exception> {
    let Some(codings) = header(headers, CONTENT_ENCODING.as_str()) else {
        return Ok(Vec::new());
    };
    let codings = codings
        .rsplit(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
    if codings.clone().nth(MOST_CODINGS).is_some() {
        return Err(Exception::new(
            code::NOT_IMPLEMENTED,
            format_args!("More than {MOST_CODINGS} Content-Encodings. (NOT_IMPLEMENTED)"),
        ));
    }
    codings
        .map(|coding| match coding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Ok(decode::Coding::Gzip),
            "deflate" => Ok(decode::Coding::Deflate),
            "lz4" => Ok(decode::Coding::Lz4Frame),
            _ => Err(Exception::new(
                code::NOT_IMPLEMENTED,
                format_args!("Unknown Content-Encoding {coding:?}: gzip, deflate and lz4 are known. (NOT_IMPLEMENTED)"),
            )),
        })
        .collect()
}

fn accepted(headers: &HeaderMap) -> encode::Coding {
    let accepted = header(headers, ACCEPT_ENCODING.as_str()).unwrap_or_default();
    let accepts = |wanted: &str| {
        accepted.split(',').any(|coding| {
            let name = coding.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case(wanted)
        })
    };
    if accepts("lz4") {
        encode::Coding::Lz4Frame
    } else if accepts("gzip") {
        encode::Coding::Gzip
    } else {
        encode::Coding::Identity
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read_post(
        query: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Request, Exception> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        read(&Method::POST, query, &headers)
    }

    #[test]
    fn parameters_settings_and_the_rest_are_told_apart() {
        let request = read_post(
            "query=SELECT%201&database=d&param_x=a%09b&max_threads=2&user=u&password=p&wait_end_of_query=1",
            &[("x-clickhouse-format", "CSV")],
        )
        .unwrap();
        assert_eq!(
            request,
            Request {
                query: Some("SELECT 1".to_owned()),
                database: Some("d".to_owned()),
                default_format: Some("CSV".to_owned()),
                settings: vec![("max_threads".to_owned(), "2".to_owned())],
                parameters: vec![("x".to_owned(), "a\tb".to_owned())],
                wait_end_of_query: true,
                ..Request::default()
            }
        );
    }

    #[test]
    fn codings_are_undone_from_the_outside_in() {
        let request = read_post("decompress=1", &[("content-encoding", "lz4, gzip")]).unwrap();
        assert_eq!(
            request.body_codings,
            [
                decode::Coding::Gzip,
                decode::Coding::Lz4Frame,
                decode::Coding::Blocks
            ]
        );
        assert!(read_post("", &[("content-encoding", "br")]).is_err());
    }

    #[test]
    fn a_body_is_not_coded_a_thousand_times() {
        // Each coding holds a window in memory, and reads through the one below it.
        assert!(read_post("decompress=1", &[("content-encoding", "gzip,gzip,gzip")]).is_ok());
        let error = read_post("", &[("content-encoding", "gzip,gzip,gzip,gzip,gzip")]).unwrap_err();
        assert_eq!(error.code, code::NOT_IMPLEMENTED);
    }

    #[test]
    fn answers_are_coded_only_when_asked_twice() {
        let coding = |query, headers: &[_]| read_post(query, headers).unwrap().answer_coding;
        assert_eq!(
            coding("", &[("accept-encoding", "lz4")]),
            encode::Coding::Identity
        );
        let query = "enable_http_compression=1";
        assert_eq!(
            coding(query, &[("accept-encoding", "gzip, lz4;q=1")]),
            encode::Coding::Lz4Frame
        );
        assert_eq!(
            coding(query, &[("accept-encoding", "br")]),
            encode::Coding::Identity
        );
        assert_eq!(coding("compress=1", &[]), encode::Coding::Blocks);
    }

    #[test]
    fn what_is_not_there_is_refused_not_ignored() {
        assert_eq!(
            read_post("session_id=x", &[]).unwrap_err().code,
            code::NOT_IMPLEMENTED
        );
        assert_eq!(
            read_post("compress=maybe", &[]).unwrap_err().code,
            code::BAD_ARGUMENTS
        );
    }

    #[test]
    fn a_get_is_read_only() {
        assert!(read(&Method::GET, "", &HeaderMap::new()).unwrap().read_only);
    }
}
