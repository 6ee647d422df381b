//! Reductions of groups of lanes by trees.
//!
//! Each level halves the groups: two gathers, one combination of all pairs at once, odd leftovers carried. Neighbours are
//! paired where the order of lanes matters (the first of equal keys wins), halves otherwise, for they are contiguous. Groups
//! of varying size are padded with the identity to their greatest size.
//!
//! Where the emitter asks for it ([`Asm::roll`]) the levels are a `loop` region, whose lane counts follow from the number of
//! the level: a group of n lanes has `(n - 1 >> i) + 1` of them at level i. So a tree is as long for 10^6 lanes as for 10^3.

use super::{compare, mux};
use crate::asm::{Asm, Pl};
use crate::error::{Error, Result};
use crate::lens::{ix, len_const, len_index, len_max, len_mul, rect};
use circuit::{Bin, Domain, Elem, Index, IndexOp, Len, LoopVar, Op, SpaceId, WireId};

/// Groups of equal, constant size.
#[derive(Clone, Debug)]
pub struct Groups {
    /// How many.
    pub count: Len,
    /// The same, as an expression.
    pub expr: Index,
    /// Lanes of each.
    pub size: u64,
}

/// Lanes by an index over a space.
type At = (SpaceId, Index);

/// Joins both sides of all pairs, given their lanes.
pub type Combine<'a> = dyn FnMut(&mut Asm, &[Pl], &[Pl], &Len) -> Vec<Pl> + 'a;

/// Where the lanes of one level come from and go to.
pub struct Level {
    /// Lanes that are combined, by pairs.
    pub pairs: Len,
    left: At,
    right: At,
    /// For odd groups: lanes after the level, where the leftover is read, where the pairs go.
    odd: Option<(Len, At, At)>,
    /// Leftovers of a single group: one or none.
    rest: Len,
}

/// Smaller trees are written out.
const ROLL: u64 = 4;

/// a * c0 + b * c1 + c
fn affine(a: &Index, b: i64, c: Index) -> Index {
    let x = ix(IndexOp::Mul, Index::Coord(0), a.clone());
    let y = ix(IndexOp::Mul, Index::Coord(1), Index::Const(b));
    ix(IndexOp::Add, ix(IndexOp::Add, x, y), c)
}

/// The level that halves groups of `g.size` (at least 2) lanes, and the groups after it.
pub fn level(s: &mut Asm, g: &Groups, neighbours: bool) -> (Level, Groups) {
    let n = g.size as i64;
    let h = n / 2;
    let left_over = n % 2;
    let one = g.count == Len::Const(1);
    // A single group has one dimension: its texts stay short and its gathers plain slices.
    let (pairs_space, at) = if one {
        let f = |b: i64, c: i64| ix(IndexOp::Add, ix(IndexOp::Mul, Index::Coord(0), Index::Const(b)), Index::Const(c));
        (s.space(rect(vec![Index::Const(h)])), [f(2, 0), f(2, 1), f(1, 0), f(1, h)])
    } else {
        let sp = s.space(rect(vec![g.expr.clone(), Index::Const(h)]));
        let f = |b: i64, c: i64| affine(&Index::Const(n), b, c.into());
        (sp, [f(2, 0), f(2, 1), f(1, 0), f(1, h)])
    };
    let [l2, r2, l1, r1] = at;
    let (l, r) = if neighbours { (l2, r2) } else { (l1, r1) };
    let pairs = len_mul(&g.count, &Len::Const(h as u64));
    let size = (h + left_over) as u64;
    let odd = (left_over == 1).then(|| {
        let after = len_mul(&g.count, &Len::Const(size));
        if one {
            let sp = s.space(rect(vec![Index::Const(1)]));
            let all = s.space(rect(vec![Index::Const(h)]));
            (after, (sp, Index::Const(n - 1)), (all, Index::Coord(0)))
        } else {
            let sp = s.space(rect(vec![g.expr.clone(), Index::Const(size as i64)]));
            let at = affine(&Index::Const(size as i64), 1, 0.into());
            (after, (sp, affine(&Index::Const(n), 2, 0.into())), (pairs_space, at))
        }
    });
    let next = Groups { count: g.count.clone(), expr: g.expr.clone(), size };
    (Level { pairs, left: (pairs_space, l), right: (pairs_space, r), odd, rest: Len::ONE }, next)
}

