use std::fmt;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use url::{Host, Url};

use crate::exception::{Exception, code};

/// Who may use a listener.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// Everyone on this machine, but no web page: requests that name another host, or come
    /// from another origin, are refused.
    Open,
    /// Those who give these, by the headers `X-ClickHouse-User` and `X-ClickHouse-Key`, by
    /// basic authentication, or by the query parameters `user` and `password`.
    Credentials {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Credentials { user, .. } => f
                .debug_struct("Credentials")
                .field("user", user)
                .finish_non_exhaustive(),
        }
    }
}

/// Decides whether a request may be served; `query` is the URL's query.
pub(super) fn check(auth: &Auth, headers: &HeaderMap, query: &str) -> Result<(), Exception> {
    match auth {
        Auth::Open => check_local(headers),
        Auth::Credentials { user, password } => {
            let given = given(headers, query);
            let same = given.is_some_and(|(given_user, given_password)| {
                let same_user = same(given_user.as_bytes(), user.as_bytes());
                same(given_password.as_bytes(), password.as_bytes()) & same_user
            });
            if same { Ok(()) } else { Err(refusal()) }
        }
    }
}

fn refusal() -> Exception {
    Exception::new(
        code::AUTHENTICATION_FAILED,
        "Authentication failed: password is incorrect, or there is no user with such name. \
         (AUTHENTICATION_FAILED)",
    )
}

/// Finds the credentials of a request, in the order in which ClickHouse does.
fn given(headers: &HeaderMap, query: &str) -> Option<(String, String)> {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let user = header("x-clickhouse-user");
    let key = header("x-clickhouse-key");
    if user.is_some() || key.is_some() {
        return Some((user.unwrap_or_else(default_user), key.unwrap_or_default()));
    }
    if let Some(basic) = header(AUTHORIZATION.as_str()) {
        let (scheme, encoded) = basic.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(base64(encoded.trim())?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        return Some((user.to_owned(), password.to_owned()));
    }
    let parameter = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    match (parameter("user"), parameter("password")) {
        (None, None) => None,
        (user, password) => Some((
            user.unwrap_or_else(default_user),
            password.unwrap_or_default(),
        )),
    }
}

fn default_user() -> String {
    "default".to_owned()
}

/// Refuses what a web page in a browser on this machine could send to a listener without a
/// password: a foreign `Origin`, a request that the browser calls another site's, or, after its name
/// was bound to this machine, a foreign `Host`.
fn check_local(headers: &HeaderMap) -> Result<(), Exception> {
    let foreign = |name, to_url: fn(&str) -> String| {
        headers.get(name).is_some_and(|value| {
            let url = value.to_str().ok().map(to_url);
            let url = url.and_then(|url| Url::parse(&url).ok());
            !url.is_some_and(|url| is_this_machine(&url))
        })
    };
    // A link, an image or a form of a page sends no `Origin` with a `GET`, and browsers say so.
    let linked = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "none" && site != "same-origin");
    if linked || foreign(HOST, |host| format!("http://{host}")) || foreign(ORIGIN, str::to_owned) {
        return Err(refusal());
    }
    Ok(())
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Compares without telling by its time where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

/// Decodes standard base64, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFF_FFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check_with(auth: &Auth, headers: &[(&'static str, &str)], query: &str) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        check(auth, &headers, query).is_ok()
    }

    #[test]
    fn credentials_come_by_headers_basic_or_parameters() {
        let auth = Auth::Credentials {
            user: "ann".to_owned(),
            password: "open sesame".to_owned(),
        };
        let headers = [
            ("x-clickhouse-user", "ann"),
            ("x-clickhouse-key", "open sesame"),
        ];
        assert!(check_with(&auth, &headers, ""));
        assert!(check_with(&auth, &[], "user=ann&password=open+sesame"));
        let basic = [("authorization", "Basic YW5uOm9wZW4gc2VzYW1l")];
        assert!(check_with(&auth, &basic, ""));
    }

    #[test]
    fn wrong_or_no_credentials_are_refused() {
        let auth = Auth::Credentials {
            user: "ann".to_owned(),
            password: "secret".to_owned(),
        };
        assert!(!check_with(&auth, &[], ""));
        assert!(!check_with(&auth, &[("x-clickhouse-key", "secret")], ""));
        assert!(!check_with(&auth, &[], "user=ann&password=secre"));
        assert!(!check_with(
            &auth,
            &[("authorization", "Bearer secret")],
            ""
        ));
    }

    #[test]
    fn an_open_listener_refuses_web_pages_of_others() {
        assert!(check_with(&Auth::Open, &[], ""));
        assert!(check_with(&Auth::Open, &[("host", "127.0.0.1:8123")], ""));
        assert!(check_with(
            &Auth::Open,
            &[("host", "localhost"), ("origin", "http://[::1]:80")],
            ""
        ));
        assert!(!check_with(
            &Auth::Open,
            &[("host", "rebound.example:8123")],
            ""
        ));
        assert!(!check_with(
            &Auth::Open,
            &[("origin", "https://example.org")],
            ""
        ));
        assert!(!check_with(&Auth::Open, &[("origin", "null")], ""));
    }

    #[test]
    fn an_open_listener_refuses_what_a_page_of_others_only_links_to() {
        let fetched = |site| check_with(&Auth::Open, &[("sec-fetch-site", site)], "");
        // What is typed into the address line, and the pages of this machine.
        assert!(fetched("none") && fetched("same-origin"));
        assert!(!fetched("cross-site") && !fetched("same-site"));
    }

    #[test]
    fn base64_is_decoded_with_and_without_padding() {
        assert_eq!(base64("YTpi").unwrap(), b"a:b");
        assert_eq!(base64("YTo=").unwrap(), b"a:");
        assert_eq!(base64("YQ").unwrap(), b"a");
        assert_eq!(base64("Y*"), None);
    }
}
