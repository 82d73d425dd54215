//! Bars below each other, the longest first.

use maud::{Markup, Render, html};

use crate::figures_table::FiguresTable;

/// Length of the longest bar in units of its drawing.
const LENGTH: f64 = 1000.0;

/// What little is drawn of whatever is not 0, so that it is seen.
const LEAST_LENGTH: f64 = 8.0;

/// A picture of bars, each with its words beside it.
#[derive(Debug)]
pub struct Bars {
    /// Its place in the page, for links and tests.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What is to be seen, in sentences.
    pub about: String,
    /// The bars, in order.
    pub bars: Vec<Bar>,
    /// The same as text.
    pub table: FiguresTable,
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is called, in full.
    pub name: String,
    /// What is shown of its name.
    pub short: String,
    /// How long it is.
    pub value: u64,
    /// What the value says, in words.
    pub says: String,
}

impl Render for Bars {
    fn render(&self) -> Markup {
        let longest = self
            .bars
            .iter()
            .map(|bar| bar.value)
            .max()
            .unwrap_or(0)
            .max(1);
        html! {
            figure.chart id=(self.id) {
                figcaption { h3 { (self.title) } p { (self.about) } }
                @if !self.bars.is_empty() {
                    ol.bars { @for bar in &self.bars { (drawn(bar, longest)) } }
                    (self.table)
                }
            }
        }
    }
}

fn drawn(bar: &Bar, longest: u64) -> Markup {
    let share = bar.value as f64 / longest as f64;
    let length = (LENGTH * share).max(LEAST_LENGTH).round();
    html! {
        li {
            span.name title=(bar.name) { (bar.short) }
            span.says { (bar.says) }
            svg viewBox=(format!("0 0 {LENGTH} 10")) preserveAspectRatio="none" aria-hidden="true" {
                rect.mark.bad width=(length) height="10" data-name=(bar.name)
                    data-value=(bar.value) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: u64) -> Bar {
        Bar {
            name: "5".to_owned(),
            short: "5".to_owned(),
            value,
            says: format!("{value} fills"),
        }
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_never_nothing() {
        let check = |value, longest, width: &str| {
            let drawn = drawn(&bar(value), longest).into_string();
            assert!(drawn.contains(&format!("width=\"{width}\"")), "{drawn}");
        };
        check(10, 10, "1000");
        check(5, 10, "500");
        check(0, 10, "8");
    }
}
