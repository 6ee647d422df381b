//! JSON, read in a stream and driven by the schema: text goes straight into typed columns.
//!
//! Numbers keep full precision (they are never floats), positions are exact, and depth is bounded by the schema, so that no
//! file can exhaust the stack. Knows no file names beyond what it is told to show.

use std::io::{BufRead, BufReader, Read};

use circuit::{Column, Elem, SchemaLen};

use super::scalar::{self, Bad};
use super::shape::{Leaf, Lengths, Node, Plan, put_variant, suggest};
use super::{BadData, DataError};

/// Longest number or name that a value may have; nothing that fits a column is longer. A string may have more.
const LONGEST: usize = 4096;

/// Reads tokens and keeps the position.
pub(crate) struct Scanner<R> {
    input: BufReader<R>,
    file: String,
    line: u64,
    column: u64,
    /// Where in the value: `salary[3].amount`.
    path: Vec<Step>,
    token: Vec<u8>,
    /// The longest token here.
    longest: usize,
    /// Strings that were values.
    strings: strings::Table,
}

enum Step {
    Field(String),
    Index(u64),
}

impl<R: Read> Scanner<R> {
    pub(crate) fn new(input: R, file: &str) -> Result<Scanner<R>, DataError> {
        let mut s = Scanner {
            input: BufReader::with_capacity(1 << 16, input),
            file: file.to_owned(),
            line: 1,
            column: 1,
            path: Vec::new(),
            token: Vec::new(),
            longest: LONGEST,
            strings: strings::Table::default(),
        };
        let start = s.input.fill_buf().map_err(|e| DataError::io(file, &e))?;
        if start.starts_with(b"\xef\xbb\xbf") {
            s.input.consume(3);
        }
        Ok(s)
    }

    /// An error here.
    pub(crate) fn bad(&self, expected: impl Into<String>, found: impl Into<String>) -> DataError {
        let mut at = String::new();
        for step in &self.path {
            match step {
                Step::Field(f) if at.is_empty() => at.push_str(f),
                Step::Field(f) => at = format!("{at}.{f}"),
                Step::Index(i) => at = format!("{at}[{i}]"),
            }
        }
        DataError::from(BadData {
            file: self.file.clone(),
            row: Some(self.line),
            column: Some(self.column.to_string()),
            at: (!at.is_empty()).then_some(at),
            expected: expected.into(),
            found: found.into(),
        })
    }

    fn byte(&mut self) -> Result<Option<u8>, DataError> {
        match self.input.fill_buf() {
            Ok(buffer) => Ok(buffer.first().copied()),
            Err(e) => Err(DataError::io(&self.file, &e)),
        }
    }

    fn advance(&mut self, byte: u8) {
        self.input.consume(1);
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
    }

