//! Circuits built bit by bit, levelised once, and emitted over lanes.
//!
//! The larger members of the library (multipliers, dividers, ripple chains) and imported circuits are nets of single bits.
//! [`emit`] lays a net's gates of one depth side by side: all products of a level are one gate, so that a level is one
//! round; sums follow in layers. Constant planes fold while the net is built, and what no result needs is left out. The
//! words here are lists of bits, least significant first. Knows planes and nets, nothing of placement.

use crate::asm::{Asm, Pl};
use circuit::Len;
use netlist::{Bit, Builder, Net, Node};
use rustc_hash::FxHashMap;

/// Builds a circuit over words of planes and emits it. `f` is given the words as bits; its words come back as planes.
pub fn build(
    s: &mut Asm,
    words: &[&[Pl]],
    len: &Len,
    f: impl FnOnce(&mut Builder, &[Vec<Bit>]) -> Vec<Vec<Bit>>,
) -> Vec<Vec<Pl>> {
    // One input per plane, whatever the number of its uses; constants are no inputs.
    let mut at: FxHashMap<Pl, usize> = FxHashMap::default();
    let mut planes = vec![];
    for p in words.iter().copied().flatten().filter(|p| !p.is_const()) {
        at.entry(*p).or_insert_with(|| {
            planes.push(*p);
            planes.len() - 1
        });
    }
    let (mut b, ins) = Builder::new(planes.len());
    let bit = |p: &Pl| match p {
        Pl::Zero => Bit::ZERO,
        Pl::One => Bit::ONE,
        p => ins[at[p]],
    };
    let words: Vec<Vec<Bit>> = words.iter().map(|w| w.iter().map(bit).collect()).collect();
    let out = f(&mut b, &words);
    let net = b.finish(out.iter().flatten().copied().collect());
    let mut got = emit(s, &net, &planes, len).into_iter();
    out.iter().map(|w| got.by_ref().take(w.len()).collect()).collect()
}

/// As [`emit`], for any planes: where some are constant, or the same, the net is built anew on what is left.
pub fn of_planes(s: &mut Asm, net: &Net, planes: &[Pl], len: &Len) -> Vec<Pl> {
    if !planes.iter().any(|p| p.is_const()) {
        return emit(s, net, planes, len);
    }
    build(s, &[planes], len, |b, w| vec![copy(b, net, &w[0])]).swap_remove(0)
}

/// A net's gates again, on given inputs, inside another net: its outputs.
pub fn copy(b: &mut Builder, net: &Net, inputs: &[Bit]) -> Vec<Bit> {
    let mut bits = vec![Bit::ZERO];
    bits.extend(inputs);
    let get = |bits: &[Bit], x: Bit| if x.negated() { !bits[x.node()] } else { bits[x.node()] };
    for n in &net.nodes()[bits.len()..] {
        let made = match *n {
            Node::And(x, y) => b.and(get(&bits, x), get(&bits, y)),
            Node::Xor(x, y) => b.xor(get(&bits, x), get(&bits, y)),
            Node::Zero | Node::Input => Bit::ZERO,
        };
        bits.push(made);
    }
    net.outputs.iter().map(|o| get(&bits, *o)).collect()
}

/// Emits a net over lanes. One product per AND, one round per level.
pub fn emit(s: &mut Asm, net: &Net, inputs: &[Pl], len: &Len) -> Vec<Pl> {
    let mut e = Emitter { s, len, plane: vec![Pl::Zero; net.nodes().len()], inverse: FxHashMap::default() };
    e.plane[1..=inputs.len()].copy_from_slice(inputs);
    let operands = |i: &u32| match net.nodes()[*i as usize] {
        Node::And(a, b) | Node::Xor(a, b) => [a, b],
        _ => [Bit::ZERO; 2],
    };
    for level in net.levels() {
        let bits: Vec<Bit> = level.ands.iter().flat_map(operands).collect();
        let pairs = e.pairs(&bits);
        for (i, p) in level.ands.iter().zip(e.s.and_many(&pairs, len)) {
            e.plane[*i as usize] = p;
        }
        for layer in &level.xors {
            let bits: Vec<Bit> = layer.iter().flat_map(operands).collect();
            let pairs = e.pairs(&bits);
            for (i, p) in layer.iter().zip(e.s.xor_many(&pairs, len)) {
                e.plane[*i as usize] = p;
            }
        }
    }
    e.get(&net.outputs)
}

struct Emitter<'a> {
    s: &'a mut Asm,
    len: &'a Len,
    /// By node.
    plane: Vec<Pl>,
    /// Complements that were made.
    inverse: FxHashMap<usize, Pl>,
}

