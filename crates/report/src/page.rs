use maud::{DOCTYPE, Markup, Render, html};

const STYLE: &str = include_str!("style.css");

/// Nothing is fetched and nothing runs, whatever finds its way into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// Whether the verdict is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It is.
    Good,
    /// It is not.
    Bad,
    /// It is neither: not everything is known.
    Open,
}

/// A page that needs nothing but itself: no script, no font, no style and no picture from elsewhere.
#[derive(Debug)]
pub struct Page {
    /// What the report is about.
    pub title: String,
    /// Whether the verdict is good news.
    pub tone: Tone,
    /// The verdict in one line.
    pub verdict: String,
    /// What the report was made from: names and values.
    pub facts: Vec<(&'static str, String)>,
    /// Parts of the page, each with its heading.
    pub sections: Vec<(&'static str, Markup)>,
}

impl Tone {
    fn look(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Open => "–",
        }
    }
}

impl Render for Page {
    fn render(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.tone.sign()) " " (self.title) }
                    // Or a browser asks the server of the page for one.
                    link rel="icon" href="data:,";
                    style { (maud::PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        p.verdict.(self.tone.look()) id="verdict" {
                            span aria-hidden="true" { (self.tone.sign()) " " } (self.verdict)
                        }
                        dl.facts {
                            @for (name, value) in &self.facts {
                                div { dt { (name) } dd { (value) } }
                            }
                        }
                        @for (heading, section) in &self.sections {
                            section { h2 { (heading) } (section) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_that_is_neither_good_nor_bad_looks_like_neither() {
        let page = Page {
            title: "A title".to_owned(),
            tone: Tone::Open,
            verdict: "incomplete".to_owned(),
            facts: Vec::new(),
            sections: Vec::new(),
        };
        let text = page.render().into_string();
        assert!(text.contains("<title>– A title</title>"), "{text}");
        assert!(text.contains("class=\"verdict open\""), "{text}");
    }

    #[test]
    fn nothing_on_a_page_is_from_elsewhere() {
        let page = Page {
            title: "A <title>".to_owned(),
            tone: Tone::Bad,
            verdict: "differs".to_owned(),
            facts: vec![("table", "fills".to_owned())],
            sections: vec![("Checks", html! { p { "none" } })],
        };
        let text = page.render().into_string();
        assert!(text.contains("A &lt;title&gt;"), "{text}");
        for outside in [
            "<script", "http://", "https://", "@import", "src=\"", "url(",
        ] {
            assert!(!text.contains(outside), "{outside}");
        }
    }
}
