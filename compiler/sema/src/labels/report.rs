//! Words for what the label check finds: a code, the two places, and the path by which secrecy got there.

use super::Checker;
use super::lab::{Cause, Lab, Step};
use crate::tree::{PartyId, Program};
use diag::{Code, Diag, Span, codes};
use std::rc::Rc;
use std::sync::Arc;

/// Why something must be public (or one party's).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    LoopBound,
    Index,
    Shift,
    /// Anything of type `Index` elsewhere.
    Size,
    /// An argument for a parameter that is declared `public`.
    PublicParam,
    Assert,
    AssertUnder,
    /// A reveal under a condition.
    Reveal(Option<PartyId>),
    AtUnder(PartyId),
    /// The condition of a `while`.
    While,
    /// A `while` under a condition.
    WhileUnder,
    /// A call by which a function comes to call itself, under a condition.
    Recursion,
    /// What an `at` block reads.
    AtReads(PartyId, Arc<str>),
    /// A string that is worked on.
    StrUsed,
    /// A condition or a place that chooses among strings.
    StrChosen,
}

/// A call on the way to the place that requires something.
#[derive(Clone, Debug)]
pub(super) struct Via {
    pub callee: Arc<str>,
    pub span: Span,
}

impl Reason {
    pub fn code(&self) -> Code {
        match self {
            Reason::Reveal(_) => codes::E0302,
            Reason::AtUnder(_) => codes::E0303,
            Reason::AtReads(..) => codes::E0304,
            Reason::LoopBound => codes::E0305,
            Reason::While => codes::E0312,
            Reason::WhileUnder => codes::E0313,
            Reason::Recursion => codes::E0314,
            Reason::Index => codes::E0306,
            Reason::Shift => codes::E0307,
            Reason::Size => codes::E0308,
            Reason::PublicParam => codes::E0311,
            Reason::Assert | Reason::AssertUnder => codes::E0309,
            Reason::StrUsed | Reason::StrChosen => codes::E0315,
        }
    }
    /// Whether the control label is at fault, not a value.
    pub fn control(&self) -> bool {
        matches!(self, Reason::Reveal(_) | Reason::AtUnder(_) | Reason::AssertUnder | Reason::WhileUnder)
    }
    fn message(&self, program: &Program) -> String {
        let name = |p: &PartyId| &program.parties[p.0 as usize].name;
        match self {
            Reason::LoopBound => "the bound of a loop is not public".into(),
            Reason::While => "the condition of a `while` is not public".into(),
            Reason::WhileUnder => "`while` under a condition that is not public".into(),
            Reason::Recursion => "a recursive call under a condition that is not public".into(),
            Reason::Index => "an index is not public".into(),
            Reason::Shift => "the amount of a shift is not public".into(),
            Reason::Size => "a number that must be public is not".into(),
            Reason::PublicParam => "an argument that must be public is not".into(),
            Reason::Assert => "an assertion on what is not public".into(),
            Reason::AssertUnder => "an assertion under a condition that is not public".into(),
            Reason::Reveal(None) => "`reveal` under a condition that is not public".into(),
            Reason::Reveal(Some(_)) => "`reveal_to` under a condition that is not public".into(),
            Reason::AtUnder(p) => {
                format!("`at {}` under a condition that is not public", name(p))
            }
            Reason::StrUsed => "a string is worked on outside of its owner's `at` block".into(),
            Reason::StrChosen => "strings are chosen among by what is not public".into(),
            Reason::AtReads(p, x) => {
                format!("`at {}` reads `{x}`, which is not known to {}", name(p), name(p))
            }
        }
    }
    /// Under the place itself.
    pub fn place(&self, program: &Program) -> String {
        let name = |p: &PartyId| &program.parties[p.0 as usize].name;
        match self {
            Reason::LoopBound => "this bounds a loop".into(),
            Reason::While => "how often the loop runs would tell".into(),
            Reason::WhileUnder => "whether this runs would tell".into(),
            Reason::Recursion => "how deep the calls go would tell".into(),
            Reason::Index => "this is an index".into(),
            Reason::Shift => "this is the amount of a shift".into(),
            Reason::Size => "this must be public".into(),
            Reason::PublicParam => "declared `public` here".into(),
            Reason::Assert => "this is asserted".into(),
            Reason::AssertUnder => "whether this is checked would tell".into(),
            Reason::Reveal(_) => "whether this is revealed would tell".into(),
            Reason::AtUnder(_) => "whether this runs would tell".into(),
            Reason::AtReads(p, _) => format!("{} cannot see this", name(p)),
            Reason::StrUsed => "this would have to be shared, and strings are not".into(),
            Reason::StrChosen => "this decides which string it is".into(),
        }
    }
    fn help(&self) -> &'static str {
        match self {
            Reason::LoopBound => "loop to a public bound and decide inside with an `if`, or `reveal` the bound first",
            Reason::While => {
                "bound the turns, `while … max 100 { … }`: then the condition may be secret; or `reveal` what decides"
            }
            Reason::Recursion => {
                "let a size or a public argument count the calls, `if depth > 0 { … }`, and choose inside by the secret"
            }
            Reason::WhileUnder => "bound the turns, `while … max 100 { … }`, or `reveal` the condition around first",
            Reason::Index => {
                "give the variable an integer type, for instance `let mut k: u64 = 0`: such an index may be secret (every element is touched), or `reveal` it first"
            }
            Reason::Shift => "multiply, or choose among shifts with an `if`, or `reveal` the amount first",
            Reason::Size => "`reveal` it first, or keep it as an integer",
            Reason::PublicParam => "`reveal` it first, or leave `public` out of the parameter",
            Reason::Assert => "`reveal` the condition first",
            Reason::AssertUnder => "join the condition into what is asserted, and `reveal` it first",
            Reason::Reveal(_) => "choose the value with the `if` and reveal it after, or `reveal` the condition first",
            Reason::AtUnder(_) => "move the block out of the `if`",
            Reason::StrUsed => {
                "let its owner hash or encode it, `at P { s.hash() }`, and go on with the numbers; `at` blocks compare strings too"
            }
            Reason::StrChosen => "choose inside of its owner's `at` block, or choose among hashes",
            Reason::AtReads(..) => "`reveal_to` it to this party first, or compute outside of the block",
        }
    }
}

