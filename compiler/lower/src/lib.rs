//! Lowering: the typed program to the program-level circuit, loops to lanes.
//!
//! Tracing inlines the program into a loop nest (`nest`); planning decides by dependence which loops become lanes, which
//! are reductions, and which stay loops; emission writes the circuit. Findings are neutral: whoever calls renders them.
//! Knows nothing of protocols, and never expands a loop by its size.

mod depend;
mod emit;
mod exits;
mod fold;
mod ix;
mod live;
mod nest;
mod plan;
mod reduce;
mod scan;
mod skew;
mod sweep;
mod trace;

use circuit::index::Index;
use diag::Span;
use nest::{LoopId, Nest, NodeId};
use rustc_hash::{FxHashMap, FxHashSet};
use sema::tree::{AtCode, ExprKind, FnId, Program, TyEnv};

/// Times that a program is lowered to find which run-time conditions in loops decide what runs.
const MAX_TRIES: usize = 8;

/// What to lower.
#[derive(Clone, Debug)]
pub struct Request {
    /// The function: `main`, or a test.
    pub entry: FnId,
    /// Its sizes and those of the families.
    pub env: TyEnv,
    /// Values of public parameters: number of the parameter, bit patterns of each leaf.
    pub publics: Vec<(u32, Vec<Vec<u128>>)>,
}

/// The product.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The circuit, at program level.
    pub circuit: circuit::Circuit,
    /// Code of its `at` blocks, by number.
    pub blocks: Vec<AtCode>,
    /// The spans that `SpanId`s name; 0 is nowhere.
    pub spans: Vec<Span>,
    /// Loops that stayed loops, and the like.
    pub lints: Vec<Finding>,
}

/// Something to tell the programmer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its code in the catalogue.
    pub code: &'static str,
    /// Where.
    pub span: Span,
    /// Other places that matter.
    pub also: Vec<(Span, String)>,
    /// What.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

/// The expression with loop `path[k]`'s variable as coordinate k.
fn trace_coords(e: &Index, path: &[u32]) -> Index {
    e.subst(&|l| match l {
        Index::Var(v) => path.iter().position(|p| *p == v.0).map(|k| Index::Coord(k as u32)),
        _ => None,
    })
}

/// Lowers a program for one binding of its sizes. Cost: near-linear in the program as inlined, whatever the sizes, but for
/// exact tests of index sets, which are bounded.
///
/// # Errors
/// Everything that the sizes make wrong (a bad index, a number that does not fit), and what cannot be lowered yet.
pub fn lower(program: &Program, request: &Request) -> Result<Lowered, Vec<Finding>> {
    let without_jumps = exits::structured(program);
    let program = without_jumps.as_ref().unwrap_or(program);
    let mut hints = Hints::default();
    for _ in 0..MAX_TRIES {
        let (lowered, more) = lower_once(program, request, &hints)?;
        if more.choosing.is_empty() && more.skewed.is_empty() {
            return Ok(lowered);
        }
        // Loops are numbered as they are traced: which to skew is asked once it is settled how conditions are.
        if more.choosing.is_empty() {
            hints.skewed = more.skewed;
        }
        hints.choosing.extend(more.choosing);
    }
    Err(vec![Finding::internal("conditions that are traced without end")])
}

/// What one lowering finds for the next.
#[derive(Default)]
struct Hints {
    /// Numbers of run-time conditions in loops that stay loops: of those one side alone is to run.
    choosing: FxHashSet<u32>,
    /// Loops that go along the diagonals that they make with the loop inside.
    skewed: Vec<LoopId>,
}

