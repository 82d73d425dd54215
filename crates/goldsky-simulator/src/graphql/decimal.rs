//! Decimal numbers of any size, for comparing only.

use std::cmp::Ordering;

/// A number as its digits, without leading zeros before and trailing zeros behind the point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Decimal {
    /// Parses an integer or, if allowed, a number with a fraction.
    pub(crate) fn parse(text: &str, fractional: bool) -> Result<Self, &'static str> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if fractional => (whole, fraction),
            _ => (digits, ""),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err("cannot parse integer from empty string");
        }
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err("invalid digit found in string");
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        Ok(Self {
            negative: negative && !(whole.is_empty() && fraction.is_empty()),
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        })
    }

    /// Returns the number if it is a whole one that fits.
    pub(crate) fn to_i64(&self) -> Option<i64> {
        if !self.fraction.is_empty() {
            return None;
        }
        let magnitude: i64 = match self.whole.as_str() {
            "" => 0,
            whole => whole.parse().ok()?,
        };
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitudes = || {
            (self.whole.len(), &self.whole, &self.fraction).cmp(&(
                other.whole.len(),
                &other.whole,
                &other.fraction,
            ))
        };
        match (self.negative, other.negative) {
            (false, false) => magnitudes(),
            (true, true) => magnitudes().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text, true).unwrap()
    }

    #[test]
    fn numbers_compare_by_value() {
        let ascending = [
            "-10", "-9.5", "-9", "0", "0.05", "0.5", "9", "9.25", "10", "100",
        ];
        for pair in ascending.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
        assert_eq!(decimal("-0"), decimal("000.0"));
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert_eq!(
            Decimal::parse("abc", false),
            Err("invalid digit found in string")
        );
        assert_eq!(
            Decimal::parse("", false),
            Err("cannot parse integer from empty string")
        );
        assert!(Decimal::parse("1.5", false).is_err());
        assert_eq!(decimal("-42").to_i64(), Some(-42));
        assert_eq!(decimal("99999999999999999999").to_i64(), None);
    }
}
