//! Fixed-point numbers in decimal, exactly: read with rounding to the nearest, printed in full.
//!
//! A number is a 64-bit two's-complement word with so many fraction bits. Knows no source text, no files, and no types.

#![forbid(unsafe_code)]

/// Greatest number of fraction bits.
pub const MAX_FRAC: u32 = 31;

/// Digits behind which a number is not read on: far more than any file needs, so that time stays bounded.
const MAX_DIGITS: usize = 4096;

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Not of the form `-12.5`, `3`, or `1.5e-3`.
    Form,
    /// Of the form, but outside of the 64-bit words.
    Range,
}

/// What a text came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The word.
    pub word: i64,
    /// Whether it is the number that is written; else it is the nearest one, of two that are equally near the one that
    /// is farther from zero.
    pub exact: bool,
}

/// Reads `[+-]digits[.digits][e[+-]digits]` as a word with `frac` fraction bits. Linear in the text's length times `frac`.
///
/// # Errors
/// See [`Bad`].
pub fn read(text: &[u8], frac: u32) -> Result<Read, Bad> {
    let frac = frac.min(MAX_FRAC);
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (number, exponent) = match rest.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(k) => (&rest[..k], power(&rest[k + 1..])?),
        None => (rest, 0),
    };
    let (whole, part) = match number.iter().position(|b| *b == b'.') {
        Some(k) if k + 1 < number.len() => (&number[..k], &number[k + 1..]),
        Some(_) => return Err(Bad::Form),
        None => (number, &number[..0]),
    };
    if whole.is_empty() || !whole.iter().chain(part).all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    if whole.len() + part.len() > MAX_DIGITS {
        return Err(Bad::Range);
    }
    let mut digits: Vec<u8> = whole.iter().chain(part).map(|b| b - b'0').collect();
    // Where the point stands among the digits, which get zeros until it does.
    let mut point = whole.len() as i64 + exponent;
    if digits.iter().all(|d| *d == 0) {
        return Ok(Read { word: 0, exact: true });
    }
    while point < 0 {
        digits.insert(0, 0);
        point += 1;
        if digits.len() > 2 * MAX_DIGITS {
            // Smaller than any step.
            return Ok(Read { word: 0, exact: false });
        }
    }
    while digits.len() < point as usize {
        digits.push(0);
        if digits.len() > 2 * MAX_DIGITS {
            return Err(Bad::Range);
        }
    }
    let (whole, part) = digits.split_at(point as usize);
    let mut word: u128 = 0;
    for d in whole {
        word = word * 10 + u128::from(*d);
        if word >> 64 != 0 {
            return Err(Bad::Range);
        }
    }
    // The fraction doubled is the next bit and the rest of the fraction.
    let mut part = part.to_vec();
    let mut double = || {
        let mut carry = 0;
        for d in part.iter_mut().rev() {
            let v = *d * 2 + carry;
            (*d, carry) = (v % 10, v / 10);
        }
        carry
    };
    for _ in 0..frac {
        word = word << 1 | u128::from(double());
    }
    let half = double();
    let exact = half == 0 && part.iter().all(|d| *d == 0);
    word += u128::from(half);
    let limit = (1u128 << 63) - u128::from(!negative);
    if word > limit {
        return Err(Bad::Range);
    }
    let word = word as u64;
    Ok(Read { word: if negative { word.wrapping_neg() } else { word } as i64, exact })
}

/// The exponent; far ones are all alike.
fn power(text: &[u8]) -> Result<i64, Bad> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form);
    }
    let n = digits.iter().fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1 << 20));
    Ok(if negative { -n } else { n })
}

/// The number that a word with `frac` fraction bits is, in full: at least one digit behind the point.
pub fn text(word: i64, frac: u32) -> String {
    let frac = frac.min(MAX_FRAC);
    let size = word.unsigned_abs();
    let mask = (1u64 << frac) - 1;
    let mut part = size & mask;
    let mut out = String::from(if word < 0 { "-" } else { "" });
    out.push_str(&(size >> frac).to_string());
    out.push('.');
    loop {
        part *= 10;
        out.push(char::from(b'0' + (part >> frac) as u8));
        part &= mask;
        if part == 0 {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, frac: u32) -> i64 {
        read(text.as_bytes(), frac).unwrap().word
    }

    #[test]
    fn numbers_are_read_to_the_nearest() {
        assert_eq!(read(b"1.5", 16), Ok(Read { word: 3 << 15, exact: true }));
        assert_eq!(read(b"0.1", 16), Ok(Read { word: 6554, exact: false }));
        assert_eq!(read(b"-0.1", 16), Ok(Read { word: -6554, exact: false }));
        // Half a step goes away from zero.
        assert_eq!((word("0.25", 1), word("-0.25", 1), word("0.24999999999999999999", 1)), (1, -1, 0));
        assert_eq!((word("7", 8), word("-7.0", 8), word("+7.00", 8)), (7 << 8, -7 << 8, 7 << 8));
        assert_eq!((word("1.5e2", 4), word("150e-2", 4), word("0.0015E3", 4)), (150 << 4, 24, 24));
        assert_eq!((word("0e99999999", 4), word("1e-99999999", 4)), (0, 0));
    }

    #[test]
    fn limits() {
        for frac in 1..=MAX_FRAC {
            for w in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
                assert_eq!(read(text(w, frac).as_bytes(), frac), Ok(Read { word: w, exact: true }), "{w} {frac}");
            }
        }
        assert_eq!(text(i64::MIN, 16), "-140737488355328.0");
        assert_eq!(read(b"140737488355328", 16), Err(Bad::Range));
        assert_eq!(word("-140737488355328", 16), i64::MIN);
        // Rounds out of range.
        assert_eq!(read(b"140737488355327.99999999", 16), Err(Bad::Range));
        assert_eq!(read(b"1e99999999", 1), Err(Bad::Range));
        assert_eq!(read(&[b'9'; 5000], 1), Err(Bad::Range));
    }

    #[test]
    fn other_texts_are_none() {
        for bad in ["", "-", ".", "1.", ".5", "1.2.3", "1e", "1e+", "e5", "0x1", "1 ", " 1", "1_0", "nan", "--1", "१"]
        {
            assert_eq!(read(bad.as_bytes(), 16), Err(Bad::Form), "{bad}");
        }
    }

    #[test]
    fn agrees_with_floats() {
        // Every number of few bits is a double, exactly.
        let mut x = 88172645463325252u64;
        for _ in 0..2000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let w = (x as i64) >> 34;
            assert_eq!(text(w, 16).parse::<f64>(), Ok(w as f64 / 65536.0));
            let f = (w as f64 / 7.0).to_string();
            assert_eq!(word(&f, 10), (f.parse::<f64>().unwrap() * 1024.0).round() as i64, "{f}");
        }
    }
}
