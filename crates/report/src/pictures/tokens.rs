//! Which tokens differ most.

use validation::{Pictures, TokenDifference};

use crate::bars::{Bar, Bars};
use crate::figures_table::FiguresTable;
use crate::text::{grouped, millionths, shortened};

pub(super) fn tokens(pictures: &Pictures) -> Bars {
    let tokens = &pictures.tokens;
    let bar = |token: &TokenDifference| Bar {
        name: token.token_id.to_string(),
        short: shortened(&token.token_id.to_string()),
        value: token.fills,
        says: format!(
            "{} of {} fills, {} USDC apart",
            grouped(token.found),
            grouped(token.expected),
            millionths(token.usdc_base_units)
        ),
    };
    let row = |token: &TokenDifference| {
        vec![
            token.token_id.to_string(),
            grouped(token.expected),
            grouped(token.found),
            grouped(token.fills),
            millionths(token.usdc_base_units),
        ]
    };
    Bars {
        id: "tokens",
        title: "Tokens by difference",
        about: match (pictures.counters_read, tokens.len()) {
            (false, _) => "The source's counters were not read: run the level source.".to_owned(),
            (true, 0) => "No token differs from what the source counted.".to_owned(),
            (true, number) => format!(
                "{} by fills, then by USDC; buys and sells are counted apart. An id collision shows \
                 here too, and is no loss.",
                match number {
                    1 => "The token that differs,".to_owned(),
                    number => format!("The {number} tokens that differ most,"),
                }
            ),
        },
        bars: tokens.iter().map(bar).collect(),
        table: FiguresTable {
            caption: "tokens by difference".to_owned(),
            head: [
                "token",
                "fills expected",
                "fills found",
                "fills apart",
                "USDC apart",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: tokens.iter().map(row).collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_which_nothing_is_known_are_not_said_to_be_right() {
        let mut pictures = Pictures::default();
        assert!(tokens(&pictures).about.contains("not read"));
        pictures.counters_read = true;
        assert!(tokens(&pictures).about.contains("No token differs"));
    }

    #[test]
    fn a_millionth_is_told() {
        let token = TokenDifference {
            token_id: 5.into(),
            expected: 2,
            found: 2,
            fills: 0,
            usdc_base_units: 1,
        };
        let pictures = Pictures {
            tokens: vec![token],
            counters_read: true,
            ..Pictures::default()
        };
        assert_eq!(
            tokens(&pictures).bars[0].says,
            "2 of 2 fills, 0.000001 USDC apart"
        );
    }
}