impl Emitter<'_> {
    /// Planes of bits; complements that are new are made together.
    fn get(&mut self, bits: &[Bit]) -> Vec<Pl> {
        let mut todo: Vec<usize> = bits.iter().filter(|b| b.negated()).map(|b| b.node()).collect();
        todo.retain(|n| !self.inverse.contains_key(n));
        todo.sort_unstable();
        todo.dedup();
        let from: Vec<Pl> = todo.iter().map(|n| self.plane[*n]).collect();
        for (n, p) in todo.into_iter().zip(self.s.not_many(&from, self.len)) {
            self.inverse.insert(n, p);
        }
        bits.iter().map(|b| if b.negated() { self.inverse[&b.node()] } else { self.plane[b.node()] }).collect()
    }
    fn pairs(&mut self, bits: &[Bit]) -> Vec<(Pl, Pl)> {
        self.get(bits).chunks(2).map(|q| (q[0], q[1])).collect()
    }
}

/// The carries out of positions 0..n of `x + y + carry`, one product each, one after the other.
pub fn ripple(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit) -> Vec<Bit> {
    let mut c = carry;
    x.iter()
        .zip(y)
        .map(|(x, y)| {
            c = b.majority(*x, *y, c);
            c
        })
        .collect()
}

/// All carries of `x + y + carry` by a prefix network over groups of `group` bits, in about log2 of their number levels.
pub fn prefix(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit, group: usize) -> Vec<Bit> {
    let n = x.len();
    let p: Vec<Bit> = x.iter().zip(y).map(|(x, y)| b.xor(*x, *y)).collect();
    // Generates at the tops of groups, from below; the carry in belongs to the lowest.
    let mut nodes = vec![];
    for lo in (0..n).step_by(group) {
        let hi = (lo + group).min(n);
        let g = ripple(b, &x[lo..hi], &y[lo..hi], if lo == 0 { carry } else { Bit::ZERO });
        let prop = all(b, p[lo..hi].to_vec());
        nodes.push((g[hi - lo - 1], prop));
    }
    let m = nodes.len();
    for d in (0..).take_while(|d| 1usize << d < m) {
        for i in (0..m).filter(|i| i >> d & 1 == 1) {
            let (gl, pl) = nodes[(i >> d << d) - 1];
            let (gh, ph) = nodes[i];
            let t = b.and(ph, gl);
            let g = b.xor(gh, t);
            // A prefix that reaches bit 0 needs no propagate.
            let prop = if i >> (d + 1) > 0 { b.and(ph, pl) } else { ph };
            nodes[i] = (g, prop);
        }
    }
    let mut out = vec![];
    for (k, lo) in (0..n).step_by(group).enumerate() {
        let hi = (lo + group).min(n);
        let c = if k == 0 { carry } else { nodes[k - 1].0 };
        let inner = ripple(b, &x[lo..hi - 1], &y[lo..hi - 1], c);
        out.extend(inner);
        out.push(nodes[k].0);
    }
    out
}

/// ANDs and levels of [`prefix`] with all its carries read, for n bits without a carry in.
pub fn prefix_cost(n: usize, group: usize) -> (u32, u32) {
    let sizes: Vec<usize> = (0..n).step_by(group.max(1)).map(|lo| group.min(n - lo)).collect();
    let m = sizes.len();
    let (mut ands, mut deepest) = (0, 0);
    let log = |n: usize| usize::BITS - n.saturating_sub(1).leading_zeros();
    let mut nodes: Vec<(u32, u32)> = vec![];
    for (k, s) in sizes.iter().enumerate() {
        // A ripple; a tree of propagates, for all but the lowest group; the carries within, for the same.
        ands += if k == 0 { *s } else { 3 * s - 2 };
        nodes.push((*s as u32, log(*s)));
    }
    for d in (0..).take_while(|d| 1usize << d < m) {
        for i in (0..m).filter(|i| i >> d & 1 == 1) {
            let (gl, pl) = nodes[(i >> d << d) - 1];
            let (gh, ph) = nodes[i];
            let keep = i >> (d + 1) > 0;
            ands += 1 + usize::from(keep);
            nodes[i] = (gh.max(ph.max(gl) + 1), if keep { ph.max(pl) + 1 } else { ph });
        }
    }
    for (k, s) in sizes.iter().enumerate() {
        let before = if k == 0 { 0 } else { nodes[k - 1].0 };
        deepest = deepest.max(nodes[k].0).max(before + *s as u32 - 1);
    }
    (ands as u32, deepest)
}

/// The carry out of `x + y` alone: a tree over groups of `group` bits that ripple; one group is the whole word.
pub fn carry_out(b: &mut Builder, x: &[Bit], y: &[Bit], group: usize) -> Bit {
    let n = x.len();
    let mut nodes = vec![];
    for lo in (0..n).step_by(group.max(1)) {
        let hi = (lo + group).min(n);
        let g = ripple(b, &x[lo..hi], &y[lo..hi], Bit::ZERO);
        let p: Vec<Bit> = (lo..hi).map(|i| b.xor(x[i], y[i])).collect();
        nodes.push((g[hi - lo - 1], all(b, p)));
    }
    while nodes.len() > 1 {
        nodes = nodes
            .chunks(2)
            .map(|q| {
                let [(gl, pl), (gh, ph)] = *q else { return q[0] };
                let t = b.and(ph, gl);
                (b.xor(gh, t), b.and(ph, pl))
            })
            .collect();
    }
    nodes.first().map_or(Bit::ZERO, |n| n.0)
}

