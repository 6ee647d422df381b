//! Errors of the generated parser, in words. Knows terminals by the names that the grammar gives them.

use crate::lexer::{Tok, Token};
use diag::{Diag, FileId, Span, codes};
use lalrpop_util::ParseError;

/// Terminals with which an operand can begin, for groups: all of `core` must be expected.
const EXPR: &[&str] = &[
    "name",
    "integer",
    "decimal",
    "string",
    "faulty",
    "\"true\"",
    "\"false\"",
    "\"(\"",
    "\"[\"",
    "\"{\"",
    "\"if\"",
    "\"for\"",
    "\"c for\"",
    "\"while\"",
    "\"match\"",
    "\"at\"",
    "\"-\"",
    "\"!\"",
    "\"&\"",
    "\"&&\"",
    "\"*\"",
];
const CLOSURE: &[&str] = &["\"fn\"", "\"|\"", "\"||\"", "\"return\"", "\"break\"", "\"continue\""];
const STMT: &[&str] = &["\"let\"", "\"++\""];
const TYPE: &[&str] = &["name", "\"(\"", "\"[\"", "\"fn\"", "\"public\"", "\"secret\"", "\"fixed<\"", "\"&\""];
const OPERATOR: &[&str] = &[
    "\"+\"",
    "\"-\"",
    "\"*\"",
    "\"/\"",
    "\"%\"",
    "\"<<\"",
    "\">>\"",
    "\"&\"",
    "\"|\"",
    "\"^\"",
    "\"&&\"",
    "\"||\"",
    "\"==\"",
    "\"!=\"",
    "\"<\"",
    "\"<=\"",
    "\">\"",
    "\">=\"",
    "\"as\"",
    "\".\"",
    "\"(\"",
    "\"[\"",
    "\"::\"",
    "\"..\"",
    "\"..=\"",
    "\"struct {\"",
];
const ASSIGN: &[&str] =
    &["\"+=\"", "\"-=\"", "\"*=\"", "\"/=\"", "\"%=\"", "\"&=\"", "\"|=\"", "\"^=\"", "\"<<=\"", "\">>=\"", "\"++\""];
const ITEM: &[&str] = &[
    "doc",
    "\"fn\"",
    "\"struct\"",
    "\"enum\"",
    "\"const\"",
    "\"mod\"",
    "\"use\"",
    "\"impl\"",
    "\"extern\"",
    "\"party\"",
    "\"checked\"",
    "\"#[\"",
    "\"#![\"",
];

/// A terminal of the grammar, as a reader would call it.
fn terminal(t: &str) -> String {
    match t {
        "name" => "a name".into(),
        "integer" => "a number".into(),
        "decimal" | "string" | "doc" | "faulty" => t.into(),
        "\"body {\"" | "\"struct {\"" => "`{`".into(),
        "\"#[\"" => "`#[`".into(),
        "\"end\"" => "`;`".into(),
        "\"c for\"" => "`for`".into(),
        _ => format!("`{}`", t.trim_matches('"')),
    }
}

