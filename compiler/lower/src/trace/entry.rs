//! The whole of a run: parameters in, result out, traced again where a copy turned out to be needed.

use super::value::{Leaf, Val, elem_of};
use super::{Frame, R, Scope, Selected, Tracer};
use crate::nest::{AtArg, Item, Nest, NodeId, Op};
use crate::{Finding, Request};
use circuit::types::Domain;
use diag::Span;
use rustc_hash::FxHashSet;
use sema::tree::{AtCode, Gets, Origin, Program, Ty};

/// What tracing gives.
pub(crate) struct Traced {
    pub nest: Nest,
    pub body: Vec<Item>,
    pub dead: FxHashSet<NodeId>,
    pub inputs: Vec<circuit::Input>,
    /// Who gets it, name, value.
    pub outputs: Vec<(Gets, String, AtArg)>,
    pub blocks: Vec<(u32, AtCode)>,
    pub spans: Vec<Span>,
    /// Run-time conditions in loops whose sides both run.
    pub selected: Vec<Selected>,
}

/// Points that all exact checks of one program may enumerate.
const BUDGET: u64 = 1 << 28;
/// Times that a program is traced to find which arrays must be copied.
const MAX_TRIES: usize = 8;

/// Traces `main`. `choosing` are the numbers of run-time conditions in loops of which one side alone is to run.
pub(crate) fn trace<'p>(
    program: &'p Program,
    request: &'p Request,
    choosing: &'p FxHashSet<u32>,
) -> Result<Traced, Vec<Finding>> {
    let length = program.f(request.entry).exprs.len();
    let mut copies = FxHashSet::default();
    for _ in 0..MAX_TRIES {
        let mut t = Tracer {
            program,
            request,
            // A long program is a long `main`; room that is never used costs nothing.
            nest: Nest { nodes: Vec::with_capacity(length), ..Nest::default() },
            place: Vec::with_capacity(length),
            dead: Default::default(),
            reads: vec![],
            scopes: vec![Scope {
                at: None,
                guard: [].into(),
                guarded: false,
                side: false,
                same: Default::default(),
                known: Default::default(),
                written: Default::default(),
            }],
            bodies: vec![vec![]],
            frame: Frame { f: request.entry, env: request.env.clone(), locals: vec![] },
            sticky: None,
            unwatched: 0,
            calls: 0,
            open: Default::default(),
            recursive: 0,
            conds: vec![],
            copies: copies.clone(),
            stale: Default::default(),
            sites: 0,
            span: Span::default(),
            spans: [Span::default()].into_iter().collect(),
            numbered: (Span::default(), 0),
            findings: vec![],
            blocks: vec![],
            inputs: vec![],
            shares: Default::default(),
            strings: Default::default(),
            budget: BUDGET,
            checked: Default::default(),
            trial: false,
            choosing,
            branches: 0,
            selected: vec![],
        };
        let r = t.run();
        if !t.findings.is_empty() || r.is_err() {
            if t.findings.is_empty() {
                let _ = t.internal::<()>("a failure without a reason");
            }
            return Err(t.findings);
        }
        let fresh: Vec<u32> = t.stale.iter().copied().filter(|s| *s != 0 && !copies.contains(s)).collect();
        if fresh.is_empty() {
            let Ok(outputs) = r else { return Err(t.findings) };
            return Ok(Traced {
                body: t.bodies.pop().unwrap_or_default(),
                nest: t.nest,
                dead: t.dead,
                inputs: t.inputs,
                outputs,
                blocks: t.blocks,
                selected: t.selected,
                spans: t.spans.into_iter().collect(),
            });
        }
        // Numbers of reads shift where a copy's loop reads variables; none does, so they are stable between tries.
        copies.extend(fresh);
    }
    Err(vec![Finding::internal("arrays that are copied without end")])
}

