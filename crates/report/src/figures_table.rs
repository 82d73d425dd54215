use maud::{Markup, Render, html};

/// The figures of a picture as a table, folded: for whoever cannot or would rather not look.
#[derive(Debug, Clone)]
pub struct FiguresTable {
    /// What the table is about.
    pub caption: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows; the first cell names the row.
    pub rows: Vec<Vec<String>>,
}

impl Render for FiguresTable {
    fn render(&self) -> Markup {
        html! {
            details {
                summary { "The figures of: " (self.caption) }
                // Whoever has no mouse scrolls it too.
                div.scrolls role="region" tabindex="0" aria-label=(self.caption) {
                    table.figures {
                        thead { tr { @for name in &self.head { th scope="col" { (name) } } } }
                        tbody {
                            @for row in &self.rows {
                                tr {
                                    @for (index, cell) in row.iter().enumerate() {
                                        @if index == 0 { th scope="row" { (cell) } }
                                        @else { td { (cell) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