impl Level {
    /// Both sides of a word's pairs.
    pub fn split(&self, s: &mut Asm, x: &[Pl], from: &Len) -> (Vec<Pl>, Vec<Pl>) {
        let l = s.gather_planes(x, Elem::Bool, from, self.left.0, &self.left.1, &self.pairs);
        let r = s.gather_planes(x, Elem::Bool, from, self.right.0, &self.right.1, &self.pairs);
        (l, r)
    }
    /// Both sides of a wire's pairs, in any domain.
    pub fn split_wire(&self, s: &mut Asm, x: WireId) -> (WireId, WireId) {
        let ty = s.ty(x).clone();
        let mut side = |p: &(SpaceId, Index)| {
            s.gate(Op::Gather { space: p.0, index: p.1.clone() }, vec![x], ty.domain, ty.elem, self.pairs.clone())
        };
        (side(&self.left), side(&self.right))
    }
    fn single(&self) -> bool {
        matches!(&self.odd, Some((_, _, (_, Index::Coord(0)))))
    }
    /// Puts leftovers back beside the combined lanes of a wire; `old` is the wire before the level.
    pub fn join_wire(&self, s: &mut Asm, old: WireId, new: WireId) -> WireId {
        let Some((after, read, write)) = &self.odd else { return new };
        let ty = s.ty(new).clone();
        let g = Op::Gather { space: read.0, index: read.1.clone() };
        if self.single() {
            let rest = s.gate(g, vec![old], ty.domain, ty.elem, self.rest.clone());
            return s.gate(Op::Concat, vec![new, rest], ty.domain, ty.elem, after.clone());
        }
        let base = s.gate(g, vec![old], ty.domain, ty.elem, after.clone());
        let op = Op::Scatter { space: write.0, index: write.1.clone() };
        s.gate(op, vec![base, new], ty.domain, ty.elem, after.clone())
    }
    /// Lanes after the level.
    pub fn after(&self) -> Len {
        self.odd.as_ref().map_or_else(|| self.pairs.clone(), |o| o.0.clone())
    }
    /// As [`Level::join_wire`] for words.
    pub fn join(&self, s: &mut Asm, old: &[Pl], from: &Len, new: &[Pl]) -> Vec<Pl> {
        if self.odd.is_none() {
            return new.to_vec();
        }
        let mut out = new.to_vec();
        let at: Vec<usize> = (0..new.len()).filter(|&i| !(old[i].is_const() && old[i] == new[i])).collect();
        for chunk in at.chunks(240) {
            let o: Vec<Pl> = chunk.iter().map(|&i| old[i]).collect();
            let n: Vec<Pl> = chunk.iter().map(|&i| new[i]).collect();
            let (o, n) = (s.bare(&o, from), s.bare(&n, &self.pairs));
            // A stack of constants alone has an integer type; both sides want the bare one.
            let w = self.join_wire(s, o, n);
            for (k, &i) in chunk.iter().enumerate() {
                out[i] = Pl::Of(w, k as u32);
            }
        }
        out
    }
}

/// Where lanes of groups of varying size go among groups padded to their greatest size.
pub struct Padding {
    space: SpaceId,
    index: Index,
    /// Lanes with the padding.
    pub all: Len,
    /// The padded groups.
    pub groups: Groups,
}

/// Groups that are regular as they are (`Ok`), or how to pad them (`Err` inside).
///
/// # Errors
/// When a varying size has no expression.
pub fn grouping(s: &mut Asm, len: &Len, group: &Len, out: &Len) -> Result<std::result::Result<Groups, Padding>> {
    if let (Some(size), Some(expr)) = (len_const(group), len_index(&s.c, out)) {
        return Ok(Ok(Groups { count: out.clone(), expr, size }));
    }
    let (Some(size), Some(lanes)) = (len_index(&s.c, group), len_index(&s.c, len)) else {
        return Err(Error::Unsupported {
            what: "a reduction of groups whose size has no expression".into(),
            span: s.span,
        });
    };
    let max = len_max(group);
    let count = len_max(out);
    let space = s.space(rect(vec![lanes]));
    // An empty group has no lanes to place; the divisor only has to be a number.
    let size = ix(IndexOp::Max, size, Index::Const(1));
    let q = ix(IndexOp::Div, Index::Lane, size.clone());
    let r = ix(IndexOp::Rem, Index::Lane, size);
    Ok(Err(Padding {
        space,
        index: ix(IndexOp::Add, ix(IndexOp::Mul, q, Index::Const(max as i64)), r),
        all: Len::Const(count.saturating_mul(max)),
        groups: Groups { count: Len::Const(count), expr: Index::Const(count as i64), size: max },
    }))
}