/// What could have stood there, in at most five parts.
fn expected(terminals: &[String]) -> String {
    let mut left: Vec<&str> = terminals.iter().map(String::as_str).collect();
    let mut parts: Vec<String> = Vec::new();
    let has = |left: &[&str], set: &[&str]| set.iter().all(|s| left.contains(s));
    let take = |left: &mut Vec<&str>, sets: &[&[&str]]| left.retain(|t| !sets.iter().any(|s| s.contains(t)));
    // Statements, expressions, and operands share their core.
    if has(&left, &["integer", "\"if\"", "\"-\"", "name"]) {
        if has(&left, &["\"let\""]) {
            parts.push("a statement".into());
            take(&mut left, &[EXPR, CLOSURE, STMT, &["\";\""]]);
        } else {
            parts.push("an expression".into());
            take(&mut left, &[EXPR, CLOSURE, &["\"mut\""]]);
        }
    } else if has(&left, &["name", "\"fn\"", "\"fixed<\""]) {
        parts.push("a type".into());
        take(&mut left, &[TYPE]);
        if has(&left, &["integer"]) {
            parts.push("a size".into());
            take(&mut left, &[&["integer", "\"{\""]]);
        }
    } else if has(&left, &["name", "\"[\"", "\"fixed<\""]) {
        parts.push("a type".into());
        take(&mut left, &[TYPE]);
    }
    if has(&left, &["\"struct\"", "\"use\""]) {
        parts.push("an item (`fn`, `struct`, `party`, …)".into());
        take(&mut left, &[ITEM]);
    }
    if has(&left, &["\"+=\"", "\"-=\""]) {
        left.retain(|t| !ASSIGN.contains(t));
    }
    // Four tokens can close generic arguments; where they do, none of them compares.
    let close = ["\">\"", "\">=\"", "\">>\"", "\">>=\""];
    let closes = has(&left, &close) && !left.contains(&"\"==\"");
    if closes {
        left.retain(|t| !close.contains(t));
    }
    if has(&left, &["\"+\"", "\"*\""]) {
        take(&mut left, &[OPERATOR]);
        parts.push("an operator".into());
    }
    // Ends come first in what people look for: `;`, `,`, a closing bracket.
    let mut rest: Vec<String> = left.iter().map(|t| terminal(t)).collect();
    let rank = |t: &String| match t.as_str() {
        "`;`" => 0,
        "`,`" => 1,
        "`)`" | "`]`" | "`}`" => 2,
        _ => 3,
    };
    rest.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.cmp(b)));
    rest.dedup();
    if closes {
        rest.insert(0, "`>`".into());
    }
    let operator = parts.iter().position(|p| p == "an operator").map(|n| parts.remove(n));
    parts.append(&mut rest);
    parts.extend(operator);
    parts.truncate(5);
    match parts.len() {
        0 => "something else".into(),
        1 => parts.remove(0),
        n => {
            let last = parts.remove(n - 1);
            format!("{} or {last}", parts.join(", "))
        }
    }
}

/// A token as found: its text, shortened, or its kind.
fn found(tok: &Tok<'_>, text: &str) -> String {
    let shown: String = text.chars().take(24).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    match tok {
        Tok::Ident(_) => format!("the name `{shown}{dots}`"),
        Tok::Int(_) | Tok::Decimal(_) => format!("the number `{shown}{dots}`"),
        Tok::Str(_) => "a string".into(),
        Tok::DocOuter(_) => "a documentation comment".into(),
        Tok::StmtEnd => "the end of the statement".into(),
        Tok::GtEq => "`>=`".into(),
        Tok::Shr => "`>>`".into(),
        Tok::ShrEq => "`>>=`".into(),
        _ => format!("`{shown}{dots}`"),
    }
}

/// Is it a reserved word?
fn is_word(tok: &Tok<'_>, text: &str) -> bool {
    !matches!(tok, Tok::Ident(_) | Tok::Str(_) | Tok::DocOuter(_) | Tok::StmtEnd)
        && text.bytes().all(|b| b.is_ascii_lowercase())
        && !text.is_empty()
}

/// The diagnostic for an error; `None` where the filter has reported what caused it.
pub fn diagnose(
    file: FileId,
    text: &str,
    before: Option<Token<'_>>,
    e: &ParseError<u32, Tok<'_>, ()>,
    cut_short: bool,
) -> Option<Diag> {
    match e {
        ParseError::UnrecognizedToken { token: (lo, tok, hi), expected: want } => {
            // Brackets and semicolons of no width were put in, and reported, by the filter.
            if lo == hi && *tok != Tok::StmtEnd {
                return None;
            }
            let span = Span { file, lo: *lo, hi: *hi };
            let here = &text[*lo as usize..*hi as usize];
            if *tok == Tok::StmtEnd {
                return Some(
                    Diag::error(codes::E0007, format!("expected {}", expected(want)))
                        .at(span, "the statement ends here"),
                );
            }
            if is_word(tok, here) && want.iter().any(|w| w == "name") && !want.iter().any(|w| w == "integer") {
                return Some(
                    Diag::error(codes::E0017, format!("`{here}` is a word of the language"))
                        .at(span, "a name is expected here")
                        .help_edit("choose another name, for instance with an underscore", span, format!("{here}_")),
                );
            }
            let want_text = expected(want);
            let mut d = Diag::error(codes::E0007, format!("expected {want_text}, found {}", found(tok, here)))
                .at(span, format!("expected {want_text}"));
            d = hint(d, before, (tok, span), here, want);
            Some(d)
        }
        ParseError::UnrecognizedEof { location, expected: want } => {
            if cut_short {
                return None;
            }
            let at = (*location).min(text.len() as u32);
            let want = expected(want);
            Some(
                Diag::error(codes::E0007, format!("the file ends where {want} is expected"))
                    .at(Span { file, lo: at, hi: at }, format!("expected {want}")),
            )
        }
        // The lexer's faults are tokens, the grammar has no error of its own, and it never stops before the end.
        ParseError::InvalidToken { location } => Some(unexpected(file, *location, *location)),
        ParseError::ExtraToken { token: (lo, _, hi) } => Some(unexpected(file, *lo, *hi)),
        ParseError::User { .. } => None,
    }
}

