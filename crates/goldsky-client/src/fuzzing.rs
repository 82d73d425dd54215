//! What the fuzzer calls, and the test that replays its corpus: an answer is read as the client
//! reads it, and what comes out is held against what was asked for.

use fills::{Fill, Filter, OrderFilled, Side, TokenId};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::catalog::MarketData;
use crate::orderbooks::Orderbook;
use crate::pages::{Cursor, Page, PageQuery};
use crate::wire::Data;
use crate::{classify, entity, page, query, sound, survey};

/// Reads an answer: a line that says what was asked for, then the body.
///
/// The line is `limit from until filter seconds id`: a filter is `all`, `maker` or `taker`, for
/// token 647; seconds and id, which may be absent, are the cursor.
pub fn answer(input: &[u8]) {
    let mut parts = input.splitn(2, |&byte| byte == b'\n');
    let asked = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    let asked = page_query(&asked);
    drop(query::pages(std::slice::from_ref(&asked)));
    drop(survey::read(body));
    drop(classify::status(500, None, body));
    let Ok((data, rows)) = Data::open(body, 1).and_then(|data| {
        let rows = data.field("p0")?;
        Ok((data, rows))
    }) else {
        assert!(
            sound::read(body, 1, &[asked]).is_none(),
            "a failure is sound"
        );
        return;
    };
    drop(entity::read::<MarketData>("", asked.limit, rows));
    drop(entity::read::<Orderbook>("", asked.limit, rows));
    let page = page::read(&asked, "p0", rows);
    if let Some((meta, pages)) = sound::read(body, 1, std::slice::from_ref(&asked)) {
        assert_eq!(meta, data.meta);
        assert_eq!(
            Ok(&pages[0]),
            page.as_ref(),
            "one pass reads something else"
        );
    }
    if let Ok(page) = page {
        check(&asked, rows, &page);
    }
}

fn page_query(line: &str) -> PageQuery {
    let mut words = line.split(' ');
    let limit: u16 = number(words.next()).unwrap_or(query::MOST_ROWS);
    let from = number(words.next()).unwrap_or(0);
    let until = number(words.next()).unwrap_or(u64::MAX);
    let tokens = [TokenId::from(647)].into();
    let filter = match words.next() {
        Some("maker") => Filter::MakerAssetIn(tokens),
        Some("taker") => Filter::TakerAssetIn(tokens),
        _ => Filter::All,
    };
    let after = number(words.next()).map(|timestamp| Cursor {
        timestamp,
        id: words.next().unwrap_or_default().to_owned(),
    });
    PageQuery {
        filter,
        from,
        after,
        until,
        limit: limit.clamp(1, query::MOST_ROWS),
    }
}

fn number<T: std::str::FromStr>(word: Option<&str>) -> Option<T> {
    word?.parse().ok()
}

fn check(asked: &PageQuery, rows: &RawValue, page: &Page) {
    let served: Vec<IgnoredAny> = serde_json::from_str(rows.get()).unwrap_or_default();
    assert_eq!(
        page.len(),
        served.len(),
        "a row is neither fill nor malformed"
    );
    assert!(
        page.len() <= usize::from(asked.limit),
        "more than asked for"
    );
    let mut before = asked.after.clone();
    for fill in &page.fills {
        let place = Cursor {
            timestamp: fill.timestamp.into(),
            id: fill.id.to_string(),
        };
        assert!((asked.from..asked.until).contains(&place.timestamp));
        assert!(
            before.as_ref().is_none_or(|before| *before < place),
            "{place:?} is not behind {before:?}"
        );
        assert!(page.last.as_ref().is_some_and(|last| place <= *last));
        before = Some(place);
        check_token(&asked.filter, fill);
        assert_eq!(event(fill).to_fill().as_ref(), Ok(fill));
    }
}

fn check_token(filter: &Filter, fill: &Fill) {
    match filter {
        Filter::All => {}
        Filter::MakerAssetIn(tokens) => {
            assert!(fill.side == Side::Sell && tokens.contains(&fill.token_id));
        }
        Filter::TakerAssetIn(tokens) => {
            assert!(fill.side == Side::Buy && tokens.contains(&fill.token_id));
        }
    }
}

/// Writes a fill as the source would have served it.
fn event(fill: &Fill) -> OrderFilled<'static> {
    let token = fill.token_id.to_string();
    let (usdc, shares) = (fill.usdc_base_units, fill.shares_base_units);
    let (given, got, gave, gained) = match fill.side {
        Side::Buy => ("0".to_owned(), token, usdc, shares),
        Side::Sell => (token, "0".to_owned(), shares, usdc),
    };
    OrderFilled {
        id: fill.id.to_string().into(),
        transaction_hash: fill.id.tx_hash.to_string().into(),
        timestamp: fill.timestamp.to_string().into(),
        order_hash: fill.id.order_hash.to_string().into(),
        maker: fill.maker.to_string().into(),
        taker: fill.taker.to_string().into(),
        maker_asset_id: given.into(),
        taker_asset_id: got.into(),
        maker_amount_filled: gave.to_string().into(),
        taker_amount_filled: gained.to_string().into(),
        fee: fill.fee_base_units.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn every_answer_of_the_corpus_is_read_right() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/page");
        if !Path::new(corpus).exists() {
            println!("skipped: {corpus} is not here, as in a package");
            return;
        }
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            super::answer(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{corpus} is empty");
    }
}
