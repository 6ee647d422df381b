//! The text that a tree was parsed from, read again in step with the printer: tokens as they are spelled, and the comments
//! between them. Knows no grammar.

/// A comment with its surroundings.
#[derive(Clone, Debug)]
pub struct Comment<'a> {
    /// All of it, without white space behind it.
    pub text: &'a str,
    /// Its first byte.
    pub lo: usize,
    /// Number of line ends between it and what stands before.
    pub newlines: usize,
    /// Whether the line ends behind it (or the file).
    pub ends_line: bool,
    /// Documentation (`///`, `//!`): never moved to the end of a line.
    pub doc: bool,
}

impl Comment<'_> {
    /// Whether it reaches to the end of its line.
    pub fn is_line(&self) -> bool {
        self.text.starts_with("//")
    }
    /// Whether it has more than one line.
    pub fn is_tall(&self) -> bool {
        self.text.contains('\n')
    }
}

/// What stands before a token.
#[derive(Debug, Default)]
pub struct Gap<'a> {
    /// Comments, in order.
    pub comments: Vec<Comment<'a>>,
    /// Line ends between the last comment (or the token before) and the token.
    pub newlines: usize,
    /// Where the token begins; at the end of the text, its length.
    pub at: usize,
}

/// A place in the text.
#[derive(Debug)]
pub struct Source<'a> {
    text: &'a str,
    /// All before this is printed.
    pub pos: usize,
    /// The first token that was not the one that the tree asks for: the tree and the text do not agree.
    pub lost: Option<(usize, String)>,
}

impl<'a> Source<'a> {
    /// The beginning of a text.
    pub fn new(text: &'a str) -> Source<'a> {
        Source { text, pos: 0, lost: None }
    }

    /// What stands between here and the next token.
    pub fn gap(&self) -> Gap<'a> {
        let bytes = self.text.as_bytes();
        let mut gap = Gap { at: self.pos, ..Gap::default() };
        loop {
            let rest = &self.text[gap.at..];
            match rest.chars().next() {
                Some('\n') => {
                    gap.newlines += 1;
                    if let Some(c) = gap.comments.last_mut().filter(|_| gap.newlines == 1) {
                        c.ends_line = true;
                    }
                    gap.at += 1;
                }
                Some(c @ (' ' | '\t' | '\r' | '\x0c' | '\u{feff}')) => gap.at += c.len_utf8(),
                Some('/') if matches!(bytes.get(gap.at + 1), Some(b'/' | b'*')) => {
                    let end = if rest.starts_with("//") { rest.find('\n').unwrap_or(rest.len()) } else { block(rest) };
                    let text = rest[..end].trim_end();
                    let doc = text.starts_with("//!") || text.starts_with("///") && !text.starts_with("////");
                    gap.comments.push(Comment { text, lo: gap.at, newlines: gap.newlines, ends_line: false, doc });
                    gap.newlines = 0;
                    gap.at += end;
                }
                Some(_) => return gap,
                None => {
                    if let Some(c) = gap.comments.last_mut() {
                        c.ends_line = true;
                    }
                    return gap;
                }
            }
        }
    }

    /// Whether `s` is next, comments apart. A word must end where `s` does.
    pub fn at(&self, s: &str) -> bool {
        let rest = &self.text[self.gap().at..];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        rest.strip_prefix(s).is_some_and(|after| !(s.ends_with(word) && after.starts_with(word)))
    }

    /// Where the next token begins.
    pub fn next_lo(&self) -> usize {
        self.gap().at
    }

    /// The comments that follow here on the same line, if nothing else does; they are passed over.
    pub fn trailing(&mut self) -> Vec<Comment<'a>> {
        let gap = self.gap();
        let n = gap.comments.iter().take_while(|c| c.newlines == 0 && !c.doc && !c.is_tall()).count();
        if n == 0 || !gap.comments[n - 1].ends_line {
            return Vec::new();
        }
        let taken: Vec<_> = gap.comments.into_iter().take(n).collect();
        self.pass(&taken[n - 1]);
        taken
    }

    /// Moves behind a comment that follows.
    pub fn pass(&mut self, comment: &Comment<'_>) {
        self.pos = comment.lo + comment.text.len();
    }

    /// Moves behind the token `s`, which must follow here, comments apart; these must have been taken care of.
    pub fn token(&mut self, s: &str) {
        let at = self.gap().at;
        if self.text[at..].starts_with(s) {
            self.pos = at + s.len();
        } else if self.lost.is_none() {
            self.lost = Some((at, s.to_string()));
        }
    }

    /// A piece of the text.
    pub fn slice(&self, lo: u32, hi: u32) -> &'a str {
        &self.text[lo as usize..hi as usize]
    }

    /// The name that follows; empty if none does.
    pub fn name(&self) -> &'a str {
        let rest = &self.text[self.gap().at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    }
}

/// Length of the block comment that `text` begins with.
fn block(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut i, mut depth) = (0, 0);
    while i < bytes.len() {
        match (bytes[i], bytes.get(i + 1)) {
            (b'*', Some(b'/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            (b'/', Some(b'*')) => {
                depth += 1;
                i += 2;
            }
            _ => i += 1,
        }
    }
    text.len()
}