/// As [`lower`], and further hints.
fn lower_once(program: &Program, request: &Request, hints: &Hints) -> Result<(Lowered, Hints), Vec<Finding>> {
    let mut t = trace::trace(program, request, &hints.choosing)?;
    live::settle_outs(&mut t.nest);
    if !hints.skewed.is_empty() {
        let live = live::live(&t.nest, &t.dead, t.outputs.iter().map(|o| o.2));
        hints.skewed.iter().for_each(|l| skew::skew(&mut t.nest, &mut t.body, &live, *l));
    }
    let live = live::live(&t.nest, &t.dead, t.outputs.iter().map(|o| o.2));
    let live = if live::chain(&mut t.nest, &live) {
        live::live(&t.nest, &t.dead, t.outputs.iter().map(|o| o.2))
    } else {
        live
    };
    let absorbed = live::absorb(&mut t.nest, &live);
    let users = live::users(&t.nest, &live);
    let code = program.f(request.entry);
    let mut sizes: Vec<(String, u64)> = Vec::new();
    for (n, v) in code.size_params.iter().zip(&request.env.sizes) {
        sizes.push((n.to_string(), u64::try_from(*v).unwrap_or(0)));
    }
    let family = |k: usize| request.env.families.get(k).and_then(|n| u64::try_from(*n).ok());
    let mut parties = Vec::new();
    for (k, p) in program.parties.iter().enumerate() {
        let members = p.family.as_ref().map(|_| family(k).unwrap_or(0));
        if let (Some(name), Some(n)) = (&p.family, members) {
            sizes.push((name.to_string(), n));
        }
        parties.push((p.name.to_string(), members));
    }
    let blocks = t.blocks.iter().map(|(p, code)| (*p, block_hash(program, code))).collect();
    let nets = program.circuits.iter().map(net_table).collect();
    let frame = emit::Frame { sizes, parties, inputs: t.inputs, blocks, outputs: t.outputs, nets };
    let emitted =
        emit::run(&t.nest, &t.body, &live, &users, &absorbed, frame).map_err(|e| vec![Finding::internal(&e)])?;
    let choosing = t.selected.iter().filter(|s| stays(&t.nest, &live, &emitted.seq, s)).map(|s| s.branch).collect();
    let skewed = match hints.skewed.is_empty() {
        true => skew::candidates(&t.nest, &t.body, &live, &emitted.seq),
        false => Vec::new(),
    };
    let lints = lints(&t.nest, &t.spans, &emitted.forced);
    let blocks = t.blocks.into_iter().map(|b| b.1).collect();
    Ok((Lowered { circuit: emitted.circuit, blocks, spans: t.spans, lints }, Hints { choosing, skewed }))
}

/// Whether all that a selection makes both sides send runs in loops that stay loops, so that one side may be chosen.
fn stays(nest: &Nest, live: &live::Live, seq: &FxHashMap<LoopId, FxHashSet<NodeId>>, s: &trace::Selected) -> bool {
    let path: Vec<LoopId> = nest.path(Some(s.at)).into_iter().filter(|l| nest.counted(*l)).collect();
    let mut any = false;
    for n in s.nodes.clone() {
        let node = nest.n(n);
        if !live.contains(&n) || !trace::sends(nest, node) || !nest.within(node.at, s.at) {
            continue;
        }
        any = true;
        if !path.iter().all(|l| seq.get(l).is_some_and(|set| set.contains(&n))) {
            return false;
        }
    }
    any
}

/// A circuit of a file, element by element.
fn net_table(c: &sema::tree::Circuit) -> circuit::NetTable {
    let elems = |parts: &[(sema::tree::Ty, u64)]| {
        parts.iter().flat_map(|(ty, n)| (0..*n).map(|_| trace::elem_of(ty))).collect::<Vec<_>>()
    };
    circuit::NetTable { inputs: elems(&c.params), outputs: elems(&c.results), net: c.net.clone() }
}

/// What an `at` block is, for the digest: its code and that of what it calls, and what it reads.
fn block_hash(program: &Program, code: &AtCode) -> [u8; 32] {
    let mut h = blake3::Hasher::new();
    h.update(format!("{:?} {:?} {:?} {:?} {:?}", code.expr, code.env, code.args, code.indices, code.many).as_bytes());
    let mut todo = vec![code.f];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(f) = todo.pop() {
        if !seen.insert(f) {
            continue;
        }
        for e in &program.f(f).exprs {
            h.update(format!("{:?} {:?}", e.kind, e.ty).as_bytes());
            match &e.kind {
                ExprKind::Call { f, .. } | ExprKind::FnRef { f, .. } => todo.push(*f),
                ExprKind::Const(c) => todo.push(program.consts[c.0 as usize].init),
                _ => {}
            }
        }
    }
    *h.finalize().as_bytes()
}

/// One finding for each loop that could not become lanes.
fn lints(nest: &Nest, spans: &[Span], forced: &[plan::Forced]) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    let at = |k: u32| spans.get(k as usize).copied().unwrap_or_default();
    for f in forced {
        let (a, b) = (nest.n(f.first), nest.n(f.second));
        let span = at(nest.loops[f.l as usize].span);
        let finding = Finding {
            code: "L0401",
            span,
            also: vec![
                (at(a.span), "an iteration gives this to a later one".into()),
                (at(b.span), "which needs it here".into()),
            ],
            message: "this loop runs one iteration after another".into(),
            help:
                "its rounds grow with the number of iterations; if the order does not matter, write it as a reduction"
                    .into(),
        };
        if !out.iter().any(|o| o.span == span) {
            out.push(finding);
        }
    }
    out
}

impl Finding {
    fn internal(what: &str) -> Finding {
        Finding {
            code: "E0499",
            span: Span::default(),
            also: vec![],
            message: format!("internal error in lowering: {what}"),
            help: "please report this program".into(),
        }
    }
}
