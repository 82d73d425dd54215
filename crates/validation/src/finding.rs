use std::borrow::Cow;

use fills::{Span, TokenId};
use serde::Serialize;
use serde_json::Value;

use crate::Level;

/// What kind of difference a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// The source has fills that the table has not.
    MissingRows,
    /// The table has rows that the source has not.
    ExtraRows,
    /// The table has rows more than once.
    DuplicateRows,
    /// A row has another value than the source.
    WrongField,
    /// The rows of a token do not add up to what the source counted.
    TotalsDiffer,
    /// The source counted a token of which the table has no row.
    BookWithoutRows,
    /// The table has rows of a token that the source did not count.
    TokenWithoutBook,
    /// A row has no value that could be true.
    ImpossibleRow,
    /// The catalogue of markets does not know the condition of a row's token.
    UnknownCondition,
    /// The source has events that cannot be rows.
    UnreadableEvents,
    /// The table holds fewer rows than the checkpoint promises.
    PromiseBroken,
    /// A part of the load is left.
    Unfinished,
    /// Polymarket's data API shows a trade of a wallet that the table has not.
    MissingTrade,
    /// The table has a trade of a wallet that the data API does not show.
    ExtraTrade,
    /// A trade of a wallet has other amounts than the data API shows.
    TradeDiffers,
}

impl Kind {
    /// Returns the name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingRows => "missing-rows",
            Self::ExtraRows => "extra-rows",
            Self::DuplicateRows => "duplicate-rows",
            Self::WrongField => "wrong-field",
            Self::TotalsDiffer => "totals-differ",
            Self::BookWithoutRows => "book-without-rows",
            Self::TokenWithoutBook => "token-without-book",
            Self::ImpossibleRow => "impossible-row",
            Self::UnknownCondition => "unknown-condition",
            Self::UnreadableEvents => "unreadable-events",
            Self::PromiseBroken => "promise-broken",
            Self::Unfinished => "unfinished",
            Self::MissingTrade => "missing-trade",
            Self::ExtraTrade => "extra-trade",
            Self::TradeDiffers => "trade-differs",
        }
    }
}

/// One difference: what is wrong, where, and what mends it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What kind of difference.
    pub kind: Kind,
    /// The level that found it.
    pub level: Level,
    /// The check that found it: [`Check::name`](crate::Check::name).
    pub check: Cow<'static, str>,
    /// The token, where it is about one.
    pub token_id: Option<TokenId>,
    /// First second, inclusive, of the rows that it is about, where that is known.
    pub from: Option<u64>,
    /// Last second, exclusive.
    pub to: Option<u64>,
    /// What should be there.
    pub expected: Value,
    /// What is there.
    pub found: Value,
    /// What a person should know besides: which field, fill or wallet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The command that mends it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

impl Finding {
    /// Makes a finding of nothing but its kind and what differs; the rest is added.
    pub fn new(
        kind: Kind,
        (level, check): (Level, impl Into<Cow<'static, str>>),
        expected: impl Into<Value>,
        found: impl Into<Value>,
    ) -> Self {
        Self {
            kind,
            level,
            check: check.into(),
            token_id: None,
            from: None,
            to: None,
            expected: expected.into(),
            found: found.into(),
            about: String::new(),
            repair: None,
        }
    }

    /// Says which token it is about.
    #[must_use]
    pub fn of_token(mut self, token: TokenId) -> Self {
        self.token_id = Some(token);
        self
    }

    /// Says when the rows that it is about happened.
    #[must_use]
    pub fn within(mut self, span: Span) -> Self {
        (self.from, self.to) = (Some(span.from), Some(span.to));
        self
    }

    /// Says what a person should know besides.
    #[must_use]
    pub fn about(mut self, text: impl Into<String>) -> Self {
        self.about = text.into();
        self
    }

    /// Says which command mends it.
    #[must_use]
    pub fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.repair = Some(command.into());
        self
    }

    /// Returns the seconds that it is about, where they are known.
    pub fn span(&self) -> Option<Span> {
        Some(Span::new(self.from?, self.to?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_is_written_with_the_keys_that_scripts_rely_on() {
        let finding = Finding::new(Kind::MissingRows, (Level::Source, "rows of tokens"), 3, 2)
            .of_token(7.into())
            .within(Span::new(10, 20));
        assert_eq!(
            serde_json::to_value(&finding).unwrap(),
            json!({
                "kind": "missing-rows", "level": "source", "check": "rows of tokens",
                "token_id": "7", "from": 10, "to": 20, "expected": 3, "found": 2,
            })
        );
    }

    #[test]
    fn kinds_are_written_by_their_names() {
        for kind in [Kind::TokenWithoutBook, Kind::WrongField] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
