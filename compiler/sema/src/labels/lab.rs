//! Labels as data: what a value's secrecy comes from, one per scalar leaf, with the path by which it came.
//!
//! A label is a set of atoms: parties that brought something, mixtures, and variables of the function that is checked. No
//! atom: public; one party alone: `@P`; anything else: secret. Knows no expressions.

use crate::tree::{PartyId, Program, StructId, Ty};
use diag::Span;
use std::rc::Rc;
use std::sync::Arc;

/// Variable of a scheme: a leaf of a parameter, counted over all parameters; [`CONTROL`] is the caller's control label.
pub(super) type Var = u32;

/// The variable that stands for the control label at the call.
pub(super) const CONTROL: Var = u32::MAX;

/// A source of secrecy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    /// The caller decides.
    Var(Var),
    /// Known to this party alone, or for a family each element to its member.
    Party(PartyId),
    /// Elements of a family's members mixed: no one knows it.
    Mixed(PartyId),
    /// Kept from an earlier run: no one knows it.
    Kept,
}

/// How secrecy came here: the newest step, and the path before it.
#[derive(Debug)]
pub(super) struct Cause {
    pub step: Step,
    pub span: Span,
    prev: Option<Rc<Cause>>,
    depth: u32,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A parameter of `main`, brought by a party.
    Brought(Arc<str>, PartyId),
    /// A parameter of `main` that an earlier run kept.
    Kept(Arc<str>),
    /// `random()`.
    Drawn,
    /// A parameter of another function.
    Param(Arc<str>),
    /// `reveal_to`.
    RevealedTo(PartyId),
    /// `at`.
    AtBlock(PartyId),
    /// A local is given a value.
    Assigned(Arc<str>),
    /// A local is given a value where the control label is not public.
    AssignedUnder(Arc<str>),
    /// The value of an `if`.
    Chosen,
    /// A condition.
    Condition,
    /// The place of an element.
    Place,
    /// `return`, `break`, or `continue` by that condition.
    Left(&'static str),
    /// An argument of a function, for a parameter.
    Passed(Arc<str>, Arc<str>),
}

/// Longest path kept.
const MAX_STEPS: u32 = 6;

impl Cause {
    pub fn origin(step: Step, span: Span) -> Rc<Cause> {
        Rc::new(Cause { step, span, prev: None, depth: 1 })
    }
    /// One step more. A full path loses its newest step for it: the origin stays.
    pub fn then(self: &Rc<Cause>, step: Step, span: Span) -> Rc<Cause> {
        if self.step == step && self.span == span {
            return self.clone();
        }
        let prev = if self.depth < MAX_STEPS { Some(self.clone()) } else { self.prev.clone() };
        let depth = prev.as_ref().map_or(0, |p| p.depth) + 1;
        Rc::new(Cause { step, span, prev, depth })
    }
    /// The steps, oldest first.
    pub fn steps(self: &Rc<Cause>) -> Vec<(Step, Span)> {
        let mut out = Vec::new();
        let mut at = Some(self);
        while let Some(c) = at {
            out.push((c.step.clone(), c.span));
            at = c.prev.as_ref();
        }
        out.reverse();
        out
    }
}

/// An atom with how it came; `used` tells that something was computed from it (a family's elements are then mixed).
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub atom: Atom,
    pub used: bool,
    pub cause: Rc<Cause>,
}

/// A label: sources in order of their atoms.
#[derive(Clone, Debug, Default)]
pub(super) struct Lab(Vec<Source>);

