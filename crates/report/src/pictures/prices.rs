//! How many fills have which price.

use validation::{PriceClass, Prices};

use super::ALL;
use crate::axis::Scale;
use crate::columns::{Column, Columns};
use crate::figures_table::FiguresTable;
use crate::text::grouped;

pub(super) fn prices(prices: &Prices) -> Columns<'static> {
    let named =
        |class: &PriceClass| format!("{} to {}", usdc(class.from_cents), usdc(class.to_cents));
    let column = |(place, class): (usize, &PriceClass)| Column {
        place,
        name: named(class),
        values: vec![class.fills],
    };
    let mut rows: Vec<Vec<String>> = prices
        .classes
        .iter()
        .map(|class| vec![named(class), grouped(class.fills)])
        .collect();
    rows.push(vec!["above 1".to_owned(), grouped(prices.above_one)]);
    rows.push(vec![
        "none: no shares".to_owned(),
        grouped(prices.without_price),
    ]);
    Columns {
        id: "prices",
        title: "Prices",
        about: format!(
            "Fills by USDC for a share. {} fills are above 1, and {} have no price because no shares \
             changed hands.",
            grouped(prices.above_one),
            grouped(prices.without_price)
        ),
        unit: "fills",
        series: &ALL,
        places: prices.classes.len(),
        columns: prices.classes.iter().enumerate().map(column).collect(),
        below: (0..=4).map(|quarter| usdc(quarter * 25)).collect(),
        scale: Scale::Linear,
        table: FiguresTable {
            caption: "fills by price".to_owned(),
            head: vec!["USDC for a share".to_owned(), "fills".to_owned()],
            rows,
        },
    }
}

fn usdc(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
