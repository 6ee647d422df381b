//! Documents with places where a line may end, and how they are laid out in a width (after Wadler, "A prettier printer",
//! with the alternatives that calls, chains, and right-hand sides want). Knows no program.
//!
//! Linear in the document, but for looking ahead, which never goes beyond the width.

use std::rc::Rc;

/// Columns of a line.
pub const WIDTH: usize = 100;
const INDENT: usize = 4;

/// A piece of text with its places to break.
#[derive(Clone, Debug)]
pub struct Doc {
    kind: Kind,
    /// Columns on one line.
    flat: usize,
    /// Whether it cannot stand on one line.
    hard: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Text(Rc<str>),
    /// This text, or the end of a line where the enclosing group is broken.
    Line(&'static str),
    /// The end of a line; with an empty line behind it.
    Hard(bool),
    /// What stands in a broken group alone.
    IfBroken(&'static str),
    /// A comment that waits for the end of the line.
    Suffix(Rc<str>),
    Cat(Rc<[Doc]>),
    Indent(Rc<Doc>),
    /// On one line if it fits, else broken.
    Group(Rc<Doc>),
    /// Broken at its outermost group, at its end.
    Forced(Rc<Doc>),
    /// As one line.
    Flat(Rc<Doc>),
    /// Parts, with the text between them, as many to a line as fit.
    Fill(Rc<[Doc]>),
    /// `flat` if it fits; else `hug` if that fits up to where its first line ends; else `broken`.
    Best {
        flat: Rc<Doc>,
        hug: Option<Rc<Doc>>,
        broken: Rc<Doc>,
    },
    /// Behind `=`: on the line; else whole on the next one; else broken.
    Rhs(Rc<Doc>),
}

impl Doc {
    fn new(kind: Kind, flat: usize, hard: bool) -> Doc {
        Doc { kind, flat, hard }
    }
    /// A text; with a line's end in it, it cannot stand on one line.
    pub fn text(s: impl AsRef<str>) -> Doc {
        let s = s.as_ref();
        Doc::new(Kind::Text(s.into()), s.chars().count(), s.contains('\n'))
    }
    /// See [`Kind::Line`].
    pub fn line(flat: &'static str) -> Doc {
        Doc::new(Kind::Line(flat), flat.len(), false)
    }
    /// The end of a line; `blank` leaves an empty one behind it.
    pub fn hard(blank: bool) -> Doc {
        Doc::new(Kind::Hard(blank), 0, true)
    }
    /// Only where the group is broken.
    pub fn if_broken(s: &'static str) -> Doc {
        Doc::new(Kind::IfBroken(s), 0, false)
    }
    /// A comment for the end of the line.
    pub fn suffix(s: &str) -> Doc {
        Doc::new(Kind::Suffix(s.into()), 0, false)
    }
    /// One behind the other.
    pub fn cat(mut parts: Vec<Doc>) -> Doc {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let (flat, hard) = (parts.iter().map(|d| d.flat).sum(), parts.iter().any(|d| d.hard));
        Doc::new(Kind::Cat(parts.into()), flat, hard)
    }
    /// Its lines further in.
    pub fn indent(d: Doc) -> Doc {
        let (flat, hard) = (d.flat, d.hard);
        Doc::new(Kind::Indent(d.into()), flat, hard)
    }
    /// See [`Kind::Group`].
    pub fn group(d: Doc) -> Doc {
        let (flat, hard) = (d.flat, d.hard);
        Doc::new(Kind::Group(d.into()), flat, hard)
    }
    /// See [`Kind::Forced`].
    pub fn forced(d: Doc) -> Doc {
        let (flat, hard) = (d.flat, d.hard);
        Doc::new(Kind::Forced(d.into()), flat, hard)
    }
    /// See [`Kind::Flat`]; `d` must be able to.
    pub fn flat(d: Doc) -> Doc {
        let (flat, hard) = (d.flat, d.hard);
        Doc::new(Kind::Flat(d.into()), flat, hard)
    }
    /// See [`Kind::Fill`]: parts and separators in turn.
    pub fn fill(parts: Vec<Doc>) -> Doc {
        let (flat, hard) = (parts.iter().map(|d| d.flat).sum(), parts.iter().any(|d| d.hard));
        Doc::new(Kind::Fill(parts.into()), flat, hard)
    }
    /// See [`Kind::Best`].
    pub fn best(flat: Doc, hug: Option<Doc>, broken: Doc) -> Doc {
        let (width, hard) = (flat.flat, flat.hard);
        Doc::new(Kind::Best { flat: flat.into(), hug: hug.map(Rc::new), broken: broken.into() }, width, hard)
    }
    /// See [`Kind::Rhs`].
    pub fn rhs(d: Doc) -> Doc {
        let (flat, hard) = (d.flat, d.hard);
        Doc::new(Kind::Rhs(d.into()), flat + 1, hard)
    }
    /// Whether it cannot stand on one line.
    pub fn is_hard(&self) -> bool {
        self.hard
    }
    /// Columns on one line.
    pub fn width(&self) -> usize {
        self.flat
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Flat,
    Break,
    /// As `Break`, and the last group breaks although it fits.
    Forced,
}

type Work<'d> = (usize, Mode, &'d Doc);

struct Layout {
    out: String,
    /// Columns of the line at hand; its indentation is written with its first text.
    column: usize,
    /// Indentation that the line at hand has, where nothing is written yet.
    due: Option<usize>,
    suffixes: Vec<Rc<str>>,
    /// Line and byte at which a comment behind code begins, and the columns before it.
    comments: Vec<(usize, usize, usize)>,
    line: usize,
    width: usize,
}

/// Lays a document out; comments at the ends of neighbouring lines are aligned.
pub fn layout(doc: &Doc, width: usize) -> String {
    let mut l = Layout {
        out: String::new(),
        column: 0,
        due: Some(0),
        suffixes: Vec::new(),
        comments: Vec::new(),
        line: 0,
        width,
    };
    l.run(doc);
    l.flush(0);
    align(l.out, &l.comments)
}

impl Layout {
    fn text(&mut self, s: &str) {
        // At the beginning of a line a space separates nothing.
        let s = if self.due.is_some() { s.trim_start_matches(' ') } else { s };
        if s.is_empty() {
            return;
        }
        if let Some(n) = self.due.take() {
            self.out.extend(std::iter::repeat_n(' ', n));
            self.column = n;
        }
        self.out.push_str(s);
        match s.rfind('\n') {
            None => self.column += s.chars().count(),
            Some(at) => {
                self.line += s.matches('\n').count();
                self.column = s[at + 1..].chars().count();
            }
        }
    }

    fn column(&self) -> usize {
        self.due.unwrap_or(self.column)
    }

    /// Writes what waits for the end of the line. Behind a comment that reaches to the end, the next one gets a line of
    /// its own, indented as what follows.
    fn flush(&mut self, indent: usize) {
        let mut ended = false;
        for (k, comment) in std::mem::take(&mut self.suffixes).into_iter().enumerate() {
            if ended {
                self.out.push('\n');
                self.line += 1;
                self.due = Some(indent);
            } else if self.due.is_none() {
                self.trim();
                if k == 0 {
                    self.comments.push((self.line, self.out.len(), self.column));
                }
                self.text(" ");
            }
            self.text(&comment);
            ended = comment.starts_with("//");
        }
    }

    fn trim(&mut self) {
        let end = self.out.trim_end_matches(' ').len();
        self.column -= self.out.len() - end;
        self.out.truncate(end);
    }

    fn newline(&mut self, indent: usize, blank: bool) {
        self.flush(indent);
        if self.due.is_none() {
            self.trim();
        }
        self.out.push_str(if blank { "\n\n" } else { "\n" });
        self.line += 1 + usize::from(blank);
        self.due = Some(indent);
    }

    fn run(&mut self, doc: &Doc) {
        let mut work: Vec<Work<'_>> = vec![(0, Mode::Break, doc)];
        while let Some((indent, mode, d)) = work.pop() {
            match &d.kind {
                Kind::Text(s) => self.text(s),
                Kind::Line(s) if mode == Mode::Flat => self.text(s),
                Kind::Line(_) => self.newline(indent, false),
                Kind::Hard(blank) => self.newline(indent, *blank),
                Kind::IfBroken(s) => {
                    if mode != Mode::Flat {
                        self.text(s);
                    }
                }
                Kind::Suffix(s) => self.suffixes.push(s.clone()),
                Kind::Cat(parts) => push(&mut work, indent, mode, parts),
                Kind::Indent(d) => work.push((indent + INDENT, plain(mode), d)),
                Kind::Flat(d) => work.push((indent, Mode::Flat, d)),
                Kind::Forced(d) => work.push((indent, Mode::Forced, d)),
                Kind::Group(inner) => {
                    let mode = match mode {
                        Mode::Flat => Mode::Flat,
                        Mode::Forced => Mode::Break,
                        Mode::Break if self.fits(&work, indent, Mode::Flat, inner) => Mode::Flat,
                        Mode::Break => Mode::Break,
                    };
                    work.push((indent, mode, inner));
                }
                Kind::Fill(parts) => self.fill(&mut work, indent, mode, parts),
                Kind::Best { flat, hug, broken } => {
                    if mode == Mode::Flat || mode == Mode::Break && self.fits(&work, indent, Mode::Flat, flat) {
                        work.push((indent, Mode::Flat, flat));
                    } else if let Some(h) = hug.as_ref().filter(|h| self.fits(&work, indent, Mode::Break, h)) {
                        work.push((indent, Mode::Break, h));
                    } else {
                        work.push((indent, Mode::Forced, broken));
                    }
                }
                Kind::Rhs(d) => {
                    let next = indent + INDENT;
                    let rest = self.rest(&work);
                    if mode == Mode::Flat || d.hard || self.column() + 1 + d.flat + rest <= self.width {
                        self.text(" ");
                        work.push((indent, if d.hard { Mode::Break } else { Mode::Flat }, d));
                    } else if next + d.flat + rest <= self.width {
                        self.newline(next, false);
                        work.push((next, Mode::Flat, d));
                    } else {
                        self.text(" ");
                        work.push((indent, Mode::Break, d));
                    }
                }
            }
        }
    }

    fn fill<'d>(&mut self, work: &mut Vec<Work<'d>>, indent: usize, mode: Mode, parts: &'d [Doc]) {
        if mode == Mode::Flat {
            push(work, indent, mode, parts);
            return;
        }
        // Few and short: printed here, one after the other.
        for (k, part) in parts.iter().enumerate() {
            if k % 2 == 1 {
                let next = parts.get(k + 1).map_or(0, |d| d.flat);
                let end = part.flat.saturating_sub(1);
                if part.hard || self.column() + part.flat + next + end > self.width {
                    self.run_at(indent, Mode::Break, part);
                } else {
                    self.run_at(indent, Mode::Flat, part);
                }
            } else {
                self.run_at(indent, Mode::Flat, part);
            }
        }
    }

    fn run_at(&mut self, indent: usize, mode: Mode, doc: &Doc) {
        match (&doc.kind, mode) {
            (Kind::Cat(parts), _) => parts.iter().for_each(|d| self.run_at(indent, mode, d)),
            (Kind::Text(s), _) | (Kind::Suffix(s), _) if matches!(doc.kind, Kind::Text(_)) => self.text(s),
            (Kind::Suffix(s), _) => self.suffixes.push(s.clone()),
            (Kind::Line(s), Mode::Flat) => self.text(s),
            (Kind::Line(_), _) => self.newline(indent, false),
            (Kind::Hard(blank), _) => self.newline(indent, *blank),
            (Kind::IfBroken(s), Mode::Break | Mode::Forced) => self.text(s),
            (Kind::Indent(d), _) => self.run_at(indent + INDENT, mode, d),
            (Kind::Group(d) | Kind::Flat(d) | Kind::Forced(d) | Kind::Rhs(d), _) => self.run_at(indent, mode, d),
            (Kind::Best { flat, .. }, _) => self.run_at(indent, mode, flat),
            (Kind::Fill(parts), _) => parts.iter().for_each(|d| self.run_at(indent, mode, d)),
            _ => {}
        }
    }

    /// Whether `doc` fits, with what follows it up to the next place where a line may end.
    fn fits(&self, work: &[Work<'_>], indent: usize, mode: Mode, doc: &Doc) -> bool {
        if mode == Mode::Flat {
            return !doc.hard && self.column() + doc.flat + self.rest(work) <= self.width;
        }
        let room = self.width.saturating_sub(self.column());
        match measure(&mut vec![(indent, mode, doc)], room, false) {
            Measured::Ends(_) => true,
            Measured::Over => false,
            Measured::All(n) => n + self.rest(work) <= room,
        }
    }

    /// Columns of what is still to come on this line at least.
    fn rest(&self, work: &[Work<'_>]) -> usize {
        let (mut total, mut n) = (0, work.len());
        // Each piece by itself: most end the line at once.
        while n > 0 && total <= self.width {
            n -= 1;
            match measure(&mut vec![work[n]], self.width, true) {
                Measured::Ends(k) => return total + k,
                Measured::Over => return self.width + 1,
                Measured::All(k) => total += k,
            }
        }
        total
    }
}

enum Measured {
    /// A line may end after so many columns.
    Ends(usize),
    /// All of it, on this line.
    All(usize),
    /// More than there is room.
    Over,
}

/// Columns up to the first place where a line ends; groups are kept on one line where they can be, unless `loose`.
fn measure(work: &mut Vec<Work<'_>>, room: usize, loose: bool) -> Measured {
    let mut n = 0;
    while let Some((indent, mode, d)) = work.pop() {
        if n > room {
            return Measured::Over;
        }
        if mode == Mode::Flat && !d.hard {
            n += d.flat;
            continue;
        }
        match &d.kind {
            Kind::Text(s) => match s.find('\n') {
                Some(at) => {
                    n += s[..at].chars().count();
                    return if n > room { Measured::Over } else { Measured::Ends(n) };
                }
                None => n += d.flat,
            },
            Kind::Line(s) if mode == Mode::Flat => n += s.len(),
            Kind::Line(_) | Kind::Hard(_) => return Measured::Ends(n),
            Kind::IfBroken(s) => n += if mode == Mode::Flat { 0 } else { s.len() },
            Kind::Suffix(_) => {}
            Kind::Cat(parts) | Kind::Fill(parts) => push(work, indent, mode, parts),
            Kind::Indent(d) => work.push((indent, plain(mode), d)),
            Kind::Flat(d) => work.push((indent, Mode::Flat, d)),
            Kind::Forced(d) => work.push((indent, Mode::Forced, d)),
            Kind::Group(inner) => {
                let breaks = mode == Mode::Forced || d.hard || loose;
                work.push((indent, if breaks { Mode::Break } else { Mode::Flat }, inner));
            }
            Kind::Best { flat, hug, broken } => match (mode, d.hard, hug) {
                (Mode::Break, false, _) if !loose => work.push((indent, Mode::Flat, flat)),
                (_, true, Some(h)) => work.push((indent, Mode::Break, h)),
                _ => work.push((indent, Mode::Forced, broken)),
            },
            Kind::Rhs(d) => {
                if loose {
                    return Measured::Ends(n);
                }
                n += 1;
                work.push((indent, if d.hard { Mode::Break } else { Mode::Flat }, d));
            }
        }
    }
    if n > room { Measured::Over } else { Measured::All(n) }
}

/// The parts, so that the first comes off first; only the last is still forced.
fn push<'d>(work: &mut Vec<Work<'d>>, indent: usize, mode: Mode, parts: &'d [Doc]) {
    for (k, d) in parts.iter().enumerate().rev() {
        work.push((indent, if k + 1 == parts.len() { mode } else { plain(mode) }, d));
    }
}

fn plain(mode: Mode) -> Mode {
    if mode == Mode::Forced { Mode::Break } else { mode }
}

/// Comments behind code on neighbouring lines begin in one column.
fn align(text: String, comments: &[(usize, usize, usize)]) -> String {
    if comments.len() < 2 {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 64);
    let (mut from, mut k) = (0, 0);
    while k < comments.len() {
        let run = comments[k..].windows(2).take_while(|w| w[1].0 == w[0].0 + 1).count() + 1;
        let column = comments[k..k + run].iter().map(|c| c.2).max().unwrap_or(0);
        for &(_, at, width) in &comments[k..k + run] {
            out.push_str(&text[from..at]);
            out.extend(std::iter::repeat_n(' ', column - width));
            from = at;
        }
        k += run;
    }
    out.push_str(&text[from..]);
    out
}