impl Lab {
    pub fn public() -> Lab {
        Lab::default()
    }
    pub fn one(atom: Atom, cause: Rc<Cause>) -> Lab {
        Lab(vec![Source { atom, used: false, cause }])
    }
    pub fn is_public(&self) -> bool {
        self.0.is_empty()
    }
    pub fn sources(&self) -> &[Source] {
        &self.0
    }
    /// Joins another into this; what was there keeps its path. Tells whether anything changed.
    pub fn join(&mut self, other: &Lab) -> bool {
        let mut changed = false;
        for s in &other.0 {
            changed |= self.add(s);
        }
        changed
    }
    pub fn add(&mut self, s: &Source) -> bool {
        match self.0.binary_search_by_key(&s.atom, |t| t.atom) {
            Ok(k) => {
                let changed = s.used && !self.0[k].used;
                self.0[k].used |= s.used;
                changed
            }
            Err(k) => {
                self.0.insert(k, s.clone());
                true
            }
        }
    }
    /// The label of something computed from values of this label: a family's elements mix.
    pub fn used(mut self, program: &Program) -> Lab {
        let mut mixed = Vec::new();
        for s in &mut self.0 {
            s.used = true;
            if let Atom::Party(p) = s.atom
                && program.parties[p.0 as usize].family.is_some()
            {
                mixed.push(Source { atom: Atom::Mixed(p), ..s.clone() });
            }
        }
        for m in &mixed {
            self.add(m);
        }
        self
    }
    /// With one step more on every path.
    pub fn step(mut self, step: &Step, span: Span) -> Lab {
        for s in &mut self.0 {
            s.cause = s.cause.then(step.clone(), span);
        }
        self
    }
    /// Without the variable of the caller's control.
    pub fn without_control(mut self) -> Lab {
        self.0.retain(|s| s.atom != Atom::Var(CONTROL));
        self
    }
    /// Without the atoms of another label.
    pub fn without(&self, other: &Lab) -> Lab {
        Lab(self.0.iter().filter(|s| other.0.iter().all(|t| t.atom != s.atom)).cloned().collect())
    }
    /// The sources that do not pass: everything, or everything but what party `p` knows.
    pub fn above(&self, p: Option<PartyId>) -> Lab {
        Lab(self.0.iter().filter(|s| !matches!(s.atom, Atom::Party(q) if Some(q) == p)).cloned().collect())
    }
    /// Its variables, apart from the control.
    pub fn vars(&self) -> impl Iterator<Item = Var> {
        self.0.iter().filter_map(|s| match s.atom {
            Atom::Var(v) if v != CONTROL => Some(v),
            _ => None,
        })
    }
    /// Without variables.
    pub fn constant(&self) -> Lab {
        Lab(self.0.iter().filter(|s| !matches!(s.atom, Atom::Var(_))).cloned().collect())
    }
}

impl PartialEq for Lab {
    fn eq(&self, other: &Lab) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| (a.atom, a.used) == (b.atom, b.used))
    }
}

/// The labels of a value: as its type, arrays left out; a type parameter is one leaf.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Leaf(Lab),
    Node(Vec<Tree>),
}

/// Largest number of nodes of one value that keep labels of their own; beyond, the value has one label.
const MAX_NODES: usize = 1 << 12;

impl Tree {
    pub fn public() -> Tree {
        Tree::Leaf(Lab::public())
    }
    /// A tree for a type, each leaf by `leaf`.
    pub fn of(program: &Program, ty: &Ty, leaf: &mut impl FnMut() -> Lab) -> Tree {
        let mut budget = MAX_NODES;
        match skeleton(program, ty, &mut budget) {
            Some(mut t) => {
                t.each_mut(&mut |l| *l = leaf());
                t
            }
            None => Tree::Leaf(leaf()),
        }
    }
    /// A tree for a type with one label everywhere.
    pub fn fill(program: &Program, ty: &Ty, lab: &Lab) -> Tree {
        Tree::of(program, ty, &mut || lab.clone())
    }
    pub fn each(&self, f: &mut impl FnMut(&Lab)) {
        match self {
            Tree::Leaf(l) => f(l),
            Tree::Node(parts) => parts.iter().for_each(|p| p.each(f)),
        }
    }
    pub fn each_mut(&mut self, f: &mut impl FnMut(&mut Lab)) {
        match self {
            Tree::Leaf(l) => f(l),
            Tree::Node(parts) => parts.iter_mut().for_each(|p| p.each_mut(f)),
        }
    }
    /// The join of all leaves.
    pub fn all(&self) -> Lab {
        match self {
            Tree::Leaf(l) => l.clone(),
            Tree::Node(_) => {
                let mut out = Lab::public();
                self.each(&mut |l| {
                    out.join(l);
                });
                out
            }
        }
    }
    /// Joins a label into every leaf. Tells whether anything changed.
    pub fn raise(&mut self, lab: &Lab) -> bool {
        let mut changed = false;
        if !lab.is_public() {
            self.each_mut(&mut |l| changed |= l.join(lab));
        }
        changed
    }
    /// Joins another tree, leaf by leaf. Tells whether anything changed.
    pub fn join(&mut self, other: &Tree) -> bool {
        match (self, other) {
            (Tree::Node(a), Tree::Node(b)) if a.len() == b.len() => {
                let mut changed = false;
                for (a, b) in a.iter_mut().zip(b) {
                    changed |= a.join(b);
                }
                changed
            }
            (this, other) => this.raise(&other.all()),
        }
    }
    pub fn field(&self, k: u32) -> Tree {
        match self {
            Tree::Node(parts) => parts.get(k as usize).cloned().unwrap_or_else(Tree::public),
            Tree::Leaf(l) => Tree::Leaf(l.clone()),
        }
    }
    /// The part that a path of fields leads to: as far as the tree goes.
    pub fn part_mut(&mut self, path: &[u32]) -> &mut Tree {
        match path.split_first() {
            Some((k, rest)) if self.has(*k) => match self {
                Tree::Node(parts) => parts[*k as usize].part_mut(rest),
                Tree::Leaf(_) => self,
            },
            _ => self,
        }
    }
    fn has(&self, k: u32) -> bool {
        matches!(self, Tree::Node(parts) if (k as usize) < parts.len())
    }
}

