use super::token::Tokens;
use super::{Statement, names_file};

/// Judges a text after its `INSERT`.
pub(super) fn judge(text: &[u8], tokens: Tokens<'_>) -> Statement {
    let mut depth = 0_usize;
    // `INSERT INTO [TABLE] [FUNCTION] name`: the next word is a name, whatever it is.
    let mut name_follows = true;
    let mut after_parenthesis = false;
    let mut tokens = tokens.peekable();
    while let Some(token) = tokens.next() {
        let opened = after_parenthesis;
        after_parenthesis = token.is(b"(");
        if token.is(b"(") {
            depth += 1;
        } else if token.is(b")") {
            depth = depth.saturating_sub(1);
        } else if token.is(b".") {
            name_follows = true;
        } else if token.is_name() {
            let is_name = name_follows;
            name_follows &= [&b"INTO"[..], b"TABLE", b"FUNCTION"]
                .iter()
                .any(|word| token.is(word));
            if is_name {
                continue;
            }
            let selects = [&b"SELECT"[..], b"WITH", b"WATCH", b"INFILE", b"EXPLAIN"]
                .iter()
                .any(|word| token.is(word));
            if selects && (depth == 0 || opened) {
                return Statement::Other {
                    select: false,
                    format: None,
                    file: names_file(text),
                };
            }
            if depth == 0 && token.is(b"VALUES") && token.end < text.len() {
                return Statement::Insert {
                    head: token.start,
                    format: "Values".to_owned(),
                    data: token.end,
                };
            }
            if depth == 0
                && token.is(b"FORMAT")
                && let Some(format) = tokens.peek().filter(|next| next.is_name())
                // A name at the very end may go on in what is not here yet.
                && let Some(data) = data_after(text, format.end)
            {
                return Statement::Insert {
                    head: token.start,
                    format: format.text(),
                    data,
                };
            }
        }
    }
    Statement::OpenInsert
}

/// Returns where data begins after a format's name: after blanks and one line end.
///
/// **Source**: `ParserInsertQuery::parseImpl` of ClickHouse.
fn data_after(text: &[u8], mut at: usize) -> Option<usize> {
    if at == text.len() {
        return None;
    }
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\x0c')) {
        at += 1;
    }
    if text.get(at) == Some(&b'\r') {
        at += 1;
    }
    if text.get(at) == Some(&b'\n') {
        at += 1;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::statement::judge;

    fn insert(text: &str) -> Option<(&str, String, &str)> {
        match judge(text.as_bytes()) {
            Statement::Insert { head, format, data } => {
                Some((text[..head].trim_end(), format, &text[data..]))
            }
            _ => None,
        }
    }

    #[test]
    fn an_insert_is_cut_before_its_format() {
        for (text, head, format, data) in [
            (
                "INSERT INTO t FORMAT CSV\n1,2\n",
                "INSERT INTO t",
                "CSV",
                "1,2\n",
            ),
            (
                "insert into t(a, b) format RowBinary\n\n\n",
                "insert into t(a, b)",
                "RowBinary",
                "\n\n",
            ),
            (
                "INSERT INTO t FORMAT TSV \r\nx",
                "INSERT INTO t",
                "TSV",
                "x",
            ),
            (
                "INSERT INTO t VALUES (1), (2)",
                "INSERT INTO t",
                "Values",
                " (1), (2)",
            ),
            (
                "/* FORMAT A */ INSERT INTO t SETTINGS a = 'FORMAT B' -- FORMAT C\n FORMAT D\nx",
                "/* FORMAT A */ INSERT INTO t SETTINGS a = 'FORMAT B' -- FORMAT C",
                "D",
                "x",
            ),
            (
                "INSERT INTO db.format FORMAT CSV\n1",
                "INSERT INTO db.format",
                "CSV",
                "1",
            ),
            (
                "INSERT INTO values VALUES (1)",
                "INSERT INTO values",
                "Values",
                " (1)",
            ),
            (
                "INSERT INTO `a FORMAT b` FORMAT CSV\n1",
                "INSERT INTO `a FORMAT b`",
                "CSV",
                "1",
            ),
            (
                "INSERT INTO TABLE FUNCTION file('x', 'CSV', 'format String') FORMAT CSV\n1",
                "INSERT INTO TABLE FUNCTION file('x', 'CSV', 'format String')",
                "CSV",
                "1",
            ),
        ] {
            assert_eq!(
                insert(text),
                Some((head, format.to_owned(), data)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_insert_from_a_query_has_no_data() {
        for text in [
            "INSERT INTO t SELECT 1",
            "INSERT INTO t (a) WITH 1 AS x SELECT x",
            "INSERT INTO t (SELECT 1)",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        ] {
            assert!(
                matches!(
                    judge(text.as_bytes()),
                    Statement::Other { select: false, .. }
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn an_insert_stays_open_until_its_data_is_found() {
        for text in [
            "INSERT",
            "INSERT INTO t",
            "INSERT INTO t FORMAT",
            "INSERT INTO t FORMAT RowBin",
            "INSERT INTO t VALUES",
            "INSERT INTO t (a",
        ] {
            assert_eq!(judge(text.as_bytes()), Statement::OpenInsert, "{text}");
        }
    }
}