impl Padding {
    /// A wire's lanes in their places, the others from `base`.
    pub fn wire(&self, s: &mut Asm, base: WireId, x: WireId) -> WireId {
        let t = s.ty(base).clone();
        let op = Op::Scatter { space: self.space, index: self.index.clone() };
        s.gate(op, vec![base, x], t.domain, t.elem, self.all.clone())
    }
    /// A word, padded with `identity`.
    pub fn word(&self, s: &mut Asm, x: &[Pl], len: &Len, identity: &[Pl]) -> Vec<Pl> {
        let mut w = vec![];
        for (chunk, id) in x.chunks(240).zip(identity.chunks(240)) {
            let base = lifted(s, id, &self.all);
            let v = s.bare(chunk, len);
            let o = self.wire(s, base, v);
            w.extend(s.planes_of(o));
        }
        w
    }
}

/// Groups of a reduction, and the word padded to constant size where needed.
///
/// # Errors
/// As [`grouping`].
pub fn regular(
    s: &mut Asm,
    x: &[Pl],
    len: &Len,
    group: &Len,
    out: &Len,
    identity: &[Pl],
) -> Result<(Vec<Pl>, Len, Groups)> {
    match grouping(s, len, group, out)? {
        Ok(g) => Ok((x.to_vec(), len.clone(), g)),
        Err(p) => Ok((p.word(s, x, len, identity), p.all.clone(), p.groups)),
    }
}

/// A constant word as a bare wire.
fn lifted(s: &mut Asm, planes: &[Pl], len: &Len) -> WireId {
    let z = s.constant(0, Elem::Bool, len.clone());
    let zero = s.gate(Op::Lift, vec![z], Domain::Bits { planes: 1 }, Elem::Bool, len.clone());
    let list = planes
        .iter()
        .map(|p| match p {
            Pl::One => circuit::Plane::One,
            _ => circuit::Plane::Zero,
        })
        .collect();
    s.gate(Op::Planes(list), vec![zero], Domain::Bits { planes: planes.len() as u8 }, Elem::Bool, len.clone())
}

/// Where the lanes of a length are read from padded groups' results; `None` when nothing was padded.
///
/// # Errors
/// When the length has no expression.
pub fn cut_space(s: &mut Asm, g: &Groups, out: &Len) -> Result<Option<SpaceId>> {
    if g.count == *out {
        return Ok(None);
    }
    match out {
        Len::Space { space, .. } => Ok(Some(*space)),
        l => {
            let Some(n) = len_index(&s.c, l) else {
                return Err(Error::Unsupported { what: "a length without an expression".into(), span: s.span });
            };
            Ok(Some(s.space(rect(vec![n]))))
        }
    }
}

/// Cuts the result of padded groups back to the lanes wanted.
///
/// # Errors
/// As [`cut_space`].
pub fn cut(s: &mut Asm, x: &[Pl], g: &Groups, out: &Len) -> Result<Vec<Pl>> {
    Ok(match cut_space(s, g, out)? {
        None => x.to_vec(),
        Some(space) => s.gather_planes(x, Elem::Bool, &g.count, space, &Index::Lane, out),
    })
}

/// The levels of a tree as a loop, while its body is written.
pub struct Rolled {
    var: LoopVar,
    levels: i64,
    /// One level: that of the loop's variable.
    pub level: Level,
    /// Lanes before the level.
    pub before: Len,
}

/// Opens the body of a loop over the levels of a tree, if the tree is to be one: what carried wires are is the caller's
/// business. [`close`] ends it.
pub fn open(s: &mut Asm, g: &Groups, neighbours: bool) -> Option<Rolled> {
    if !s.roll || g.size <= ROLL || g.size > i64::MAX as u64 / 4 {
        return None;
    }
    s.rolled = true;
    let n = g.size as i64;
    let var = LoopVar(s.c.loop_vars);
    s.c.loop_vars += 1;
    let i = Index::Var(var);
    let above = |shift: Index| ix(IndexOp::Add, ix(IndexOp::Shr, Index::Const(n - 1), shift), 1.into());
    let (size, next) = (above(i.clone()), above(ix(IndexOp::Add, i, 1.into())));
    let half = ix(IndexOp::Shr, size.clone(), 1.into());
    let one = g.count == Len::ONE;
    // A length by its own space, whatever else is made of the lanes.
    let len = |s: &mut Asm, of: &Index, max: u64| {
        let space = s.space(rect(vec![of.clone()]));
        len_mul(&g.count, &Len::Space { space, max })
    };
    let before = len(s, &size, g.size);
    let pairs = len(s, &half, g.size / 2);
    let after = len(s, &next, g.size.div_ceil(2));
    let (space, left, right, odd);
    let mut leftover = Len::ONE;
    if one {
        space = s.space(rect(vec![half.clone()]));
        let step = if neighbours { 2 } else { 1 };
        let at = ix(IndexOp::Mul, Index::Coord(0), step.into());
        right = ix(IndexOp::Add, at.clone(), if neighbours { 1.into() } else { half });
        left = at;
        let last = ix(IndexOp::Sub, size.clone(), 1.into());
        let rest = s.space(rect(vec![ix(IndexOp::And, size, 1.into())]));
        leftover = Len::Space { space: rest, max: 1 };
        odd = (after, (rest, last), (space, Index::Coord(0)));
    } else {
        space = s.space(rect(vec![g.expr.clone(), half.clone()]));
        let step = if neighbours { 2 } else { 1 };
        left = affine(&size, step, 0.into());
        right = affine(&size, step, if neighbours { 1.into() } else { half });
        let base = s.space(rect(vec![g.expr.clone(), next.clone()]));
        odd = (after, (base, affine(&size, 2, 0.into())), (space, affine(&next, 1, 0.into())));
    }
    let level = Level { pairs, left: (space, left), right: (space, right), odd: Some(odd), rest: leftover };
    s.open();
    Some(Rolled { var, levels: i64::from(u64::BITS - (g.size - 1).leading_zeros()), level, before })
}