fn skeleton(program: &Program, ty: &Ty, budget: &mut usize) -> Option<Tree> {
    *budget = budget.checked_sub(1)?;
    Some(match ty {
        Ty::Array(elem, _) => skeleton(program, elem, budget)?,
        Ty::Unit => Tree::Node(Vec::new()),
        Ty::Tuple(parts) => Tree::Node(parts.iter().map(|p| skeleton(program, p, budget)).collect::<Option<_>>()?),
        Ty::Struct(id, tys, _) => Tree::Node(
            field_types(program, *id, tys).iter().map(|p| skeleton(program, p, budget)).collect::<Option<_>>()?,
        ),
        _ => Tree::public(),
    })
}

pub(super) fn field_types(program: &Program, id: StructId, tys: &[Ty]) -> Vec<Ty> {
    program.structs[id.0 as usize].fields.iter().map(|f| substitute(&f.ty, tys)).collect()
}

/// A field's type with the struct's type parameters replaced; sizes play no part in labels.
fn substitute(ty: &Ty, tys: &[Ty]) -> Ty {
    let all = |list: &[Ty]| list.iter().map(|t| substitute(t, tys)).collect();
    match ty {
        Ty::Param(k) => tys.get(*k as usize).cloned().unwrap_or(Ty::Error),
        Ty::Array(elem, n) => Ty::Array(Box::new(substitute(elem, tys)), n.clone()),
        Ty::Tuple(parts) => Ty::Tuple(all(parts)),
        Ty::Struct(id, args, sizes) => Ty::Struct(*id, all(args), sizes.clone()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_keeps_its_origin_and_its_end() {
        let at = |k| Span::new(diag::FileId(0), k, k + 1);
        let mut c = Cause::origin(Step::Brought("x".into(), PartyId(0)), at(0));
        for k in 1..100_000 {
            c = c.then(Step::Assigned("y".into()), at(k));
        }
        let steps = c.steps();
        assert_eq!(steps.len(), MAX_STEPS as usize);
        assert_eq!(steps[0].1, at(0));
        assert_eq!(steps.last().map(|s| s.1), Some(at(99_999)));
    }

    #[test]
    fn labels_form_a_lattice() {
        let c = Cause::origin(Step::Condition, Span::default());
        let ada = Lab::one(Atom::Party(PartyId(0)), c.clone());
        let ben = Lab::one(Atom::Party(PartyId(1)), c);
        let mut both = ada.clone();
        assert!(both.join(&ben));
        assert!(!both.join(&ada));
        assert!(ada.above(Some(PartyId(0))).is_public());
        assert!(!both.above(Some(PartyId(0))).is_public());
        assert!(!ada.above(None).is_public());
        assert!(Lab::public().above(None).is_public());
    }
}