impl Tracer<'_> {
    fn run(&mut self) -> R<Vec<(Gets, String, AtArg)>> {
        let program = self.program;
        let code = program.f(self.request.entry);
        if program.checked.is_some() {
            self.sticky = Some(self.alloc(circuit::Elem::Bool, 1, 0));
        }
        let mut args = Vec::new();
        for (k, p) in code.params.iter().enumerate() {
            let ty = self.at_span(p.span, |s| s.close(&p.ty))?;
            let of = self.at_span(p.span, |s| s.leaves(&ty))?;
            let kept = p.origin == Origin::Kept;
            let ranges = self.ranges(&ty, p.range, false)?;
            let mut leaves = Vec::new();
            for (j, of) in of.iter().enumerate() {
                let elem = elem_of(&of.ty);
                if p.origin == Origin::Public {
                    let column = self.request.publics.iter().find(|(q, _)| *q == k as u32).and_then(|(_, c)| c.get(j));
                    let Some(column) = column.filter(|c| c.len() as u64 == of.lanes) else {
                        return self.at_span(p.span, |s| {
                            s.report("E0411", format!("no value, or one of another shape, for `{}`", p.name), "")
                        });
                    };
                    let column = column.clone();
                    leaves.push(if of.dims.is_empty() {
                        Leaf::N(crate::fold::konst(self, column[0], elem))
                    } else {
                        let m = self.new_table(elem, column);
                        self.whole(m)
                    });
                    continue;
                }
                let party = match p.origin {
                    Origin::From(q) => Some(circuit::PartyId(q.0)),
                    _ => None,
                };
                let input = self.inputs.len() as u32;
                // Nobody holds what is kept against the ranges of its struct.
                let range = ranges.get(j).copied().flatten().filter(|_| !kept).map(|(lo, hi)| {
                    let m = crate::fold::mask(elem);
                    (lo as u128 & m, hi as u128 & m)
                });
                self.inputs.push(circuit::Input {
                    party,
                    kept,
                    name: format!("{}{}", p.name, of.path),
                    elem,
                    lanes: of.lanes,
                    range,
                });
                if of.dims.is_empty() {
                    let n = self.fixed(Op::Input(input), vec![], elem);
                    self.own_string(&of.ty, AtArg::Node(n));
                    leaves.push(Leaf::N(n));
                } else {
                    let m = self.new_mem(elem, of.lanes, 0);
                    let mem = &mut self.nest.mems[m as usize];
                    mem.input = Some(input);
                    mem.owned = true;
                    mem.dom = if kept { Domain::Secret } else { party.map_or(Domain::Clear, Domain::Local) };
                    mem.key = super::hash_of(&("input", input));
                    self.own_string(&of.ty, AtArg::Mem(m));
                    let l = self.whole(m);
                    leaves.push(l);
                    self.share_whole(m)?;
                }
            }
            args.push(Val::of(ty, leaves));
        }
        let env = self.request.env.clone();
        let v = self.call(self.request.entry, env, args)?;
        self.settled()?;
        let mut out = Vec::new();
        let of = if v.leaves.is_empty() { vec![] } else { self.leaves(&v.ty)? };
        // One recipient for all, or one per part of the result.
        let mut to = Vec::new();
        match (&v.ty, code.recipients.len()) {
            (_, 0 | 1) => to.resize(of.len(), code.gets(0)),
            (Ty::Tuple(parts), _) => {
                for (t, r) in parts.clone().iter().zip(&code.recipients) {
                    let n = self.count(t)?;
                    to.resize(to.len() + n, *r);
                }
            }
            _ => return self.internal("recipients of a result that has no parts"),
        }
        for ((leaf, of), to) in v.leaves.iter().zip(&of).zip(&to) {
            let name = format!("result{}", of.path);
            let leaf = &if *to == Gets::Nobody { self.shared(leaf, of)? } else { leaf.clone() };
            let value = match leaf {
                Leaf::V(view) => {
                    let m = &self.nest.mems[view.mem as usize];
                    if view.off.as_const() == Some(0) && m.len == of.lanes && m.ver == view.ver {
                        AtArg::Mem(view.mem)
                    } else {
                        let view = leaf.clone();
                        let m = self.alloc(elem_of(&of.ty), of.lanes, 0);
                        let trip = circuit::Index::Const(of.lanes as i64);
                        self.run_loop(&trip, false, vec![], &[m], &mut |s, t, _| {
                            let x = s.lane(&view, t, &of.ty)?;
                            s.store_as(m, t, x);
                            Ok(vec![])
                        })?;
                        AtArg::Mem(m)
                    }
                }
                Leaf::R(..) => match self.fresh(leaf, &of.ty, of.lanes)? {
                    Leaf::V(view) => AtArg::Mem(view.mem),
                    _ => return self.internal("an array that is none"),
                },
                l => AtArg::Node(self.node(l, &of.ty)?),
            };
            out.push((*to, name, value));
        }
        Ok(out)
    }

    /// Declared ranges of the leaves of a type. What a variant carries is zero too, where the value is another variant.
    fn ranges(&mut self, ty: &Ty, own: Option<(i128, i128)>, carried: bool) -> R<Vec<Option<(i128, i128)>>> {
        Ok(match ty {
            Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index => {
                vec![if carried { own.map(|(lo, hi)| (lo.min(0), hi.max(0))) } else { own }]
            }
            Ty::Unit | Ty::Fn(..) => vec![],
            Ty::Array(e, _) => self.ranges(&e.clone(), own, carried)?,
            Ty::Tuple(parts) => {
                let mut out = Vec::new();
                for p in parts.clone() {
                    out.extend(self.ranges(&p, None, carried)?);
                }
                out
            }
            Ty::Struct(id, ..) => {
                let s = &self.program.structs[id.0 as usize];
                let carried = carried || !s.variants.is_empty();
                let mut out = Vec::new();
                for (p, f) in self.parts(ty)?.into_iter().zip(&s.fields) {
                    out.extend(self.ranges(&p, f.range, carried)?);
                }
                out
            }
            Ty::Param(_) | Ty::Error => return self.internal("an open type"),
        })
    }
}
