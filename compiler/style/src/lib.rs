//! A tree as text, in the one layout that there is: [`print()`] writes the tree alone (what `--emit ast` shows), [`format()`]
//! the text that it was parsed from, with its comments, its empty lines, and its spelling of numbers.
//!
//! Both are one walk over the tree. With a text at hand, every token that the walk writes is taken from there, so that
//! nothing can get lost; whether that went well is checked at the end. Knows the tree; `doc` knows widths, `source` knows
//! comments.
//!
//! Recursion is bounded by the parser's cap on depth.

mod doc;
mod expr;
mod item;
mod source;
mod ty;

use diag::{Diags, FileId};
use doc::Doc;
use source::{Comment, Source};
use syntax::ast::*;

/// Prints a module in one canonical layout: comments are gone, parsing the text gives the same tree, and printing that the
/// same text. Error nodes are printed as `/* error */`.
pub fn print(m: &Module) -> String {
    let mut p = Printer { m, src: None, out: vec![Vec::new()], suffix: false, open: true };
    p.module();
    let text = p.finish();
    if text.is_empty() { text } else { text + "\n" }
}

/// Why a text could not be formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It is no program; the sink has the reasons.
    Program,
    /// The formatter is wrong, and says how; the text must stay as it is.
    Internal(String),
}

/// Formats a text: one style, comments kept, meaning kept, and formatting the result changes nothing. Lines end as the
/// first one of the text does. Linear in the text.
///
/// # Errors
/// See [`FormatError`]; lints go to the sink too.
pub fn format(file: FileId, text: &str, diags: &mut Diags) -> Result<String, FormatError> {
    let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let unix = if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_string() };
    let mut found = Diags::new();
    let m = syntax::parse(file, &unix, &mut found);
    if found.has_errors() {
        // Told with the places of the text as it is.
        syntax::parse(file, text, diags);
        return Err(FormatError::Program);
    }
    let mut out = laid_out(&unix, &m)?;
    // A comment where nobody puts one may move twice until it has a place to stay.
    for _ in 0..MOVES {
        let again = laid_out(&out, &syntax::parse(file, &out, &mut Diags::new()))?;
        if again == out {
            return Ok(if crlf { out.replace('\n', "\r\n") } else { out });
        }
        out = again;
    }
    Err(FormatError::Internal("the layout does not settle".into()))
}

/// How often a comment may move.
const MOVES: usize = 4;

