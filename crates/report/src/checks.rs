//! The table of checks.

use maud::{Markup, html};
use serde_json::Value;
use validation::{Check, CheckVerdict, Level};

use crate::figures_table::FiguresTable;
use crate::text::{grouped, millionths, moment};

/// Figures that are seconds since 1970.
const MOMENTS: [&str; 4] = ["first", "last", "compared_from", "compared_to"];

/// The figure that is an amount of USDC in base units.
const AMOUNT: &str = "usdc";

/// The figure that is a sentence.
const NOTE: &str = "note";

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
                (figures(check))
                @if !check.query.is_empty() {
                    details { summary { "Query" } pre { (check.query) } }
                }
            }
        }
    }
}

fn figures(check: &Check) -> Markup {
    let (single, other): (Vec<_>, Vec<_>) = check.figures.iter().partition(is_single);
    html! {
        @if !single.is_empty() {
            dl.figures-of {
                @for (name, value) in single { (figure(name, value)) }
            }
        }
        @for (name, value) in other {
            @match value {
                Value::Null => {}
                Value::String(text) => p.note { (text) },
                Value::Array(rows) if rows.is_empty() => {}
                Value::Array(rows) => (listed(format!("{}: {}", check.name, spaced(name)), rows)),
                other => p.note { (spaced(name)) ": " (other) },
            }
        }
    }
}

fn is_single((name, value): &(&str, &Value)) -> bool {
    match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::String(_) => *name != NOTE,
        _ => false,
    }
}

fn figure(name: &str, value: &Value) -> Markup {
    let (name, value) = match (name.strip_suffix("_basis_points"), value.as_u64()) {
        (Some(share), Some(points)) => (share, format!("{}.{:02} %", points / 100, points % 100)),
        (_, Some(second)) if MOMENTS.contains(&name) => (name, moment(second)),
        (_, Some(number)) => (name, grouped(number)),
        (_, None) => (name, text(name, value)),
    };
    html! { div { dt { (spaced(name)) } dd { (value) } } }
}

fn text(name: &str, value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    match text.parse() {
        Ok(base_units) if name == AMOUNT => millionths(base_units),
        _ => text.clone(),
    }
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// Writes a list of objects as a table, by the keys of the first.
fn listed(caption: String, rows: &[Value]) -> Markup {
    let keys: Vec<&String> = match &rows[0] {
        Value::Object(first) => first.keys().collect(),
        _ => Vec::new(),
    };
    let cells = |row: &Value| match keys.is_empty() {
        true => vec![text("", row)],
        false => keys
            .iter()
            .map(|key| text(key, &row[key.as_str()]))
            .collect(),
    };
    let table = FiguresTable {
        caption,
        head: match keys.is_empty() {
            true => vec!["value".to_owned()],
            false => keys.iter().map(|key| spaced(key)).collect(),
        },
        rows: rows.iter().map(cells).collect(),
    };
    html! { (table) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use validation::Figures;

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
    fn figures_are_written_as_people_read_them() {
        let check = |name: &'static str, value: Value, expected: &str| {
            let written = figure(name, &value).into_string();
            assert!(
                written.contains(&format!("<dd>{expected}</dd>")),
                "{written}"
            );
        };
        check("fills", json!(1_234_567), "1,234,567");
        check("last", json!(1_777_374_040), "2026-04-28 11:00:40");
        check("usdc", json!("5000000000001"), "5,000,000.000001");
        check("shown_basis_points", json!(9_950), "99.50 %");
        check("chosen_for", json!("volume"), "volume");
        check("complete", json!(true), "true");
    }
}
