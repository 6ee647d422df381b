//! Mutations of texts: of single bytes, of words, and of stretches of words, within one program and between two.
//!
//! Knows words and brackets, no grammar.

use eval::testing::Rng;

/// What no program of the repository may have, and every lexer must survive.
const ODD: [&str; 34] = [
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "名",
    "🦀",
    "\r",
    "\t",
    "\"",
    "'",
    "\\",
    "/*",
    "*/",
    "//",
    "///",
    "//!",
    "#",
    "#![",
    "@",
    "$",
    "`",
    "~",
    "0x",
    "0b",
    "1e9",
    "1.",
    ".5",
    "1_",
    "340282366920938463463374607431768211456",
    "-128",
    "255",
    "..=",
    "=>",
    "::",
];

/// Words, runs of digits, runs of spaces, and every other character by itself.
pub fn pieces(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' | '\n' => 1,
        _ => 2,
    };
    let mut out = Vec::new();
    let mut from = 0;
    let mut before = 3;
    for (at, c) in text.char_indices() {
        let this = class(c);
        if at > from && (this != before || this == 2) {
            out.push(&text[from..at]);
            from = at;
        }
        before = this;
    }
    if from < text.len() {
        out.push(&text[from..]);
    }
    out
}

/// All different pieces of some texts, in order of first use.
pub fn words(texts: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let all = texts.iter().flat_map(|t| pieces(t)).filter(|p| !p.trim().is_empty());
    all.filter(|p| seen.insert(p.to_string())).map(str::to_owned).collect()
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.below(of.len())]
}

/// A place, and a few pieces from there on.
fn stretch(rng: &mut Rng, n: usize) -> std::ops::Range<usize> {
    let at = rng.below(n);
    let width = if rng.chance(70) { 1 + rng.below(4) } else { 1 + rng.below(40) };
    at..(at + width).min(n)
}

/// A stretch that ends where the bracket closes that it begins with, if there is one.
fn bracketed(rng: &mut Rng, pieces: &[String]) -> Option<std::ops::Range<usize>> {
    let opens: Vec<usize> = (0..pieces.len()).filter(|k| matches!(&*pieces[*k], "(" | "[" | "{")).collect();
    if opens.is_empty() {
        return None;
    }
    let from = *pick(rng, &opens);
    let mut depth = 0;
    for (k, p) in pieces.iter().enumerate().skip(from) {
        match &**p {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(from..k + 1);
        }
    }
    None
}

/// One program of the pool, changed in one to eight places.
pub fn mutant(rng: &mut Rng, pool: &[String], words: &[String], longest: usize) -> String {
    // What was found lately is taken more often.
    let from = if rng.chance(30) { pool.len() - pool.len().div_ceil(4) } else { 0 };
    let mut text: Vec<String> = pieces(pick(rng, &pool[from..]).as_str()).into_iter().map(str::to_owned).collect();
    let times = if rng.chance(60) { 1 } else { 2 + rng.below(7) };
    for _ in 0..times {
        if text.is_empty() {
            text.push(pick(rng, words).clone());
        }
        change(rng, pool, words, &mut text);
    }
    let mut out = text.concat();
    let mut end = out.len().min(longest);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out
}

fn change(rng: &mut Rng, pool: &[String], words: &[String], text: &mut Vec<String>) {
    let n = text.len();
    let at = rng.below(n);
    match rng.below(14) {
        0 => {
            text.drain(stretch(rng, n));
        }
        1 => {
            let again: Vec<String> = text[stretch(rng, n)].to_vec();
            text.splice(at..at, again);
        }
        2 => text.swap(at, rng.below(n)),
        // One word for another, which keeps most programs whole: a wrong name, type, or number.
        3..=5 => {
            let name = |p: &String| p.starts_with(|c: char| c.is_alphanumeric());
            let own: Vec<usize> = (0..n).filter(|k| name(&text[*k])).collect();
            if own.is_empty() {
                return;
            }
            let at = *pick(rng, &own);
            text[at] = if rng.chance(60) {
                let other = *pick(rng, &own);
                text[other].clone()
            } else {
                pick(rng, words).clone()
            };
        }
        6 => text.insert(at, pick(rng, words).clone()),
        7 => text.insert(at, (*pick(rng, &ODD)).to_owned()),
        // A stretch of another program in place of one of this.
        8 => {
            let other: Vec<String> = pieces(pick(rng, pool).as_str()).into_iter().map(str::to_owned).collect();
            if !other.is_empty() {
                let there = stretch(rng, other.len());
                text.splice(stretch(rng, n), other[there].to_vec());
            }
        }
        // What stands in one pair of brackets, in another.
        9 | 10 => {
            let other: Vec<String> = pieces(pick(rng, pool).as_str()).into_iter().map(str::to_owned).collect();
            let from = if rng.chance(50) { bracketed(rng, text).map(|r| text[r].to_vec()) } else { None };
            let from = from.or_else(|| bracketed(rng, &other).map(|r| other[r].to_vec()));
            if let (Some(new), Some(range)) = (from, bracketed(rng, text)) {
                text.splice(range, new);
            }
        }
        11 => {
            if let Some(range) = bracketed(rng, text) {
                let deep = 1 << rng.below(9);
                let (open, close) = (text[range.start].clone(), text[range.end - 1].clone());
                text.splice(range.end..range.end, vec![close; deep]);
                text.splice(range.start..range.start, vec![open; deep]);
            }
        }
        12 => {
            let numbers = [
                "0",
                "1",
                "127",
                "128",
                "255",
                "256",
                "65536",
                "4294967296",
                "18446744073709551616",
                "9223372036854775807",
            ];
            let own: Vec<usize> = (0..n).filter(|k| text[*k].starts_with(|c: char| c.is_ascii_digit())).collect();
            if !own.is_empty() {
                text[*pick(rng, &own)] = (*pick(rng, &numbers)).to_owned();
            }
        }
        _ => {
            // A character of a piece goes, comes twice, or becomes its neighbour in the table.
            let mut chars: Vec<char> = text[at].chars().collect();
            let k = rng.below(chars.len());
            match rng.below(3) {
                0 => {
                    chars.remove(k);
                }
                1 => chars.insert(k, chars[k]),
                _ => chars[k] = char::from_u32(chars[k] as u32 ^ 1 << rng.below(7)).unwrap_or('?'),
            }
            text[at] = chars.into_iter().collect();
            if text[at].is_empty() {
                text.remove(at);
            }
        }
    }
}
