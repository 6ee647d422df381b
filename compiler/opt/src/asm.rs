//! Emitting gate-level gates: wires, regions, and words made of planes.
//!
//! A word is a list of [`Pl`]: planes of any wires, or constants. The gate library works on such lists, so that constants
//! fold by themselves, and stacks them into one wire when a gate needs it: an `and` of many planes is one message.
//! Knows the data of a circuit; nothing of what is being computed, nor of placement.

use circuit::{
    Circuit, Domain, Elem, Gate, Index, Len, Op, Plane, Region, RegionId, Space, SpaceId, SpanId, WireId, WireTy,
};
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// A plane of a boolean word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pl {
    /// All lanes 0.
    Zero,
    /// All lanes 1.
    One,
    /// Plane of a wire in the domain `Bits`.
    Of(WireId, u32),
}

impl Pl {
    /// A constant plane.
    pub fn bit(b: bool) -> Pl {
        if b { Pl::One } else { Pl::Zero }
    }
    /// Whether it is constant.
    pub fn is_const(self) -> bool {
        !matches!(self, Pl::Of(..))
    }
}

/// Most planes that one wire holds (`Domain::Bits::planes` is a byte).
const MAX_PLANES: usize = 248;

/// The emitter.
pub struct Asm {
    /// The circuit under construction. Its root is set by the caller.
    pub c: Circuit,
    stack: Vec<Frame>,
    /// Span of the gates emitted from now on.
    pub span: SpanId,
    spaces: FxHashMap<Space, SpaceId>,
    consts: FxHashMap<WireId, u128>,
    frames: usize,
    /// Whether levels of trees shall be loops.
    pub roll: bool,
    /// Whether any are.
    pub rolled: bool,
}

/// An open region.
#[derive(Default)]
pub struct Frame {
    id: usize,
    gates: Vec<Gate>,
    /// Hash of operation, operands, and type to the gate's place here.
    memo: FxHashMap<u64, u32>,
}

