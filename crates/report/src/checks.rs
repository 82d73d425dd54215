//! The table of checks.

use maud::{Markup, html};
use serde_json::Value;
use validation::{Check, CheckVerdict, Figures, Level};

use crate::figures_table::FiguresTable;
use crate::text::{grouped, moment};

/// Figures that are seconds since 1970.
const MOMENTS: [&str; 2] = ["first", "last"];

/// Writes every check under its level, with its figures and the statement behind them.
pub(crate) fn table(checks: &[Check]) -> Markup {
    html! {
        table.checks {
            thead { tr { th scope="col" { "Verdict" } th scope="col" { "Check" } th scope="col" { "Figures" } } }
            @for level in Level::ALL {
                @let of_level: Vec<_> = checks.iter().filter(|check| check.level == level).collect();
                @if !of_level.is_empty() {
                    tbody data-level=(level) {
                        tr.of-level {
                            th colspan="3" scope="rowgroup" { (level) span { ": " (asks(level)) } }
                        }
                        @for check in of_level { (row(check)) }
                    }
                }
            }
        }
    }
}

fn asks(level: Level) -> &'static str {
    match level {
        Level::Counts => "how much is there, and is it there once?",
        Level::Quality => "can every row be true?",
        Level::Source => "does every token add up to what the source itself counted?",
        Level::Wallet => "does Polymarket's data API say the same of some wallets?",
        Level::Spot => "is every field what the source serves, in the windows read again?",
    }
}

fn row(check: &Check) -> Markup {
    let (sign, look) = match &check.verdict {
        CheckVerdict::Ok => ("✓", "good"),
        CheckVerdict::Differs => ("✗", "bad"),
        CheckVerdict::NotRun { .. } => ("–", "open"),
    };
    html! {
        tr data-check=(check.name) {
            td { span.word.(look) { span aria-hidden="true" { (sign) " " } (check.verdict.name()) } }
            th scope="row" { (check.name) }
            td {
                @if let CheckVerdict::NotRun { why } = &check.verdict { (why) }
                (figures(check.name, &check.figures))
                @if !check.query.is_empty() {
                    details { summary { "Query" } pre { (check.query) } }
                }
            }
        }
    }
}

fn figures(check: &str, figures: &Figures) -> Markup {
    let single = |value: &&(&str, &Value)| value.1.is_number() || value.1.is_boolean();
    let all: Vec<(&str, &Value)> = figures.iter().collect();
    html! {
        @if all.iter().any(|figure| single(&figure)) {
            dl.figures-of {
                @for (name, value) in all.iter().filter(single) {
                    div { dt { (name.replace('_', " ")) } dd { (said(name, value)) } }
                }
            }
        }
        @for (name, value) in all.iter().filter(|figure| !single(figure)) {
            @match value {
                Value::Null => {}
                Value::String(text) => p.note { (text) },
                Value::Array(rows) if rows.is_empty() => {}
                Value::Array(rows) => (listed(&format!("{check}: {}", name.replace('_', " ")), rows)),
                other => p.note { (name.replace('_', " ")) ": " (other) },
            }
        }
    }
}

fn said(name: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(second) if MOMENTS.contains(&name) => moment(second),
        Some(number) => grouped(number),
        None => value.to_string(),
    }
}

/// Writes a list of objects as a table, by the keys of the first.
fn listed(caption: &str, rows: &[Value]) -> Markup {
    let keys: Vec<&String> = match &rows[0] {
        Value::Object(first) => first.keys().collect(),
        _ => Vec::new(),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let cells = |row: &Value| match keys.is_empty() {
        true => vec![text(row)],
        false => keys.iter().map(|key| text(&row[key.as_str()])).collect(),
    };
    let table = FiguresTable {
        caption: caption.to_owned(),
        head: match keys.is_empty() {
            true => vec!["value".to_owned()],
            false => keys.iter().map(|key| key.replace('_', " ")).collect(),
        },
        rows: rows.iter().map(cells).collect(),
    };
    html! { (table) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_a_check_says_is_escaped() {
        let nasty = "<script>alert(1)</script>";
        let check = Check::new(
            Level::Counts,
            "fills",
            true,
            Figures::new()
                .with("note", nasty)
                .with("rows", json!([{ nasty: nasty }])),
            nasty,
        );
        let text = table(&[check, Check::not_run(Level::Spot, "windows", nasty)]).into_string();
        assert!(!text.contains("<script"), "{text}");
        assert_eq!(text.matches("&lt;script&gt;").count(), 5);
    }

    #[test]
    fn levels_without_checks_are_not_there() {
        let check = Check::not_run(Level::Spot, "windows", "no reason");
        let text = table(&[check]).into_string();
        assert_eq!(text.matches("<tbody").count(), 1);
        assert!(text.contains("not run"), "{text}");
        assert!(text.contains("no reason"), "{text}");
    }

    #[test]
    fn numbers_are_grouped_and_moments_are_dates() {
        let figures = Figures::new()
            .with("fills", 1_234_567)
            .with("last", 1_777_374_040);
        let text = super::figures("fills", &figures).into_string();
        assert!(text.contains("1,234,567"), "{text}");
        assert!(text.contains("2026-04-28 11:00:40"), "{text}");
    }
}
