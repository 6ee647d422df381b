//! Strings as numbers: a value of type `str` is, everywhere but in its owner's table, a number of 128 bits that its bytes decide.
//!
//! So equal strings are equal numbers at every party and in every program, and only who wants length or bytes needs the
//! table. Compiler and runtime both read strings, so that this stands by itself. Knows no types, no labels, no files.

use std::collections::HashMap;
use std::sync::Arc;

/// The longest string, in bytes.
pub const LONGEST: usize = 64 << 10;

/// What keeps these hashes apart from all others.
const CONTEXT: &str = "mpcc 2026-11 str";

/// The number of a string: 0 for the empty one, else the first 16 bytes, the least significant first, of its BLAKE3 hash.
/// Whatever a program fills with zeros is so the empty string.
pub fn number(text: &str) -> u128 {
    if text.is_empty() { 0 } else { digest(text) }
}

fn digest(text: &str) -> u128 {
    let mut hash = blake3::Hasher::new_derive_key(CONTEXT);
    hash.update(text.as_bytes());
    let mut word = [0; 16];
    word.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    u128::from_le_bytes(word)
}

/// What `hash` gives of the string of this number: the first 8 bytes of its BLAKE3 hash, the least significant first. That of
/// the empty string is no zero, so that programs may use 0 for what is no key.
pub fn hash(number: u128) -> u64 {
    let all = if number == 0 { digest("") } else { number };
    all as u64
}

/// The first `n` bytes of a string, zeros where it is shorter.
pub fn bytes(text: &str, n: usize) -> Vec<u8> {
    let mut out: Vec<u8> = text.bytes().take(n).collect();
    out.resize(n, 0);
    out
}

/// Strings by their numbers. Its `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Table {
    all: HashMap<u128, Arc<str>>,
}

impl Table {
    /// Adds a string and gives its number.
    pub fn add(&mut self, text: &str) -> u128 {
        let number = number(text);
        if number != 0 {
            self.all.entry(number).or_insert_with(|| text.into());
        }
        number
    }

    /// Adds what another table holds.
    pub fn merge(&mut self, other: Table) {
        self.all.extend(other.all);
    }

    /// The string of a number, if it was added.
    pub fn get(&self, number: u128) -> Option<&str> {
        if number == 0 { Some("") } else { self.all.get(&number).map(|s| &**s) }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} strings)", self.all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_string_s_for_good() {
        // Files and reveals of other versions hold these.
        assert_eq!(number(""), 0);
        assert_eq!(format!("{:032x}", number("alice@example.org")), "bfcdb78123767a4a8fc0b89acbf53f82");
        assert_eq!(hash(number("alice@example.org")), 0x8fc0_b89a_cbf5_3f82);
        assert_ne!(hash(0), 0);
        assert_ne!(number("a"), number("a "));
    }

    #[test]
    fn a_table_gives_back_what_was_added_and_shows_nothing() {
        let mut t = Table::default();
        let k = t.add("secret key");
        assert_eq!(t.get(k), Some("secret key"));
        assert_eq!(t.get(k ^ 1), None);
        assert_eq!(t.get(0), Some(""));
        let mut u = Table::default();
        u.merge(t);
        assert_eq!(u.get(k), Some("secret key"));
        assert_eq!(format!("{u:?}"), "Table(1 strings)");
    }

    #[test]
    fn bytes_are_padded_and_cut() {
        assert_eq!(bytes("ab", 4), [97, 98, 0, 0]);
        assert_eq!(bytes("é!", 1), [0xc3]);
        assert!(bytes("x", 0).is_empty());
    }
}
