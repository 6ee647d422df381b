//! Characters to tokens. A fault is a token of its own, so that lexing always goes on to the end of the text.
//!
//! Knows no grammar: contextual words, brackets, and the three kinds of `{` are the filter's business.

use logos::{FilterResult, Lexer, Logos};

/// The longest identifier, in bytes.
pub const MAX_IDENT: usize = 1024;

/// What is wrong with a piece of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LexError {
    /// No token begins so.
    #[default]
    Char,
    /// A number with a wrong digit, no digit, or an impossible suffix.
    Number,
    /// A string without its end on the line.
    OpenString,
    /// A string with a backslash before something unexpected.
    Escape,
    /// `/*` without `*/`.
    OpenComment,
    /// An identifier of more than [`MAX_IDENT`] bytes.
    LongIdent,
}

/// A token. Those marked "filter" never come from the lexer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Logos)]
#[logos(error = LexError)]
#[logos(skip r"[ \t\r\n\x0c]+")]
#[logos(skip(r"\u{feff}"))]
#[allow(missing_docs)]
pub enum Tok<'a> {
    #[regex(r"[A-Za-z_][A-Za-z0-9_]*", ident)]
    Ident(&'a str),
    /// All of the number, suffix included.
    #[regex(r"[0-9][0-9A-Za-z_]*", number)]
    Int(&'a str),
    #[regex(r"[0-9][0-9_]*\.[0-9][0-9A-Za-z_]*", decimal)]
    Decimal(&'a str),
    /// The text between the quotes, escapes and all.
    #[token("\"", string)]
    Str(&'a str),
    /// `///` and what follows, without the slashes.
    #[token("//", line_comment)]
    DocOuter(&'a str),
    /// `//!` and what follows, without the mark.
    DocInner(&'a str),
    /// A lexical fault.
    #[token("/*", block_comment)]
    Bad(LexError),

    #[token("fn")]
    Fn,
    #[token("let")]
    Let,
    #[token("mut")]
    Mut,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("while")]
    While,
    #[token("match")]
    Match,
    #[token("struct")]
    Struct,
    #[token("enum")]
    Enum,
    #[token("const")]
    Const,
    #[token("mod")]
    Mod,
    #[token("use")]
    Use,
    #[token("impl")]
    Impl,
    #[token("extern")]
    Extern,
    #[token("return")]
    Return,
    #[token("break")]
    Break,
    #[token("continue")]
    Continue,
    #[token("as")]
    As,
    #[token("true")]
    True,
    #[token("false")]
    False,
    #[token("public")]
    Public,
    #[token("secret")]
    Secret,
    #[token("from")]
    From,
    #[token("to")]
    To,

    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    /// Of a block that stands where an operand or a statement can begin.
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token("#[")]
    Attr,
    #[token("#![")]
    InnerAttr,
    #[token("fixed<")]
    FixedLt,

    #[token(";")]
    Semi,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token("::")]
    PathSep,
    #[token(".")]
    Dot,
    #[token("..")]
    DotDot,
    #[token("..=")]
    DotDotEq,
    #[token("->")]
    Arrow,
    #[token("=>")]
    FatArrow,
    #[token("@")]
    AtSign,
    #[token("=")]
    Eq,
    #[token("==")]
    EqEq,
    #[token("!=")]
    Ne,
    #[token("<")]
    Lt,
    #[token("<=")]
    Le,
    #[token("<<")]
    Shl,
    /// `>` that joins nothing.
    #[token(">", greater)]
    Gt,
    /// The `>` of `>=`.
    GtEq,
    /// The first `>` of `>>`.
    Shr,
    /// The first `>` of `>>=`.
    ShrEq,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("&")]
    And,
    #[token("|")]
    Or,
    #[token("^")]
    Caret,
    #[token("!")]
    Bang,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    #[token("+=")]
    PlusEq,
    #[token("-=")]
    MinusEq,
    #[token("*=")]
    StarEq,
    #[token("/=")]
    SlashEq,
    #[token("%=")]
    PercentEq,
    #[token("&=")]
    AndEq,
    #[token("|=")]
    OrEq,
    #[token("^=")]
    CaretEq,
    #[token("<<=")]
    ShlEq,
    /// `++`, and (filter) `--` where nothing follows that could be negated.
    #[token("++")]
    Step,

    /// Filter: `{` that opens a body behind a head.
    BodyBrace,
    /// Filter: `{` of a struct literal.
    StructBrace,
    /// Filter: the end of a block-like statement that has no semicolon.
    StmtEnd,
    /// Filter: `at` where it is a word of the language.
    At,
    /// Filter: `party` likewise.
    Party,
    /// Filter: `checked` likewise.
    Checked,
    /// Filter: `max` likewise.
    Max,
    /// Filter: an operand that was reported as faulty.
    Faulty,
    /// Filter: `for (…;…;…)`, reported.
    CFor,
}

fn ident<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> Result<&'a str, LexError> {
    if lex.slice().len() > MAX_IDENT { Err(LexError::LongIdent) } else { Ok(lex.slice()) }
}

