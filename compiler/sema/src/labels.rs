//! Information flow: who may know what, from `main`'s inputs to its result.
//!
//! Labels form a lattice, `public` ⊑ `@P` ⊑ `secret`; they are flow-sensitive, one per scalar leaf of a value and one per
//! array, and follow control. Every function has a scheme, solved once, callees first, and instantiated at calls; so
//! errors show in functions that nobody calls. Schemes of functions that call each other are a least fixed point. Runs over the typed program; knows no sizes and no circuit.

mod exits;
mod flow;
mod lab;
mod lints;
mod report;
#[cfg(test)]
mod tests;

use crate::tree::*;
use diag::{Code, Diag, Diags, Span};
use flow::{Flow, Scheme};
use lab::{Atom, CONTROL, Lab, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A place where a program opens something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevealSite {
    /// The function that it stands in.
    pub f: FnId,
    /// The call of `reveal` or `reveal_to`.
    pub span: Span,
    /// Who learns it; `None`: everyone.
    pub to: Option<PartyId>,
    /// Number of `if`s around it in its function (all on public conditions).
    pub depth: u32,
    /// Inside of a loop, or of a closure that an array method runs.
    pub in_loop: bool,
    /// By `open_masked`: what is opened tells nothing, as the library argues.
    pub masked: bool,
}

/// What the check found beside errors.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// All reveals, by function and place; those of functions that `main` cannot reach included.
    pub reveals: Vec<RevealSite>,
    /// Functions that `main` may call, itself included, by id.
    pub reached: BTreeSet<FnId>,
    /// The scheme of each function as text, by id.
    pub schemes: Vec<String>,
    /// Labels of each function's locals as text, by id: what they are where the function ends.
    pub locals: Vec<Vec<String>>,
}

impl Labels {
    /// Reveals that `main` can reach: what a run may open.
    pub fn live_reveals(&self) -> impl Iterator<Item = &RevealSite> {
        self.reveals.iter().filter(|r| self.reached.contains(&r.f))
    }
}

/// Checks a typed program. Functions that contain errors of earlier stages are passed over. Cost: linear in the program,
/// times the rounds of its loops (two or three).
pub fn check(program: &Program, diags: &mut Diags) -> Labels {
    let mut ck = Checker {
        program,
        schemes: vec![None; program.fns.len()],
        reveals: BTreeMap::new(),
        seen: BTreeSet::new(),
        locals: vec![Vec::new(); program.fns.len()],
        group: Vec::new(),
        quiet: false,
        diags,
    };
    for group in crate::graph::groups(program) {
        let group: Vec<FnId> = group.into_iter().filter(|f| !broken(program.f(*f))).collect();
        if group.iter().any(|f| callees(program, *f).iter().any(|g| group.contains(g))) {
            ck.recursion(&group);
        }
        for &f in &group {
            let scheme = Flow::run(&mut ck, f);
            ck.schemes[f.0 as usize] = Some(Rc::new(scheme));
        }
        ck.group.clear();
    }
    let schemes = (0..program.fns.len()).map(|k| text(program, FnId(k as u32), ck.schemes[k].as_deref())).collect();
    Labels { reveals: ck.reveals.into_values().collect(), reached: reached(program), schemes, locals: ck.locals }
}

/// State over all functions.
struct Checker<'p> {
    program: &'p Program,
    schemes: Vec<Option<Rc<Scheme>>>,
    reveals: BTreeMap<(FnId, Span), RevealSite>,
    /// Labels of locals as text.
    locals: Vec<Vec<String>>,
    /// Loops visit a place more than once; it is reported once.
    seen: BTreeSet<(Code, Span)>,
    /// Functions that call each other, while they are checked; empty for one that does not call itself.
    group: Vec<FnId>,
    /// Nothing is reported yet: the schemes of a group are still on their way up.
    quiet: bool,
    diags: &'p mut Diags,
}

/// More rounds than the schemes of a group take to stand still.
const MAX_ROUNDS: u32 = 1000;

