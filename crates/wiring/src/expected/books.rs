//! Fills by the source's own counters, one for each token.

use std::collections::VecDeque;

use fills::{SourceError, TokenId};
use goldsky_client::{EntityPage, IdRange, Orderbook};

use super::Asking;

const PAGE_ROWS: u16 = 1000;
/// Digits of an id that are looked at to tell how far into its range it lies.
const DIGITS: usize = 12;

/// What counters add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Books {
    pub(super) fills: u64,
    /// Tokens: those that were counted, or about how many there are if not all were.
    pub(super) tokens: u64,
    /// Whether all were counted.
    pub(super) all: bool,
}

/// A range of ids, and the tokens of it that were counted.
#[derive(Debug, Default)]
struct Counted {
    range: IdRange,
    /// First digits that it begins with and ends before.
    digits: (u32, u32),
    tokens: u64,
}

/// Adds up the counters of all tokens, as far as `requests` requests go.
pub(super) async fn add_up(asking: &mut Asking<'_>, requests: u64) -> Result<Books, SourceError> {
    let mut waiting: VecDeque<Counted> = ranges(asking.pages).collect();
    let mut books = Books::default();
    for _ in 0..requests {
        if waiting.is_empty() || !asking.take() {
            break;
        }
        let most = asking.pages.min(waiting.len());
        let asked: Vec<Counted> = waiting.drain(..most).collect();
        let ranges: Vec<IdRange> = asked.iter().map(|counted| counted.range.clone()).collect();
        let client = asking.client;
        let slot = client.slot().await;
        let pages = client.orderbooks_at(slot, None, &ranges, PAGE_ROWS);
        for (mut counted, page) in asked.into_iter().zip(pages.await?) {
            books.fills += fills(&page);
            counted.tokens += page.len() as u64;
            let full = page.len() == usize::from(PAGE_ROWS);
            match page.last_id {
                Some(after) if full => {
                    counted.range.after = after;
                    waiting.push_back(counted);
                }
                _ => books.tokens += counted.tokens,
            }
        }
    }
    books.all = waiting.is_empty();
    books.tokens += waiting.iter().map(Counted::about).sum::<u64>();
    Ok(books)
}

/// Returns about how many requests it takes to add up the counters of so many tokens: each range ends
/// with a page that is not full.
pub(super) fn requests_for(tokens: u64, pages: usize) -> u64 {
    let ranges = ranges(pages).count() as u64;
    tokens.div_ceil(ranges * u64::from(PAGE_ROWS)) + 1
}

/// Returns the counters of these tokens, at most as many thousands as there are requests; a token
/// that was never traded has none.
pub(super) async fn of_tokens(
    asking: &mut Asking<'_>,
    tokens: &[TokenId],
) -> Result<Vec<u64>, SourceError> {
    let mut counters = Vec::new();
    for tokens in tokens.chunks(usize::from(PAGE_ROWS)) {
        if !asking.take() {
            break;
        }
        let page = asking.client.orderbooks_of(tokens).await?;
        let untraded = tokens.len().saturating_sub(page.len());
        counters.extend(page.entities.iter().map(|book| book.trades_quantity));
        counters.extend(std::iter::repeat_n(0, untraded));
    }
    Ok(counters)
}

fn fills(page: &EntityPage<Orderbook>) -> u64 {
    page.entities.iter().map(|book| book.trades_quantity).sum()
}

/// Cuts the ids, as texts of decimal digits, by their first digit into `count` ranges, nine at the
/// most: but for the first digit, ids of 256 bits fill these evenly.
fn ranges(count: usize) -> impl Iterator<Item = Counted> {
    let count = count.clamp(1, 9) as u32;
    let digit = move |range: u32| 1 + range * 9 / count;
    (0..count).map(move |range| {
        let digits = (digit(range), digit(range + 1));
        let bound = |digit: u32| (2..=9).contains(&digit).then(|| digit.to_string());
        Counted {
            range: IdRange {
                after: bound(digits.0).unwrap_or_default(),
                through: bound(digits.1),
            },
            digits,
            tokens: 0,
        }
    })
}

impl Counted {
    /// Returns about how many tokens the range holds, by how far in it the last one counted lies.
    fn about(&self) -> u64 {
        let (first, end) = self.digits;
        let digits: String = self.range.after.chars().take(DIGITS).collect();
        let Ok(reached) = format!("0.{digits}").parse::<f64>() else {
            return self.tokens;
        };
        let share = (reached * 10.0 - f64::from(first)) / f64::from(end.saturating_sub(first));
        match self.tokens > 0 && share > 0.0 {
            true => (self.tokens as f64 / share.min(1.0)) as u64,
            // Not even begun with, or just so.
            false => self.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_lies_in_one_range() {
        for count in [1, 2, 4, 9, 16] {
            let ranges: Vec<Counted> = ranges(count).collect();
            assert_eq!(ranges.len(), count.min(9));
            for id in ["1", "10", "2", "29", "3", "499", "77777", "9", "99", "0"] {
                let holds = |counted: &&Counted| {
                    let IdRange { after, through } = &counted.range;
                    let until = through.as_deref();
                    id > after.as_str() && until.is_none_or(|through| id <= through)
                };
                assert_eq!(ranges.iter().filter(holds).count(), 1, "{id} of {count}");
            }
        }
    }

    #[test]
    fn counting_takes_a_request_for_nine_thousand_tokens_and_one_for_the_ends() {
        assert_eq!(requests_for(2_600_000, 16), 290);
        assert_eq!(requests_for(2_600_000, 1), 2601);
        assert_eq!(requests_for(1, 4), 2);
    }

    #[test]
    fn how_many_there_are_follows_from_how_far_a_thousand_reach() {
        let counted = |after: &str, digits, tokens| Counted {
            range: IdRange {
                after: after.to_owned(),
                through: None,
            },
            digits,
            tokens,
        };
        assert_eq!(counted("325000", (3, 4), 1000).about(), 4000);
        assert_eq!(counted("325000", (1, 10), 1000).about(), 4000);
        assert_eq!(counted(&"9".repeat(77), (9, 10), 1000).about(), 1000);
        assert_eq!(counted("3", (3, 4), 0).about(), 0);
        assert_eq!(counted("", (1, 10), 0).about(), 0);
    }
}
