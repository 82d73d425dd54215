//! The live page: one document, with a script of its own and nothing from elsewhere.

use maud::{DOCTYPE, PreEscaped, html};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/live.js");

/// Only what is in the page runs, and it talks to nobody but the run.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The figures beside each other: the key of the status, and what it is called.
const FIGURES: [(&str, &str); 18] = [
    ("fills_done", "fills loaded"),
    ("fills_expected", "fills expected"),
    ("fills_per_second", "fills/s, last 10 s"),
    ("fills_per_second_overall", "fills/s, overall"),
    ("markets_per_second", "markets/s, last 10 s"),
    ("markets_per_second_overall", "markets/s, overall"),
    ("seconds", "running for"),
    ("seconds_left", "time left"),
    ("requests", "requests"),
    ("requests_per_second", "requests/s"),
    ("requests_in_flight", "requests in flight"),
    ("requests_per_10s", "limit, requests in 10 s"),
    ("rate_limited", "refused for the rate"),
    ("retries", "sent again"),
    ("latency_ms", "latency"),
    ("rows_in_hand", "rows in hand"),
    ("rows_waiting", "rows waiting for an insert"),
    ("checkpoint_age_seconds", "last checkpoint"),
];

/// Writes the page.
pub(crate) fn page(title: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                // Or a browser asks for one.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    p id="state" class="state" role="status" { "connecting" }
                    div class="progress" {
                        progress id="share" max="1" value="0" aria-label="share done" {}
                        output id="share-text" { "0 %" }
                    }
                    section id="warnings" aria-label="Warnings" hidden {
                        h2 { "Warnings" }
                        ul {}
                    }
                    noscript { p { "This page needs its script; /status.json has the figures." } }
                    dl class="figures" {
                        @for (key, name) in FIGURES {
                            div { dt { (name) } dd id=(key) { "–" } }
                        }
                    }
                    section {
                        h2 { "Fills a second" }
                        p id="rate-about" { "Nothing was told yet." }
                        svg id="rate" viewBox="0 0 600 160" preserveAspectRatio="none" role="img"
                            aria-labelledby="rate-about" {}
                        p class="axis" { span id="rate-from" {} span id="rate-to" {} }
                    }
                    section {
                        h2 { "By month of the archive" }
                        div class="scrolls" role="region" tabindex="0" aria-label="By month" {
                            table {
                                thead { tr {
                                    th scope="col" { "month" }
                                    th scope="col" { "done" }
                                    th scope="col" class="wide" { span class="hidden" { "share" } }
                                    th scope="col" { "fills" }
                                } }
                                tbody id="months" {}
                            }
                        }
                    }
                    footer { p {
                        a href="/metrics" { "metrics" } " · "
                        a href="/status.json" { "status as JSON" } " · "
                        a href="/health" { "health" }
                    } }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_on_the_page_is_from_elsewhere() {
        let page = page("a <run>");
        assert!(page.contains("a &lt;run&gt;"));
        for outside in ["http://", "https://", "@import", "src=", "url(", "import("] {
            // The name of SVG is no address that is asked.
            let page = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!page.contains(outside), "{outside}");
        }
        // Text of others never becomes markup.
        assert!(!page.contains("innerHTML"));
    }

    #[test]
    fn every_figure_is_a_key_of_the_status() {
        let status = serde_json::to_value(crate::Status::default()).unwrap();
        for (key, _) in FIGURES {
            assert!(status.get(key).is_some(), "{key}");
        }
    }
}