/// The text of a module, laid out once.
fn laid_out(text: &str, m: &Module) -> Result<String, FormatError> {
    let src = Some(Source::new(text));
    let mut p = Printer { m, src, out: vec![Vec::new()], suffix: false, open: true };
    p.module();
    let lost = p.src.as_ref().and_then(|s| s.lost.clone());
    let mut out = p.finish();
    if let Some((at, wanted)) = lost {
        return Err(FormatError::Internal(format!("at byte {at} the tree has `{wanted}`")));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    if (tokens(text), comments(text)) != (tokens(&out), comments(&out)) {
        return Err(FormatError::Internal("a token or a comment would be lost".into()));
    }
    Ok(out)
}

/// Tokens as they are spelled, without the commas that the layout decides about.
fn tokens(text: &str) -> Vec<&str> {
    let mut out: Vec<&str> = Vec::new();
    for (lo, hi) in syntax::token_ranges(text) {
        let s = &text[lo..hi];
        if is_doc(s) {
            continue;
        }
        // A bar may close a list or open one, where a comma before it must be.
        if matches!(s, ")" | "]" | "}" | ">" | "|" | "||") && out.last() == Some(&",") {
            out.pop();
        }
        // `|` and `|` are the empty list of parameters, as `||` is; `fixed <` closes up.
        match (out.last().copied(), s) {
            (Some("|"), "|") => {
                out.pop();
                out.push("||");
            }
            _ if s == "fixed<" => out.extend(["fixed", "<"]),
            _ => out.push(s),
        }
    }
    out
}

fn is_doc(token: &str) -> bool {
    token.starts_with("//")
}

/// All comments, documentation included, sorted: some move to the end of their line.
fn comments(text: &str) -> Vec<&str> {
    let mut source = Source::new(text);
    let mut out = Vec::new();
    for (_, hi) in syntax::token_ranges(text).into_iter().filter(|&(lo, hi)| !is_doc(&text[lo..hi])) {
        out.extend(source.gap().comments.iter().map(|c| c.text));
        source.pos = hi;
    }
    out.extend(source.gap().comments.iter().map(|c| c.text));
    out.sort_unstable();
    out
}

const ERROR: &str = "/* error */";

/// A place where a line ends, or may.
#[derive(Clone, Copy, Debug)]
enum Brk {
    /// This text, if the group stays on one line.
    Soft(&'static str),
    /// Always; an empty line only if asked for.
    Hard(bool),
    /// Always; with an empty line where the text has one.
    Keep,
    /// Nothing but comments: the beginning of the text.
    Start,
}

struct Printer<'m> {
    m: &'m Module,
    src: Option<Source<'m>>,
    /// What is built: the innermost document last.
    out: Vec<Vec<Doc>>,
    /// A comment waits for the end of the line.
    suffix: bool,
    /// Nothing, a space, or an opening bracket stands before.
    open: bool,
}

impl<'m> Printer<'m> {
    fn finish(mut self) -> String {
        let doc = Doc::cat(self.out.pop().unwrap_or_default());
        doc::layout(&doc, doc::WIDTH)
    }

    fn push(&mut self, d: Doc) {
        if let Some(top) = self.out.last_mut() {
            top.push(d);
        }
    }

    /// What `f` prints, as a document of its own.
    fn capture(&mut self, f: impl FnOnce(&mut Self)) -> Doc {
        self.out.push(Vec::new());
        f(self);
        Doc::cat(self.out.pop().unwrap_or_default())
    }

    fn group(&mut self, f: impl FnOnce(&mut Self)) {
        let d = self.capture(f);
        self.push(Doc::group(d));
    }

    fn indent(&mut self, f: impl FnOnce(&mut Self)) {
        let d = self.capture(f);
        self.push(Doc::indent(d));
    }

    /// Text that is no token.
    fn put(&mut self, s: &str) {
        self.open = s.ends_with(' ');
        self.push(Doc::text(s));
    }

    /// A token, with the comments around it that stand on its line.
    fn tok(&mut self, s: &str) {
        self.take(s, true);
    }

    /// A token and a space.
    fn word(&mut self, s: &str) {
        self.tok(s);
        self.put(" ");
    }

    /// A comma that the layout decides about: its comments stay.
    fn drop_comma(&mut self) {
        if self.at(",") {
            self.take(",", false);
        }
    }

    fn take(&mut self, s: &str, shown: bool) {
        let before = self.src.as_ref().map(|src| src.gap().comments).unwrap_or_default();
        for c in before {
            self.inline(&c, !matches!(s, "," | ";" | ")" | "]" | "." | "(" | "[" | ":" | ">" | "::" | "<"));
        }
        if shown {
            self.push(Doc::text(s));
            self.open = matches!(s, "(" | "[" | "<" | "!" | "-");
        }
        let Some(src) = &mut self.src else { return };
        src.token(s);
        for c in src.trailing() {
            self.push(Doc::suffix(c.text));
            self.suffix = true;
        }
    }

    /// A comment in the middle of a line.
    fn inline(&mut self, c: &Comment<'_>, spaced: bool) {
        if c.is_line() {
            self.push(Doc::suffix(c.text));
            self.suffix = true;
            return;
        }
        if !self.open {
            self.push(Doc::text(" "));
        }
        self.push(Doc::text(c.text));
        self.open = false;
        if spaced {
            self.put(" ");
        }
    }

    /// Whether `s` is the next token of the text; never without one.
    fn at(&self, s: &str) -> bool {
        self.src.as_ref().is_some_and(|src| src.at(s))
    }

    /// A place where a line may end; comments that have lines of their own stand there.
    fn brk(&mut self, kind: Brk) {
        self.own_lines(kind, true);
    }

    /// Comments before a closing bracket, on lines of their own.
    fn dangling(&mut self, keep: bool) {
        self.own_lines(if keep { Brk::Keep } else { Brk::Soft("") }, false);
    }

    fn own_lines(&mut self, kind: Brk, ends: bool) {
        let gap = self.src.as_ref().map(Source::gap).unwrap_or_default();
        let n = gap.comments.iter().rposition(|c| c.ends_line).map_or(0, |k| k + 1);
        let keep = matches!(kind, Brk::Keep | Brk::Start | Brk::Hard(true));
        let mut inner = false;
        for (k, c) in gap.comments[..n].iter().enumerate() {
            match (k, kind) {
                (0, Brk::Start) => {}
                (0, Brk::Hard(blank)) => self.push(Doc::hard(blank)),
                (0, Brk::Keep) => self.push(Doc::hard(c.newlines > 1)),
                (_, _) if k > 0 && c.newlines == 0 => self.push(Doc::text(" ")),
                // The module's own documentation stands apart.
                _ => {
                    let apart = inner && !c.text.starts_with("//!");
                    self.push(Doc::hard(keep && c.newlines > 1 || apart));
                }
            }
            self.push(Doc::text(c.text));
            inner = c.text.starts_with("//!");
            if let Some(src) = &mut self.src {
                src.pass(c);
            }
        }
        if ends {
            if n > 0 {
                self.push(Doc::hard(keep && gap.newlines > 1 || inner));
            } else {
                match kind {
                    Brk::Soft(_) if self.suffix => self.push(Doc::hard(false)),
                    Brk::Soft(s) => self.push(Doc::line(s)),
                    Brk::Hard(blank) => self.push(Doc::hard(blank)),
                    Brk::Keep => self.push(Doc::hard(gap.newlines > 1)),
                    Brk::Start => {}
                }
            }
            self.open |= !matches!(kind, Brk::Soft(""));
        }
        if ends || n > 0 {
            self.suffix = false;
        }
    }

    /// `open a, b close` as one group: on a line, or each on its own with a comma behind the last.
    fn list<T>(&mut self, [open, close]: [&str; 2], pad: &'static str, items: &[T], f: impl FnMut(&mut Self, &T)) {
        self.listed([open, close], pad, items, false, f);
    }

    /// As [`Printer::list`]; a single part keeps its comma, which tells `(a,)` from `(a)`.
    fn tuple<T>(&mut self, items: &[T], f: impl FnMut(&mut Self, &T)) {
        self.listed(["(", ")"], "", items, items.len() == 1, f);
    }

    fn listed<T>(
        &mut self,
        [open, close]: [&str; 2],
        pad: &'static str,
        items: &[T],
        comma: bool,
        mut f: impl FnMut(&mut Self, &T),
    ) {
        self.group(|p| {
            p.tok(open);
            p.indent(|p| {
                for (k, x) in items.iter().enumerate() {
                    p.brk(Brk::Soft(if k == 0 { pad } else { " " }));
                    f(p, x);
                    if k + 1 < items.len() || comma {
                        p.tok(",");
                    } else {
                        p.drop_comma();
                        p.push(Doc::if_broken(","));
                    }
                }
                p.dangling(false);
            });
            if items.is_empty() {
                p.brk(Brk::Soft(""));
            } else {
                p.brk(Brk::Soft(pad));
            }
            p.tok(close);
        });
    }

    fn path(&mut self, path: &Path) {
        for (k, n) in path.parts.iter().enumerate() {
            if k > 0 {
                self.tok("::");
            }
            self.tok(&n.name);
        }
    }
}
