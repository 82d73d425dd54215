//! `Orderbook` and `MarketData` as tables of cells.

use super::predicate::Cells;
use super::schema::{market_data, orderbook};
use crate::data::{Counters, Dataset, Rows, scaled, with_rows};

/// The orderbooks as of a block: row = token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orderbooks<'a> {
    pub(crate) dataset: &'a Dataset,
    /// The last second that counts, where it is not the head's.
    pub(crate) until: Option<i64>,
}

impl Orderbooks<'_> {
    /// Tells whether a token had an event by then.
    pub(crate) fn has(&self, token: u32) -> bool {
        match (self.until, self.dataset.postings.of(token)) {
            (None, _) => self.dataset.counters[token as usize].trades() > 0,
            (Some(_), []) => false,
            (Some(until), [first, ..]) => {
                with_rows!(self.dataset, |rows| rows.timestamp(*first) <= until)
            }
        }
    }

    /// Counts a token's events. An earlier block's counts leave out what was overwritten since:
    /// only the later event is kept.
    pub(crate) fn counters(&self, token: u32) -> Counters {
        let Some(until) = self.until else {
            return self.dataset.counters[token as usize];
        };
        with_rows!(self.dataset, |rows| {
            let mut counters = Counters::default();
            let end = rows.first_at(until.saturating_add(1));
            let mut scratch = Vec::new();
            for row in self.dataset.postings.of(token) {
                if *row >= end {
                    break;
                }
                let [maker_asset, _] = rows.assets(*row);
                let buy = maker_asset != token;
                let usdc = if buy {
                    crate::data::Column::MakerAmountFilled
                } else {
                    crate::data::Column::TakerAmountFilled
                };
                scratch.clear();
                rows.write(*row, usdc, &mut scratch);
                let text = std::str::from_utf8(&scratch).unwrap_or_default();
                if let Ok(usdc) = text.parse() {
                    counters.add(buy, usdc);
                }
            }
            counters
        })
    }
}

impl Cells for Orderbooks<'_> {
    fn cell(&self, row: u32, column: usize, out: &mut Vec<u8>) -> bool {
        if column == orderbook::ID {
            out.extend_from_slice(self.dataset.catalogue.tokens.get(row));
            return true;
        }
        let counters = self.counters(row);
        let text = match column {
            orderbook::TRADES => counters.trades().to_string(),
            orderbook::BUYS => counters.buys.to_string(),
            orderbook::SELLS => counters.sells.to_string(),
            orderbook::VOLUME => counters.volume().to_string(),
            orderbook::SCALED_VOLUME => scaled(counters.volume()),
            orderbook::BUY_VOLUME => counters.buy_volume.to_string(),
            orderbook::SCALED_BUY_VOLUME => scaled(counters.buy_volume),
            orderbook::SELL_VOLUME => counters.sell_volume.to_string(),
            orderbook::SCALED_SELL_VOLUME => scaled(counters.sell_volume),
            _ => return false,
        };
        out.extend_from_slice(text.as_bytes());
        true
    }
}

/// The tokens that the indexer knows the market of: row = token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarketDatas<'a>(pub(crate) &'a Dataset);

impl Cells for MarketDatas<'_> {
    fn cell(&self, row: u32, column: usize, out: &mut Vec<u8>) -> bool {
        let catalogue = &self.0.catalogue;
        match column {
            market_data::ID => out.extend_from_slice(catalogue.tokens.get(row)),
            market_data::CONDITION => {
                let condition = catalogue.condition(catalogue.market_of[row as usize]);
                out.extend_from_slice(condition.as_bytes());
            }
            _ => match catalogue.outcome_indexes.get(&row) {
                Some(index) => out.extend_from_slice(index.as_bytes()),
                None => return false,
            },
        }
        true
    }
}