fn origin(program: &Program, step: &Step) -> Option<String> {
    let name = |p: &PartyId| &program.parties[p.0 as usize].name;
    Some(match step {
        Step::Brought(x, p) => format!("`{x}` (brought by {})", name(p)),
        Step::Kept(x) => format!("`{x}` (kept from an earlier run)"),
        Step::Drawn => "`random()`".into(),
        Step::RevealedTo(p) => format!("what `reveal_to` gives {} alone", name(p)),
        Step::AtBlock(p) => format!("what {} computes alone in an `at` block", name(p)),
        Step::Param(x) => format!("the parameter `{x}`"),
        _ => return None,
    })
}

fn words(program: &Program, step: &Step) -> String {
    match step {
        Step::Brought(x, p) => {
            format!("`{x}` is brought by {}", program.parties[p.0 as usize].name)
        }
        Step::Kept(x) => format!("`{x}` is kept from an earlier run: nobody knows it"),
        Step::Drawn => "drawn here: nobody knows it".into(),
        Step::Param(x) => format!("`{x}` may be anything"),
        Step::RevealedTo(p) => {
            format!("known to {} alone", program.parties[p.0 as usize].name)
        }
        Step::AtBlock(p) => format!("computed by {} alone", program.parties[p.0 as usize].name),
        Step::Assigned(x) => format!("`{x}` is assigned here"),
        Step::AssignedUnder(x) => format!("`{x}` is assigned here, under that condition"),
        Step::Chosen => "chosen by that condition".into(),
        Step::Condition => "this condition depends on it".into(),
        Step::Place => "the place depends on it".into(),
        Step::Left(word) => format!("`{word}` by that condition: whether what follows runs depends on it"),
        Step::Passed(x, f) => format!("passed to `{f}` as `{x}`"),
    }
}

/// One sentence: how, and from where.
pub(super) fn because(program: &Program, lab: &Lab) -> String {
    let mut origins: Vec<String> = Vec::new();
    for s in lab.sources() {
        if let Some(o) = s.cause.steps().first().and_then(|s| origin(program, &s.0))
            && !origins.contains(&o)
        {
            origins.push(o);
        }
    }
    let from = match origins.len() {
        0 => return "secret because it depends on what is not public".into(),
        1 | 2 => origins.join(" and "),
        n => format!("{}, and {} more", origins[..2].join(", "), n - 2),
    };
    let steps = lab.sources().first().map_or(Vec::new(), |s| s.cause.steps());
    // The newest assignment tells most; what came after it only carried it on.
    let how = steps.iter().rev().find_map(|(s, _)| match s {
        Step::AssignedUnder(x) => Some(format!("`{x}` is assigned under a condition that comes from")),
        Step::Assigned(x) => Some(format!("`{x}` is computed from")),
        Step::Chosen => Some("it is chosen by a condition that comes from".into()),
        Step::Left(word) => Some(format!("`{word}` stands under a condition that comes from")),
        Step::Condition => Some("the condition comes from".into()),
        Step::Place => Some("the place comes from".into()),
        _ => None,
    });
    match how {
        Some(how) => format!("secret because {how} {from}"),
        None => format!("secret because it comes from {from}"),
    }
}

