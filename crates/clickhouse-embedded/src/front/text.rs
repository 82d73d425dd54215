//! Reads a request's text from its URL and body.

use super::decode::Body;
use super::multipart;
use super::statement::{self, Statement};
use crate::exception::{Exception, code};

/// How much of a body is read before it is judged.
const JUDGED_BYTES: usize = 64 << 10;
/// The longest statement, and the longest form. The engine has its own, smaller `max_query_size`.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Reads a whole body as a form: its fields.
pub(super) fn read_form(
    boundary: &str,
    body: &mut Body,
) -> Result<Vec<(String, String)>, Exception> {
    let mut form = Vec::new();
    while let Some(piece) = body.piece()? {
        extend(&mut form, &piece)?;
    }
    multipart::fields(&form, boundary)
}

/// Reads the statement: the `query` parameter, a line end, and the body, as ClickHouse does; of
/// an insert's data only the beginning.
pub(super) fn read_statement(
    query: Option<&str>,
    body: &mut Body,
) -> Result<(Vec<u8>, Statement), Exception> {
    let mut text = Vec::new();
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        text.extend_from_slice(query.as_bytes());
        text.push(b'\n');
        let statement = statement::judge(&text);
        if matches!(statement, Statement::Insert { .. }) {
            return Ok((text, statement));
        }
    }
    let mut judge_at = JUDGED_BYTES;
    while let Some(piece) = body.piece()? {
        extend(&mut text, &piece)?;
        if text.len() < judge_at {
            continue;
        }
        match statement::judge(&text) {
            statement @ Statement::Insert { .. } => return Ok((text, statement)),
            Statement::OpenInsert => judge_at = text.len() * 2,
            // It is all statement.
            Statement::Other { .. } => judge_at = usize::MAX,
        }
    }
    let mut statement = statement::judge(&text);
    if statement == Statement::OpenInsert {
        // Whatever stands at the end is complete now.
        text.push(b'\n');
        statement = statement::judge(&text);
    }
    Ok((text, statement))
}

fn extend(text: &mut Vec<u8>, piece: &[u8]) -> Result<(), Exception> {
    if text.len() + piece.len() > MAX_TEXT_BYTES {
        return Err(Exception::new(
            code::QUERY_IS_TOO_LARGE,
            format_args!(
                "The statement is longer than {MAX_TEXT_BYTES} bytes. (QUERY_IS_TOO_LARGE)"
            ),
        ));
    }
    text.extend_from_slice(piece);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::watch;

    use super::*;
    use crate::front::upload;

    fn read(query: Option<&str>, body: &[u8]) -> (String, Statement) {
        let (_closing, watch) = watch::channel(false);
        let (sender, upload) = upload::channel(watch);
        let body = Bytes::copy_from_slice(body);
        futures::executor::block_on(async {
            sender.data(body).await;
            sender.end().await;
        });
        let (text, statement) = read_statement(query, &mut Body::new(upload, &[])).unwrap();
        (String::from_utf8(text).unwrap(), statement)
    }

    #[test]
    fn the_body_goes_on_with_the_query_parameter() {
        assert_eq!(read(Some("SELECT"), b"1").0, "SELECT\n1");
        assert_eq!(read(None, b"SELECT 1").0, "SELECT 1");
    }

    #[test]
    fn data_after_a_complete_insert_is_left_in_the_body() {
        let (text, statement) = read(Some("INSERT INTO t FORMAT CSV"), b"\n1\n");
        assert_eq!(text, "INSERT INTO t FORMAT CSV\n");
        assert!(matches!(statement, Statement::Insert { data, .. } if data == text.len()));
    }

    #[test]
    fn an_insert_can_be_split_anywhere() {
        let (text, statement) = read(Some("INSERT INTO t"), b"FORMAT CSV");
        let Statement::Insert { head, format, data } = statement else {
            panic!("{statement:?}");
        };
        assert_eq!(
            (&text[..head], format.as_str(), &text[data..]),
            ("INSERT INTO t\n", "CSV", "")
        );
        assert_eq!(read(None, b"INSERT INTO t").1, Statement::OpenInsert);
    }
}