fn unexpected(file: FileId, lo: u32, hi: u32) -> Diag {
    Diag::error(codes::E0007, "nothing was expected here").at(Span { file, lo, hi }, "unexpected")
}

/// Words of the language that begin a statement, and words that begin an item.
const STATEMENTS: &[&str] = &["let", "if", "for", "while", "match", "return", "at"];
const ITEMS: &[&str] = &["fn", "struct", "enum", "const", "mod", "use", "impl", "party", "checked", "extern"];

/// Words for mistakes that people bring from elsewhere, and edits that mend them.
fn hint(d: Diag, before: Option<Token<'_>>, (tok, span): (&Tok<'_>, Span), here: &str, want: &[String]) -> Diag {
    let wants = |t: &str| want.iter().any(|w| w == t);
    let last = before.map(|t| t.tok);
    let last_span = before.map_or(span, |t| Span { lo: t.lo, hi: t.hi, ..span });
    let item = wants("\"struct\"") && wants("\"use\"");
    match (tok, last) {
        (Tok::RBracket, Some(Tok::DotDot | Tok::DotDotEq)) => d.help("both bounds of a range are written: `0..n`"),
        (Tok::Ident("and"), _) if wants("\"&&\"") => d.help_edit("`and` is written `&&`", span, "&&"),
        (Tok::Ident("or"), _) if wants("\"||\"") => d.help_edit("`or` is written `||`", span, "||"),
        (Tok::LBracket, Some(Tok::Ident("int" | "uint" | "unsigned" | "long"))) => {
            d.help("an array of type `[T; N]` is declared by `let`")
        }
        (_, Some(Tok::Ident("not"))) => d.help_edit("`not` is written `!`", Span { hi: span.lo, ..last_span }, "!"),
        (Tok::Ident("def" | "func" | "function"), _) if wants("\"fn\"") => {
            d.help_edit("a function begins with `fn`", span, "fn")
        }
        (Tok::Ident(_), Some(Tok::Ident("var" | "int" | "auto" | "uint" | "unsigned" | "long"))) => {
            d.help_edit("a variable is declared by `let` or `let mut`", last_span, "let")
        }
        // A word misspelt: what follows it shows that.
        (Tok::Ident(_) | Tok::Int(_) | Tok::Mut, Some(Tok::Ident(word)))
            if diag::suggest(word, STATEMENTS.iter().copied()).is_some() =>
        {
            d.did_you_mean(word, last_span, STATEMENTS.iter().copied())
        }
        (Tok::Ident(word), _) if item => d.did_you_mean(word, span, ITEMS.iter().copied()),
        (Tok::Let | Tok::For | Tok::While | Tok::If, _) if item => {
            d.help("statements stand inside of a function; or there is a `}` too many above")
        }
        (Tok::Else, _) => d.note("`else` follows the `}` of an `if` directly"),
        (Tok::Colon, _) if wants("\"body {\"") || wants("\"}\"") => {
            d.help("in the head of `if`, `while`, `for`, and `match`, a struct literal stands in parentheses")
        }
        (Tok::Eq, _) if wants("\"==\"") => d.help_edit("`==` compares", span, "=="),
        (Tok::FatArrow, _) => d.note("`=>` is used in `match` only"),
        (Tok::Dot | Tok::Plus | Tok::Minus | Tok::Star | Tok::As, _)
            if wants("\"let\"") && !matches!(here, "-" | "*") =>
        {
            d.note("a statement such as `if … { … }` is no left operand: put it into parentheses")
        }
        // Two elements of a list beside each other.
        (Tok::Ident(_) | Tok::Int(_) | Tok::Decimal(_) | Tok::Str(_) | Tok::True | Tok::False, Some(_))
            if wants("\",\"") =>
        {
            d.help_edit("add `,`", last_span.after(), ",")
        }
        _ => d,
    }
}