impl Asm {
    /// Around a circuit whose tables (parties, inputs, spaces) are kept and whose wires and regions are emitted anew.
    pub fn new(c: Circuit) -> Asm {
        let spaces = c.spaces.iter().cloned().enumerate().rev().map(|(i, s)| (s, SpaceId(i as u32))).collect();
        Asm {
            c,
            stack: vec![Frame::default()],
            span: SpanId::default(),
            spaces,
            consts: FxHashMap::default(),
            frames: 0,
            roll: false,
            rolled: false,
        }
    }
    /// A new wire without a definition yet (parameters, results of region gates).
    pub fn wire(&mut self, domain: Domain, elem: Elem, len: Len) -> WireId {
        self.c.wires.push(WireTy { domain, elem, len });
        WireId(self.c.wires.len() as u32 - 1)
    }
    /// Type of a wire.
    pub fn ty(&self, w: WireId) -> &WireTy {
        &self.c.wires[w.0 as usize]
    }
    /// Length of a wire.
    pub fn len(&self, w: WireId) -> Len {
        self.ty(w).len.clone()
    }
    /// Opens a region.
    pub fn open(&mut self) {
        self.frames += 1;
        self.stack.push(Frame { id: self.frames, ..Frame::default() });
    }
    /// Closes the innermost region.
    pub fn close(&mut self, params: Vec<WireId>, results: Vec<WireId>) -> RegionId {
        let f = self.stack.pop().unwrap_or_default();
        self.c.regions.push(Region { params, gates: f.gates, results });
        RegionId(self.c.regions.len() as u32 - 1)
    }
    /// Drops the innermost region with all that it holds.
    pub fn discard(&mut self) {
        self.stack.pop();
    }
    /// Puts the open regions aside, for a region that must not see them.
    pub fn detach(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.stack)
    }
    /// Takes them back.
    pub fn attach(&mut self, outer: Vec<Frame>) {
        self.stack = outer;
    }
    /// The innermost open region, by a number that no other ever has.
    pub fn frame(&self) -> usize {
        self.stack.last().map_or(0, |f| f.id)
    }
    /// A gate with given results.
    pub fn raw(&mut self, op: Op, args: Vec<WireId>, outs: Vec<WireId>) {
        let gate = Gate { op, args, outs, span: self.span };
        if let Some(f) = self.stack.last_mut() {
            f.gates.push(gate);
        }
    }
    /// A gate with one result of the type given.
    pub fn gate(&mut self, op: Op, args: Vec<WireId>, domain: Domain, elem: Elem, len: Len) -> WireId {
        let ty = WireTy { domain, elem, len };
        // Gates that compute are pure: the same one in the same region, or an enclosing one, is the same wire.
        let pure = matches!(
            op,
            Op::Const(_)
                | Op::Table(_)
                | Op::Iota { .. }
                | Op::Lift
                | Op::Planes(_)
                | Op::BitsXor
                | Op::BitsNot
                | Op::BitsMask
                | Op::Gather { .. }
                | Op::ArithTrunc
                | Op::ArithAdd
                | Op::ArithSub
                | Op::ArithScale
                | Op::ArithMul
                | Op::BitsAnd
                | Op::Dot { .. }
        );
        if pure {
            let mut h = FxHasher::default();
            (&op, &args, ty.domain, ty.elem, &ty.len).hash(&mut h);
            let key = h.finish();
            for f in &self.stack {
                if let Some(&at) = f.memo.get(&key) {
                    let g = &f.gates[at as usize];
                    if g.op == op && g.args == args && *self.ty(g.outs[0]) == ty {
                        return g.outs[0];
                    }
                }
            }
            let out = self.wire(ty.domain, ty.elem, ty.len);
            if let Op::Const(v) = op {
                self.consts.insert(out, v);
            }
            if let Some(f) = self.stack.last_mut() {
                f.memo.insert(key, f.gates.len() as u32);
            }
            self.raw(op, args, vec![out]);
            return out;
        }
        let out = self.wire(ty.domain, ty.elem, ty.len);
        self.raw(op, args, vec![out]);
        out
    }
    /// Number of a space, added when new.
    pub fn space(&mut self, s: Space) -> SpaceId {
        if let Some(&id) = self.spaces.get(&s) {
            return id;
        }
        let id = SpaceId(self.c.spaces.len() as u32);
        self.c.spaces.push(s.clone());
        self.spaces.insert(s, id);
        id
    }
    /// A clear constant.
    pub fn constant(&mut self, v: u128, elem: Elem, len: Len) -> WireId {
        self.gate(Op::Const(v), vec![], Domain::Clear, elem, len)
    }
    /// Remembers that a clear wire has one number in all lanes.
    pub fn note_const(&mut self, w: WireId, v: u128) {
        self.consts.insert(w, v);
    }
    /// The number of a constant clear wire.
    pub fn const_of(&self, w: WireId) -> Option<u128> {
        self.consts.get(&w).copied()
    }

    // ---- planes ----

    /// All planes of a wire.
    pub fn planes_of(&self, w: WireId) -> Vec<Pl> {
        match self.ty(w).domain {
            Domain::Bits { planes } => (0..u32::from(planes)).map(|p| Pl::Of(w, p)).collect(),
            _ => vec![],
        }
    }
    /// Planes as one wire; `elem` says what it means (a bare stack of planes is `Bool`).
    pub fn stack(&mut self, planes: &[Pl], elem: Elem, len: &Len) -> WireId {
        if let Some(Pl::Of(w, 0)) = planes.first().copied() {
            let ty = self.ty(w);
            if ty.domain == (Domain::Bits { planes: planes.len() as u8 })
                && ty.elem == elem
                && planes.iter().enumerate().all(|(i, p)| *p == Pl::Of(w, i as u32))
            {
                return w;
            }
        }
        let dom = Domain::Bits { planes: planes.len() as u8 };
        let mut args: Vec<WireId> = vec![];
        let mut at: FxHashMap<WireId, u32> = FxHashMap::default();
        let list: Vec<Plane> = planes
            .iter()
            .map(|p| match *p {
                Pl::Zero => Plane::Zero,
                Pl::One => Plane::One,
                Pl::Of(w, plane) => {
                    let arg = *at.entry(w).or_insert_with(|| {
                        args.push(w);
                        args.len() as u32 - 1
                    });
                    Plane::Of { arg, plane }
                }
            })
            .collect();
        if args.is_empty() {
            if elem == Elem::Bool && planes.len() > 1 {
                let z = self.constant(0, Elem::Bool, len.clone());
                let zero = self.gate(Op::Lift, vec![z], Domain::Bits { planes: 1 }, Elem::Bool, len.clone());
                return self.gate(Op::Planes(list), vec![zero], dom, elem, len.clone());
            }
            // A `planes` gate takes its length from an operand; a constant word is a lifted number.
            let (mut v, mut bit) = (0u128, 0);
            for p in planes {
                if bit < 128 && *p == Pl::One {
                    v |= 1 << bit;
                }
                bit += 1;
            }
            let k = self.constant(v, elem, len.clone());
            return self.gate(Op::Lift, vec![k], dom, elem, len.clone());
        }
        self.gate(Op::Planes(list), args, dom, elem, len.clone())
    }
    /// A bare stack.
    pub fn bare(&mut self, planes: &[Pl], len: &Len) -> WireId {
        self.stack(planes, Elem::Bool, len)
    }
    fn split_stack(&mut self, pairs: &[(Pl, Pl)], len: &Len, op: &Op) -> Vec<Pl> {
        let mut out = Vec::with_capacity(pairs.len());
        for chunk in pairs.chunks(MAX_PLANES) {
            let l: Vec<Pl> = chunk.iter().map(|p| p.0).collect();
            let r: Vec<Pl> = chunk.iter().map(|p| p.1).collect();
            let (l, r) = (self.bare(&l, len), self.bare(&r, len));
            let w =
                self.gate(op.clone(), vec![l, r], Domain::Bits { planes: chunk.len() as u8 }, Elem::Bool, len.clone());
            out.extend((0..chunk.len()).map(|i| Pl::Of(w, i as u32)));
        }
        out
    }
    fn binary(&mut self, pairs: &[(Pl, Pl)], len: &Len, op: &Op, fold: impl Fn(Pl, Pl) -> Option<Fold>) -> Vec<Pl> {
        let mut out = vec![Pl::Zero; pairs.len()];
        let mut todo: Vec<(Pl, Pl)> = vec![];
        let mut at: Vec<usize> = vec![];
        let mut seen: FxHashMap<(Pl, Pl), usize> = FxHashMap::default();
        let mut nots: Vec<(usize, Pl)> = vec![];
        for (i, &(a, b)) in pairs.iter().enumerate() {
            // A canonical order: both selections of an exchange share their products.
            let (a, b) = if b < a { (b, a) } else { (a, b) };
            match fold(a, b) {
                Some(Fold::To(p)) => out[i] = p,
                Some(Fold::Not(p)) => nots.push((i, p)),
                None => {
                    let k = *seen.entry((a, b)).or_insert_with(|| {
                        todo.push((a, b));
                        todo.len() - 1
                    });
                    at.push(i);
                    out[i] = Pl::Of(WireId(u32::MAX), k as u32);
                }
            }
        }
        let got = self.split_stack(&todo, len, op);
        for i in at {
            if let Pl::Of(_, k) = out[i] {
                out[i] = got[k as usize];
            }
        }
        let flipped = self.not_many(&nots.iter().map(|n| n.1).collect::<Vec<_>>(), len);
        for ((i, _), p) in nots.into_iter().zip(flipped) {
            out[i] = p;
        }
        out
    }
    /// Products of pairs of planes, at one level: at most one message. Cost: one AND per pair that does not fold.
    pub fn and_many(&mut self, pairs: &[(Pl, Pl)], len: &Len) -> Vec<Pl> {
        self.binary(pairs, len, &Op::BitsAnd, |a, b| match (a, b) {
            (Pl::Zero, _) | (_, Pl::Zero) => Some(Fold::To(Pl::Zero)),
            (Pl::One, x) | (x, Pl::One) => Some(Fold::To(x)),
            _ if a == b => Some(Fold::To(a)),
            _ => None,
        })
    }
    /// Sums mod 2 of pairs of planes. Local.
    pub fn xor_many(&mut self, pairs: &[(Pl, Pl)], len: &Len) -> Vec<Pl> {
        self.binary(pairs, len, &Op::BitsXor, |a, b| match (a, b) {
            (Pl::One, Pl::One) => Some(Fold::To(Pl::Zero)),
            (Pl::Zero, x) | (x, Pl::Zero) => Some(Fold::To(x)),
            (Pl::One, x) | (x, Pl::One) => Some(Fold::Not(x)),
            _ if a == b => Some(Fold::To(Pl::Zero)),
            _ => None,
        })
    }
    /// Complements. Local.
    pub fn not_many(&mut self, planes: &[Pl], len: &Len) -> Vec<Pl> {
        let mut todo: Vec<Pl> = planes.iter().copied().filter(|p| !p.is_const()).collect();
        todo.dedup();
        let mut map: FxHashMap<Pl, Pl> = FxHashMap::default();
        for chunk in todo.chunks(MAX_PLANES) {
            let w = self.bare(chunk, len);
            let n =
                self.gate(Op::BitsNot, vec![w], Domain::Bits { planes: chunk.len() as u8 }, Elem::Bool, len.clone());
            for (i, p) in chunk.iter().enumerate() {
                map.insert(*p, Pl::Of(n, i as u32));
            }
        }
        planes
            .iter()
            .map(|p| match p {
                Pl::Zero => Pl::One,
                Pl::One => Pl::Zero,
                p => map[p],
            })
            .collect()
    }
    /// One pair.
    pub fn xor1(&mut self, a: Pl, b: Pl, len: &Len) -> Pl {
        self.xor_many(&[(a, b)], len)[0]
    }
    /// One plane.
    pub fn not1(&mut self, a: Pl, len: &Len) -> Pl {
        self.not_many(&[a], len)[0]
    }
    /// One pair.
    pub fn and1(&mut self, a: Pl, b: Pl, len: &Len) -> Pl {
        self.and_many(&[(a, b)], len)[0]
    }
    /// Planes of a clear wire: constants where it is a constant, lifted otherwise.
    pub fn lift(&mut self, w: WireId) -> Vec<Pl> {
        let ty = self.ty(w).clone();
        let k = ty.elem.bits();
        if let Some(v) = self.const_of(w) {
            return (0..u32::from(k)).map(|i| Pl::bit(v >> i & 1 == 1)).collect();
        }
        let out = self.gate(Op::Lift, vec![w], Domain::Bits { planes: k }, ty.elem, ty.len);
        self.planes_of(out)
    }
    /// Word and clear integer of as many bits, bit by bit; or, with a clear bool, all planes by it. Local.
    pub fn mask(&mut self, x: &[Pl], clear: WireId, len: &Len) -> Vec<Pl> {
        let word = self.ty(clear).elem;
        let e = if word == Elem::Bool { Elem::Bool } else { word };
        if let Some(v) = self.const_of(clear) {
            let all = word == Elem::Bool;
            return x
                .iter()
                .enumerate()
                .map(|(i, p)| if (all && v & 1 == 1) || (!all && v >> i & 1 == 1) { *p } else { Pl::Zero })
                .collect();
        }
        if x.iter().all(|p| *p == Pl::Zero) {
            return x.to_vec();
        }
        if word == Elem::Bool {
            let mut out = vec![];
            for chunk in x.chunks(MAX_PLANES) {
                let w = self.bare(chunk, len);
                let m =
                    self.gate(Op::BitsMask, vec![w, clear], Domain::Bits { planes: chunk.len() as u8 }, e, len.clone());
                out.extend(self.planes_of(m));
            }
            return out;
        }
        let w = self.stack(x, e, len);
        let m = self.gate(Op::BitsMask, vec![w, clear], Domain::Bits { planes: x.len() as u8 }, e, len.clone());
        self.planes_of(m)
    }
    /// A lane-moving operation on the planes that are not constant; constants stay.
    pub fn map_planes(
        &mut self,
        x: &[Pl],
        elem: Elem,
        from: &Len,
        to: &Len,
        f: impl Fn(WireId) -> (Op, Vec<WireId>),
    ) -> Vec<Pl> {
        let live: Vec<Pl> = x.iter().copied().filter(|p| !p.is_const()).collect();
        if live.is_empty() {
            return x.to_vec();
        }
        let mut moved = Vec::with_capacity(live.len());
        for chunk in live.chunks(MAX_PLANES) {
            let e = if chunk.len() == x.len() { elem } else { Elem::Bool };
            let w = self.stack(chunk, e, from);
            let (op, args) = f(w);
            let g = self.gate(op, args, Domain::Bits { planes: chunk.len() as u8 }, e, to.clone());
            moved.extend(self.planes_of(g));
        }
        let mut moved = moved.into_iter();
        x.iter().map(|p| if p.is_const() { *p } else { moved.next().unwrap_or(Pl::Zero) }).collect()
    }
    /// Lanes of a word picked by an index expression.
    pub fn gather_planes(
        &mut self,
        x: &[Pl],
        elem: Elem,
        from: &Len,
        space: SpaceId,
        index: &Index,
        to: &Len,
    ) -> Vec<Pl> {
        self.map_planes(x, elem, from, to, |w| (Op::Gather { space, index: index.clone() }, vec![w]))
    }
}

enum Fold {
    To(Pl),
    Not(Pl),
}
