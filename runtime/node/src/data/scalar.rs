//! Scalars as text: parsed within type and range, printed in full precision. Knows no files.

use circuit::Elem;

use super::shape::Leaf;

/// Why a text is no value of an element; both say what would be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Not of this form.
    Form(String),
    /// Of the form, but out of range.
    Range(String),
}

/// What a value of this leaf looks like.
pub(crate) fn expected(leaf: &Leaf) -> String {
    if leaf.text {
        return format!("a string of at most {} bytes", strings::LONGEST);
    }
    if leaf.frac == 0 {
        return whole_expected(leaf.elem, leaf.range);
    }
    let (low, high) = leaf.range.unwrap_or(bounds(true, 64));
    format!("a number from {} to {}", text(leaf, low), text(leaf, high))
}

/// The value of a pattern, in decimal; bools are words.
pub(crate) fn text(leaf: &Leaf, pattern: u128) -> String {
    match leaf.frac {
        0 => whole_text(leaf.elem, pattern),
        f => decimal::text(pattern as u64 as i64, u32::from(f)),
    }
}

/// Reads a string: its number, under which it then stands in the table.
pub(crate) fn text_of(leaf: &Leaf, cell: &[u8], table: &mut strings::Table) -> Result<u128, Bad> {
    match std::str::from_utf8(cell) {
        Ok(_) if cell.len() > strings::LONGEST => Err(Bad::Range(expected(leaf))),
        Ok(text) => Ok(table.add(text)),
        Err(_) => Err(Bad::Form(format!("{} in UTF-8", expected(leaf)))),
    }
}

/// Reads a number in decimal. A fixed-point number becomes the nearest one there is.
pub(crate) fn read(leaf: &Leaf, cell: &[u8]) -> Result<u128, Bad> {
    if leaf.frac == 0 {
        return integer(leaf.elem, leaf.range, cell);
    }
    let pattern = match decimal::read(cell, u32::from(leaf.frac)) {
        Ok(read) => u128::from(read.word as u64),
        Err(decimal::Bad::Form) => return Err(Bad::Form(expected(leaf))),
        Err(decimal::Bad::Range) => return Err(Bad::Range(expected(leaf))),
    };
    within(leaf.elem, leaf.range, pattern).ok_or_else(|| Bad::Range(expected(leaf)))
}

/// A pattern, if it lies in a range.
fn within(elem: Elem, range: Option<(u128, u128)>, pattern: u128) -> Option<u128> {
    let at = order(elem, pattern);
    range.is_none_or(|(low, high)| order(elem, low) <= at && at <= order(elem, high)).then_some(pattern)
}

/// What a value of this type and range looks like.
fn whole_expected(elem: Elem, range: Option<(u128, u128)>) -> String {
    match (elem, range) {
        (Elem::Bool, _) => "true or false".into(),
        (_, Some((low, high))) => format!("an integer from {} to {}", whole_text(elem, low), whole_text(elem, high)),
        (Elem::Int { signed, bits }, None) => {
            let (low, high) = bounds(signed, bits);
            format!("an integer from {} to {}", whole_text(elem, low), whole_text(elem, high))
        }
    }
}

/// Patterns of the least and the greatest value.
pub(crate) fn bounds(signed: bool, bits: u8) -> (u128, u128) {
    let ones = mask(bits);
    if signed { (1 << (bits - 1), ones >> 1) } else { (0, ones) }
}

pub(crate) fn mask(bits: u8) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

/// A pattern whose unsigned order is the order of the values.
pub(crate) fn order(elem: Elem, pattern: u128) -> u128 {
    match elem {
        Elem::Int { signed: true, bits } => pattern ^ (1 << (bits - 1)),
        _ => pattern,
    }
}

/// The value of a pattern, in decimal; bools are words.
fn whole_text(elem: Elem, pattern: u128) -> String {
    match elem {
        Elem::Bool => if pattern & 1 == 1 { "true" } else { "false" }.to_owned(),
        Elem::Int { signed: true, bits } if pattern >> (bits - 1) & 1 == 1 => {
            // The magnitude of the least i128 does not fit an i128, but a u128.
            format!("-{}", pattern.wrapping_neg() & mask(bits))
        }
        Elem::Int { .. } => pattern.to_string(),
    }
}

