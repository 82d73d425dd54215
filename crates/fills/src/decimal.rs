//! Decimal digits to integers, eight digits at a step.

/// Digits that always fit in a `u64`.
const DIGITS_PER_LIMB: usize = 19;

/// What that many digits more multiply a number by.
const SCALE: u64 = 10_u64.pow(DIGITS_PER_LIMB as u32);

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
    let (rest, full) = text.as_bytes().as_rchunks::<DIGITS_PER_LIMB>();
    let mut limbs = [limb(rest), 0, 0, 0];
    for digits in full {
        let mut carry = limb(digits);
        for limb in &mut limbs {
            let wide = u128::from(*limb) * u128::from(SCALE) + u128::from(carry);
            *limb = wide as u64;
            carry = (wide >> 64) as u64;
        }
        if carry != 0 {
            return Err(Wrong::TooLarge);
        }
    }
    Ok(limbs)
}

/// Tells whether all bytes are digits. It looks at all of them without a branch, many at a time.
fn is_digits(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(true, |all, byte| all & byte.is_ascii_digit())
}

/// Reads up to nineteen digits.
fn limb(digits: &[u8]) -> u64 {
    let (eights, rest) = digits.as_chunks();
    let value = eights
        .iter()
        .fold(0, |value, &digits| value * 100_000_000 + eight(digits));
    rest.iter()
        .fold(value, |value, digit| value * 10 + u64::from(digit - b'0'))
}

/// Reads eight digits at once: neighbours are joined to pairs, pairs to fours, fours to eight.
fn eight(digits: [u8; 8]) -> u64 {
    let ones = u64::from_le_bytes(digits) - 0x3030_3030_3030_3030;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ruint::aliases::U256;

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
