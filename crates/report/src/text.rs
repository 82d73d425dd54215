//! Numbers and times as people read them.

use jiff::Timestamp;

/// Writes a number with a comma every three digits.
pub fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

/// Writes seconds since 1970 as UTC: `2024-01-31 12:00:00`.
pub fn moment(second: u64) -> String {
    let time = i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok());
    match time {
        Some(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => second.to_string(),
    }
}

/// Writes millionths as a decimal: `1,234.000001`.
pub(crate) fn millionths(base_units: u128) -> String {
    let (whole, rest) = (base_units / 1_000_000, base_units % 1_000_000);
    format!("{}.{rest:06}", grouped_digits(&whole.to_string()))
}

/// Shortens a long number to its ends, which tell it from others.
pub(crate) fn shortened(digits: &str) -> String {
    match (
        digits.get(..6),
        digits.get(digits.len().saturating_sub(6)..),
    ) {
        (Some(first), Some(last)) if digits.len() > 16 => format!("{first}…{last}"),
        _ => digits.to_owned(),
    }
}

fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let check = |number, text: &str| assert_eq!(grouped(number), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn millionths_keep_every_digit() {
        assert_eq!(millionths(1), "0.000001");
        assert_eq!(millionths(1_234_500_000), "1,234.500000");
    }

    #[test]
    fn only_what_is_long_is_shortened() {
        assert_eq!(shortened("1234567890123456"), "1234567890123456");
        assert_eq!(shortened("12345678901234567"), "123456…234567");
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(1_777_374_040), "2026-04-28 11:00:40");
        assert_eq!(moment(u64::MAX), u64::MAX.to_string());
    }
}