/// ANDs and levels of [`carry_out`].
pub fn carry_cost(n: usize, group: usize) -> (u32, u32) {
    let groups = n.div_ceil(group.max(1));
    let (mut ands, mut joins) = (n, 0);
    // Propagates of all groups but the lowest.
    ands += n.saturating_sub(group) - groups.saturating_sub(1);
    let mut left = groups;
    while left > 1 {
        ands += left / 2 * 2 - 1;
        left = left.div_ceil(2);
        joins += 1;
    }
    (ands as u32, group.min(n) as u32 + joins)
}

/// And of bits, by a tree.
pub fn all(b: &mut Builder, mut bits: Vec<Bit>) -> Bit {
    while bits.len() > 1 {
        bits = bits.chunks(2).map(|q| if let [x, y] = *q { b.and(x, y) } else { q[0] }).collect();
    }
    bits.first().copied().unwrap_or(Bit::ONE)
}

/// `x + y + carry` from its carries; the carry out of the top is left.
pub fn sums(b: &mut Builder, x: &[Bit], y: &[Bit], carry: Bit, carries: &[Bit]) -> Vec<Bit> {
    let mut c = carry;
    x.iter()
        .zip(y)
        .zip(carries)
        .map(|((x, y), next)| {
            let p = b.xor(*x, *y);
            let s = b.xor(p, c);
            c = *next;
            s
        })
        .collect()
}

/// Adds columns of bits (column k holds bits of weight 2^k) until each holds two at most: carry-save, one product for three
/// bits, or for two where a column would else be too high. A sum is there as soon as its operands are, only its carry is a
/// level later; so a level turns a height of 2h - 1 into h, and the heights aimed at are 2, 3, 5, 9, … (as Dadda's, which
/// reckon with sums as late as carries, grow by half only).
pub fn compress(b: &mut Builder, mut columns: Vec<Vec<Bit>>) -> Vec<Vec<Bit>> {
    let Some(top) = columns.len().checked_sub(1) else { return columns };
    columns.iter_mut().for_each(|c| c.retain(|x| *x != Bit::ZERO));
    let height = columns[..top].iter().map(Vec::len).max().unwrap_or(0);
    let mut aims = vec![2];
    while let Some(last) = aims.last().filter(|l| **l < height) {
        aims.push(2 * last - 1);
    }
    for aim in aims.into_iter().rev().skip_while(|a| *a >= height.max(3)) {
        let mut incoming: Vec<Bit> = vec![];
        for column in &mut columns[..top] {
            let mut excess = (column.len() + incoming.len()).saturating_sub(aim);
            // The earliest bits stand last.
            column.sort_by_key(|x| std::cmp::Reverse(b.depth(*x)));
            let mut out = vec![];
            while excess > 0 {
                let x = column.pop().unwrap_or_default();
                let y = column.pop().unwrap_or_default();
                let z = if excess > 1 { column.pop().unwrap_or_default() } else { Bit::ZERO };
                out.push(b.majority(x, y, z));
                let t = b.xor(x, y);
                let t = b.xor(t, z);
                column.push(t);
                excess -= excess.min(2);
            }
            column.append(&mut incoming);
            column.retain(|x| *x != Bit::ZERO);
            incoming = out;
        }
        columns[top].append(&mut incoming);
    }
    // What leaves the word is of no interest: the top column is a sum mod 2.
    let sum = columns[top].drain(..).fold(Bit::ZERO, |s, x| b.xor(s, x));
    columns[top].push(sum);
    columns
}

/// The sum of columns, mod 2^columns: carry-save, then one adder.
pub fn add_columns(b: &mut Builder, columns: Vec<Vec<Bit>>, group: usize) -> Vec<Bit> {
    let columns = compress(b, columns);
    let n = columns.len();
    // Columns from below that hold one bit are done.
    let done = columns.iter().take_while(|c| c.len() < 2).count();
    let bit = |c: &Vec<Bit>, k: usize| c.get(k).copied().unwrap_or(Bit::ZERO);
    let mut out: Vec<Bit> = columns[..done].iter().map(|c| bit(c, 0)).collect();
    let x: Vec<Bit> = columns[done..].iter().map(|c| bit(c, 0)).collect();
    let y: Vec<Bit> = columns[done..].iter().map(|c| bit(c, 1)).collect();
    if done < n {
        let m = n - done - 1;
        let mut carries = prefix_or_ripple(b, &x[..m], &y[..m], group);
        carries.push(Bit::ZERO);
        out.extend(sums(b, &x, &y, Bit::ZERO, &carries));
    }
    out
}

fn prefix_or_ripple(b: &mut Builder, x: &[Bit], y: &[Bit], group: usize) -> Vec<Bit> {
    if group >= x.len().max(1) { ripple(b, x, y, Bit::ZERO) } else { prefix(b, x, y, Bit::ZERO, group) }
}
