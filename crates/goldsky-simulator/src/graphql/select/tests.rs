//! Compares every way to find a page with looking at all rows.

use super::*;
use crate::config::{Data, Seeded};
use crate::data::{self, Dataset, USDC, with_rows};
use crate::graphql::decimal::Decimal;
use crate::graphql::operator::Operator;
use crate::graphql::order::SortKey;

fn dataset() -> Dataset {
    let config = Seeded {
        seed: 5,
        markets: 4,
        fills: 600,
        first_second: 1_000_000,
        last_second: 1_000_300,
        ..Seeded::default()
    };
    data::of(&Data::Seeded(config)).unwrap()
}

/// Finds a page by looking at every row.
fn naive<R: Rows>(rows: &R, predicate: &Predicate, order: Order, slice: Slice) -> Vec<u32> {
    let mut scratch = Vec::new();
    let mut found: Vec<u32> = (0..rows.len())
        .filter(|row| predicate.passes(rows, *row, &mut scratch))
        .collect();
    let id = |row: u32| {
        let mut id = Vec::new();
        rows.write(row, Column::Id, &mut id);
        id
    };
    let mut keyed: Vec<((SortKey, Vec<u8>), u32)> =
        keys(rows, &found, order.column, Entity::OrderFilledEvent)
            .into_iter()
            .map(|(key, row)| ((key, id(row)), row))
            .collect();
    keyed.sort();
    if order.descending {
        keyed.reverse();
    }
    found = keyed.into_iter().map(|(_, row)| row).collect();
    slice.take(found.into_iter())
}

fn predicates(ids: &[String]) -> Vec<Predicate> {
    let second = |operator, second| Predicate::Second { operator, second };
    let id = |operator, text: &str| Predicate::Text {
        column: Column::Id as usize,
        operator,
        text: text.to_owned(),
    };
    let asset = |side, assets: &[u32]| Predicate::Asset {
        side,
        assets: assets.to_vec(),
        negated: false,
    };
    let keyset = |at: i64, after: &str| {
        Predicate::All(vec![
            second(Operator::GreaterOrEqual, at),
            second(Operator::Less, at + 150),
            Predicate::Any(vec![
                second(Operator::Greater, at),
                id(Operator::Greater, after),
            ]),
        ])
    };
    vec![
        Predicate::ALWAYS,
        Predicate::Any(Vec::new()),
        second(Operator::Equal, 1_000_180),
        keyset(1_000_100, "0x8"),
        keyset(1_000_180, &ids[300]),
        id(Operator::Greater, &ids[17]),
        id(Operator::Less, "0x3"),
        id(Operator::Equal, &ids[40]),
        Predicate::TextIn {
            column: Column::Id as usize,
            texts: ids[10..20].to_vec(),
            negated: false,
        },
        asset(0, &[0]),
        asset(1, &[0, 3, 5]),
        asset(1, &[2, USDC]),
        Predicate::Any(vec![asset(0, &[1, 2]), asset(1, &[1, 2])]),
        Predicate::All(vec![
            Predicate::Any(vec![asset(0, &[4]), asset(1, &[5])]),
            keyset(1_000_050, "0x5"),
        ]),
        Predicate::All(vec![asset(0, &[6]), id(Operator::Greater, "0x7")]),
        Predicate::Number {
            column: Column::MakerAmountFilled as usize,
            operator: Operator::Greater,
            number: Decimal::parse("90000000", false).unwrap(),
        },
    ]
}

#[test]
fn every_way_to_find_a_page_finds_what_looking_at_all_rows_finds() {
    let dataset = dataset();
    with_rows!(dataset, |rows| {
        let mut ids: Vec<String> = (0..rows.len())
            .map(|row| {
                let mut id = Vec::new();
                rows.write(row, Column::Id, &mut id);
                String::from_utf8(id).unwrap()
            })
            .collect();
        ids.sort();
        for predicate in predicates(&ids) {
            for column in [
                Column::Id,
                Column::Timestamp,
                Column::MakerAmountFilled,
                Column::Taker,
            ] {
                for (descending, skip, first) in [
                    (false, 0, 7),
                    (true, 0, 50),
                    (false, 20, 1000),
                    (true, 3, 2),
                ] {
                    let order = Order {
                        column: column as usize,
                        descending,
                    };
                    let slice = Slice { skip, first };
                    assert_eq!(
                        events(rows, &dataset.postings, &predicate, order, slice),
                        naive(rows, &predicate, order, slice),
                        "{predicate:?} {order:?} {slice:?}"
                    );
                }
            }
        }
    });
}
