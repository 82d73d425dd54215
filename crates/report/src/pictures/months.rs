//! What of each month is there and proven, there, and missing.

use validation::{Coverage, Month, Pictures};

use super::ends;
use crate::axis::Scale;
use crate::columns::{Column, Columns};
use crate::figures_table::FiguresTable;
use crate::series::Series;
use crate::text::grouped;

const BY_PROOF: [Series; 3] = [
    Series {
        name: "there, of tokens that add up to the source's counters",
        look: "good",
    },
    Series {
        name: "there, of other tokens",
        look: "open",
    },
    Series {
        name: "missing",
        look: "bad",
    },
];

pub(super) fn months(pictures: &Pictures, coverage: &Coverage) -> Columns<'static> {
    let months = &pictures.months;
    let parts = |month: &Month| vec![month.proven, month.rows - month.proven, month.missing];
    Columns {
        id: "months",
        title: "Coverage by month",
        about: about_months(pictures, coverage),
        unit: "fills",
        series: &BY_PROOF,
        places: months.len(),
        columns: months
            .iter()
            .enumerate()
            .map(|(place, month)| Column {
                place,
                name: month.month.clone(),
                values: parts(month),
            })
            .collect(),
        below: ends(months.iter().map(|month| month.month.as_str())),
        scale: Scale::Share,
        table: FiguresTable {
            caption: "coverage by month".to_owned(),
            head: [
                "month",
                "rows",
                "of tokens that add up",
                "known to be missing",
                "known to be too many",
                "expected",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: months
                .iter()
                .map(|month| {
                    let numbers = [
                        month.rows,
                        month.proven,
                        month.missing,
                        month.extra,
                        month.expected(),
                    ];
                    let numbers = numbers.into_iter().map(grouped);
                    std::iter::once(month.month.clone())
                        .chain(numbers)
                        .collect()
                })
                .collect(),
        },
    }
}

fn about_months(pictures: &Pictures, coverage: &Coverage) -> String {
    let sum = |of: fn(&Month) -> u64| pictures.months.iter().map(of).sum::<u64>();
    if !pictures.counters_read {
        return "Rows by month. The source's counters were not read, so nothing is proven of them: \
                run the level source."
            .to_owned();
    }
    let mut text = format!(
        "{} of {} rows are of tokens that add up exactly to the source's own counters; {} fills are \
         known to be missing, {} rows to be too many or wrong.",
        grouped(sum(|month| month.proven)),
        grouped(sum(|month| month.rows)),
        grouped(sum(|month| month.missing)),
        grouped(sum(|month| month.extra)),
    );
    if !coverage.is_whole_archive {
        text += " The counters are of the whole archive: of a part they prove only the tokens that \
                 have no fill outside of it.";
    }
    text
}

#[cfg(test)]
mod tests {
    use fills::Span;

    use super::*;

    fn coverage(is_whole_archive: bool) -> Coverage {
        Coverage {
            span: Span::new(0, 1),
            is_whole_archive,
            tokens: None,
            promise: None,
            block: 1,
        }
    }

    #[test]
    fn what_counters_cannot_prove_is_said() {
        let mut pictures = Pictures::default();
        let about = about_months(&pictures, &coverage(true));
        assert!(about.contains("nothing is proven"), "{about}");
        pictures.counters_read = true;
        let about = about_months(&pictures, &coverage(false));
        assert!(about.contains("of a part they prove only"), "{about}");
    }

    #[test]
    fn a_column_is_what_is_there_and_what_is_missing() {
        let month = Month {
            month: "2024-01".to_owned(),
            rows: 10,
            proven: 7,
            missing: 2,
            extra: 1,
        };
        let pictures = Pictures {
            months: vec![month],
            counters_read: true,
            ..Pictures::default()
        };
        let drawn = months(&pictures, &coverage(true));
        assert_eq!(drawn.columns[0].values, [7, 3, 2]);
        assert_eq!(drawn.table.rows[0], ["2024-01", "10", "7", "2", "1", "11"]);
    }
}
