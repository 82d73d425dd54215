//! Decimal digits to integers.

use ruint::aliases::U256;

/// Digits that always fit in a `u64`, which is read faster: all amounts that occur have fewer.
const DIGITS_OF_U64: usize = 19;

/// Why digits are no integer of the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Something is no digit, or there is none: `parse` alone would let a sign pass.
    NotDecimal,
    /// The number does not fit.
    TooLarge,
}

/// Reads a `u128`.
pub(crate) fn u128(text: &str) -> Result<u128, Wrong> {
    let [low, high, 0, 0] = limbs(text)? else {
        return Err(Wrong::TooLarge);
    };
    Ok(u128::from(high) << 64 | u128::from(low))
}

/// Reads an integer of 256 bits, as its 64-bit limbs, least significant first.
pub(crate) fn limbs(text: &str) -> Result<[u64; 4], Wrong> {
    if text.is_empty() || !is_digits(text.as_bytes()) {
        return Err(Wrong::NotDecimal);
    }
    if text.len() <= DIGITS_OF_U64 {
        let low = text.parse().map_err(|_| Wrong::TooLarge)?;
        return Ok([low, 0, 0, 0]);
    }
    match U256::from_str_radix(text, 10) {
        Ok(number) => Ok(number.into_limbs()),
        Err(_) => Err(Wrong::TooLarge),
    }
}

/// Tells whether all bytes are digits. It looks at all of them without a branch, many at a time.
fn is_digits(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(true, |all, byte| all & byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_digit_is_not_decimal() {
        for text in ["", "-1", "+1", "1 ", "0x1", "1234567/", "12345678:", "é"] {
            assert_eq!(limbs(text), Err(Wrong::NotDecimal), "{text:?}");
        }
    }

    #[test]
    fn the_largest_numbers_fit_and_the_next_do_not() {
        assert_eq!(u128(&u128::MAX.to_string()), Ok(u128::MAX));
        assert_eq!(
            u128("340282366920938463463374607431768211456"),
            Err(Wrong::TooLarge)
        );
        assert_eq!(limbs(&U256::MAX.to_string()), Ok([u64::MAX; 4]));
        let above = U256::MAX.to_string().replace("39935", "39936");
        assert_eq!(limbs(&above), Err(Wrong::TooLarge));
        assert_eq!(limbs(&"9".repeat(1000)), Err(Wrong::TooLarge));
    }

    #[test]
    fn zeros_in_front_count_for_nothing() {
        assert_eq!(u128(&format!("{}7", "0".repeat(1000))), Ok(7));
    }

    proptest! {
        #[test]
        fn numbers_of_every_length_read_as_written(number: [u64; 4], bits in 1_usize..=256) {
            let number = U256::from_limbs(number) >> (256 - bits);
            prop_assert_eq!(limbs(&number.to_string()), Ok(number.into_limbs()));
        }
    }
}
