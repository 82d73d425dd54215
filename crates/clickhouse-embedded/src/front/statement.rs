//! Finds out, without a whole parser, what a request's text is: where an `INSERT` ends and its
//! data begins, and which output format a statement names.
//!
//! The engine's own entry for texts cuts insert data at the first blank line and runs the rest
//! as SQL, so data must never reach it as text. What is misjudged here is refused by the
//! engine's parser: an insert's head goes to an entry that takes nothing but inserts.

mod insert;
mod token;

use token::{Token, Tokens};

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// An insert of data that follows.
    Insert {
        /// Length of the statement without `FORMAT` and data.
        head: usize,
        /// The input format.
        format: String,
        /// Where the data begins; the text's length if it has none.
        data: usize,
    },
    /// An insert that has shown neither data nor a `SELECT` yet.
    OpenInsert,
    /// Any other statement, or several.
    Other {
        /// Starts like a `SELECT`, whose result can be streamed.
        select: bool,
        /// The output format that it names.
        format: Option<String>,
        /// Reads or writes a file beside the client, which there is none of.
        file: bool,
    },
}

/// Judges a text, which may go on beyond what is given.
pub(crate) fn judge(text: &[u8]) -> Statement {
    let mut tokens = Tokens::new(text);
    match tokens.next() {
        Some(first) if first.is(b"INSERT") => insert::judge(text, tokens),
        Some(first) => Statement::Other {
            select: ["SELECT", "WITH", "FROM", "("]
                .iter()
                .any(|start| first.is(start.as_bytes())),
            format: output_format(text),
            file: names_file(text),
        },
        None => Statement::Other {
            select: false,
            format: None,
            file: false,
        },
    }
}

/// Is it a single literal or quoted identifier?
#[cfg(any(test, fuzzing))]
pub(super) fn is_one_quoted_piece(text: &[u8]) -> bool {
    let mut tokens = Tokens::new(text);
    let first = tokens
        .next()
        .map(|token| token.is_quoted() && token.end == text.len());
    first == Some(true) && tokens.next().is_none()
}

/// Is there an `INTO OUTFILE` or a `FROM INFILE`?
fn names_file(text: &[u8]) -> bool {
    Tokens::new(text)
        .zip(Tokens::new(text).skip(1))
        .any(|(a, b)| (a.is(b"INTO") && b.is(b"OUTFILE")) || (a.is(b"FROM") && b.is(b"INFILE")))
}

/// Returns the name after the last `FORMAT` that can be the clause of that name.
fn output_format(text: &[u8]) -> Option<String> {
    let mut tokens = Tokens::new(text);
    let mut depth = 0_usize;
    let mut found = None;
    let mut after_dot = false;
    while let Some(token) = tokens.next() {
        if token.is(b"(") {
            depth += 1;
        } else if token.is(b")") {
            depth = depth.saturating_sub(1);
        }
        let of_a_name = std::mem::replace(&mut after_dot, token.is(b"."));
        if depth > 0 || of_a_name || !token.is(b"FORMAT") {
            continue;
        }
        let mut ahead = tokens.clone();
        let name = ahead.next().filter(Token::is_name);
        let ends = ahead
            .next()
            .is_none_or(|next| next.is(b";") || next.is(b"SETTINGS"));
        if let Some(name) = name.filter(|_| ends) {
            found = Some(name.text());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_format_is_the_clause_not_a_column() {
        let format = |text: &str| match judge(text.as_bytes()) {
            Statement::Other { format, .. } => format,
            other => panic!("{other:?}"),
        };
        assert_eq!(format("SELECT 1 FORMAT JSON").as_deref(), Some("JSON"));
        assert_eq!(format("SELECT 1 FORMAT JSON;").as_deref(), Some("JSON"));
        assert_eq!(
            format("SELECT 1 format CSV SETTINGS a=1").as_deref(),
            Some("CSV")
        );
        assert_eq!(format("SELECT format AS x FROM t"), None);
        assert_eq!(format("SELECT 1 AS format"), None);
        assert_eq!(format("SELECT 'x FORMAT CSV'"), None);
        assert_eq!(format("SELECT (SELECT 1 FORMAT CSV)"), None);
        assert_eq!(format("SELECT $$ FORMAT CSV$$"), None);
    }

    #[test]
    fn files_beside_the_client_are_noticed() {
        let file =
            |text: &str| matches!(judge(text.as_bytes()), Statement::Other { file: true, .. });
        assert!(file("SELECT 1 INTO /* */ OUTFILE 'x'"));
        assert!(file("INSERT INTO t FROM INFILE 'x' FORMAT CSV"));
        assert!(!file("SELECT 'INTO OUTFILE'"));
    }

    #[test]
    fn only_selects_are_streamed() {
        let select = |text: &str| {
            matches!(
                judge(text.as_bytes()),
                Statement::Other { select: true, .. }
            )
        };
        assert!(select(" -- x\n /* y */ select 1"));
        assert!(select("WITH 1 AS x SELECT x"));
        assert!(select("(SELECT 1)"));
        assert!(!select("DESCRIBE TABLE t"));
        assert!(!select(""));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_judged_and_data_is_inside_them(
            start in "(INSERT INTO t |SELECT 1 |)(FORMAT CSV|VALUES|)",
            rest in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            let text = [start.as_bytes(), &rest].concat();
            if let Statement::Insert { head, data, .. } = judge(&text) {
                proptest::prop_assert!(head < data && data <= text.len());
            }
        }
    }
}
