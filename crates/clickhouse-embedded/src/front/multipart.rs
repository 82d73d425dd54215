//! Reads `multipart/form-data`, which carries query parameters beside the statement.

use crate::exception::{Exception, code};

/// The longest boundary.
///
/// **Source**: RFC 2046, section 5.1.1.
const MOST_BOUNDARY_BYTES: usize = 70;

/// Returns the boundary if a `Content-Type` is `multipart/form-data`.
pub(crate) fn boundary(content_type: &str) -> Result<Option<String>, Exception> {
    let mut parts = content_type.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim_matches('"').to_owned())
        .filter(|boundary| (1..=MOST_BOUNDARY_BYTES).contains(&boundary.len()))
        .map(Some)
        .ok_or_else(|| malformed("there is no boundary, or it is too long"))
}

/// Returns the fields of a whole body, in order, as names and values.
///
/// **Errors**: a body that is cut short or not of this form, a field that is not UTF-8, and
/// files, by which ClickHouse takes temporary tables.
pub(crate) fn fields(body: &[u8], boundary: &str) -> Result<Vec<(String, String)>, Exception> {
    let delimiter = format!("--{boundary}");
    let inner = format!("\r\n{delimiter}");
    let mut rest = match find(body, delimiter.as_bytes()) {
        Some(0) => &body[delimiter.len()..],
        Some(at) if body[..at].ends_with(b"\r\n") => &body[at + delimiter.len()..],
        _ => return Err(malformed("the first boundary is missing")),
    };
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        rest = rest
            .strip_prefix(b"\r\n")
            .ok_or_else(|| malformed("a boundary is not a line"))?;
        let end = find(rest, inner.as_bytes()).ok_or_else(|| malformed("it is cut short"))?;
        fields.push(field(&rest[..end])?);
        rest = &rest[end + inner.len()..];
    }
}

fn field(part: &[u8]) -> Result<(String, String), Exception> {
    let head = find(part, b"\r\n\r\n").ok_or_else(|| malformed("a field has no end of headers"))?;
    let headers = utf8(&part[..head])?;
    let disposition = headers
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(|| malformed("a field has no name"))?;
    let parameter = |wanted: &str| {
        disposition
            .split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().trim_matches('"').to_owned())
    };
    if parameter("filename").is_some() {
        return Err(Exception::new(
            code::NOT_IMPLEMENTED,
            "The embedded engine takes no external tables. (NOT_IMPLEMENTED)",
        ));
    }
    let name = parameter("name").ok_or_else(|| malformed("a field has no name"))?;
    Ok((name, utf8(&part[head + 4..])?.to_owned()))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

fn utf8(bytes: &[u8]) -> Result<&str, Exception> {
    std::str::from_utf8(bytes).map_err(|_| malformed("a field is not UTF-8"))
}

fn malformed(why: &str) -> Exception {
    Exception::new(
        code::BAD_ARGUMENTS,
        format_args!("Cannot read the form: {why}. (BAD_ARGUMENTS)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_read_from_the_content_type() {
        let read = |content_type| boundary(content_type).unwrap();
        assert_eq!(
            read("multipart/form-data; boundary=x-1").as_deref(),
            Some("x-1")
        );
        assert_eq!(
            read("Multipart/Form-Data; charset=a; Boundary=\"x y\"").as_deref(),
            Some("x y")
        );
        assert_eq!(read("text/plain"), None);
        let long = |len| format!("multipart/form-data; boundary={}", "b".repeat(len));
        assert!(boundary(&long(70)).is_ok());
        assert!(boundary(&long(71)).is_err());
        assert!(boundary("multipart/form-data").is_err());
    }

    #[test]
    fn fields_keep_their_bytes() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {x:String}\r\n\
            --b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"param_x\"\r\n\r\n\
            a\r\n\r\nb --b\n\r\n--b--\r\n";
        assert_eq!(
            fields(body, "b").unwrap(),
            [
                ("query".to_owned(), "SELECT {x:String}".to_owned()),
                ("param_x".to_owned(), "a\r\n\r\nb --b\n".to_owned()),
            ]
        );
    }

    #[test]
    fn a_form_without_fields_is_empty() {
        assert_eq!(fields(b"--b--\r\n", "b").unwrap(), []);
    }

    #[test]
    fn cut_or_broken_forms_are_refused() {
        for body in [
            &b""[..],
            b"x",
            b"--b",
            b"--b\r\n",
            b"--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nSELECT 1",
            b"--b\r\n\r\nSELECT 1\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n\xff\r\n--b--",
        ] {
            assert!(fields(body, "b").is_err(), "{body:?}");
        }
    }

    #[test]
    fn external_tables_are_refused() {
        let body =
            b"--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--b--";
        assert_eq!(fields(body, "b").unwrap_err().code, code::NOT_IMPLEMENTED);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_as_a_form_is_read(
            given in proptest::collection::vec(("[a-z_]{1,8}", "[^\\-]*"), 0..5),
        ) {
            let mut body = String::new();
            for (name, value) in &given {
                body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            }
            body += "--b--\r\n";
            proptest::prop_assert_eq!(fields(body.as_bytes(), "b").unwrap(), given);
        }

        #[test]
        fn any_bytes_are_fields_or_an_error(body in proptest::collection::vec(proptest::num::u8::ANY, 0..128)) {
            let body = [b"--b\r\n", &body[..]].concat();
            drop(fields(&body, "b"));
        }
    }
}
