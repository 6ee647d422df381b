//! Between lexer and grammar: what one token of look-ahead cannot decide is decided here, token by token.
//!
//! - Lexical faults are reported and replaced.
//! - Brackets are balanced: what is not closed is reported and closed, what closes nothing is reported and dropped. So
//!   the grammar only ever sees balanced text, and its recovery keeps to its statement.
//! - Nesting has a cap; behind it the rest of the file is abandoned.
//! - `{` becomes one of three tokens: of a block, of a body behind a head, of a struct literal.
//! - A block-like statement gets its end marked, and a statement whose semicolon is missing gets one (reported).
//! - `at`, `party`, `checked`, `max` become words where they can stand; `x.0.1` becomes two indices.
//!
//! Knows no tree. Linear in the number of tokens.

mod brackets;

use crate::lexer::{LexError, Tok, Token};
use diag::{Diag, Diags, FileId, Span, codes};

/// How deep brackets, unary operators, and `else if` may nest.
pub const MAX_NESTING: usize = 256;

/// What a bracket encloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Statements.
    Block,
    /// Items: the file, or an `impl`.
    Items,
    /// `struct S { … }`, `enum E { … }`
    Fields,
    /// `match e { … }`
    Arms,
    /// `S { … }`
    Literal,
    /// `use a::{ … }`
    Use,
    /// `( … )`
    Paren,
    /// `[ … ]`
    Bracket,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    open: u32,
    /// Columns of white space before the line on which the bracket opens.
    indent: usize,
    /// How many `else if` led here, for the body of an `if`.
    chain: usize,
    /// Block: the next token begins a statement. Arms: a pattern or its guard is read.
    at_start: bool,
    /// Block: the statement began with a block-like word. Arms: so did the body of the arm.
    block_like: bool,
    /// Block: the statement began with `let`. Items: the item ends with a semicolon.
    is_let: bool,
    /// Number of open heads when the bracket opened.
    heads: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadKind {
    If,
    While,
    For,
    Match,
    Fn,
    Struct,
    Enum,
    Impl,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    kind: HeadKind,
    depth: usize,
    chain: usize,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// Text before this was searched for its start.
    seen: u32,
    start: u32,
    indent: usize,
}

/// What the filter gives.
pub struct Filtered<'a> {
    /// Tokens for the grammar. Those of no width were put in by the filter.
    pub tokens: Vec<Token<'a>>,
    /// The `//!` lines at the top.
    pub doc: String,
    /// Where something was reported and left out, in order: an error of the grammar right behind it is an echo.
    pub left_out: Vec<u32>,
    /// Round and square brackets that were not closed, from the bracket to where that showed: likewise inside of these.
    pub spoiled: Vec<(u32, u32)>,
    /// The filter has reported that the file ends too soon; the grammar need not.
    pub cut_short: bool,
}

struct Filter<'a, 'd> {
    file: FileId,
    text: &'a str,
    raw: &'d [Token<'a>],
    i: usize,
    out: Vec<Token<'a>>,
    frames: Vec<Frame>,
    heads: Vec<Head>,
    unary: usize,
    /// Chain length of the `if` body closed last.
    chain: usize,
    /// A brace whose partner stood further left than its line: probably not the right partner.
    suspect: Option<u32>,
    /// Behind the run of `///` lines at hand, and whether something follows that they document.
    doc_run: (usize, bool),
    /// The line of the last look-up of indentation.
    line: Line,
    doc: String,
    left_out: Vec<u32>,
    spoiled: Vec<(u32, u32)>,
    cut_short: bool,
    diags: &'d mut Diags,
}

