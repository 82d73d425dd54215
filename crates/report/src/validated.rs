//! The page of a validation.

use maud::{Markup, Render, html};
use validation::{Coverage, Plan, Report, Verdict};

use crate::page::{Page, Tone};
use crate::text::{grouped, moment};
use crate::{checks, findings, pictures};

/// What a validation was of.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The table's name as readers know it.
    pub table: &'a str,
    /// What it was expected to hold.
    pub coverage: &'a Coverage,
    /// When the report was made, in seconds since 1970.
    pub made_second: u64,
}

/// Writes the page of a validation.
pub fn validated(report: &Report, about: About<'_>) -> String {
    let mut sections = vec![("Checks", checks::table(&report.checks))];
    if let Some(drawn) = &report.pictures {
        sections.push(("Pictures", pictures::drawn(drawn, about.coverage)));
    }
    sections.push(("Findings", findings::list(report)));
    if let Some(plan) = &report.plan {
        let is_complete = report.incomplete_levels.is_empty();
        sections.push(("Repair", planned(plan, is_complete)));
    }
    let page = Page {
        title: format!("Validation of {}", about.table),
        tone: match report.verdict {
            Verdict::Ok => Tone::Good,
            Verdict::Incomplete => Tone::Open,
            Verdict::Differs => Tone::Bad,
        },
        verdict: report.summary.clone(),
        facts: facts(report, about),
        sections,
    };
    page.render().into_string()
}

fn facts(report: &Report, about: About<'_>) -> Vec<(&'static str, String)> {
    let Coverage { span, tokens, .. } = about.coverage;
    let mut facts = vec![
        ("from, UTC", moment(span.from)),
        ("to, not included", moment(span.to)),
        (
            "of the archive",
            match (about.coverage.is_whole_archive, tokens) {
                (_, Some(tokens)) => format!("{} tokens", grouped(tokens.len() as u64)),
                (true, None) => "all".to_owned(),
                (false, None) => "a part".to_owned(),
            },
        ),
        ("source's block", about.coverage.block.to_string()),
        ("made, UTC", moment(about.made_second)),
        ("by", format!("validate {}", env!("CARGO_PKG_VERSION"))),
    ];
    if report.repaired > 0 {
        facts.push((
            "rows that a repair put in or took out",
            grouped(report.repaired),
        ));
    }
    facts
}

fn planned(plan: &Plan, is_complete: bool) -> Markup {
    let figures = [
        ("parts to load", plan.loads.len() as u64),
        ("wrong rows to replace", plan.wrong_rows),
        ("extra rows to take out", plan.extra_rows),
        ("doubles to take out", plan.duplicate_rows),
        ("rows left as they are", plan.rows_left),
    ];
    html! {
        @if !is_complete { p.note { "the plan leaves out what could not be checked" } }
        dl.figures-of {
            @for (name, number) in figures { div { dt { (name) } dd { (grouped(number)) } } }
        }
    }
}