    /// The next byte that is not white space; it stays.
    fn peek(&mut self) -> Result<Option<u8>, DataError> {
        while let Some(b) = self.byte()? {
            if !matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(b));
            }
            self.advance(b);
        }
        Ok(None)
    }

    fn found(&mut self) -> Result<String, DataError> {
        Ok(match self.peek()? {
            None => "the end of the file".into(),
            Some(b'{') => "an object".into(),
            Some(b'[') => "an array".into(),
            Some(b @ (b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')) => {
                self.word(b)?;
                scalar::shown(&self.token)
            }
            Some(b) => scalar::shown(&[b]),
        })
    }

    /// Takes `byte`, which must come.
    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), DataError> {
        if self.peek()? == Some(byte) {
            self.advance(byte);
            return Ok(());
        }
        let here = self.bad(expected, "");
        let found = self.found()?;
        Err(here.with_found(found))
    }

    /// Reads a number, a literal, or a string (with its quotes taken off) into `token`.
    fn word(&mut self, first: u8) -> Result<(), DataError> {
        self.token.clear();
        if first == b'"' {
            return self.string();
        }
        while let Some(b) = self.byte()? {
            if !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'_')) {
                break;
            }
            self.put(b)?;
            self.advance(b);
        }
        Ok(())
    }

    fn put(&mut self, byte: u8) -> Result<(), DataError> {
        if self.token.len() >= self.longest {
            return Err(self.bad(format!("at most {} bytes", self.longest), "a longer value"));
        }
        self.token.push(byte);
        Ok(())
    }

    fn string(&mut self) -> Result<(), DataError> {
        self.advance(b'"');
        loop {
            let Some(b) = self.byte()? else { return Err(self.bad("the end of a string", "the end of the file")) };
            if b < 0x20 {
                return Err(self.bad("the end of a string", "a control character"));
            }
            self.advance(b);
            match b {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => self.put(b)?,
            }
        }
        if std::str::from_utf8(&self.token).is_err() {
            return Err(self.bad("UTF-8", "bytes that are not"));
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), DataError> {
        let Some(b) = self.byte()? else { return Err(self.bad("an escape", "the end of the file")) };
        self.advance(b);
        let plain = match b {
            b'"' | b'\\' | b'/' => b,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut code = self.hex4()?;
                if (0xd800..0xdc00).contains(&code) && self.byte()? == Some(b'\\') {
                    self.advance(b'\\');
                    if self.byte()? == Some(b'u') {
                        self.advance(b'u');
                        let low = self.hex4()?;
                        if (0xdc00..0xe000).contains(&low) {
                            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        }
                    }
                }
                let Some(c) = char::from_u32(code) else {
                    return Err(self.bad("a character", "half a surrogate pair"));
                };
                let mut utf8 = [0; 4];
                for b in c.encode_utf8(&mut utf8).bytes() {
                    self.put(b)?;
                }
                return Ok(());
            }
            _ => return Err(self.bad("an escape", scalar::shown(&[b]))),
        };
        self.put(plain)
    }

    fn hex4(&mut self) -> Result<u32, DataError> {
        let mut code = 0;
        for _ in 0..4 {
            let b = self.byte()?.unwrap_or(b'"');
            let Some(d) = char::from(b).to_digit(16) else {
                return Err(self.bad("four hexadecimal digits", scalar::shown(&[b])));
            };
            self.advance(b);
            code = code << 4 | d;
        }
        Ok(code)
    }

    /// Walks an array: `each` reads element k.
    pub(crate) fn array(
        &mut self,
        expected: &str,
        mut each: impl FnMut(&mut Self, u64) -> Result<(), DataError>,
    ) -> Result<u64, DataError> {
        self.expect(b'[', expected)?;
        let mut count = 0;
        if self.peek()? == Some(b']') {
            self.advance(b']');
            return Ok(0);
        }
        loop {
            self.path.push(Step::Index(count));
            each(self, count)?;
            self.path.pop();
            count += 1;
            if self.peek()? == Some(b',') {
                self.advance(b',');
            } else {
                self.expect(b']', "`,` or `]`")?;
                return Ok(count);
            }
        }
    }

    /// Walks an object: `each` reads the value of a field.
    pub(crate) fn object(
        &mut self,
        expected: &str,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        self.expect(b'{', expected)?;
        if self.peek()? == Some(b'}') {
            self.advance(b'}');
            return Ok(());
        }
        loop {
            if self.peek()? != Some(b'"') {
                let here = self.bad("a field name in quotes", "");
                let found = self.found()?;
                return Err(here.with_found(found));
            }
            self.word(b'"')?;
            let name = String::from_utf8_lossy(&self.token).into_owned();
            self.path.push(Step::Field(name.clone()));
            self.expect(b':', "`:`")?;
            each(self, &name)?;
            self.path.pop();
            if self.peek()? == Some(b',') {
                self.advance(b',');
            } else {
                return self.expect(b'}', "`,` or `}`");
            }
        }
    }

    /// The strings among the values that were read.
    pub(crate) fn strings(self) -> strings::Table {
        self.strings
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), DataError> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => {
                let here = self.bad("the end of the file", "");
                let found = self.found()?;
                Err(here.with_found(found))
            }
        }
    }

    fn scalar(&mut self, leaf: &Leaf) -> Result<u128, DataError> {
        let elem = leaf.elem;
        let first = self.peek()?;
        let here = self.bad(scalar::expected(leaf), "");
        let value = match first {
            Some(b'"') if leaf.text => {
                self.longest = strings::LONGEST;
                let read = self.word(b'"');
                self.longest = LONGEST;
                read?;
                scalar::text_of(leaf, &self.token, &mut self.strings)
            }
            _ if leaf.text => {
                let found = self.found()?;
                return Err(here.with_found(found));
            }
            Some(b'"') if elem != Elem::Bool => {
                self.word(b'"')?;
                scalar::read(leaf, &self.token)
            }
            Some(b @ (b'-' | b'0'..=b'9')) if elem != Elem::Bool => {
                self.word(b)?;
                scalar::read(leaf, &self.token)
            }
            Some(b @ (b't' | b'f')) if elem == Elem::Bool => {
                self.word(b)?;
                match &self.token[..] {
                    b"true" => Ok(1),
                    b"false" => Ok(0),
                    _ => Err(Bad::Form(String::new())),
                }
            }
            _ => {
                let found = self.found()?;
                return Err(here.with_found(found));
            }
        };
        value.map_err(|_| here.with_found(scalar::shown(&self.token)))
    }

    /// Reads a value of `plan` into its columns.
    pub(crate) fn value(
        &mut self,
        plan: &Plan,
        node: &Node,
        lengths: &mut Lengths,
        columns: &mut [Column],
    ) -> Result<(), DataError> {
        match node {
            Node::Scalar(leaf) => {
                let l = &plan.leaves[*leaf];
                let value = self.scalar(l)?;
                columns[*leaf].push(value);
                Ok(())
            }
            Node::Array(elem, len) => {
                let limit = lengths.known(len);
                let count = self.array("an array", |s, k| {
                    if limit.is_some_and(|n| k >= n) {
                        let most = lengths.described(len, &s.file).unwrap_or_default();
                        return Err(s.bad(format!("{most} elements"), "more"));
                    }
                    s.value(plan, elem, lengths, columns)
                })?;
                self.bind(len, count, lengths)
            }
            Node::Tuple(parts) => {
                let count =
                    self.array(&format!("an array of {} parts", parts.len()), |s, k| match parts.get(k as usize) {
                        Some(part) => s.value(plan, part, lengths, columns),
                        None => Err(s.bad(format!("{} parts", parts.len()), "more")),
                    })?;
                if count < parts.len() as u64 {
                    return Err(self.bad(format!("{} parts", parts.len()), format!("{count}")));
                }
                Ok(())
            }
            Node::Struct(fields) => {
                let mut seen = vec![false; fields.len()];
                self.object("an object", |s, name| {
                    let k = s.field(name, fields.iter().map(|(n, _)| n.as_str()))?;
                    if std::mem::replace(&mut seen[k], true) {
                        return Err(s.bad(format!("`{name}` once"), "it again"));
                    }
                    s.value(plan, &fields[k].1, lengths, columns)
                })?;
                match seen.iter().position(|s| !s) {
                    Some(k) => Err(self.bad(format!("the field `{}`", fields[k].0), "an object without it")),
                    None => Ok(()),
                }
            }
            Node::Enum { tags, variants } => {
                let which = self.variant(plan, variants, lengths, columns)?;
                put_variant(*tags, variants, which, columns)
                    .ok_or_else(|| self.bad("a length that is known", "one that is not"))
            }
        }
    }

    /// A variant: `"Name"`, or `{"Name": …}` if it carries something. Reads what it carries and tells which it is.
    fn variant(
        &mut self,
        plan: &Plan,
        variants: &[(String, Option<Node>)],
        lengths: &mut Lengths,
        columns: &mut [Column],
    ) -> Result<usize, DataError> {
        let names = || variants.iter().map(|(n, _)| n.as_str());
        let mut which = None;
        match self.peek()? {
            Some(b'"') => {
                self.word(b'"')?;
                let name = String::from_utf8_lossy(&self.token).into_owned();
                let k = self.known(&name, names(), "variant")?;
                if variants[k].1.is_some() {
                    return Err(self.bad(format!("{{\"{name}\": …}}"), format!("the string \"{name}\"")));
                }
                which = Some(k);
            }
            _ => self.object("a variant: a string, or an object by its name", |s, name| {
                let k = s.known(name, names(), "variant")?;
                if which.replace(k).is_some() {
                    return Err(s.bad("one variant", "another"));
                }
                match &variants[k].1 {
                    Some(node) => s.value(plan, node, lengths, columns),
                    None => Err(s.bad(format!("the string \"{name}\""), "an object")),
                }
            })?,
        }
        which.ok_or_else(|| self.bad("a variant", "an object without one"))
    }

    fn bind(&mut self, len: &SchemaLen, count: u64, lengths: &mut Lengths) -> Result<(), DataError> {
        let file = self.file.clone();
        lengths.bind(len, count, &file).map_err(|expected| self.bad(format!("{expected} elements"), count.to_string()))
    }

    /// Which of the known fields `name` is.
    pub(crate) fn field<'a>(
        &self,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<usize, DataError> {
        self.known(name, known, "field")
    }

    fn known<'a>(
        &self,
        name: &str,
        known: impl Iterator<Item = &'a str> + Clone,
        what: &str,
    ) -> Result<usize, DataError> {
        if let Some(k) = known.clone().position(|n| n == name) {
            return Ok(k);
        }
        let hint = suggest(name, known.clone()).map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default();
        let all: Vec<&str> = known.collect();
        let found = format!("the unknown {what} {}{hint}", scalar::shown(name.as_bytes()));
        Err(self.bad(format!("one of: {}", all.join(", ")), found))
    }
}

