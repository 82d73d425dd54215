use crate::exception::{Exception, code};
use crate::library::Connection;

/// Sets settings on a connection. The engine refuses unknown names and wrong values.
pub(crate) fn apply_settings(
    connection: &mut Connection,
    settings: &[(String, String)],
) -> Result<(), Exception> {
    for (name, _) in settings {
        if !is_setting_name(name) {
            return Err(Exception::new(
                code::UNKNOWN_SETTING,
                format_args!("Unknown setting {}. (UNKNOWN_SETTING)", quoted(name)),
            ));
        }
    }
    set(connection, "", settings)
}

/// Binds query parameters, `{name:Type}` in a statement, for all later statements.
pub(super) fn apply_parameters(
    connection: &mut Connection,
    parameters: &[(String, String)],
) -> Result<(), Exception> {
    for (name, _) in parameters {
        if !is_setting_name(name) || name.contains('.') {
            return Err(Exception::new(
                code::BAD_ARGUMENTS,
                format_args!(
                    "Wrong name of a query parameter: {}. (BAD_ARGUMENTS)",
                    quoted(name)
                ),
            ));
        }
    }
    set(connection, "param_", parameters)
}

/// Makes a database the current one.
pub(super) fn use_database(connection: &mut Connection, name: &str) -> Result<(), Exception> {
    let statement = format!("USE {}", identifier(name));
    connection.query(statement.as_bytes(), "Null").map(drop)
}

fn set(
    connection: &mut Connection,
    prefix: &str,
    pairs: &[(String, String)],
) -> Result<(), Exception> {
    if pairs.is_empty() {
        return Ok(());
    }
    let changes: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{prefix}{name} = {}", quoted(value)))
        .collect();
    let statement = format!("SET {}", changes.join(", "));
    connection.query(statement.as_bytes(), "Null").map(drop)
}

fn is_setting_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// Asserts that what a request names stays one piece of SQL.
#[cfg(any(test, fuzzing))]
pub(super) fn check_quoting(request: &super::request::Request) {
    let values = request.settings.iter().chain(&request.parameters);
    let literals = values.map(|(_, value)| quoted(value));
    for piece in literals.chain(request.database.as_deref().map(identifier)) {
        assert!(
            super::statement::is_one_quoted_piece(piece.as_bytes()),
            "{piece}"
        );
    }
}

/// Writes a text as a SQL string literal.
fn quoted(text: &str) -> String {
    escaped(text, '\'')
}

/// Writes a name as a quoted SQL identifier.
fn identifier(name: &str) -> String {
    escaped(name, '`')
}

fn escaped(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\0' => out.push_str("\\0"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_cannot_be_left_from_inside() {
        assert_eq!(quoted(r"a'b\"), r"'a\'b\\'");
        assert_eq!(quoted("\0\n"), "'\\0\n'");
        assert_eq!(identifier("a`b; DROP"), "`a\\`b; DROP`");
    }

    #[test]
    fn a_setting_name_is_a_plain_word() {
        assert!(is_setting_name("max_threads"));
        assert!(is_setting_name("merge_tree.x"));
        for name in ["", "1a", "a b", "a=1, b", "a'"] {
            assert!(!is_setting_name(name), "{name}");
        }
    }
}
