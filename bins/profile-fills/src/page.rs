//! The report as one page with pictures.

use std::io;
use std::path::Path;

use maud::{Markup, Render, html};
use profile::{Climb, Profile, Recommended, Tried};
use report::{Column, Columns, Destination, FiguresTable, Page, Scale, Series, Tone, grouped};
use startup::{ExitCode, Failure};
use wiring::progress::duration;

/// What was tried, and the smallest of it that is as good as the best.
const SERIES: [Series; 2] = [
    Series {
        name: "tried",
        look: "open",
    },
    Series {
        name: "the knee",
        look: "good",
    },
];

/// A picture: what was varied, and what is shown of it.
struct Picture {
    id: &'static str,
    title: &'static str,
    setting: &'static str,
    unit: &'static str,
    value: fn(&Tried) -> Option<f64>,
}

const PICTURES: [Picture; 4] = [
    Picture {
        id: "rate-by-workers",
        title: "Rows a second by workers",
        setting: "workers",
        unit: "rows/s",
        value: |tried| Some(tried.rows_per_second),
    },
    Picture {
        id: "latency-by-workers",
        title: "Latency by workers",
        setting: "workers",
        unit: "ms to the first byte, half of the requests",
        value: |tried| tried.first_byte_p50_ms,
    },
    Picture {
        id: "rate-by-pages",
        title: "Rows a second by pages in a request",
        setting: "pages_per_request",
        unit: "rows/s",
        value: |tried| Some(tried.rows_per_second),
    },
    Picture {
        id: "rate-by-batch",
        title: "Rows a second by rows in a batch",
        setting: "insert_batch_size",
        unit: "rows/s inserted",
        value: |tried| Some(tried.rows_per_second),
    },
];

/// Makes sure that the page can be written, before the work whose report it is.
///
/// # Errors
/// That it cannot.
pub(crate) fn open(path: &Path) -> Result<Destination, Failure> {
    Destination::open(path).map_err(|error| unwritten(path, error))
}

/// Writes the page.
///
/// # Errors
/// That the file cannot be written.
pub(crate) fn write(
    destination: Destination,
    path: &Path,
    profile: &Profile,
) -> Result<(), Failure> {
    destination
        .write(&page(profile))
        .map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, error: io::Error) -> Failure {
    let message = format!("the report {} cannot be written: {error}", path.display());
    Failure::new(ExitCode::Usage, message).with_hint("name a file in a directory that is there")
}

fn page(profile: &Profile) -> String {
    let set = &profile.recommended;
    let mut facts = vec![
        ("WORKER_COUNT", set.workers.to_string()),
        ("INSERT_BATCH_SIZE", grouped(set.insert_batch_size as u64)),
        ("PAGES_PER_REQUEST", set.pages_per_request.to_string()),
    ];
    if let Some(rate) = set.requests_per_10s {
        facts.push(("REQUESTS_PER_10S", rate.to_string()));
    }
    if let Some(all) = &profile.projection {
        let (low, high) = (duration(all.seconds_low), duration(all.seconds_high));
        facts.push(("fills in all", grouped(all.fills_total)));
        facts.push(("so set, they take", format!("{low} to {high}")));
    }
    facts.push((
        "measured with",
        format!("{} requests", grouped(profile.requests)),
    ));
    let pictures = PICTURES.iter().filter_map(|picture| picture.drawn(profile));
    let page = Page {
        title: "What bounds the backfill".to_owned(),
        tone: Tone::Good,
        verdict: format!(
            "bound by {}: {}",
            profile.bottleneck.name(),
            profile.evidence
        ),
        facts,
        sections: vec![
            ("Steps", steps(profile)),
            ("Sweep", html! { @for picture in pictures { (picture) } }),
        ],
    };
    page.render().into_string()
}

fn steps(profile: &Profile) -> Markup {
    let head = [
        "step", "times", "p50 ms", "p90 ms", "p99 ms", "max ms", "share",
    ];
    html! {
        div.scrolls role="region" tabindex="0" aria-label="Steps" {
            table.figures {
                thead { tr { @for name in head { th scope="col" { (name) } } } }
                tbody {
                    @for step in &profile.steps {
                        tr {
                            th scope="row" { (step.name) }
                            td { (grouped(step.count)) }
                            @for ms in [step.p50_ms, step.p90_ms, step.p99_ms, step.max_ms] {
                                td { (format!("{ms:.1}")) }
                            }
                            td { (format!("{:.1} %", step.share * 100.0)) }
                        }
                    }
                }
            }
        }
    }
}

