//! A file that names markets: one condition id or token id a line.

use std::fs;
use std::path::Path;

use fills::{ConditionId, TokenId};

use super::parse;
use crate::error::{Error, excerpt};

/// The ids of a markets file, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MarketsFile {
    pub(super) condition_ids: Vec<ConditionId>,
    pub(super) token_ids: Vec<TokenId>,
}

impl MarketsFile {
    /// Reads a file. One that names nothing is refused, because no filter at all means every
    /// market.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::unreadable(path))?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let mut markets = Self::default();
        for (index, line) in text.lines().enumerate() {
            let id = line.split('#').next().unwrap_or_default().trim();
            if id.is_empty() {
                continue;
            }
            let read = if id.starts_with("0x") {
                parse::id(id).map(|id| markets.condition_ids.push(id))
            } else {
                parse::token_id(id).map(|id| markets.token_ids.push(id))
            };
            read.map_err(|reason| Error::MarketLine {
                path: path.to_owned(),
                line: index + 1,
                text: excerpt(id),
                reason,
            })?;
        }
        if markets == Self::default() {
            return Err(Error::Conflict(format!(
                "{} names no market",
                path.display()
            )));
        }
        Ok(markets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONDITION: &str = "0x0012214aa998f1c9b2389af527f2de896a8b5d3310597aaa08d91d64af60984b";

    fn parsed(text: &str) -> Result<MarketsFile, Error> {
        MarketsFile::parse("markets.txt".as_ref(), text)
    }

    #[test]
    fn ids_of_both_kinds_stand_among_comments_and_blank_lines() {
        let markets = parsed(&format!("# mine\n\n 7 # a token\r\n{CONDITION}\n8")).unwrap();
        assert_eq!(markets.token_ids, [7.into(), 8.into()]);
        assert_eq!(markets.condition_ids, [CONDITION.parse().unwrap()]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let check = |text: &str, line: &str| {
            let message = parsed(text).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("line {line} of markets.txt")),
                "{message}"
            );
        };
        check("# comment\n7\n\nseven", "4");
        check("0x12", "1");
        check("7\n0", "2");
        check("7,8", "1");
    }

    #[test]
    fn a_file_without_ids_does_not_mean_every_market() {
        for text in ["", "\n\n", "# nothing\n"] {
            let message = parsed(text).unwrap_err().to_string();
            assert_eq!(message, "markets.txt names no market");
        }
    }
}