/// Ends the body that [`open`] began and enters it: the loop's results, as many lanes as there are groups.
pub fn close(
    s: &mut Asm,
    r: &Rolled,
    g: &Groups,
    args: Vec<WireId>,
    params: Vec<WireId>,
    results: Vec<WireId>,
) -> Vec<WireId> {
    let body = s.close(params, results);
    let outs: Vec<WireId> = args
        .iter()
        .map(|a| {
            let t = s.ty(*a).clone();
            s.wire(t.domain, t.elem, g.count.clone())
        })
        .collect();
    let op = Op::Loop { var: r.var, lo: 0.into(), hi: r.levels.into(), step: 1, body };
    s.raw(op, args, outs.clone());
    outs
}

/// [`tree`] as a loop; `None` where a plane that is constant before a level is not the same after it.
fn rolled(
    s: &mut Asm,
    x: &[Pl],
    len: &Len,
    g: &Groups,
    neighbours: bool,
    combine: &mut Combine<'_>,
) -> Option<Vec<Pl>> {
    let live: Vec<usize> = (0..x.len()).filter(|i| !x[*i].is_const()).collect();
    if live.is_empty() {
        return None;
    }
    let args: Vec<WireId> = live
        .chunks(240)
        .map(|chunk| {
            let planes: Vec<Pl> = chunk.iter().map(|i| x[*i]).collect();
            s.bare(&planes, len)
        })
        .collect();
    let r = open(s, g, neighbours)?;
    let mut word = x.to_vec();
    let mut params = vec![];
    for chunk in live.chunks(240) {
        let p = s.wire(Domain::Bits { planes: chunk.len() as u8 }, Elem::Bool, r.before.clone());
        chunk.iter().enumerate().for_each(|(k, i)| word[*i] = Pl::Of(p, k as u32));
        params.push(p);
    }
    let (left, right) = r.level.split(s, &word, &r.before);
    let new = combine(s, &left, &right, &r.level.pairs);
    if (0..x.len()).any(|i| x[i].is_const() && new[i] != x[i]) {
        s.discard();
        return None;
    }
    let mut results = vec![];
    for (chunk, p) in live.chunks(240).zip(&params) {
        let planes: Vec<Pl> = chunk.iter().map(|i| new[*i]).collect();
        let new = s.bare(&planes, &r.level.pairs);
        results.push(r.level.join_wire(s, *p, new));
    }
    let outs = close(s, &r, g, args, params, results);
    let mut out = x.to_vec();
    for (chunk, w) in live.chunks(240).zip(outs) {
        chunk.iter().enumerate().for_each(|(k, i)| out[*i] = Pl::Of(w, k as u32));
    }
    Some(out)
}

/// Tree over words. `combine` is given both sides and their lanes. Depth ceil(log2 size) times that of `combine`.
pub fn tree(s: &mut Asm, x: Vec<Pl>, len: Len, mut g: Groups, neighbours: bool, combine: &mut Combine<'_>) -> Vec<Pl> {
    if let Some(x) = rolled(s, &x, &len, &g, neighbours, combine) {
        return x;
    }
    let (mut x, mut len) = (x, len);
    while g.size > 1 {
        let (lv, next) = level(s, &g, neighbours);
        let (l, r) = lv.split(s, &x, &len);
        let new = combine(s, &l, &r, &lv.pairs);
        x = lv.join(s, &x, &len, &new);
        len = lv.after();
        g = next;
    }
    x
}

