//! The filter's brackets: which kind each `{` is, what closes what, and what is said where nothing does.
//!
//! Knows indentation as a witness, for guessing which brace lacks its partner; never as grammar.

use super::{Filter, Frame, HeadKind, Kind, MAX_NESTING};
use crate::lexer::{Tok, Token};
use diag::{Diag, Span, codes};

impl<'a> Filter<'a, '_> {
    /// Reports a bracket that is not closed: `which` frame, or the one that indentation speaks against, or the innermost.
    pub(super) fn unclosed(&mut self, which: Option<usize>, found: Span, found_text: &str) {
        let open = match (which, self.suspect) {
            (Some(n), _) => self.frames[n].open,
            (None, Some(open)) => open,
            (None, None) => self.top().open,
        };
        let open_text = match self.text.as_bytes().get(open as usize) {
            Some(b'(') => "(",
            Some(b'[' | b'#') => "[",
            _ => "{",
        };
        let d = Diag::error(codes::E0008, format!("this `{open_text}` is not closed"))
            .at(self.span(open, open + 1), "opened here")
            .also(found, found_text);
        // Before the bracket or semicolon that showed it; elsewhere the place is a guess.
        let close = match open_text {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        let end = found.lo as usize == self.text.len();
        let here = found_text.ends_with(" found here") && self.suspect.is_none();
        let d = if end || here { d.help_edit("close it", found.before(), close) } else { d };
        self.report(d);
        self.suspect = None;
    }

    pub(super) fn close_virtual(&mut self) {
        let tok = match self.top().kind {
            Kind::Paren => Tok::RParen,
            Kind::Bracket => Tok::RBracket,
            _ => Tok::RBrace,
        };
        if tok != Tok::RBrace && self.spoiled.len() < diag::MAX_ERRORS {
            let shown = self.raw.get(self.i.saturating_sub(1)).map_or(self.text.len() as u32, |t| t.hi);
            self.spoiled.push((self.top().open, shown));
        }
        self.insert(tok);
        self.pop_frame();
    }

    pub(super) fn pop_frame(&mut self) -> Frame {
        let f = self.top();
        if self.frames.len() > 1 {
            self.frames.pop();
            self.heads.truncate(f.heads);
        }
        f
    }

    /// `fn name` at the margin inside of a function: a brace above is missing.
    pub(super) fn close_before_item(&mut self, t: Token<'a>) {
        if self.top().kind == Kind::Items || !matches!(self.peek(0), Some(Tok::Ident(_))) {
            return;
        }
        let (indent, first) = self.indent(t.lo);
        let outer = self.frames.iter().rposition(|f| f.kind == Kind::Items).unwrap_or(0) + 1;
        if first && indent <= self.frames[outer].indent {
            self.unclosed(None, self.span(t.lo, t.hi), "an item begins here");
            while self.frames.len() > outer {
                self.close_virtual();
            }
        }
    }

    /// `let` inside of parentheses: they are not closed.
    pub(super) fn close_before_statement(&mut self, t: Token<'a>) {
        let Some(block) = self.frames.iter().rposition(|f| f.kind == Kind::Block) else { return };
        self.unclosed(Some(self.frames.len() - 1), self.span(t.lo, t.hi), "a statement begins here");
        while self.frames.len() > block + 1 {
            self.close_virtual();
        }
    }

    pub(super) fn open(&mut self, t: Token<'a>) -> bool {
        use Tok::*;
        let (mut tok, mut chain) = (t.tok, 0);
        let depth = self.frames.len();
        let kind = match t.tok {
            LParen => Kind::Paren,
            LBracket | Attr | InnerAttr => Kind::Bracket,
            _ => {
                let n = self.out.len();
                let prev = self.prev();
                let at_word = n >= 2 && self.out[n - 2].tok == At;
                let head = self.heads.last().copied().filter(|h| h.depth == depth && self.in_head());
                if prev == Some(PathSep) {
                    Kind::Use
                } else if prev == Some(Else) {
                    Kind::Block
                } else if at_word {
                    tok = BodyBrace;
                    Kind::Block
                } else if let Some(h) = head {
                    self.heads.pop();
                    chain = h.chain;
                    match h.kind {
                        HeadKind::Struct | HeadKind::Enum => Kind::Fields,
                        HeadKind::Impl => Kind::Items,
                        HeadKind::Match => {
                            tok = BodyBrace;
                            Kind::Arms
                        }
                        HeadKind::If | HeadKind::While | HeadKind::For | HeadKind::Fn => {
                            tok = BodyBrace;
                            Kind::Block
                        }
                    }
                } else if self.top().kind == Kind::Items {
                    tok = BodyBrace;
                    Kind::Block
                } else if matches!(prev, Some(Ident(_))) {
                    tok = StructBrace;
                    Kind::Literal
                } else {
                    Kind::Block
                }
            }
        };
        if depth > MAX_NESTING {
            return self.too_deep(t.lo, t.hi, "brackets are");
        }
        self.emit(tok, t.lo, t.hi);
        let indent = self.indent(t.lo).0;
        self.frames.push(Frame {
            kind,
            open: t.lo,
            indent,
            chain,
            at_start: true,
            block_like: false,
            is_let: false,
            heads: self.heads.len(),
        });
        true
    }

    pub(super) fn close(&mut self, t: Token<'a>) {
        let fits = |k: Kind| match t.tok {
            Tok::RParen => k == Kind::Paren,
            Tok::RBracket => k == Kind::Bracket,
            _ => !matches!(k, Kind::Paren | Kind::Bracket),
        };
        // A round or square bracket closes nothing beyond the braces around it.
        let reach = self.frames[1..].iter().rposition(|f| fits(f.kind)).map(|n| n + 1).filter(|&n| {
            t.tok == Tok::RBrace || self.frames[n + 1..].iter().all(|f| matches!(f.kind, Kind::Paren | Kind::Bracket))
        });
        let Some(partner) = reach else {
            let text = &self.text[t.lo as usize..t.hi as usize];
            let d = Diag::error(codes::E0009, format!("this `{text}` closes nothing"))
                .at(self.span(t.lo, t.hi), "no bracket of its kind is open")
                .help_edit("leave it out", self.span(t.lo, t.hi), "");
            self.report(d);
            self.left_out.push(t.lo);
            return;
        };
        if partner + 1 < self.frames.len() {
            let text = format!("`{}` found here", &self.text[t.lo as usize..t.hi as usize]);
            self.unclosed(Some(self.frames.len() - 1), self.span(t.lo, t.hi), &text);
            while self.frames.len() > partner + 1 {
                self.close_virtual();
            }
            self.missing_semicolon(t);
        }
        if t.tok == Tok::RBrace && self.suspect.is_none() {
            let (indent, first) = self.indent(t.lo);
            if first && indent < self.top().indent {
                self.suspect = Some(self.top().open);
            }
        }
        self.emit(t.tok, t.lo, t.hi);
        let f = self.pop_frame();
        match f.kind {
            Kind::Block => {
                self.chain = f.chain;
                self.after_body();
            }
            Kind::Arms => self.after_body(),
            _ => {}
        }
    }

    /// Behind the `}` of a block: marks the end of a block-like statement.
    pub(super) fn after_body(&mut self) {
        let top = self.top();
        if top.kind == Kind::Arms
            && top.block_like
            && !self.in_head()
            && !matches!(self.peek(0), Some(Tok::Else | Tok::Comma | Tok::RBrace) | None)
        {
            // The next arm needs no comma before it.
            self.insert(Tok::Comma);
            let top = self.top_mut();
            (top.at_start, top.block_like) = (true, false);
            return;
        }
        if top.kind != Kind::Block || !top.block_like || self.in_head() || self.peek(0) == Some(Tok::Else) {
            return;
        }
        if !matches!(self.peek(0), Some(Tok::RBrace | Tok::Semi) | None) {
            self.insert(Tok::StmtEnd);
            let top = self.top_mut();
            top.at_start = true;
            top.block_like = false;
        }
    }

    pub(super) fn semicolon(&mut self, t: Token<'a>) {
        if self.top().kind == Kind::Paren && !self.closes_on_line(t) {
            let below = self.frames.iter().rposition(|f| f.kind != Kind::Paren).unwrap_or(0);
            self.unclosed(Some(self.frames.len() - 1), self.span(t.lo, t.hi), "`;` found here");
            while self.frames.len() > below + 1 {
                self.close_virtual();
            }
        }
        self.emit(t.tok, t.lo, t.hi);
        let keep = self.top().heads;
        self.heads.truncate(keep);
        if matches!(self.top().kind, Kind::Block | Kind::Items) {
            let top = self.top_mut();
            top.at_start = true;
            top.block_like = false;
            top.is_let = false;
        }
    }

    /// Is there, on the line of `t`, a `)` for the innermost parenthesis?
    pub(super) fn closes_on_line(&self, t: Token<'a>) -> bool {
        let mut depth = 0;
        let mut last = t.hi;
        for n in self.raw[self.i..].iter().take(64) {
            if self.newline_between(last, n.lo) {
                return false;
            }
            last = n.hi;
            match n.tok {
                Tok::LParen => depth += 1,
                Tok::RParen if depth == 0 => return true,
                Tok::RParen => depth -= 1,
                Tok::LBrace | Tok::RBrace | Tok::Let => return false,
                _ => {}
            }
        }
        false
    }
}
