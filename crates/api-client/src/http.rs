//! The transport over the network: bytes out, bytes in, all bounds kept.

use std::error::Error as _;
use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use flate2::write::MultiGzDecoder;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName,
    RETRY_AFTER,
};
use tokio::time::{Instant, timeout};
use tracing::trace_span;

use crate::config::Config;
use crate::connect::TimedConnect;
use crate::error::Error;
use crate::room::Rooms;
use crate::text;
use crate::transport::{Answer, Request, Transport, TransportError};

/// Maximum bytes that are read of an answer without success: what it says, and no page of a gateway.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// A [`Transport`] over HTTP, with the bounds of its configuration.
pub struct Http {
    client: reqwest::Client,
    max_answer_bytes: usize,
    request_timeout: Duration,
    rooms: Rooms,
}

impl Http {
    /// Sets up HTTP and TLS.
    ///
    /// # Errors
    /// [`Error::Setup`] if this machine has neither certificates nor TLS that will do.
    pub fn new(config: &Config) -> Result<Self, Error> {
        // Only the first installation in a process counts; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder(config)
            .build()
            .or_else(|error| {
                tracing::debug!(%error, "no system certificates, using Mozilla's");
                builder(config)
                    .tls_backend_preconfigured(mozilla_certificates())
                    .build()
            })
            .map_err(Error::Setup)?;
        Ok(Self {
            client,
            max_answer_bytes: config.max_answer_bytes,
            request_timeout: config.request_timeout,
            rooms: Rooms::new(config.max_bytes_at_once),
        })
    }

    fn late(&self) -> TransportError {
        TransportError::TimedOut(format!(
            "timed out: no whole answer within {:?}",
            self.request_timeout
        ))
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Vec<u8>, TransportError> {
        let announced = response.content_length().unwrap_or(0);
        let capacity = usize::try_from(announced).unwrap_or(usize::MAX);
        let is_gzip = response
            .headers()
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding.as_bytes() == b"gzip");
        let mut body = Body::new(is_gzip, capacity.min(max_bytes));
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            body.write(&chunk)?;
            if body.len() > max_bytes {
                return Err(TransportError::TooLarge(format!(
                    "the answer is larger than {max_bytes} bytes"
                )));
            }
        }
        body.finish()
    }
}

/// A body on its way, unpacked as it comes.
///
/// reqwest would stop behind the first of several gzip members, and nothing would say that there was more.
enum Body {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Body {
    fn new(is_gzip: bool, capacity: usize) -> Self {
        let body = Vec::with_capacity(capacity);
        match is_gzip {
            true => Self::Gzip(Box::new(MultiGzDecoder::new(body))),
            false => Self::Plain(body),
        }
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), TransportError> {
        match self {
            Self::Plain(body) => body.extend_from_slice(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk).map_err(not_gzip)?,
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            Self::Plain(body) => body.len(),
            Self::Gzip(decoder) => decoder.get_ref().len(),
        }
    }

    fn finish(self) -> Result<Vec<u8>, TransportError> {
        match self {
            Self::Plain(body) => Ok(body),
            Self::Gzip(decoder) => decoder.finish().map_err(not_gzip),
        }
    }
}

fn not_gzip(error: std::io::Error) -> TransportError {
    TransportError::Broken(format!("the answer is no whole gzip: {error}"))
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: &Request) -> Result<Answer, TransportError> {
        let pages = match request {
            Request::Post { pages, .. } => *pages,
            Request::Get { .. } => 1,
        };
        let request = match request {
            // The body is whole, so its length is sent along: graph-node refuses chunks.
            Request::Post { url, json, .. } => self
                .client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/json")
                .body(json.clone()),
            Request::Get { url } => self.client.get(url.clone()),
        };
        let begin = Instant::now();
        let step = trace_span!(target: "step", "first_byte");
        let response = request
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "gzip")
            .send();
        let response = timeout(self.request_timeout, response).await;
        drop(step);
        let response = response.map_err(|_| self.late())?.map_err(broken)?;
        let left = self.request_timeout.saturating_sub(begin.elapsed());
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
            ..Answer::default()
        };
        if !response.status().is_success() {
            // What a refusal says is worth reading, and not worth waiting or failing for.
            let body = timeout(left, self.body(response, MAX_REFUSAL_BYTES)).await;
            answer.body = body.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
            return Ok(answer);
        }
        // Until there is room for it, a body is the network's.
        let begin = Instant::now();
        let step = trace_span!(target: "step", "room_wait");
        answer.room = Some(self.rooms.enter(pages).await);
        answer.room_wait = begin.elapsed();
        drop(step);
        let step = trace_span!(target: "step", "body");
        let body = timeout(left, self.body(response, self.max_answer_bytes)).await;
        drop(step);
        answer.body = body.map_err(|_| self.late())??;
        Ok(answer)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

fn builder(config: &Config) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("clob-backfill/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        // A redirected POST becomes a GET, and another host must not get our headers.
        .redirect(reqwest::redirect::Policy::none())
        .connector_layer(TimedConnect)
        .pool_max_idle_per_host(config.max_connections)
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.idle_timeout);
    if config.endpoint.is_loopback() {
        builder.no_proxy()
    } else {
        builder
    }
}

/// Slim containers have no certificates of their own.
fn mozilla_certificates() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Everything that keeps an answer from arriving whole may pass: no connection, a reset, silence,
/// a body cut off, gzip that does not unpack.
fn broken(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let (is_late, is_apart) = (error.is_timeout(), error.is_connect());
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    let words = text::one_line(&words);
    match (is_apart, is_late) {
        (true, _) => TransportError::NotConnected(words),
        (false, true) => TransportError::TimedOut(words),
        (false, false) => TransportError::Broken(words),
    }
}

/// Reads `Retry-After`, in seconds or as a date.
///
/// A date is measured against the answer's own `Date`, and without one it says nothing: this
/// machine's clock may be wrong or jump.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    if let Ok(seconds) = value(headers, &RETRY_AFTER)?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(headers, &RETRY_AFTER)?.duration_since(date(headers, &DATE)?);
    wait.try_into().ok()
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(value(headers, name)?).ok()?;
    Some(date.timestamp())
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a `Retry-After` of an answer with this `Date`.
    fn read(value: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let read = |value| read(value, Some("Wed, 21 Oct 2015 07:27:00 GMT"));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(
            read("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(read("Wed, 21 Oct 2015 07:26:00 GMT"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn a_date_is_never_measured_by_the_clock_of_this_machine() {
        // As seen by any clock of today, both are far off.
        let check = |value, date| assert_eq!(read(value, Some(date)), Some(Duration::from_secs(5)));
        check(
            "Thu, 01 Jan 1970 00:00:05 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        );
        check(
            "Wed, 01 Jan 2223 00:00:05 GMT",
            "Wed, 01 Jan 2223 00:00:00 GMT",
        );
        assert_eq!(read("Wed, 01 Jan 2223 00:00:05 GMT", None), None);
    }
}
