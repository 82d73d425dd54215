//! The wallets that were compared, as a table that a person holds against Polymarket's site.

use jiff::Timestamp;
use serde_json::Value;
use validation::{Check, CheckVerdict, Level};
use wiring::progress::grouped;

/// Tells whether a check is about one wallet and has a row in the table.
pub(crate) fn is_one(check: &Check) -> bool {
    check.level == Level::Wallet && check.figures.get("fills").is_some()
}

/// Writes a row for each wallet, and below what a person should know of it; nothing without one.
pub(crate) fn table(checks: &[Check]) -> String {
    let wallets: Vec<&Check> = checks.iter().filter(|check| is_one(check)).collect();
    if wallets.is_empty() {
        return String::new();
    }
    let mut text = line([
        "wallet",
        "fills",
        "volume, USDC",
        "first",
        "last",
        "verdict",
        "shown",
    ]);
    for check in &wallets {
        text += &row(check);
    }
    for check in wallets {
        if let Some(note) = note(check) {
            text += &format!("  {}: {note}\n", check.name);
        }
    }
    text
}

fn row(check: &Check) -> String {
    let number = |name| check.figures.get(name).and_then(Value::as_u64);
    let time = |name| number(name).map_or_else(|| "-".to_owned(), time);
    let usdc = check.figures.get("usdc").and_then(Value::as_str);
    line([
        &check.name,
        &number("fills").map_or_else(String::new, grouped),
        &usdc
            .and_then(|usdc| usdc.parse().ok())
            .map_or_else(String::new, dollars),
        &time("first"),
        &time("last"),
        check.verdict.name(),
        &shown(check),
    ])
}

fn line([wallet, fills, volume, first, last, verdict, shown]: [&str; 7]) -> String {
    let line = format!(
        "  {wallet:42}  {fills:>10}  {volume:>22}  {first:20}  {last:20}  {verdict:8}  {shown}"
    );
    line + "\n"
}

/// Says how much of a wallet the API could show, and until when it was asked where that is not all.
fn shown(check: &Check) -> String {
    let share = share(check);
    let end = check.figures.get("compared_to").and_then(Value::as_u64);
    match (check.figures.get("bounded"), end) {
        (Some(Value::Bool(true)), Some(end)) => format!("{share} until {}", time(end)),
        _ => share,
    }
}

fn share(check: &Check) -> String {
    let figures = &check.figures;
    let hides = figures.get("seconds_not_shown").and_then(Value::as_array);
    match (
        hides,
        figures.get("shown_basis_points").and_then(Value::as_u64),
    ) {
        (None, _) => "-".to_owned(),
        (Some(seconds), _) if seconds.is_empty() => "all".to_owned(),
        (_, Some(points)) => format!("{}.{:02} %", points / 100, points % 100),
        (_, None) => "not all".to_owned(),
    }
}

fn note(check: &Check) -> Option<&str> {
    match &check.verdict {
        CheckVerdict::NotRun { why } => Some(why),
        _ => check.figures.get("note").and_then(Value::as_str),
    }
}

fn time(second: u64) -> String {
    let second = i64::try_from(second).ok();
    let time = second.and_then(|second| Timestamp::from_second(second).ok());
    time.map_or_else(String::new, |time| time.to_string())
}

/// Writes base units as dollars, to the last of them.
fn dollars(base_units: u128) -> String {
    let (whole, rest) = (base_units / 1_000_000, base_units % 1_000_000);
    let whole = u64::try_from(whole).map_or_else(|_| whole.to_string(), grouped);
    format!("{whole}.{rest:06}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use validation::Figures;

    use super::*;

    fn wallet(hidden: Value, shown: Option<u64>) -> Check {
        let figures = Figures::new()
            .with("fills", 1234)
            .with("usdc", "5000000000001")
            .with("first", 1_669_060_209)
            .with("last", Value::Null)
            .with("seconds_not_shown", hidden)
            .with("shown_basis_points", shown)
            .with("note", "most of it");
        Check::new(Level::Wallet, "0xab", true, figures, "")
    }

    #[test]
    fn a_wallet_is_shown_as_its_page_shows_it() {
        let table = table(&[wallet(json!([]), Some(10_000))]);
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|row| row.split_whitespace().collect())
            .collect();
        let first = "2022-11-21T19:50:09Z";
        assert_eq!(
            rows[1],
            ["0xab", "1,234", "5,000,000.000001", first, "-", "ok", "all"]
        );
        assert_eq!(rows[2], ["0xab:", "most", "of", "it"]);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn what_the_api_could_not_show_is_said() {
        let check =
            |hidden, shown, text: &str| assert_eq!(super::shown(&wallet(hidden, shown)), text);
        check(json!([]), None, "all");
        check(json!([[5, 6]]), Some(9_985), "99.85 %");
        check(json!([[5, 6]]), None, "not all");
    }

    #[test]
    fn a_wallet_that_was_compared_in_part_says_until_when() {
        let mut check = wallet(json!([]), Some(10_000));
        check.figures.push("bounded", true);
        check.figures.push("compared_to", 1_669_060_209);
        assert_eq!(shown(&check), "all until 2022-11-21T19:50:09Z");
    }

    #[test]
    fn without_wallets_there_is_no_table() {
        let other = Check::not_run(Level::Wallet, "wallets", "no data API");
        assert_eq!(table(&[other]), "");
    }
}
