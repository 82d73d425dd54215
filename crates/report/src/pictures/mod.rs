//! What is drawn of a validation.

mod days;
mod months;
mod prices;
mod tokens;

use maud::{Markup, html};
use validation::{Coverage, Pictures};

use crate::series::Series;

const ALL: [Series; 1] = [Series {
    name: "all",
    look: "good",
}];

/// Draws everything.
pub(crate) fn drawn(pictures: &Pictures, coverage: &Coverage) -> Markup {
    html! {
        div.pictures {
            (days::days(&pictures.days))
            (prices::prices(&pictures.prices))
            (months::months(pictures, coverage))
            (tokens::tokens(pictures))
        }
    }
}

/// Returns the first and the last of a list.
fn ends<'a>(names: impl DoubleEndedIterator<Item = &'a str>) -> Vec<String> {
    let mut names = names.map(str::to_owned);
    let first = names.next();
    first.into_iter().chain(names.next_back()).collect()
}
