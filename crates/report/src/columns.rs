//! Columns that stand beside each other, such as one for each day.

use maud::{Markup, Render, html};

use crate::axis::{Axis, Scale};
use crate::figures_table::FiguresTable;
use crate::series::{Series, legend, patterns};
use crate::text::grouped;

/// Width of the drawing in its own units. It is stretched to the room that there is, and so has no
/// text in it.
const WIDTH: f64 = 1000.0;

/// Height of the drawing in its own units.
const HEIGHT: f64 = 300.0;

/// What little is drawn of whatever is not 0, so that it is seen.
const LEAST_HEIGHT: f64 = 4.0;

/// What little wide a column is drawn, so that a day in years is seen.
const LEAST_WIDTH: f64 = 1.5;

/// A picture of columns.
#[derive(Debug)]
pub struct Columns<'a> {
    /// Its place in the page, for links and tests.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What is to be seen, in sentences.
    pub about: String,
    /// What is counted.
    pub unit: &'static str,
    /// What columns consist of, from the foot up.
    pub series: &'a [Series],
    /// Places for columns; one without a column is a gap.
    pub places: usize,
    /// The columns, by ascending place.
    pub columns: Vec<Column>,
    /// What stands below, evenly apart from the first place to the last.
    pub below: Vec<String>,
    /// How values become heights.
    pub scale: Scale,
    /// The same as text.
    pub table: FiguresTable,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Which place, from 0.
    pub place: usize,
    /// What it is called.
    pub name: String,
    /// A value for each series.
    pub values: Vec<u64>,
}

impl Columns<'_> {
    fn axis(&self) -> Axis {
        let sums = self.columns.iter().map(Column::sum);
        Axis::new(self.scale, sums.max().unwrap_or(0))
    }

    fn tick(&self, value: u64) -> String {
        match self.scale {
            Scale::Share => format!("{value} %"),
            _ => grouped(value),
        }
    }

    fn drawing(&self, axis: &Axis) -> Markup {
        let ticks = axis.ticks().len();
        let line = |tick: usize| HEIGHT * tick as f64 / (ticks - 1) as f64;
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img"
                aria-label=(format!("{}. {}", self.title, self.about)) {
                (patterns(self.id))
                @for tick in 0..ticks {
                    line.grid x1="0" x2=(WIDTH) y1=(round(line(tick))) y2=(round(line(tick))) {}
                }
                @for column in &self.columns { (self.column(column, axis)) }
            }
        }
    }

    fn column(&self, column: &Column, axis: &Axis) -> Markup {
        let slot = WIDTH / self.places.max(1) as f64;
        let (x, width) = (
            slot * (column.place as f64 + 0.05),
            (slot * 0.9).max(LEAST_WIDTH),
        );
        let mut top = HEIGHT;
        let parts = self
            .series
            .iter()
            .zip(&column.values)
            .zip(self.heights(column, axis));
        html! {
            @for ((series, value), height) in parts.filter(|((_, value), _)| **value > 0) {
                @let y = { top -= height; top };
                rect.mark.(series.look) x=(round(x)) y=(round(y)) width=(round(width))
                    height=(round(height)) data-name=(column.name) data-series=(series.name)
                    data-value=(value) {
                    title { (column.name) ": " (grouped(*value)) " " (self.of(series)) }
                }
                @if series.look != "good" {
                    rect.hatched x=(round(x)) y=(round(y)) width=(round(width))
                        height=(round(height)) fill=(format!("url(#{}-{})", self.id, series.look)) {}
                }
            }
        }
    }

    fn of(&self, series: &Series) -> String {
        match self.series {
            [_] => self.unit.to_owned(),
            _ => format!("{}: {}", self.unit, series.name),
        }
    }

    /// Returns how high each part is; together no more than there is room.
    fn heights(&self, column: &Column, axis: &Axis) -> Vec<f64> {
        let sum = column.sum();
        let whole = match self.scale {
            Scale::Share => HEIGHT,
            _ => HEIGHT * axis.height(sum),
        };
        let of = |value: u64| match value {
            0 => 0.0,
            _ => (whole * value as f64 / sum as f64).max(LEAST_HEIGHT),
        };
        let mut heights: Vec<f64> = column.values.iter().map(|value| of(*value)).collect();
        let over = heights.iter().sum::<f64>() - whole.max(LEAST_HEIGHT);
        // What the least took is taken from what has most.
        if let Some(most) = heights.iter_mut().max_by(|one, other| one.total_cmp(other)) {
            *most = (*most - over.max(0.0)).max(LEAST_HEIGHT.min(*most));
        }
        heights
    }
}