fn number<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> Result<&'a str, LexError> {
    split_number(lex.slice()).map(|_| lex.slice()).ok_or(LexError::Number)
}

fn decimal<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> Result<&'a str, LexError> {
    // `x.0.1` comes here too; the filter takes it apart. So letters are refused, and no more.
    if lex.slice().bytes().any(|b| b.is_ascii_alphabetic()) { Err(LexError::Number) } else { Ok(lex.slice()) }
}

/// A number as `(radix, digits, suffix)`; `None` if it is not well formed.
pub fn split_number(text: &str) -> Option<(u32, &str, &str)> {
    let (radix, rest) = match text.as_bytes() {
        [b'0', b'x', ..] => (16, &text[2..]),
        [b'0', b'o', ..] => (8, &text[2..]),
        [b'0', b'b', ..] => (2, &text[2..]),
        _ => (10, text),
    };
    let end = rest.find(|c: char| c != '_' && !c.is_digit(radix)).unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    let suffix_ok = match suffix.as_bytes() {
        [] => true,
        [b'u' | b'i', n @ ..] => !n.is_empty() && n.len() <= 3 && n.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (suffix_ok && digits.bytes().any(|b| b != b'_')).then_some((radix, digits, suffix))
}

/// After `"`.
fn string<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> Result<&'a str, LexError> {
    let rest = lex.remainder();
    let (mut i, bytes, mut bad) = (0, rest.as_bytes(), false);
    loop {
        match bytes.get(i) {
            None | Some(b'\n') => {
                // What looks like the end of a call or statement is more likely that than text.
                lex.bump(rest[..i].trim_end_matches(|c: char| ")]};, \t\r".contains(c)).len());
                return Err(LexError::OpenString);
            }
            Some(b'"') => break,
            Some(b'\\') => match bytes.get(i + 1) {
                Some(b'"' | b'\\' | b'n' | b'r' | b't' | b'0') => i += 2,
                _ => {
                    bad = true;
                    i += 1;
                }
            },
            Some(_) => i += 1,
        }
    }
    lex.bump(i + 1);
    if bad { Err(LexError::Escape) } else { Ok(&rest[..i]) }
}

/// After `//`: skips a comment, gives a documentation line.
fn line_comment<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> FilterResult<&'a str, LexError> {
    let rest = lex.remainder();
    let end = rest.find('\n').unwrap_or(rest.len());
    lex.bump(end);
    let line = rest[..end].trim_end();
    match line.as_bytes() {
        // `////…` is a ruler, not documentation.
        [b'/', b'/', ..] => FilterResult::Skip,
        // [`lex`] tells the two marks apart.
        [b'/' | b'!', ..] => FilterResult::Emit(&line[1..]),
        _ => FilterResult::Skip,
    }
}

/// After `/*`: skips the comment, nested ones included; all of the rest is the fault if it does not end.
fn block_comment<'a>(lex: &mut Lexer<'a, Tok<'a>>) -> FilterResult<LexError, LexError> {
    let bytes = lex.remainder().as_bytes();
    let (mut i, mut depth) = (0, 1);
    while i < bytes.len() {
        match (bytes[i], bytes.get(i + 1)) {
            (b'*', Some(b'/')) => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    lex.bump(i);
                    return FilterResult::Skip;
                }
            }
            (b'/', Some(b'*')) => {
                depth += 1;
                i += 2;
            }
            _ => i += 1,
        }
    }
    lex.bump(bytes.len());
    FilterResult::Emit(LexError::OpenComment)
}

/// After `>`: nothing to do; [`lex`] looks at what follows.
fn greater<'a>(_: &mut Lexer<'a, Tok<'a>>) {}