/// Runs the filter over the tokens of a text.
pub fn filter<'a>(file: FileId, text: &'a str, raw: &[Token<'a>], diags: &mut Diags) -> Filtered<'a> {
    let mut f = Filter {
        file,
        text,
        raw,
        i: 0,
        // It puts in an end behind blocks that are statements.
        out: Vec::with_capacity(raw.len() + raw.len() / 8 + 16),
        frames: vec![Frame {
            kind: Kind::Items,
            open: 0,
            indent: 0,
            chain: 0,
            at_start: false,
            block_like: false,
            is_let: false,
            heads: 0,
        }],
        heads: Vec::new(),
        unary: 0,
        chain: 0,
        suspect: None,
        doc_run: (0, false),
        line: Line { seen: 0, start: 0, indent: text.bytes().take_while(|b| *b == b' ' || *b == b'\t').count() },
        doc: String::new(),
        left_out: Vec::new(),
        spoiled: Vec::new(),
        cut_short: false,
        diags,
    };
    f.run();
    Filtered { tokens: f.out, doc: f.doc, left_out: f.left_out, spoiled: f.spoiled, cut_short: f.cut_short }
}

/// Can an operand end so?
fn ends_operand(t: Tok<'_>) -> bool {
    use Tok::*;
    matches!(
        t,
        Ident(_)
            | Int(_)
            | Decimal(_)
            | Str(_)
            | True
            | False
            | RParen
            | RBracket
            | RBrace
            | Faulty
            | Step
            | Break
            | Continue
    )
}

/// Does it begin an operand or a statement, and never continue an expression?
fn begins_only(t: Tok<'_>) -> bool {
    use Tok::*;
    matches!(
        t,
        Ident(_)
            | Int(_)
            | Decimal(_)
            | Str(_)
            | True
            | False
            | Faulty
            | If
            | For
            | CFor
            | While
            | Match
            | At
            | Let
            | Return
            | Break
            | Continue
    )
}

fn begins_item(t: Tok<'_>) -> bool {
    use Tok::*;
    matches!(
        t,
        Fn | Struct
            | Enum
            | Const
            | Mod
            | Use
            | Impl
            | Extern
            | Attr
            | Ident("party")
            | Ident("checked")
            | Ident("pub")
    )
}

impl<'a> Filter<'a, '_> {
    fn span(&self, lo: u32, hi: u32) -> Span {
        Span { file: self.file, lo, hi }
    }
    fn peek(&self, n: usize) -> Option<Tok<'a>> {
        self.raw.get(self.i + n).map(|t| t.tok)
    }
    fn prev(&self) -> Option<Tok<'a>> {
        self.out.last().map(|t| t.tok)
    }
    fn top(&self) -> Frame {
        self.frames[self.frames.len() - 1]
    }
    fn top_mut(&mut self) -> &mut Frame {
        let n = self.frames.len() - 1;
        &mut self.frames[n]
    }
    fn emit(&mut self, tok: Tok<'a>, lo: u32, hi: u32) {
        self.out.push(Token { tok, lo, hi });
    }
    /// Puts a token in behind the last one.
    fn insert(&mut self, tok: Tok<'a>) {
        let at = self.out.last().map_or(0, |t| t.hi);
        self.emit(tok, at, at);
    }
    /// Columns of white space before the line of `at`, and whether nothing else precedes `at` there.
    fn indent(&mut self, at: u32) -> (usize, bool) {
        // Asked with growing `at`: never searches the same text twice, however long a line is.
        let (seen, bytes) = (self.line.seen as usize, self.text.as_bytes());
        if at as usize > seen {
            if let Some(n) = bytes[seen..at as usize].iter().rposition(|b| *b == b'\n') {
                let start = seen + n + 1;
                let indent = bytes[start..].iter().take_while(|b| **b == b' ' || **b == b'\t').count();
                self.line = Line { seen: at, start: start as u32, indent };
            }
            self.line.seen = at;
        }
        (self.line.indent, self.line.start as usize + self.line.indent == at as usize)
    }
    fn newline_between(&self, lo: u32, hi: u32) -> bool {
        self.text.as_bytes()[lo as usize..hi as usize].contains(&b'\n')
    }
    /// Is a head open in this bracket?
    fn in_head(&self) -> bool {
        self.heads.len() > self.top().heads
    }

    fn run(&mut self) {
        while self.i < self.raw.len() {
            let t = self.raw[self.i];
            self.i += 1;
            // `peek(0)` is the next token from here on.
            if !self.step(t) {
                self.cut_short = true;
                while self.frames.len() > 1 {
                    self.close_virtual();
                }
                return;
            }
        }
        if self.frames.len() > 1 {
            let end = self.text.len() as u32;
            self.unclosed(None, self.span(end, end), "the file ends here");
            self.cut_short = true;
            while self.frames.len() > 1 {
                self.close_virtual();
            }
        }
    }

    fn report(&mut self, d: Diag) {
        self.diags.push(d);
    }

    fn too_deep(&mut self, lo: u32, hi: u32, what: &str) -> bool {
        let d = Diag::error(codes::E0006, format!("{what} nested more than {MAX_NESTING} deep"))
            .at(self.span(lo, hi), "one too many")
            .note("the rest of the file is not looked at");
        self.report(d);
        false
    }

    /// One token; false when the rest shall be abandoned.
    fn step(&mut self, mut t: Token<'a>) -> bool {
        use Tok::*;
        // Lexical faults.
        if let Bad(e) = t.tok {
            self.lex_error(e, t);
            match e {
                LexError::Number | LexError::OpenString | LexError::Escape => t.tok = Faulty,
                LexError::LongIdent => t.tok = Ident(&self.text[t.lo as usize..t.lo as usize + 64]),
                LexError::Char | LexError::OpenComment => {
                    self.left_out.push(t.lo);
                    return true;
                }
            }
        }
        let prev = self.prev();
        if prev == Some(Dot) {
            match t.tok {
                // Two indices.
                Decimal(d) => {
                    let (a, b) = d.split_once('.').unwrap_or((d, ""));
                    let mid = t.lo + a.len() as u32;
                    self.emit(Int(a), t.lo, mid);
                    self.emit(Dot, mid, mid + 1);
                    self.emit(Int(b), mid + 1, t.hi);
                    return true;
                }
                Ident(_) => {
                    self.emit(t.tok, t.lo, t.hi);
                    return true;
                }
                _ => {}
            }
        }
        match t.tok {
            DocInner(d) => {
                if self.out.is_empty() {
                    doc_line(&mut self.doc, d);
                } else {
                    self.idle_doc(t);
                }
                return true;
            }
            DocOuter(_) => {
                if self.doc_run.0 < self.i {
                    let run = self.raw[self.i..].iter().take_while(|t| matches!(t.tok, DocOuter(_))).count();
                    let wanted = match (self.top().kind, self.peek(run)) {
                        (Kind::Items, Some(n)) => begins_item(n),
                        (Kind::Fields, Some(Ident(_))) => true,
                        _ => false,
                    };
                    self.doc_run = (self.i + run, wanted);
                }
                if self.doc_run.1 {
                    self.emit(t.tok, t.lo, t.hi);
                } else {
                    self.idle_doc(t);
                }
                return true;
            }
            Ident("pub") if matches!(self.top().kind, Kind::Items | Kind::Fields) => {
                let gone = self.span(t.lo, self.raw.get(self.i).map_or(t.hi, |n| n.lo));
                let d = Diag::error(codes::E0007, "there is no `pub`")
                    .at(self.span(t.lo, t.hi), "not a word of the language")
                    .help_edit("leave it out: every item is visible to who imports the file", gone, "");
                self.report(d);
                return true;
            }
            _ => {}
        }
        self.contextual(&mut t);
        if t.tok == Fn || t.tok == Struct || t.tok == Impl {
            self.close_before_item(t);
        }
        if t.tok == Let && matches!(self.top().kind, Kind::Paren | Kind::Bracket | Kind::Literal) {
            self.close_before_statement(t);
        }
        self.missing_semicolon(t);
        if self.top().kind == Kind::Block && self.top().at_start && t.tok != Semi && t.tok != RBrace {
            let top = self.top_mut();
            top.at_start = false;
            // `fn` and `struct` cannot stand here; the parser says so once, and their bodies end them.
            top.block_like = matches!(t.tok, If | For | CFor | While | Match | At | LBrace | Fn | Struct);
            top.is_let = t.tok == Let;
        }
        if self.top().kind == Kind::Items && matches!(t.tok, Use | Mod | Party | Const) {
            self.top_mut().is_let = true;
        }
        // `i--`, where nothing follows that could be negated.
        if t.tok == Minus
            && self.peek(0) == Some(Minus)
            && self.raw[self.i].lo == t.hi
            && matches!(self.peek(1), Some(Semi | RParen | RBrace | Comma | LBrace) | None)
            && self.prev().is_some_and(ends_operand)
        {
            self.emit(Step, t.lo, t.hi + 1);
            self.i += 1;
            return true;
        }
        // Runs of unary operators.
        if matches!(t.tok, Minus | Bang | And | AndAnd | Star) && !self.prev().is_some_and(ends_operand) {
            self.unary += 1;
            if self.unary > MAX_NESTING {
                return self.too_deep(t.lo, t.hi, "unary operators are");
            }
        } else {
            self.unary = 0;
        }
        if self.top().kind == Kind::Arms && !self.in_head() {
            match t.tok {
                FatArrow => {
                    let at = matches!(self.peek(0), Some(Ident("at")))
                        && matches!((self.peek(1), self.peek(2)), (Some(Ident(_)), Some(LBrace)));
                    let block_like = at || matches!(self.peek(0), Some(If | For | While | Match | LBrace));
                    let top = self.top_mut();
                    (top.at_start, top.block_like) = (false, block_like);
                }
                Comma => {
                    let top = self.top_mut();
                    (top.at_start, top.block_like) = (true, false);
                }
                // A guard is no head.
                If if self.top().at_start => {
                    self.emit(t.tok, t.lo, t.hi);
                    return true;
                }
                _ => {}
            }
        }
        match t.tok {
            LParen | LBracket | Attr | InnerAttr | LBrace => self.open(t),
            RParen | RBracket | RBrace => {
                self.close(t);
                true
            }
            Semi => {
                self.semicolon(t);
                true
            }
            If => {
                let chain = if self.prev() == Some(Else) { self.chain + 1 } else { 0 };
                if chain > MAX_NESTING {
                    return self.too_deep(t.lo, t.hi, "`else if` is");
                }
                self.head(t, HeadKind::If, chain)
            }
            While => self.head(t, HeadKind::While, 0),
            Match => self.head(t, HeadKind::Match, 0),
            For => match self.c_style(t) {
                Some(hi) => self.head(Token { tok: CFor, lo: t.lo, hi }, HeadKind::For, 0),
                None => self.head(t, HeadKind::For, 0),
            },
            Fn if self.peek(0) != Some(LParen) => self.head(t, HeadKind::Fn, 0),
            Struct => self.head(t, HeadKind::Struct, 0),
            Enum => self.head(t, HeadKind::Enum, 0),
            Impl => self.head(t, HeadKind::Impl, 0),
            Extern => {
                self.emit(t.tok, t.lo, t.hi);
                // `extern circuit fn`: no body follows, so that this `fn` opens no head.
                for wanted in [None, Some(Fn)] {
                    match self.raw.get(self.i) {
                        Some(&n) if matches!((n.tok, wanted), (Tok::Ident(_), None) | (Fn, Some(Fn))) => {
                            self.emit(n.tok, n.lo, n.hi);
                            self.i += 1;
                        }
                        _ => break,
                    }
                }
                true
            }
            _ => {
                self.emit(t.tok, t.lo, t.hi);
                true
            }
        }
    }

    fn head(&mut self, t: Token<'a>, kind: HeadKind, chain: usize) -> bool {
        self.emit(t.tok, t.lo, t.hi);
        self.heads.push(Head { kind, depth: self.frames.len(), chain });
        // Heads in heads nest without a bracket.
        if self.heads.len() - self.top().heads > MAX_NESTING {
            return self.too_deep(t.lo, t.hi, "heads are");
        }
        true
    }

    fn lex_error(&mut self, e: LexError, t: Token<'a>) {
        let span = self.span(t.lo, t.hi);
        let text = &self.text[t.lo as usize..t.hi as usize];
        let d = match e {
            LexError::Char => {
                let shown: String = text.chars().take(16).flat_map(char::escape_debug).collect();
                Diag::error(codes::E0001, format!("`{shown}` has no meaning here")).at(span, "no token begins so")
            }
            LexError::Number => {
                let shown: String = text.chars().take(40).collect();
                Diag::error(codes::E0002, format!("`{shown}` is not a number"))
                    .at(span, "not well formed")
                    .note("numbers are written `12`, `1_000`, `0xff`, `0b101`, `12u8`, `1.5`")
            }
            LexError::OpenString => Diag::error(codes::E0003, "this string is not closed")
                .at(span, "no `\"` up to the end of the line")
                .help_edit("close it", span.after(), "\""),
            LexError::Escape => Diag::error(codes::E0003, "this string has an unknown escape")
                .at(span, "here")
                .note("a backslash stands before `\"`, `\\`, `n`, `r`, `t`, or `0`"),
            LexError::OpenComment => Diag::error(codes::E0004, "this comment is not closed")
                .at(self.span(t.lo, t.lo + 2), "it runs to the end of the file")
                .help_edit("close it", span.after(), " */"),
            LexError::LongIdent => Diag::error(
                codes::E0005,
                format!("a name of {} bytes; {} are allowed", t.hi - t.lo, crate::lexer::MAX_IDENT),
            )
            .at(self.span(t.lo, t.lo + 64), "it begins here"),
        };
        self.report(d);
    }

    fn idle_doc(&mut self, t: Token<'a>) {
        let d = Diag::lint(codes::L0101, "this documents nothing")
            .at(self.span(t.lo, t.hi), "no item or field follows")
            .help_edit("make it an ordinary comment", self.span(t.lo, t.lo + 3), "//");
        self.report(d);
    }

    /// Turns identifiers into words where they can stand.
    fn contextual(&self, t: &mut Token<'a>) {
        use Tok::*;
        let Ident(name) = t.tok else { return };
        let next_is_name = matches!(self.peek(0), Some(Ident(_)));
        match name {
            "at" if next_is_name && self.peek(1) == Some(LBrace) => t.tok = At,
            "party" if next_is_name && self.top().kind == Kind::Items => t.tok = Party,
            "checked" if self.peek(0) == Some(Fn) => t.tok = Checked,
            "max"
                if self.prev().is_some_and(ends_operand)
                    && self.heads.last().is_some_and(|h| h.kind == HeadKind::While && h.depth == self.frames.len()) =>
            {
                t.tok = Max;
            }
            _ => {}
        }
    }

    fn missing_semicolon(&mut self, t: Token<'a>) {
        let top = self.top();
        let Some(&last) = self.out.last() else { return };
        let in_item = top.kind == Kind::Items && top.is_let && ends_operand(last.tok);
        if in_item && (begins_item(t.tok) || t.tok == Tok::Party || t.tok == Tok::Checked) {
            self.add_semicolon(last, "the item ends here");
            return;
        }
        if top.kind != Kind::Block || top.at_start || self.in_head() || !ends_operand(last.tok) {
            return;
        }
        let missing = match t.tok {
            Tok::Let => true,
            // The last statement of a block, when it is a `let`.
            Tok::RBrace => top.is_let,
            tok => begins_only(tok) && self.newline_between(last.hi, t.lo),
        };
        if missing {
            self.add_semicolon(last, "the statement ends here");
            self.top_mut().at_start = true;
        }
    }

    fn add_semicolon(&mut self, last: Token<'a>, text: &str) {
        // Behind a bracket that was put in, its report says enough.
        if last.lo < last.hi {
            let d = Diag::error(codes::E0011, "a semicolon is missing")
                .at(self.span(last.lo, last.hi), text)
                .help_edit("add `;`", self.span(last.hi, last.hi), ";");
            self.report(d);
        }
        self.insert(Tok::Semi);
    }

    /// `for (…; …; …)`: reported; gives where it ends. The parentheses are passed over.
    fn c_style(&mut self, t: Token<'a>) -> Option<u32> {
        if self.peek(0) != Some(Tok::LParen) {
            return None;
        }
        let (mut depth, mut semi) = (0, false);
        for n in 0..256 {
            match self.peek(n)? {
                Tok::LParen => depth += 1,
                Tok::RParen => depth -= 1,
                Tok::Semi => semi |= depth == 1,
                Tok::LBrace | Tok::RBrace | Tok::In => return None,
                _ => {}
            }
            if depth == 0 {
                if !semi {
                    return None;
                }
                let hi = self.raw[self.i + n].hi;
                self.i += n + 1;
                let d = Diag::error(codes::E0016, "a `for` loop goes over a range or an array")
                    .at(self.span(t.lo, hi), "this is how C writes it")
                    .help("write `for i in 0..n { … }`; `.step_by(k)` and `.rev()` go other ways");
                self.report(d);
                return Some(hi);
            }
        }
        None
    }
}

/// Adds a documentation line: one leading space goes.
pub fn doc_line(doc: &mut String, line: &str) {
    if !doc.is_empty() {
        doc.push('\n');
    }
    doc.push_str(line.strip_prefix(' ').unwrap_or(line));
}
