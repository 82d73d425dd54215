//! Decimal numbers as the data API writes them, to integers of millionths: exactly, or not at all.

/// Decimals of a base unit.
const DECIMALS: i64 = 6;

/// More digits than any amount has; what is longer is not looked at.
const MOST_CHARS: usize = 120;

/// Reads a JSON number that is not negative: digits, perhaps a fraction, perhaps an exponent.
///
/// # Errors
/// What is wrong, as the rest of a sentence: it is no such number, not a whole number of
/// millionths, or 2^128 of them and more.
pub(crate) fn millionths(text: &str) -> Result<u128, &'static str> {
    const NO_NUMBER: &str = "is not a number of shares or USDC";
    if text.len() > MOST_CHARS {
        return Err(NO_NUMBER);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| NO_NUMBER)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(NO_NUMBER);
    }
    // The number is its digits times ten to this power, in millionths.
    let power = exponent.saturating_add(DECIMALS - fraction.len() as i64);
    let length = (whole.len() + fraction.len()) as i64;
    let kept = length.saturating_add(power.min(0)).max(0) as usize;
    if digits().skip(kept).any(|digit| digit != b'0') {
        return Err("is not a whole number of millionths");
    }
    let mut value = digits().take(kept).try_fold(0_u128, |value, digit| {
        value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
    });
    if value != Some(0) {
        for _ in 0..power.clamp(0, 40) {
            value = value.and_then(|value| value.checked_mul(10));
        }
    }
    value.ok_or("is 2^128 millionths or more")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<u128, &str>) {
        let found = millionths(text);
        match expected {
            Ok(expected) => assert_eq!(found, Ok(expected), "{text}"),
            Err(reason) => assert!(found.unwrap_err().contains(reason), "{text}: {found:?}"),
        }
    }

    #[test]
    fn what_the_api_writes_is_read_to_the_last_digit() {
        check("28.3", Ok(28_300_000));
        check("60.0", Ok(60_000_000));
        check("60", Ok(60_000_000));
        check("0.000001", Ok(1));
        check("1e-6", Ok(1));
        check("1.5E-05", Ok(15));
        check("1.25e+3", Ok(1_250_000_000));
        check("0", Ok(0));
        check("0.0e99", Ok(0));
        check("12.3400000000", Ok(12_340_000));
        // A double has no such number.
        check("9007199254740.993", Ok(9_007_199_254_740_993_000));
    }

    #[test]
    fn what_is_no_whole_number_of_millionths_is_refused() {
        check("0.0000001", Err("whole number of millionths"));
        check("28.300000000000001", Err("whole number of millionths"));
        check("1e-7", Err("whole number of millionths"));
        check("1e-9223372036854775808", Err("whole number of millionths"));
    }

    #[test]
    fn numbers_end_at_128_bits() {
        check("340282366920938463463374607431768.211455", Ok(u128::MAX));
        check("340282366920938463463374607431768.211456", Err("2^128"));
        check("1e33", Err("2^128"));
        check("1e9223372036854775807", Err("2^128"));
    }

    #[test]
    fn what_is_no_number_of_its_own_is_refused() {
        let long = "1".repeat(1000);
        for text in [
            "", "-1", "+1", ".5", "1e", "1ee3", "0x1", "NaN", "1 ", &long,
        ] {
            check(text, Err("is not a number"));
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_as_written_however_it_is_written(
            amount: u128,
            bits in 0_u32..128,
            shift in 0_usize..40,
            zeros in 0_usize..5,
        ) {
            let amount = amount >> bits;
            let (whole, rest) = (amount / 1_000_000, amount % 1_000_000);
            let plain = format!("{whole}.{rest:06}{}", "0".repeat(zeros));
            prop_assert_eq!(millionths(&plain), Ok(amount));
            // The same digits behind a point moved to the left, and an exponent that moves it back.
            let digits = format!("{:0>width$}", amount, width = shift + 1);
            let (left, right) = digits.split_at(digits.len() - shift);
            let scientific = format!("{left}.{right}e{}", shift as i64 - DECIMALS);
            prop_assert_eq!(millionths(&scientific), Ok(amount), "{}", scientific);
            // One digit behind the last that counts.
            let finer = format!("{whole}.{rest:06}{}1", "0".repeat(zeros));
            prop_assert!(millionths(&finer).is_err());
        }
    }
}