/// A token with its byte range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The token.
    pub tok: Tok<'a>,
    /// First byte.
    pub lo: u32,
    /// One past the last.
    pub hi: u32,
}

/// All tokens of a text of less than 4 GiB; faults are [`Tok::Bad`]. Linear in the text.
pub fn lex(text: &str) -> Vec<Token<'_>> {
    let mut out: Vec<Token<'_>> = Vec::with_capacity(text.len() / 2);
    let bytes = text.as_bytes();
    for (tok, range) in Tok::lexer(text).spanned() {
        let tok = match tok {
            Ok(Tok::DocOuter(d)) if bytes.get(range.start + 2) == Some(&b'!') => Tok::DocInner(d),
            Ok(Tok::Gt) => match (bytes.get(range.end), bytes.get(range.end + 1)) {
                (Some(b'>'), Some(b'=')) => Tok::ShrEq,
                (Some(b'>'), _) => Tok::Shr,
                // `=>` and `==` behind `>` are no part of `>=` that anybody would write.
                (Some(b'='), _) => Tok::GtEq,
                _ => Tok::Gt,
            },
            Ok(tok) => tok,
            Err(e) => Tok::Bad(e),
        };
        let (lo, hi) = (range.start as u32, range.end as u32);
        // A run of bad characters is one fault.
        if let (Tok::Bad(LexError::Char), Some(last)) = (tok, out.last_mut())
            && last.tok == Tok::Bad(LexError::Char)
            && last.hi == lo
        {
            last.hi = hi;
            continue;
        }
        out.push(Token { tok, lo, hi });
    }
    out
}

/// Where the tokens of a text stand, documentation included; what lies between is white space and comments.
pub fn token_ranges(text: &str) -> Vec<(usize, usize)> {
    lex(text).iter().map(|t| (t.lo as usize, t.hi as usize)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(s: &str) -> Vec<Tok<'_>> {
        lex(s).into_iter().map(|t| t.tok).collect()
    }

    #[test]
    fn greater_signs_say_what_they_join() {
        use Tok::*;
        assert_eq!(
            toks("a > b >= c >> d >>= e"),
            [Ident("a"), Gt, Ident("b"), GtEq, Eq, Ident("c"), Shr, Gt, Ident("d"), ShrEq, GtEq, Eq, Ident("e")]
        );
    }

    #[test]
    fn comments_and_docs() {
        use Tok::*;
        assert_eq!(
            toks("//! top\n/// item\n//// ruler\n// x\n/* a /* b */ c */ 1"),
            [DocInner(" top"), DocOuter(" item"), Int("1")]
        );
        assert_eq!(toks("1 /* /* */"), [Int("1"), Bad(LexError::OpenComment)]);
    }

    #[test]
    fn numbers() {
        use Tok::*;
        assert_eq!(
            toks("1_000u8 0xFFu8 1.5 0..3 1.max x.0"),
            [
                Int("1_000u8"),
                Int("0xFFu8"),
                Decimal("1.5"),
                Int("0"),
                DotDot,
                Int("3"),
                Int("1"),
                Dot,
                Ident("max"),
                Ident("x"),
                Dot,
                Int("0")
            ]
        );
        for bad in ["0b102", "0x", "12abc", "1u", "1u1000", "0b_", "1.5e3"] {
            assert_eq!(toks(bad), [Bad(LexError::Number)], "{bad}");
        }
        assert_eq!(split_number("0xFFu8"), Some((16, "FF", "u8")));
    }

    #[test]
    fn strings() {
        use Tok::*;
        assert_eq!(toks(r#""a\"b" 1"#), [Str(r#"a\"b"#), Int("1")]);
        assert_eq!(toks("\"abc\n1"), [Bad(LexError::OpenString), Int("1")]);
        assert_eq!(toks("\"abc );\n1"), [Bad(LexError::OpenString), RParen, Semi, Int("1")]);
        assert_eq!(toks(r#""a\qb" 1"#), [Bad(LexError::Escape), Int("1")]);
    }

    #[test]
    fn faults_are_tokens() {
        use Tok::*;
        assert_eq!(toks("a `~€ b"), [Ident("a"), Bad(LexError::Char), Ident("b")]);
        let long = "x".repeat(10 << 20);
        assert_eq!(toks(&long), [Bad(LexError::LongIdent)]);
    }
}