impl Checker<'_> {
    fn scheme(&self, f: FnId) -> Option<Rc<Scheme>> {
        self.schemes[f.0 as usize].clone()
    }
    /// Solves the schemes of functions that call each other: from those that let all pass, until none of them asks for more.
    fn recursion(&mut self, group: &[FnId]) {
        self.group = group.to_vec();
        for f in group {
            self.schemes[f.0 as usize] = Some(Rc::new(Scheme::least(self.program, *f)));
        }
        self.quiet = true;
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for &f in group {
                let scheme = Flow::run(self, f);
                changed |= self.scheme(f).is_none_or(|old| !old.same(&scheme));
                self.schemes[f.0 as usize] = Some(Rc::new(scheme));
            }
            if !changed {
                break;
            }
        }
        self.quiet = false;
    }
    fn report(&mut self, span: Span, d: Diag) {
        if self.quiet {
            return;
        }
        if self.seen.insert((d.code, span)) {
            self.diags.push(d);
        }
    }
}

fn broken(f: &Fn) -> bool {
    f.exprs.iter().any(|e| matches!(e.kind, ExprKind::Error) || *e.ty == Ty::Error)
        || f.locals.iter().any(|l| l.ty == Ty::Error)
}

fn callees(program: &Program, f: FnId) -> Vec<FnId> {
    program
        .f(f)
        .exprs
        .iter()
        .filter_map(|e| match &e.kind {
            ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } => Some(*f),
            ExprKind::Const(c) => Some(program.consts[c.0 as usize].init),
            _ => None,
        })
        .collect()
}

fn reached(program: &Program) -> BTreeSet<FnId> {
    let mut out = BTreeSet::new();
    let mut todo: Vec<FnId> = program.main.into_iter().collect();
    while let Some(f) = todo.pop() {
        if out.insert(f) {
            todo.extend(callees(program, f));
        }
    }
    out
}

/// `fn f(x: 'a) -> 'a | @Ada`, then one line per requirement.
fn text(program: &Program, id: FnId, scheme: Option<&Scheme>) -> String {
    let f = program.f(id);
    let Some(s) = scheme else {
        return format!("fn {}: has errors", f.name);
    };
    let params: Vec<String> =
        f.params.iter().zip(&s.params).map(|(p, t)| format!("{}: {}", p.name, tree_text(program, t))).collect();
    let result = s.result.as_ref().map_or_else(String::new, |t| tree_text(program, t));
    let mut out = format!("fn {}({}) -> {result}", f.name, params.join(", "));
    for r in &s.reqs {
        let what = match r.source.atom {
            Atom::Var(CONTROL) => "the control label".to_string(),
            a => atom_text(program, a),
        };
        let bound = match r.upto {
            None => "public".to_string(),
            Some(p) => format!("public or @{}", program.parties[p.0 as usize].name),
        };
        out += &format!("\n  where {what} is {bound}: {}", r.reason.place(program));
    }
    out
}

fn tree_text(program: &Program, t: &Tree) -> String {
    match t {
        Tree::Leaf(l) => lab_text(program, l),
        Tree::Node(parts) => {
            let parts: Vec<String> = parts.iter().map(|p| tree_text(program, p)).collect();
            format!("({})", parts.join(", "))
        }
    }
}

fn lab_text(program: &Program, l: &Lab) -> String {
    let constants: Vec<_> = l.sources().iter().filter(|s| !matches!(s.atom, Atom::Var(_))).collect();
    let mut parts: Vec<String> =
        l.sources().iter().filter(|s| matches!(s.atom, Atom::Var(_))).map(|s| atom_text(program, s.atom)).collect();
    match constants.as_slice() {
        [] => {}
        [one] => parts.push(atom_text(program, one.atom)),
        _ => parts.push("secret".into()),
    }
    if parts.is_empty() { "public".into() } else { parts.join(" | ") }
}

fn atom_text(program: &Program, a: Atom) -> String {
    match a {
        Atom::Var(CONTROL) => "control".into(),
        Atom::Var(v) if v < 26 => format!("'{}", char::from(b'a' + v as u8)),
        Atom::Var(v) => format!("'v{v}"),
        Atom::Party(p) => format!("@{}", program.parties[p.0 as usize].name),
        Atom::Mixed(_) | Atom::Kept => "secret".into(),
    }
}