impl Picture {
    /// Draws the values that were tried, from the smallest; nothing where there are none.
    fn drawn(&self, profile: &Profile) -> Option<Markup> {
        let of_setting = profile
            .sweep
            .iter()
            .filter(|tried| tried.setting == self.setting);
        let tried: Vec<(&Tried, f64)> = of_setting
            .filter_map(|tried| Some((tried, (self.value)(tried)?)))
            .collect();
        let recommended = self.recommended(&profile.recommended);
        let knee = knee(&tried);
        let column = |(place, (tried, value)): (usize, &(&Tried, f64))| {
            let value = value.round() as u64;
            let values = match Some(tried.value) == knee {
                true => vec![0, value],
                false => vec![value, 0],
            };
            Column {
                place,
                name: tried.value.to_string(),
                values,
            }
        };
        let row =
            |(tried, value): &(&Tried, f64)| vec![tried.value.to_string(), format!("{value:.1}")];
        let picture = Columns {
            id: self.id,
            title: self.title,
            about: format!("In {}. Recommended: {recommended}.", self.unit),
            unit: self.unit,
            series: &SERIES,
            places: tried.len(),
            columns: tried.iter().enumerate().map(column).collect(),
            below: tried
                .iter()
                .map(|(tried, _)| tried.value.to_string())
                .collect(),
            scale: Scale::Linear,
            table: FiguresTable {
                caption: self.title.to_owned(),
                head: vec![self.setting.to_owned(), self.unit.to_owned()],
                rows: tried.iter().map(row).collect(),
            },
        };
        (!tried.is_empty()).then(|| picture.render())
    }

    fn recommended(&self, set: &Recommended) -> usize {
        match self.setting {
            "workers" => set.workers,
            "pages_per_request" => set.pages_per_request,
            _ => set.insert_batch_size,
        }
    }
}

/// Returns the smallest value whose rate is as good as the best, where a larger one shows it.
fn knee(tried: &[(&Tried, f64)]) -> Option<usize> {
    let values: Vec<usize> = tried.iter().map(|(tried, _)| tried.value).collect();
    let mut climb = Climb::listed(&values);
    for (tried, _) in tried {
        climb.note(tried.rows_per_second);
    }
    climb.knee().filter(|knee| Some(knee) != values.last())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use profile::Usage;

    use super::*;

    #[test]
    fn the_page_has_what_was_tried_and_marks_what_is_recommended() {
        let recommended = Recommended {
            workers: 8,
            insert_batch_size: 1000,
            pages_per_request: 2,
            requests_per_10s: Some(50),
        };
        let mut profile = Profile::new(&BTreeMap::new(), Usage::default(), recommended);
        profile.sweep = [(4, 100.4), (8, 200.0), (16, 201.0)]
            .map(|(value, rows_per_second)| Tried {
                setting: "workers",
                value,
                rows_per_second,
                first_byte_p50_ms: Some(205.0),
            })
            .into();
        let page = page(&profile);
        let marks = page
            .split("<rect ")
            .filter(|mark| mark.contains("data-value"));
        let marks: Vec<&str> = marks.collect();
        let is = |name: &str, series: &str, value: &str| {
            marks.iter().any(|mark| {
                mark.contains(&format!("data-name=\"{name}\""))
                    && mark.contains(&format!("data-series=\"{series}\""))
                    && mark.contains(&format!("data-value=\"{value}\""))
            })
        };
        assert!(
            is("4", "tried", "100") && is("8", "the knee", "200") && is("16", "tried", "201"),
            "{marks:?}"
        );
        assert!(is("8", "the knee", "205"), "{marks:?}");
        assert!(page.contains("REQUESTS_PER_10S") && page.contains("bound by source"));
        assert!(!page.contains("Rows a second by rows in a batch"));
    }
}
