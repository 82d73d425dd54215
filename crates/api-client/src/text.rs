//! Text that came from outside, made fit for a log line.

/// Most characters of the source's own words that go anywhere.
const MOST_CHARS: usize = 300;

/// Returns the text on one line: control characters and runs of white space become one space, and
/// what is beyond 300 characters is cut off.
///
/// Answers have been seen to echo megabytes of SQL.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut chars = 0;
    let mut space = false;
    for char in text.chars() {
        if char.is_whitespace() || char.is_control() || is_format(char) {
            space = !line.is_empty();
            continue;
        }
        if chars >= MOST_CHARS {
            line.push('…');
            break;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
            chars += 1;
        }
        line.push(char);
        chars += 1;
    }
    line
}

/// Returns the beginning of a body as [`one_line`] does, whatever bytes it is made of.
pub fn excerpt(body: &[u8]) -> String {
    let beginning = &body[..body.len().min(4 * MOST_CHARS)];
    one_line(&String::from_utf8_lossy(beginning))
}

/// Tells whether a character changes how others are shown: marks of direction, invisible ones.
fn is_format(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_line_ends_become_single_spaces() {
        assert_eq!(
            one_line("  a\r\n\tb \u{1b}[31mred\u{0}\u{202e} c\n"),
            "a b [31mred c"
        );
        assert_eq!(one_line("\n \n"), "");
    }

    #[test]
    fn long_text_is_cut() {
        let line = one_line(&"x".repeat(5_000_000));
        assert_eq!(line.chars().count(), MOST_CHARS + 1);
        assert!(line.ends_with('…'));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hurt() {
        assert_eq!(excerpt(b"\xff\xfe ok"), "\u{fffd}\u{fffd} ok");
    }
}
