//! Parts that columns consist of, told apart by colour and by hatching.

use maud::{Markup, html};

/// A part of each column.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// What it is.
    pub name: &'static str,
    /// Its look, a class of the style sheet: `good`, `open` or `bad`.
    pub look: &'static str,
}

/// Names the parts of a picture.
pub(crate) fn legend(series: &[Series], id: &str) -> Markup {
    html! {
        ul.legend {
            @for series in series {
                li {
                    svg.key viewBox="0 0 16 16" aria-hidden="true" {
                        rect.(series.look) width="16" height="16" {}
                        @if series.look != "good" {
                            rect.hatched width="16" height="16"
                                fill=(format!("url(#{id}-{})", series.look)) {}
                        }
                    }
                    (series.name)
                }
            }
        }
    }
}

/// Tells parts apart for whoever does not see colours.
pub(crate) fn patterns(id: &str) -> Markup {
    html! {
        defs {
            pattern id=(format!("{id}-open")) width="8" height="8" patternUnits="userSpaceOnUse" {
                path.hatch d="M0 8 L8 0" {}
            }
            pattern id=(format!("{id}-bad")) width="6" height="6" patternUnits="userSpaceOnUse" {
                path.hatch d="M0 0 L6 6 M0 6 L6 0" {}
            }
        }
    }
}
