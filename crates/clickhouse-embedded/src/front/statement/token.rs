/// One token of SQL, with its place in the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    bytes: &'t [u8],
    quoted: bool,
}

impl Token<'_> {
    /// Is it this unquoted word, in any case, or this sign?
    pub(super) fn is(&self, word: &[u8]) -> bool {
        !self.quoted && self.bytes.eq_ignore_ascii_case(word)
    }

    /// Is it a piece between quotes?
    #[cfg(any(test, fuzzing))]
    pub(super) fn is_quoted(&self) -> bool {
        self.quoted
    }

    /// Is it a name: a word, or a quoted identifier?
    pub(super) fn is_name(&self) -> bool {
        match self.bytes.first() {
            Some(b'`' | b'"') => true,
            Some(&first) => !self.quoted && is_word(first),
            None => false,
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes).into_owned()
    }
}

/// Cuts a text into words, signs and quoted pieces, past blanks and comments.
///
/// A quoted piece or a comment that does not end takes the rest of the text.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    /// How many more heredocs without an end are looked for one in: each search reads to the
    /// text's end.
    searches: u8,
}

/// No statement that parses has a heredoc without an end.
const SEARCHES: u8 = 64;

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            searches: SEARCHES,
        }
    }

    /// `$tag$ … $tag$`; `None` if this is no such opening. One without its end is just a word.
    fn heredoc_len(&mut self, rest: &[u8]) -> Option<usize> {
        let tag = heredoc_tag(rest)?;
        self.searches.checked_sub(1)?;
        let inside = &rest[tag.len()..];
        let end = inside.windows(tag.len()).position(|window| window == tag);
        if end.is_none() {
            self.searches -= 1;
        }
        end.map(|at| at + 2 * tag.len())
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            self.at += match rest {
                [first, ..] if first.is_ascii_whitespace() => 1,
                [b'-', b'-', ..] | [b'#', b' ' | b'!', ..] => find(rest, b"\n"),
                [b'/', b'*', inside @ ..] => 2 + find(inside, b"*/"),
                _ => return,
            };
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.skip_blanks_and_comments();
        let rest = &self.text[self.at..];
        let first = *rest.first()?;
        let (len, quoted) = match first {
            b'\'' | b'"' | b'`' => (quoted_len(rest, first), true),
            b'$' => match self.heredoc_len(rest) {
                Some(len) => (len, true),
                None => (word_len(rest), false),
            },
            _ if is_word(first) => (word_len(rest), false),
            _ => (1, false),
        };
        let start = self.at;
        self.at += len;
        Some(Token {
            start,
            end: self.at,
            bytes: &rest[..len],
            quoted,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn word_len(rest: &[u8]) -> usize {
    rest.iter()
        .position(|&byte| !is_word(byte))
        .unwrap_or(rest.len())
}

/// Returns the length up to and with `needle`, or of everything.
fn find(rest: &[u8], needle: &[u8]) -> usize {
    rest.windows(needle.len())
        .position(|window| window == needle)
        .map_or(rest.len(), |at| at + needle.len())
}

/// A doubled quote reads as two pieces side by side, which comes to the same.
fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        at += match byte {
            b'\\' => 2,
            _ if byte == quote => return at + 1,
            _ => 1,
        };
    }
    rest.len()
}

/// Returns the `$tag$` that a text begins with.
fn heredoc_tag(rest: &[u8]) -> Option<&[u8]> {
    let end = 1 + rest[1..]
        .iter()
        .position(|&byte| !byte.is_ascii_alphanumeric() && byte != b'_')?;
    (rest[end] == b'$').then_some(&rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        Tokens::new(text.as_bytes())
            .map(|token| &text[token.start..token.end])
            .collect()
    }

    #[test]
    fn words_signs_and_quotes_are_told_apart() {
        assert_eq!(
            tokens("a.b(1,'x''y\\'z') `q``r` \"s\""),
            [
                "a", ".", "b", "(", "1", ",", "'x'", "'y\\'z'", ")", "`q`", "`r`", "\"s\""
            ]
        );
    }

    #[test]
    fn comments_are_passed_over() {
        assert_eq!(
            tokens("a -- b\nc /* d \n */ e # f\ng"),
            ["a", "c", "e", "g"]
        );
        assert_eq!(tokens("a - b"), ["a", "-", "b"]);
    }

    #[test]
    fn heredocs_are_one_piece() {
        assert_eq!(tokens("x $a$ 'y $a$ z"), ["x", "$a$ 'y $a$", "z"]);
        assert_eq!(tokens("$x"), ["$x"]);
    }

    #[test]
    fn many_heredocs_without_an_end_are_not_all_looked_for() {
        let text: String = (0..100_000).map(|n| format!("$a{n}$ ")).collect();
        assert_eq!(tokens(&text).len(), 100_000);
    }

    #[test]
    fn pieces_without_an_end_take_the_rest() {
        assert_eq!(tokens("'abc\\"), ["'abc\\"]);
        assert_eq!(tokens("a /* b"), ["a"]);
    }
}