/// Adds the path as places.
fn path(mut d: Diag, program: &Program, lab: &Lab) -> Diag {
    let mut seen: Vec<(Span, String)> = Vec::new();
    for (k, s) in lab.sources().iter().enumerate().take(3) {
        let steps = s.cause.steps();
        let take = if k == 0 { steps.len() } else { 1 };
        for (step, span) in steps.into_iter().take(take) {
            let text = words(program, &step);
            if !seen.contains(&(span, text.clone())) {
                d = d.also(span, text.clone());
                seen.push((span, text));
            }
        }
    }
    d.note(because(program, lab))
}

impl Checker<'_> {
    /// Something that must be public is not.
    pub fn refuse(&mut self, lab: &Lab, reason: &Reason, span: Span, via: &[Via]) {
        let code = reason.code();
        let text = match via.first() {
            None => reason.place(self.program),
            Some(v) if reason.control() => {
                format!("`{}` is called under a condition that is not public", v.callee)
            }
            Some(v) => format!("`{}` needs this to be public", v.callee),
        };
        let mut d = Diag::error(code, reason.message(self.program)).at(span, text);
        for (k, v) in via.iter().enumerate().take(4) {
            let text = match via.get(k + 1) {
                None => reason.place(self.program),
                Some(next) => format!("in `{}`, which calls `{}`", v.callee, next.callee),
            };
            d = d.also(v.span, text);
        }
        let d = path(d, self.program, lab).help(reason.help());
        self.report(span, d);
    }

    /// A result of `main` that its recipient may not learn.
    pub fn unrevealed(&mut self, lab: &Lab, to: Option<PartyId>, span: Span, ret: Span) {
        let (who, call, open) = match to {
            None => ("everyone learns this result".to_string(), "reveal", "reveal(".to_string()),
            Some(p) => {
                let name = &self.program.parties[p.0 as usize].name;
                (format!("{name} learns this result"), "reveal_to", format!("reveal_to({name}, "))
            }
        };
        let d = Diag::error(codes::E0301, "a result of `main` that was never revealed")
            .at(span, "this is not public")
            .also(ret, who);
        let d = path(d, self.program, lab).help_edits(
            format!("`{call}` it, if they may learn it"),
            vec![
                diag::Edit { span: span.before(), replacement: open },
                diag::Edit { span: span.after(), replacement: ")".into() },
            ],
        );
        self.report(span, d);
    }

    /// An opening inside of an `at` block.
    pub fn in_at(&mut self, span: Span, at: Option<PartyId>) {
        let d = Diag::error(codes::E0310, "this cannot stand in an `at` block")
            .at(span, "needs the other parties")
            .help("an `at` block runs at one party alone: reveal or draw before it or after it");
        let d = self.at_note(d, at);
        self.report(span, d);
    }

    /// A call inside of an `at` block of a function that opens something.
    pub fn in_at_call(&mut self, span: Span, effect: Span, at: Option<PartyId>) {
        let d = Diag::error(codes::E0310, "this cannot be called in an `at` block")
            .at(span, "needs the other parties")
            .also(effect, "because of this")
            .help("an `at` block runs at one party alone: reveal before it or after it");
        let d = self.at_note(d, at);
        self.report(span, d);
    }

    fn at_note(&self, d: Diag, at: Option<PartyId>) -> Diag {
        match at {
            Some(p) => d.note(format!("the block runs at {} alone", self.program.parties[p.0 as usize].name)),
            None => d,
        }
    }

    /// A string that no one party knows.
    pub fn string_of_several(&mut self, lab: &Lab, span: Span) {
        let d = Diag::error(codes::E0315, "a string that is of more than one party")
            .at(span, "this would have to be shared, and strings are not");
        let d = path(d, self.program, lab).help("put together what owners make of their strings: `at P { s.hash() }`");
        self.report(span, d);
    }

    /// An opening of a string.
    pub fn revealed_string(&mut self, span: Span) {
        let d = Diag::error(codes::E0316, "strings are not revealed")
            .at(span, "this holds a string")
            .note("a string stays with its owner, or is public from the start")
            .help("reveal what its owner makes of it, for instance `at P { s.bytes::<16>() }`");
        self.report(span, d);
    }

    /// A reveal under a condition on the very value that it reveals.
    pub fn self_deciding(&mut self, span: Span, cause: &Rc<Cause>) {
        let mut d = Diag::error(codes::E0302, "`reveal` under a condition on what it reveals")
            .at(span, "whether this is revealed would tell");
        for (step, at) in cause.steps() {
            d = d.also(at, words(self.program, &step));
        }
        let d = d
            .note("if the value is not public neither is the condition; if it is, there is nothing to reveal")
            .help("choose the value with the `if` and reveal it after");
        self.report(span, d);
    }
}
