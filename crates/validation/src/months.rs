//! What is there by month, and what is known to be missing or too much.

use std::collections::BTreeMap;

use clickhouse::Row;
use fills::Fill;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::difference::Differences;

/// How one month stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Month {
    /// The month, `2024-01`, UTC.
    pub month: String,
    /// Rows in the table.
    pub rows: u64,
    /// Of these, rows of tokens that add up exactly to the source's counters.
    pub proven: u64,
    /// Fills of the source that are known, one by one, not to be in the table as the source has
    /// them.
    pub missing: u64,
    /// Rows that are known, one by one, not to be the source's, doubles among them.
    pub extra: u64,
}

#[derive(Debug, Row, Deserialize)]
pub(crate) struct MonthRow {
    pub(crate) month: String,
    pub(crate) rows: u64,
    pub(crate) proven: u64,
}

impl Month {
    /// Returns how many fills the source has in it, as far as is known.
    pub const fn expected(&self) -> u64 {
        (self.rows + self.missing).saturating_sub(self.extra)
    }
}

/// Puts rows of the table and differences together.
pub(crate) fn by_month(rows: Vec<MonthRow>, differences: &Differences) -> Vec<Month> {
    let named = |month: String| Month {
        month,
        ..Month::default()
    };
    let mut months: BTreeMap<String, Month> = BTreeMap::new();
    for MonthRow {
        month,
        rows,
        proven,
    } in rows
    {
        let month = Month {
            rows,
            proven,
            ..named(month)
        };
        months.insert(month.month.clone(), month);
    }
    let mut of = |fill: &Fill, missing: u64, extra: u64| {
        let name = month_of(fill);
        let month = months.entry(name.clone()).or_insert_with(|| named(name));
        month.missing += missing;
        month.extra += extra;
    };
    for (_, difference) in differences.iter() {
        difference.missing.iter().for_each(|fill| of(fill, 1, 0));
        difference.extra.iter().for_each(|row| of(row, 0, 1));
        if let Some((row, times)) = &difference.doubled {
            of(row, 0, *times);
        }
    }
    months.into_values().collect()
}

fn month_of(fill: &Fill) -> String {
    // Every second of 32 bits is a timestamp.
    let time = Timestamp::from_second(fill.timestamp.into()).unwrap_or_default();
    time.strftime("%Y-%m").to_string()
}

#[cfg(test)]
mod tests {
    use fills::{Address, FillId, OrderHash, Side, TxHash};

    use super::*;

    fn fill(number: u8, timestamp: u32) -> Fill {
        Fill {
            id: FillId {
                tx_hash: TxHash([number; 32]),
                order_hash: OrderHash([number; 32]),
                nth_from_last: 0,
            },
            timestamp,
            maker: Address([1; 20]),
            taker: Address([2; 20]),
            token_id: 5.into(),
            side: Side::Buy,
            shares_base_units: 1,
            usdc_base_units: 1,
            fee_base_units: 0,
            ..Fill::default()
        }
    }

    #[test]
    fn a_month_of_which_no_row_is_there_is_told_by_what_is_missing() {
        let (january, march) = (1_704_067_200, 1_709_251_200);
        let mut differences = Differences::default();
        let table = [fill(2, january), fill(2, january), fill(3, january)];
        differences.compare(&[fill(1, march), fill(2, january)], &table);
        let rows = MonthRow {
            month: "2024-01".to_owned(),
            rows: 3,
            proven: 0,
        };
        let months = by_month(vec![rows], &differences);
        let told: Vec<_> = months
            .iter()
            .map(|month| (month.month.as_str(), month.rows, month.expected()))
            .collect();
        assert_eq!(told, [("2024-01", 3, 1), ("2024-03", 0, 1)]);
    }
}
