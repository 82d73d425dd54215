//! How statements that hold something of every transaction go through a table of any size.

use clickhouse::Row;
use serde::Deserialize;

/// About as many rows as a pass takes: grouped, they need some 300 MB.
const ROWS_OF_A_PASS: u64 = 3_000_000;

/// A pass that holds more than was thought goes on, on disk.
pub(crate) const SPILLING: &str = "SETTINGS max_bytes_before_external_group_by = 500000000, \
                                   max_bytes_ratio_before_external_group_by = 0";

/// A month in which a table has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub(crate) struct Month {
    /// As in 202504.
    pub month: u32,
    /// How many it has.
    pub rows: u64,
}

/// Returns the conditions of the passes through all months. The rows of a transaction come in one
/// pass, as long as they lie in one month; each pass reads little more than one part in so many.
///
/// A month may have a hundred million transactions. To read the column of hashes again for each
/// few million of them is cheaper than to write what does not fit to disk.
pub(crate) fn passes(months: &[Month]) -> Vec<String> {
    let of_month = |&Month { month, rows }: &Month| {
        let all = rows.div_ceil(ROWS_OF_A_PASS);
        (0..all).map(move |pass| match all {
            1 => format!("toYYYYMM(timestamp) = {month}"),
            _ => format!(
                "toYYYYMM(timestamp) = {month} AND reinterpretAsUInt64(tx_hash) % {all} = {pass}"
            ),
        })
    };
    months.iter().flat_map(of_month).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_divided_by_transactions() {
        let months = [
            Month {
                month: 202_503,
                rows: ROWS_OF_A_PASS,
            },
            Month {
                month: 202_504,
                rows: ROWS_OF_A_PASS + 1,
            },
        ];
        assert_eq!(
            passes(&months),
            [
                "toYYYYMM(timestamp) = 202503",
                "toYYYYMM(timestamp) = 202504 AND reinterpretAsUInt64(tx_hash) % 2 = 0",
                "toYYYYMM(timestamp) = 202504 AND reinterpretAsUInt64(tx_hash) % 2 = 1",
            ]
        );
    }
}