/// Least (greatest) key of each group.
pub fn extreme(s: &mut Asm, x: Vec<Pl>, len: Len, g: Groups, max: bool, signed: bool) -> Vec<Pl> {
    tree(s, x, len, g, false, &mut |s, l, r, n| {
        let c = if max { compare::lt(s, l, r, signed, n) } else { compare::lt(s, r, l, signed, n) };
        mux::mux(s, c, r, l, n)
    })
}

/// A payload of [`arg_reduce`].
pub enum Payload {
    /// A secret word.
    Planes(Vec<Pl>),
    /// A clear wire, of which the low planes alone can differ from 0. Its first level of selections is local.
    Clear(WireId, u32),
}

/// First lane whose key is least (greatest): the key, then the payloads. Ties go to the earlier lane: neighbours are
/// paired, and the right one wins only when strictly better.
pub fn arg_reduce(
    s: &mut Asm,
    key: Vec<Pl>,
    payloads: Vec<Payload>,
    len: Len,
    g: Groups,
    max: bool,
    signed: bool,
) -> Vec<Vec<Pl>> {
    let widths: Vec<usize> = payloads
        .iter()
        .map(|p| match p {
            Payload::Planes(x) => x.len(),
            Payload::Clear(w, _) => usize::from(s.ty(*w).elem.bits()),
        })
        .collect();
    let k = key.len();
    let (mut word, mut len, mut g) = (key, len, g);
    let pick = |s: &mut Asm, l: &[Pl], r: &[Pl], n: &Len| {
        if max { compare::lt(s, &l[..k], &r[..k], signed, n) } else { compare::lt(s, &r[..k], &l[..k], signed, n) }
    };
    // First level: clear payloads differ by a clear word, which the secret bit masks without a message.
    if g.size > 1 {
        let (lv, next) = level(s, &g, true);
        let (l, r) = lv.split(s, &word, &len);
        let c = pick(s, &l, &r, &lv.pairs);
        let mut old = word.clone();
        let (mut left, mut right) = (l, r);
        let mut clears: Vec<(usize, Vec<Pl>, Vec<Pl>)> = vec![];
        for (i, p) in payloads.iter().enumerate() {
            match p {
                Payload::Planes(x) => {
                    let (l, r) = lv.split(s, x, &len);
                    left.extend(l);
                    right.extend(r);
                    old.extend_from_slice(x);
                }
                Payload::Clear(w, low) => {
                    let e = s.ty(*w).elem;
                    let (a, b) = lv.split_wire(s, *w);
                    let d = s.gate(Op::Bin(Bin::Xor), vec![a, b], Domain::Clear, e, lv.pairs.clone());
                    let cs = vec![c; widths[i]];
                    let m = s.mask(&cs, d, &lv.pairs);
                    let a = trim(s.lift(a), *low);
                    let m = trim(m, *low);
                    let xy: Vec<(Pl, Pl)> = m.into_iter().zip(a).collect();
                    let new = s.xor_many(&xy, &lv.pairs);
                    let full = trim(s.lift(*w), *low);
                    clears.push((i, full, new));
                }
            }
        }
        let secret = mux::mux(s, c, &right, &left, &lv.pairs);
        // Back into the order of the payloads.
        let (mut was, mut now) = (old[..k].to_vec(), secret[..k].to_vec());
        let mut at = k;
        for (i, p) in payloads.iter().enumerate() {
            match p {
                Payload::Planes(_) => {
                    was.extend_from_slice(&old[at..at + widths[i]]);
                    now.extend_from_slice(&secret[at..at + widths[i]]);
                    at += widths[i];
                }
                Payload::Clear(..) => {
                    if let Some((_, full, new)) = clears.iter().find(|c| c.0 == i) {
                        was.extend_from_slice(full);
                        now.extend_from_slice(new);
                    }
                }
            }
        }
        word = lv.join(s, &was, &len, &now);
        len = lv.after();
        g = next;
    } else {
        for p in payloads {
            match p {
                Payload::Planes(x) => word.extend(x),
                Payload::Clear(w, low) => word.extend(trim(s.lift(w), low)),
            }
        }
    }
    let word = tree(s, word, len, g, true, &mut |s, l, r, n| {
        let c = pick(s, l, r, n);
        mux::mux(s, c, r, l, n)
    });
    let mut out = vec![word[..k].to_vec()];
    let mut at = k;
    for w in widths {
        out.push(word[at..at + w].to_vec());
        at += w;
    }
    out
}

fn trim(mut x: Vec<Pl>, low: u32) -> Vec<Pl> {
    for p in x.iter_mut().skip(low as usize) {
        *p = Pl::Zero;
    }
    x
}
