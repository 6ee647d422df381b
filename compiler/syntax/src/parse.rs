//! The one way in: a text to a tree, and whatever is wrong with it to the sink.

use crate::ast::Module;
use crate::cx::Cx;
use crate::filter::filter;
use crate::lexer::{Tok, Token, lex};
use crate::message::diagnose;
use diag::{Diag, Diags, FileId, Span, codes};
use std::cell::Cell;

#[allow(clippy::all, clippy::pedantic, missing_docs, unused, dead_code)]
mod grammar {
    include!(concat!(env!("OUT_DIR"), "/grammar.rs"));
}

/// The largest file, in bytes.
pub const MAX_FILE: usize = 1 << 30;

/// Tokens that must pass without fault before another error of the parser is believed: what comes sooner is mostly an
/// echo of the one before.
const CALM: usize = 2;

/// Parses a file. Always gives a tree; where the text is wrong, an `Error` node stands in it and the sink has the reason.
/// Linear in the text, and no recursion.
pub fn parse(file: FileId, text: &str, diags: &mut Diags) -> Module {
    if text.len() > MAX_FILE {
        let d = Diag::error(codes::E0019, format!("this file has more than {MAX_FILE} bytes"));
        diags.push(d.at(Span { file, lo: 0, hi: 0 }, "it begins here"));
        return Module::default();
    }
    let filtered = filter(file, text, &lex(text), diags);
    let tokens = &filtered.tokens;
    // Each error costs a search for what was expected: in a text that is no program at all, enough is enough.
    let error_count = Cell::new(0);
    let mut cx = Cx::new(file, tokens.len(), &error_count);
    let input = tokens.iter().take_while(|_| error_count.get() < 4 * diag::MAX_ERRORS).map(|t| Ok((t.lo, t.tok, t.hi)));
    let (items, fatal) = match grammar::ModuleParser::new().parse(&mut cx, input) {
        Ok(items) => (items, None),
        Err(e) => (Vec::new(), Some(e)),
    };
    // From here on the sink gets what actions said and what the parser said, less the echoes.
    for d in std::mem::take(&mut cx.diags) {
        diags.push(d);
    }
    let (mut calm_at, mut read_from) = (0, 0);
    for e in &cx.errors {
        let at = index_of(tokens, error_start(&e.error, text));
        let resumed = e.dropped_tokens.last().map_or(at, |t| index_of(tokens, t.0) + 1);
        let (before, here) = (at.checked_sub(1).map_or(0, |i| tokens[i].hi), tokens.get(at).map_or(u32::MAX, |t| t.lo));
        let left_out = filtered.left_out.partition_point(|&p| p < before);
        // Behind a `;` the parser is in step again.
        let in_step = tokens.get(read_from..at).is_some_and(|t| t.iter().any(|t| t.tok == Tok::Semi));
        let echo = calm_at > 0 && at < calm_at + CALM && !in_step
            || filtered.left_out.get(left_out).is_some_and(|&p| p < here)
            || filtered.spoiled.iter().any(|&(lo, hi)| lo < here && here < hi);
        (calm_at, read_from) = (resumed.max(at + 1), resumed);
        if !echo && let Some(d) = diagnose(file, text, before_of(tokens, at), &e.error, filtered.cut_short) {
            diags.push(d);
        }
    }
    if let Some(e) = fatal {
        match diagnose(file, text, None, &e, filtered.cut_short) {
            Some(d) => diags.push(d),
            // Never silent: a tree was given up.
            None if !diags.has_errors() => {
                let end = text.len() as u32;
                let d = Diag::error(codes::E0007, "this file ends too soon");
                diags.push(d.at(Span { file, lo: end, hi: end }, "something is missing here"));
            }
            None => {}
        }
    }
    Module { doc: filtered.doc, items, exprs: cx.exprs }
}

fn error_start(e: &lalrpop_util::ParseError<u32, crate::lexer::Tok<'_>, ()>, text: &str) -> u32 {
    use lalrpop_util::ParseError::*;
    match e {
        InvalidToken { location } | UnrecognizedEof { location, .. } => *location,
        UnrecognizedToken { token, .. } | ExtraToken { token } => token.0,
        User { .. } => text.len() as u32,
    }
}

/// The first token that begins at or behind `lo`.
fn index_of(tokens: &[Token<'_>], lo: u32) -> usize {
    tokens.partition_point(|t| t.lo < lo)
}

/// The token before the one at `at`.
fn before_of<'a>(tokens: &[Token<'a>], at: usize) -> Option<Token<'a>> {
    at.checked_sub(1).and_then(|i| tokens.get(i)).copied()
}
