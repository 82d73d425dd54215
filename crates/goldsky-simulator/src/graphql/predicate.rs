//! Filters made ready to be asked of rows.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::operator::{Operator, Pattern};
use crate::data::{Column, Rows};

/// A table whose cells predicates look at.
pub(crate) trait Cells {
    /// Appends a cell's text. Returns `false` and appends nothing where it is null.
    fn cell(&self, row: u32, column: usize, out: &mut Vec<u8>) -> bool;

    /// Returns the time by which an event is ordered.
    fn second(&self, _row: u32) -> i64 {
        0
    }

    /// Returns an event's two assets.
    fn sides(&self, _row: u32) -> [u32; 2] {
        [0, 0]
    }
}

impl<R: Rows> Cells for R {
    fn cell(&self, row: u32, column: usize, out: &mut Vec<u8>) -> bool {
        self.write(row, Column::ALL[column], out)
    }

    fn second(&self, row: u32) -> i64 {
        self.timestamp(row)
    }

    fn sides(&self, row: u32) -> [u32; 2] {
        self.assets(row)
    }
}

/// A filter with its values looked up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// Compares an event's time.
    Second {
        operator: Operator,
        second: i64,
    },
    /// The asset of a side, 0 for the maker's and 1 for the taker's, is one of these, ascending.
    Asset {
        side: usize,
        assets: Vec<u32>,
        negated: bool,
    },
    Null {
        column: usize,
        negated: bool,
    },
    Text {
        column: usize,
        operator: Operator,
        text: String,
    },
    TextIn {
        column: usize,
        texts: Vec<String>,
        negated: bool,
    },
    Number {
        column: usize,
        operator: Operator,
        number: Decimal,
    },
    NumberIn {
        column: usize,
        numbers: Vec<Decimal>,
        negated: bool,
    },
}

impl Predicate {
    /// What everything passes.
    pub(crate) const ALWAYS: Self = Self::All(Vec::new());

    /// Tells whether a row passes. `scratch` is room for one cell.
    pub(crate) fn passes<C: Cells>(&self, cells: &C, row: u32, scratch: &mut Vec<u8>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.passes(cells, row, scratch)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(cells, row, scratch)),
            Self::Second { operator, second } => holds(*operator, cells.second(row).cmp(second)),
            Self::Asset {
                side,
                assets,
                negated,
            } => assets.binary_search(&cells.sides(row)[*side]).is_ok() != *negated,
            Self::Null { column, negated } => {
                scratch.clear();
                cells.cell(row, *column, scratch) == *negated
            }
            Self::Text {
                column,
                operator,
                text,
            } => {
                scratch.clear();
                cells.cell(row, *column, scratch) && text_holds(*operator, scratch, text)
            }
            Self::TextIn {
                column,
                texts,
                negated,
            } => {
                scratch.clear();
                cells.cell(row, *column, scratch)
                    && texts
                        .binary_search_by(|text| text.as_bytes().cmp(scratch))
                        .is_ok()
                        != *negated
            }
            Self::Number {
                column,
                operator,
                number,
            } => read_number(cells, row, *column, scratch)
                .is_some_and(|cell| holds(*operator, cell.cmp(number))),
            Self::NumberIn {
                column,
                numbers,
                negated,
            } => read_number(cells, row, *column, scratch)
                .is_some_and(|cell| numbers.contains(&cell) != *negated),
        }
    }
}

/// Reads a cell as a number; null and what is no number compare with nothing.
pub(crate) fn read_number<C: Cells>(
    cells: &C,
    row: u32,
    column: usize,
    scratch: &mut Vec<u8>,
) -> Option<Decimal> {
    scratch.clear();
    if !cells.cell(row, column, scratch) {
        return None;
    }
    Decimal::parse(std::str::from_utf8(scratch).ok()?, true).ok()
}

fn holds(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::Not => ordering.is_ne(),
        Operator::Greater => ordering.is_gt(),
        Operator::Less => ordering.is_lt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::In | Operator::NotIn | Operator::Like { .. } => false,
    }
}

fn text_holds(operator: Operator, cell: &[u8], text: &str) -> bool {
    let Operator::Like {
        pattern,
        any_case,
        negated,
    } = operator
    else {
        return holds(operator, cell.cmp(text.as_bytes()));
    };
    let cell = String::from_utf8_lossy(cell);
    let (cell, text) = if any_case {
        (cell.to_lowercase(), text.to_lowercase())
    } else {
        (cell.into_owned(), text.to_owned())
    };
    let found = match pattern {
        // Bytes are given with 0x, which need not stand at the found place.
        Pattern::Contains => cell.contains(text.strip_prefix("0x").unwrap_or(&text)),
        Pattern::StartsWith => cell.starts_with(&text),
        Pattern::EndsWith => cell.ends_with(&text),
    };
    found != negated
}