/// Compares two JSON texts: numbers by their digits, and a decimal string equals its number; order of fields does not
/// matter. For `expected.json` in tests.
///
/// # Errors
/// The first difference, or why a text is no JSON.
pub fn same(mine: &str, theirs: &str) -> Result<(), String> {
    let read = |text: &str| -> Result<serde_json::Value, String> {
        let mut quoted = String::with_capacity(text.len() + 16);
        quote_numbers(text, &mut quoted);
        serde_json::from_str(&quoted).map_err(|e| e.to_string())
    };
    compare(&read(mine)?, &read(theirs)?, "")
}

/// Puts numbers into quotes, so that a generic reader keeps their digits.
fn quote_numbers(text: &str, out: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '"' {
            while let Some(c) = chars.next() {
                out.push(c);
                match c {
                    '\\' => out.extend(chars.next()),
                    '"' => break,
                    _ => {}
                }
            }
        } else if c == '-' || c.is_ascii_digit() {
            out.pop();
            out.push('"');
            out.push(c);
            while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')) {
                out.push(c);
            }
            out.push('"');
        }
    }
}

fn compare(a: &serde_json::Value, b: &serde_json::Value, at: &str) -> Result<(), String> {
    use serde_json::Value::{Array, Object};
    let place = if at.is_empty() { "the whole" } else { at };
    match (a, b) {
        (Object(a), Object(b)) => {
            if let Some(k) = a.keys().find(|k| !b.contains_key(*k)).or(b.keys().find(|k| !a.contains_key(*k))) {
                return Err(format!("{place}: only one side has `{k}`"));
            }
            a.iter().try_for_each(|(k, v)| compare(v, &b[k], &format!("{at}.{k}")))
        }
        (Array(a), Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().try_for_each(|(i, (a, b))| compare(a, b, &format!("{at}[{i}]")))
        }
        (Array(a), Array(b)) => Err(format!("{place}: {} elements, not {}", a.len(), b.len())),
        _ if a == b => Ok(()),
        _ => Err(format!("{place}: {a}, not {b}")),
    }
}