/// Reads an integer in decimal.
fn integer(elem: Elem, range: Option<(u128, u128)>, cell: &[u8]) -> Result<u128, Bad> {
    let Elem::Int { signed, bits } = elem else { return boolean(cell) };
    let (negative, digits) = match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Bad::Form(whole_expected(elem, range)));
    }
    let out = || Bad::Range(whole_expected(elem, range));
    let mut magnitude: u128;
    if digits.len() <= 19 {
        // Nearly all numbers: no overflow is possible.
        magnitude = u128::from(digits.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0')));
    } else {
        magnitude = 0;
        for d in digits {
            magnitude = magnitude.checked_mul(10).and_then(|n| n.checked_add(u128::from(d - b'0'))).ok_or_else(out)?;
        }
    }
    let limit = match (signed, negative) {
        (false, false) => mask(bits),
        (false, true) => 0,
        (true, false) => mask(bits) >> 1,
        (true, true) => 1 << (bits - 1),
    };
    if magnitude > limit {
        return Err(out());
    }
    let pattern = if negative { magnitude.wrapping_neg() & mask(bits) } else { magnitude };
    within(elem, range, pattern).ok_or_else(out)
}

/// Reads a bool as tables write it.
pub(crate) fn boolean(cell: &[u8]) -> Result<u128, Bad> {
    match cell {
        b"0" | b"false" => Ok(0),
        b"1" | b"true" => Ok(1),
        _ => Err(Bad::Form("0, 1, true, or false".into())),
    }
}

/// A cell for a message, shortened.
pub(crate) fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell);
    let mut out: String = text.chars().take(32).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > 32 {
        out.push('…');
    }
    format!("`{out}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn int(signed: bool, bits: u8) -> Elem {
        Elem::Int { signed, bits }
    }

    proptest! {
        #[test]
        fn text_and_back(signed: bool, bits in 1u8..=128, raw: u128) {
            let (elem, pattern) = (int(signed, bits), raw & mask(bits));
            prop_assert_eq!(integer(elem, None, whole_text(elem, pattern).as_bytes()), Ok(pattern));
        }

        #[test]
        fn agrees_with_i128(n: i128) {
            prop_assert_eq!(integer(int(true, 128), None, n.to_string().as_bytes()), Ok(n as u128));
            let small = i8::try_from(n >> 119).unwrap_or(0);
            prop_assert_eq!(integer(int(true, 8), None, small.to_string().as_bytes()), Ok(u128::from(small as u8)));
        }

        #[test]
        fn any_bytes(cell: Vec<u8>) {
            let _ = integer(int(true, 64), Some((3, 9)), &cell);
            prop_assert!(shown(&cell).chars().count() <= 35);
        }
    }

    #[test]
    fn fixed_point() {
        let leaf = |range| Leaf { path: String::new(), elem: int(true, 64), frac: 8, text: false, range };
        let any = leaf(None);
        assert_eq!(read(&any, b"-1.5"), Ok(u128::from(-384i64 as u64)));
        assert_eq!(text(&any, u128::from(-384i64 as u64)), "-1.5");
        assert!(matches!(read(&any, b"1,5"), Err(Bad::Form(_))));
        assert!(matches!(read(&any, b"1e30"), Err(Bad::Range(_))));
        let small = leaf(Some((u128::from(-256i64 as u64), 256)));
        assert_eq!(read(&small, b"1"), Ok(256));
        assert_eq!(read(&small, b"1.01"), Err(Bad::Range("a number from -1.0 to 1.0".into())));
        assert!(matches!(read(&small, b"-1.1"), Err(Bad::Range(_))));
    }

    #[test]
    fn limits() {
        let bad = |e: Elem, r, t: &str| matches!(integer(e, r, t.as_bytes()), Err(Bad::Range(_)));
        assert!(bad(int(false, 8), None, "256") && bad(int(false, 8), None, "-1"));
        assert!(bad(int(true, 8), None, "128") && bad(int(true, 8), None, "-129"));
        assert!(bad(int(false, 128), None, "340282366920938463463374607431768211456"));
        assert!(bad(int(false, 64), None, "99999999999999999999999999999999999999999999999999"));
        let range = Some((0xf0, 5));
        assert!(bad(int(true, 8), range, "6") && bad(int(true, 8), range, "-17"));
        assert_eq!(integer(int(true, 8), range, b"-16"), Ok(0xf0));
        assert_eq!(whole_expected(int(true, 8), range), "an integer from -16 to 5");
        assert_eq!(whole_expected(int(true, 128), None).len(), "an integer from  to ".len() + 40 + 39);
        for form in ["", "-", "1.0", "1e3", "0x1", "१", "1 2", "--1"] {
            assert!(matches!(integer(int(false, 64), None, form.as_bytes()), Err(Bad::Form(_))), "{form}");
        }
    }
}
