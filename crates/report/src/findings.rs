//! The list of findings.

use maud::{Markup, html};
use serde_json::Value;
use validation::{Finding, Report};

use crate::text::{grouped, moment};

/// Writes every finding that the report lists, each with the command that mends it.
pub(crate) fn list(report: &Report) -> Markup {
    let more = report.findings_total - report.findings.len() as u64;
    html! {
        @if report.findings_total == 0 { p { "Nothing was found." } }
        ol.findings { @for finding in &report.findings { (item(finding)) } }
        @if more > 0 { p { "And " (grouped(more)) " more that are not listed: --most-findings lists more." } }
    }
}

fn item(finding: &Finding) -> Markup {
    html! {
        li data-kind=(finding.kind.name()) {
            h3 { (finding.kind.name().replace('-', " ")) }
            p { "expected " (said(&finding.expected)) ", found " (said(&finding.found))
                @if !finding.about.is_empty() { " (" (finding.about) ")" } }
            @if let Some(token) = &finding.token_id { p { "token " code { (token) } } }
            @if let (Some(from), Some(to)) = (finding.from, finding.to) {
                p { "from " (moment(from)) " to " (moment(to)) " UTC: "
                    code { "[" (from) ", " (to) ")" } }
            }
            p.note { "found by " (finding.level) ": " (finding.check) }
            @if let Some(command) = &finding.repair { p { "Repair: " code.command { (command) } } }
        }
    }
}

/// Writes a value, or the values of an object by name.
pub(crate) fn said(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{} {}", name.replace('_', " "), said(value))
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            fields.join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use fills::Span;
    use serde_json::json;
    use validation::{Kind, Level, Outcome};

    use super::*;

    #[test]
    fn a_finding_says_where_it_is_and_what_mends_it() {
        let finding = Finding::new(
            Kind::WrongField,
            (Level::Source, "fills"),
            json!({"usdc": "2"}),
            1,
        )
        .of_token(77.into())
        .within(Span::new(60, 120))
        .mended_by("validate --repair");
        let text = item(&finding).into_string();
        for part in [
            "wrong field",
            "usdc 2",
            "77",
            "1970-01-01 00:01:00",
            "[60, 120)",
            "validate --repair",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn those_that_are_not_listed_are_counted() {
        let mut outcome = Outcome::new(1);
        for _ in 0..1_501 {
            let place = (Level::Counts, "duplicates");
            outcome
                .findings
                .push(Finding::new(Kind::DuplicateRows, place, 0, 1));
        }
        let text = list(&Report::new(outcome)).into_string();
        assert!(text.contains("And 1,500 more"), "{text}");
        assert_eq!(text.matches("<li").count(), 1);
    }
}
