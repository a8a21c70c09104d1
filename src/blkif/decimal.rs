//! Decimal numbers as xenstore holds them.

use core::fmt;

/// Why a text is no decimal number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DecimalFault {
    /// There is no digit at all.
    Empty,
    /// A byte is no digit from 0 to 9: a sign, a space, a NUL, a letter.
    NotADigit {
        /// The place of the first such byte, counted from 0.
        at: usize,
    },
    /// The first of several digits is 0. Some peers would take it for octal.
    LeadingZero,
    /// The number does not fit.
    TooLarge {
        /// The largest that is allowed.
        max: u64,
    },
}

impl fmt::Display for DecimalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty, where a number is due"),
            Self::NotADigit { at } => write!(f, "is no decimal number (byte {at})"),
            Self::LeadingZero => f.write_str("has a leading zero"),
            Self::TooLarge { max } => write!(f, "is larger than {max}"),
        }
    }
}

/// Reads a whole text as a number from 0 to `max`, in the one form that prints it.
pub(crate) fn decimal(text: &[u8], max: u64) -> Result<u64, DecimalFault> {
    if let Some(at) = text.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err(DecimalFault::NotADigit { at });
    }
    match text {
        [] => return Err(DecimalFault::Empty),
        [b'0', _, ..] => return Err(DecimalFault::LeadingZero),
        _ => {}
    }
    text.iter()
        .try_fold(0_u64, |number, digit| {
            number
                .checked_mul(10)?
                .checked_add(u64::from(digit.wrapping_sub(b'0')))
        })
        .filter(|number| *number <= max)
        .ok_or(DecimalFault::TooLarge { max })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    /// The same written differently: from the right, in 128 bits, digits looked up.
    fn naive(text: &[u8], max: u64) -> Option<u64> {
        if text.is_empty() || (text.len() > 1 && text[0] == b'0') {
            return None;
        }
        let mut sum = 0_u128;
        let mut weight = 1_u128;
        for byte in text.iter().rev() {
            let digit = b"0123456789".iter().position(|known| known == byte)?;
            sum = sum.saturating_add(weight.saturating_mul(digit as u128));
            weight = weight.saturating_mul(10);
        }
        u64::try_from(sum).ok().filter(|number| *number <= max)
    }

    quickcheck! {
        fn arbitrary_bytes_as_the_naive_reader(text: Vec<u8>, max: u64) -> bool {
            decimal(&text, max).ok() == naive(&text, max)
        }

        fn digits_as_the_naive_reader(digits: Vec<u8>, max: u64) -> bool {
            let text: Vec<u8> = digits.iter().map(|digit| b'0' + digit % 10).collect();
            decimal(&text, max).ok() == naive(&text, max)
        }

        fn what_is_printed_is_read(number: u64) -> bool {
            decimal(number.to_string().as_bytes(), u64::MAX) == Ok(number)
        }
    }

    #[test]
    fn every_fault_by_its_name() {
        let max = u64::MAX;
        for (text, fault) in [
            (&b""[..], DecimalFault::Empty),
            (b"-1", DecimalFault::NotADigit { at: 0 }),
            (b"+1", DecimalFault::NotADigit { at: 0 }),
            (b" 1", DecimalFault::NotADigit { at: 0 }),
            (b"1\n", DecimalFault::NotADigit { at: 1 }),
            (b"1\0", DecimalFault::NotADigit { at: 1 }),
            (b"0x1", DecimalFault::NotADigit { at: 1 }),
            (b"\xff", DecimalFault::NotADigit { at: 0 }),
            (b"00", DecimalFault::LeadingZero),
            (b"01", DecimalFault::LeadingZero),
            (b"18446744073709551616", DecimalFault::TooLarge { max }),
            (&[b'9'; 5000], DecimalFault::TooLarge { max }),
        ] {
            assert_eq!(decimal(text, max), Err(fault));
        }
        assert_eq!(decimal(b"0", 0), Ok(0));
        assert_eq!(decimal(b"7", 6), Err(DecimalFault::TooLarge { max: 6 }));
        assert_eq!(decimal(b"18446744073709551615", max), Ok(max));
    }
}