impl Render for Columns<'_> {
    fn render(&self) -> Markup {
        let axis = self.axis();
        html! {
            figure.chart id=(self.id) {
                figcaption { h3 { (self.title) } p { (self.about) } }
                @if self.series.len() > 1 { (legend(self.series, self.id)) }
                @if self.columns.is_empty() { p.nothing { "There is nothing to draw." } }
                @else {
                    div.plot {
                        div.beside aria-hidden="true" {
                            @for tick in axis.ticks().iter().rev() { span { (self.tick(*tick)) } }
                        }
                        (self.drawing(&axis))
                        div.below aria-hidden="true" {
                            @for name in &self.below { span { (name) } }
                        }
                    }
                    (self.table)
                }
            }
        }
    }
}

impl Column {
    fn sum(&self) -> u64 {
        self.values.iter().sum()
    }
}

/// Rounds to hundredths: more is not seen, and makes the page long.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [Series; 2] = [
        Series {
            name: "there",
            look: "good",
        },
        Series {
            name: "missing",
            look: "bad",
        },
    ];

    fn columns(scale: Scale, values: &[[u64; 2]]) -> Columns<'static> {
        Columns {
            id: "test",
            title: "A test",
            about: "Nothing.".to_owned(),
            unit: "fills",
            series: &PARTS,
            places: values.len(),
            columns: values
                .iter()
                .enumerate()
                .map(|(place, values)| Column {
                    place,
                    name: format!("<{place}>"),
                    values: values.to_vec(),
                })
                .collect(),
            below: vec![],
            scale,
            table: FiguresTable {
                caption: String::new(),
                head: vec![],
                rows: vec![],
            },
        }
    }

    #[test]
    fn every_value_but_0_has_a_mark_that_tells_it() {
        let drawn = columns(Scale::Linear, &[[5, 0], [0, 0], [3, 2]])
            .render()
            .into_string();
        assert_eq!(drawn.matches("class=\"mark").count(), 3);
        for value in [5, 3, 2] {
            assert!(
                drawn.contains(&format!("data-value=\"{value}\"")),
                "{drawn}"
            );
        }
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let drawn = columns(Scale::Linear, &[[5, 0]]).render().into_string();
        assert!(drawn.contains("&lt;0&gt;: 5"), "{drawn}");
        assert!(!drawn.contains("<0>"), "{drawn}");
    }

    #[test]
    fn one_in_a_billion_is_seen_and_no_column_is_too_high() {
        for scale in [Scale::Linear, Scale::Share, Scale::Logarithmic] {
            let picture = columns(scale, &[[1_000_000_000, 1], [1, 0]]);
            let axis = picture.axis();
            for column in &picture.columns {
                let heights = picture.heights(column, &axis);
                assert!(
                    heights.iter().sum::<f64>() <= HEIGHT + 0.001,
                    "{scale:?} {heights:?}"
                );
                let seen = heights.iter().zip(&column.values);
                let seen = seen.filter(|(_, value)| **value > 0);
                assert!(
                    seen.clone().all(|(height, _)| *height >= LEAST_HEIGHT),
                    "{scale:?}"
                );
            }
        }
    }
}
