//! Tokens of the text form, with their lines. Knows no grammar beyond what single tokens are.

use super::is_name;
use crate::types::WireId;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ParseError {}

pub(super) type Res<T> = Result<T, ParseError>;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Wire(u32),
    Int(u128),
    Str(String),
    Name(String),
    Punct(&'static str),
    Eol,
    End,
}

const PUNCTS: [&str; 33] = [
    "..=", "..", "==", "!=", "<=", "<<", ">>", "=", "<", "+", "-", "*", "/", "%", "^", "&", "|", "(", ")", "[", "]",
    "{", "}", ",", ":", ";", "#", "@", "!", "$", ".", ">", "~",
];

/// Tokens of a text with their lines.
pub(super) struct Lexer {
    toks: Vec<(Tok, u32)>,
    at: usize,
}

impl Lexer {
    pub(super) fn new(text: &str) -> Res<Lexer> {
        let mut toks = vec![];
        for (k, line) in text.lines().enumerate() {
            let number = k as u32 + 1;
            let fail = |what: String| Err(ParseError { line: number, what });
            let mut depth = 0u32;
            let mut rest = line;
            loop {
                rest = rest.trim_start();
                let Some(ch) = rest.chars().next() else { break };
                if ch == ';' && depth == 0 {
                    break;
                }
                let tok = if ch == '%' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
                    let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |e| e + 1);
                    let Ok(id) = rest[1..end].parse() else { return fail("too large a wire number".into()) };
                    rest = &rest[end..];
                    Tok::Wire(id)
                } else if ch.is_ascii_digit() {
                    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                    let Ok(v) = rest[..end].parse() else { return fail("too large a number".into()) };
                    rest = &rest[end..];
                    Tok::Int(v)
                } else if ch.is_ascii_alphabetic() || ch == '_' {
                    let bytes = rest.as_bytes();
                    let mut end = 1;
                    while end < bytes.len() {
                        let dot = bytes[end] == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_alphabetic);
                        if bytes[end].is_ascii_alphanumeric() || bytes[end] == b'_' || dot {
                            end += 1;
                        } else {
                            break;
                        }
                    }
                    let s = rest[..end].to_string();
                    rest = &rest[end..];
                    Tok::Name(s)
                } else if ch == '"' {
                    let Some((s, tail)) = string(&rest[1..]) else { return fail("a string without an end".into()) };
                    rest = tail;
                    Tok::Str(s)
                } else if let Some(p) = PUNCTS.iter().find(|p| rest.starts_with(**p)) {
                    match *p {
                        "[" => depth += 1,
                        "]" => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    rest = &rest[p.len()..];
                    Tok::Punct(p)
                } else {
                    return fail(format!("unexpected {ch:?}"));
                };
                toks.push((tok, number));
            }
            toks.push((Tok::Eol, number));
        }
        let last = toks.last().map_or(1, |t| t.1);
        toks.push((Tok::End, last));
        Ok(Lexer { toks, at: 0 })
    }

    pub(super) fn peek(&self) -> &Tok {
        &self.toks[self.at].0
    }
    pub(super) fn bump(&mut self) -> Tok {
        let t = self.toks[self.at].0.clone();
        if self.at + 1 < self.toks.len() {
            self.at += 1;
        }
        t
    }
    pub(super) fn fail<T>(&self, what: String) -> Res<T> {
        Err(ParseError { line: self.toks[self.at].1, what })
    }
    pub(super) fn wanted<T>(&self, what: &str) -> Res<T> {
        let found = match self.peek() {
            Tok::Wire(w) => format!("%{w}"),
            Tok::Int(v) => v.to_string(),
            Tok::Str(_) => "a string".into(),
            Tok::Name(n) => n.clone(),
            Tok::Punct(p) => (*p).into(),
            Tok::Eol => "the end of the line".into(),
            Tok::End => "the end".into(),
        };
        self.fail(format!("{what} wanted, found {found}"))
    }
    pub(super) fn at_end(&self) -> bool {
        *self.peek() == Tok::End
    }
    pub(super) fn at_line_end(&self) -> bool {
        matches!(self.peek(), Tok::Eol | Tok::End)
    }
    pub(super) fn skip_lines(&mut self) {
        while *self.peek() == Tok::Eol {
            self.bump();
        }
    }
    pub(super) fn end_line(&mut self) -> Res<()> {
        if self.at_line_end() {
            self.bump();
            Ok(())
        } else {
            self.wanted("the end of the line")
        }
    }
    pub(super) fn is(&self, p: &str) -> bool {
        matches!(self.peek(), Tok::Punct(q) if *q == p)
    }
    pub(super) fn is_word(&self, w: &str) -> bool {
        matches!(self.peek(), Tok::Name(n) if n == w)
    }
    pub(super) fn take(&mut self, p: &str) -> bool {
        let yes = self.is(p);
        if yes {
            self.bump();
        }
        yes
    }
    pub(super) fn take_word(&mut self, w: &str) -> bool {
        let yes = self.is_word(w);
        if yes {
            self.bump();
        }
        yes
    }
    pub(super) fn punct(&mut self, p: &str) -> Res<()> {
        if self.take(p) { Ok(()) } else { self.wanted(p) }
    }
    pub(super) fn word(&mut self, w: &str) -> Res<()> {
        if self.take_word(w) { Ok(()) } else { self.wanted(w) }
    }
    pub(super) fn name(&mut self) -> Res<String> {
        match self.peek().clone() {
            Tok::Name(n) => {
                self.bump();
                Ok(n)
            }
            _ => self.wanted("a name"),
        }
    }
    pub(super) fn name_or_string(&mut self) -> Res<String> {
        match self.peek().clone() {
            Tok::Name(n) if is_name(&n) => {
                self.bump();
                Ok(n)
            }
            _ => self.string(),
        }
    }
    pub(super) fn string(&mut self) -> Res<String> {
        match self.peek().clone() {
            Tok::Str(s) => {
                self.bump();
                Ok(s)
            }
            _ => self.wanted("a string"),
        }
    }
    pub(super) fn int(&mut self) -> Res<u128> {
        match *self.peek() {
            Tok::Int(v) => {
                self.bump();
                Ok(v)
            }
            _ => self.wanted("a number"),
        }
    }
    pub(super) fn int64(&mut self) -> Res<u64> {
        let v = self.int()?;
        u64::try_from(v).or_else(|_| self.fail("too large a number".into()))
    }
    pub(super) fn int32(&mut self) -> Res<u32> {
        let v = self.int()?;
        u32::try_from(v).or_else(|_| self.fail("too large a number".into()))
    }
    /// A number of places to move by.
    pub(super) fn places(&mut self) -> Res<u8> {
        let v = self.int()?;
        u8::try_from(v).or_else(|_| self.fail("too large a number".into()))
    }
    /// A number with a sign.
    pub(super) fn signed(&mut self) -> Res<i64> {
        let neg = self.take("-");
        let v = self.int()?;
        let v = i128::try_from(v).ok().map(|v| if neg { -v } else { v });
        v.and_then(|v| i64::try_from(v).ok()).map_or_else(|| self.fail("too large a number".into()), Ok)
    }
    /// `r12`, `s3`, `i0`.
    pub(super) fn numbered(&mut self, letter: char) -> Res<u32> {
        match self.peek() {
            Tok::Name(n) => match number_after(n, letter) {
                Some(v) => {
                    self.bump();
                    Ok(v)
                }
                None => self.wanted(&format!("{letter} and a number")),
            },
            _ => self.wanted(&format!("{letter} and a number")),
        }
    }
    pub(super) fn wire(&mut self) -> Res<WireId> {
        match *self.peek() {
            Tok::Wire(w) => {
                self.bump();
                Ok(WireId(w))
            }
            _ => self.wanted("a wire"),
        }
    }
    pub(super) fn wires(&mut self) -> Res<Vec<WireId>> {
        let mut out = vec![];
        while matches!(self.peek(), Tok::Wire(_)) {
            out.push(self.wire()?);
            if !self.take(",") {
                break;
            }
        }
        Ok(out)
    }
}

pub(super) fn number_after(s: &str, letter: char) -> Option<u32> {
    let digits = s.strip_prefix(letter)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) || !digits.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    digits.parse().ok()
}

/// A string's content up to its closing quote, and what follows.
fn string(s: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = s.char_indices();
    while let Some((k, c)) = chars.next() {
        match c {
            '"' => return Some((out, &s[k + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                'u' => {
                    let open = chars.next()?;
                    let close = s[open.0..].find('}')? + open.0;
                    let hex = s.get(open.0 + 1..close)?;
                    out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
                    while chars.next()?.0 < close {}
                }
                c @ ('"' | '\\') => out.push(c),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}
