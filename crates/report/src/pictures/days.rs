//! How many fills each day has.

use jiff::civil::Date;
use validation::Day;

use super::{ALL, ends};
use crate::axis::Scale;
use crate::columns::{Column, Columns};
use crate::figures_table::FiguresTable;
use crate::text::grouped;

/// A logarithm where the largest is so many times the middle one.
const FAR_APART: u64 = 50;

pub(super) fn days(days: &[Day]) -> Columns<'static> {
    let dated: Vec<(Date, u64)> = days
        .iter()
        .filter_map(|day| Some((day.day.parse().ok()?, day.fills)))
        .collect();
    let first = dated.first().map(|(date, _)| *date).unwrap_or_default();
    let place = |date: Date| usize::try_from((date - first).get_days()).unwrap_or(0);
    let places = dated.last().map_or(0, |(date, _)| place(*date) + 1);
    let scale = scale_of(days);
    Columns {
        id: "fills-per-day",
        title: "Fills per day",
        about: about_days(days, places, scale),
        unit: "fills",
        series: &ALL,
        places,
        columns: dated
            .iter()
            .map(|(date, fills)| Column {
                place: place(*date),
                name: date.to_string(),
                values: vec![*fills],
            })
            .collect(),
        below: ends(days.iter().map(|day| day.day.as_str())),
        scale,
        table: FiguresTable {
            caption: "fills per day".to_owned(),
            head: vec!["day".to_owned(), "fills".to_owned()],
            rows: days
                .iter()
                .map(|day| vec![day.day.clone(), grouped(day.fills)])
                .collect(),
        },
    }
}

fn scale_of(days: &[Day]) -> Scale {
    let mut fills: Vec<u64> = days.iter().map(|day| day.fills).collect();
    fills.sort_unstable();
    let middle = fills.get(fills.len() / 2).copied().unwrap_or(0);
    match fills.last() {
        Some(most) if *most > middle.saturating_mul(FAR_APART) => Scale::Logarithmic,
        _ => Scale::Linear,
    }
}

fn about_days(days: &[Day], places: usize, scale: Scale) -> String {
    let most = days.iter().max_by_key(|day| day.fills);
    let Some(most) = most else {
        return "The table has no rows.".to_owned();
    };
    let fills = days.iter().map(|day| day.fills).sum();
    let mut text = format!(
        "{} fills on {} days; most on {}: {}.",
        grouped(fills),
        grouped(days.len() as u64),
        most.day,
        grouped(most.fills)
    );
    text += &match places - days.len() {
        0 => " No day between the first and the last is without fills.".to_owned(),
        1 => " 1 day between them has no fill.".to_owned(),
        gaps => format!(" {} days between them have no fill.", grouped(gaps as u64)),
    };
    if scale == Scale::Logarithmic {
        text += " Each line stands for ten times the one below it.";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: &str, fills: u64) -> Day {
        Day {
            day: day.to_owned(),
            fills,
        }
    }

    #[test]
    fn a_day_without_fills_is_a_gap() {
        let drawn = days(&[day("2024-02-28", 5), day("2024-03-01", 6)]);
        assert_eq!(drawn.places, 3);
        assert_eq!(drawn.columns[1].place, 2);
        assert!(
            drawn.about.contains("1 day between them has no fill"),
            "{}",
            drawn.about
        );
    }

    #[test]
    fn few_fills_are_seen_beside_very_many() {
        assert_eq!(
            scale_of(&[day("2024-01-01", 1), day("2024-01-02", 9)]),
            Scale::Linear
        );
        let far = [
            day("2024-01-01", 1),
            day("2024-01-02", 1),
            day("2024-01-03", 1_000_000),
        ];
        assert_eq!(scale_of(&far), Scale::Logarithmic);
    }

    #[test]
    fn an_empty_table_is_drawn_as_such() {
        assert_eq!(days(&[]).columns.len(), 0);
    }
}
