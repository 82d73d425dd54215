//! Texts into values. Each function returns the value, or what is wrong with the text as the rest
//! of a sentence that begins with "it"; the setting's declaration says what would be right.

use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use super::secret::Secret;

pub(super) type Parsed<T> = Result<T, String>;

/// The last second that a `DateTime` column holds: `u32::MAX`, in 2106.
const LAST_SECOND: u64 = u32::MAX as u64;

const TOO_LARGE: &str = "it is too large";

pub(super) fn whole_number<T: FromStr + PartialOrd>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("it is not a whole number".to_owned());
        }
        // Digits alone only fail to parse where they are too many for the type.
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(number) if number < *range.start() => Err("it is too small".to_owned()),
            _ => Err(TOO_LARGE.to_owned()),
        }
    }
}

pub(super) fn http_url(text: &str) -> Parsed<Url> {
    let url: Url = text
        .parse()
        .map_err(|error| format!("it is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("its scheme is {}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user or a password, which have settings of their own".to_owned());
    }
    Ok(url)
}

/// Reads the URL of a server, or those of its replicas.
pub(super) fn server_urls(text: &str) -> Parsed<Vec<Url>> {
    let urls = text.split(',').map(|url| server_url(url.trim()));
    let urls = urls.collect::<Parsed<Vec<_>>>()?;
    let others = |url: &Url| (url.scheme() != urls[0].scheme()) || url.path() != urls[0].path();
    match urls.iter().find(|url| others(url)) {
        Some(url) => Err(format!(
            "{url} and {} differ in more than the host",
            urls[0]
        )),
        None => Ok(urls),
    }
}

fn server_url(text: &str) -> Parsed<Url> {
    let url = http_url(text)?;
    match url.query() {
        Some(_) => Err("it holds a query; user, password and database have settings".to_owned()),
        None => Ok(url),
    }
}

/// Reads the name of a database or table: it becomes part of other names, and of file names.
pub(super) fn plain_name(text: &str) -> Parsed<String> {
    const MAX_BYTES: usize = 128;
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if text.len() > MAX_BYTES {
        Err("it is too long".to_owned())
    } else if begins_well && text.chars().all(|c| is_of_identifier(c) || c == '-') {
        Ok(text.to_owned())
    } else {
        Err("it is no plain name".to_owned())
    }
}

fn is_of_identifier(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

pub(super) fn name_and_value(text: &str) -> Parsed<(String, String)> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    if name.is_empty() || !name.chars().all(is_of_identifier) {
        return Err("it has no name before the =".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads a header, whose name is a token of HTTP.
pub(super) fn header(text: &str) -> Parsed<(String, Secret)> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("it has no header name before the =".to_owned());
    }
    Ok((name.to_owned(), Secret::new(header_value(value)?)))
}

pub(super) fn header_value(text: &str) -> Parsed<String> {
    if text.is_empty() {
        Err("it is empty".to_owned())
    } else if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        Ok(text.to_owned())
    } else {
        Err("it has characters that no header can have".to_owned())
    }
}

pub(super) fn name(text: &str) -> Parsed<String> {
    if text.is_empty() {
        Err("it is empty".to_owned())
    } else if text.chars().any(char::is_control) {
        Err("it has control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

pub(super) fn path(text: &str) -> Parsed<String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains('\0') {
        return Err("it has a zero byte".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads a point in time as seconds since 1970.
pub(super) fn time(text: &str) -> Parsed<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return whole_number(0..=LAST_SECOND)(text).map_err(|reason| {
            if reason == TOO_LARGE {
                "it is after 2106: are these milliseconds?".to_owned()
            } else {
                reason
            }
        });
    }
    let timestamp = match text.parse::<Timestamp>() {
        Ok(timestamp) => timestamp,
        Err(error) => text
            .parse::<Date>()
            .ok()
            .filter(|_| text.len() == "2024-01-31".len())
            .and_then(|date| date.to_zoned(TimeZone::UTC).ok())
            .map(|midnight| midnight.timestamp())
            .ok_or_else(|| format!("it is no time: {error}"))?,
    };
    if timestamp.subsec_nanosecond() != 0 {
        return Err("it has a fraction of a second".to_owned());
    }
    u64::try_from(timestamp.as_second())
        .ok()
        .filter(|&second| second <= LAST_SECOND)
        .ok_or_else(|| "it is not within 1970 to 2106".to_owned())
}

/// Reads anything whose error completes a sentence that begins with the text.
pub(super) fn id<T: FromStr<Err = fills::ParseIdError>>(text: &str) -> Parsed<T> {
    text.parse().map_err(|error| format!("it {error}"))
}

pub(super) fn token_id(text: &str) -> Parsed<fills::TokenId> {
    let token: fills::TokenId = id(text)?;
    if token.is_zero() {
        return Err("it stands for USDC and is no outcome token".to_owned());
    }
    Ok(token)
}

pub(super) fn switch(text: &str) -> Parsed<bool> {
    text.parse().map_err(|_| "it is neither".to_owned())
}

pub(super) fn listen_address(text: &str) -> Parsed<std::net::SocketAddr> {
    text.parse()
        .map_err(|_| "it is not an address with a port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_range() {
        let workers = whole_number(1..=1024);
        assert_eq!(workers("1"), Ok(1));
        assert_eq!(workers("1024"), Ok(1024));
        for text in [
            "0",
            "1025",
            "-1",
            "+1",
            "1.5",
            "1e2",
            "",
            " 1",
            "99999999999999999999",
        ] {
            assert!(workers(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_are_rfc_3339_dates_or_seconds() {
        let check = |text, expected| assert_eq!(time(text), Ok(expected), "{text}");
        check("0", 0);
        check("1669060209", 1_669_060_209);
        check("4294967295", 4_294_967_295);
        check("2022-11-21T19:50:09Z", 1_669_060_209);
        check("2022-11-21T20:50:09+01:00", 1_669_060_209);
        check("2022-11-21", 1_668_988_800);
    }

    #[test]
    fn other_times_are_refused() {
        for text in [
            "",
            "yesterday",
            "4294967296",
            "1669060209000",
            "-1",
            "1.5",
            "1969-12-31T23:59:59Z",
            "2106-02-07T06:28:16Z",
            "2022-11-21T19:50:09.5Z",
            "2022-11-21T19:50:09",
            "2022-11-21 garbage",
        ] {
            assert!(time(text).is_err(), "{text:?}: {:?}", time(text));
        }
    }

    #[test]
    fn urls_are_http_and_hold_no_password() {
        assert!(http_url("http://127.0.0.1:8123").is_ok());
        let one = server_urls("https://host.example/path");
        assert_eq!(one.map(|urls| urls.len()), Ok(1));
        let two = server_urls("http://a:8123, http://b:8124");
        assert_eq!(two.map(|urls| urls.len()), Ok(2));
        for text in ["http://a,https://b", "http://a,http://b/path", "http://a,"] {
            assert!(server_urls(text).is_err(), "{text:?}");
        }
        for text in [
            "",
            "host:8123",
            "ftp://host",
            "http://",
            "http://u@h",
            "http://u:p@h",
        ] {
            assert!(http_url(text).is_err(), "{text:?}");
        }
        assert!(server_urls("http://h/?password=p").is_err());
    }

    #[test]
    fn names_cannot_carry_sql() {
        for text in ["t", "_1", "clob_fills_v2", "my-database"] {
            assert_eq!(plain_name(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "1t",
            "-t",
            "a.b",
            "a b",
            "t;DROP",
            "`t`",
            "tä",
            &"t".repeat(129),
        ] {
            assert!(plain_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn headers_cannot_carry_other_headers() {
        let (name, value) = header("X-Key=a=b c").unwrap();
        assert_eq!((name.as_str(), value.expose()), ("X-Key", "a=b c"));
        for text in ["", "=v", "name", "name=", "a b=v", "a:b=v", "n=v\r\nX: y"] {
            assert!(header(text).is_err(), "{text:?}");
        }
    }
}
