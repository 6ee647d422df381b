//! Comparisons of boolean words.
//!
//! `a < b` is the carry out of `!a + b`: a tree over (generate, propagate). Its leaves are two bits wide: the generate of
//! the lower bit, then a majority (one AND instead of two), and one propagate. The lowest group needs no propagate. A public
//! operand makes generates and propagates of single bits local, so its leaves are one bit wide.

use super::adder::majority;
use super::net;
use crate::asm::{Asm, Pl};
use circuit::{Len, WireId};
use netlist::Bit;

/// Sizes of the groups of bits that a comparison's leaves ripple over, the least depth first. The greatest stands for the
/// whole word: k ANDs at depth k.
pub const GROUPS: [usize; 4] = [2, 4, 8, 128];

/// ANDs and levels of a comparison of secret words of k bits.
pub fn cost(k: usize, group: usize) -> (u32, u32) {
    net::carry_cost(k, group)
}

/// `a < b`, by groups of `group` bits.
pub fn lt_by(s: &mut Asm, a: &[Pl], b: &[Pl], signed: bool, group: usize, len: &Len) -> Pl {
    if group <= GROUPS[0] {
        return lt(s, a, b, signed, len);
    }
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    flip_sign(s, &mut a, &mut b, signed, len);
    net::build(s, &[&a, &b], len, |n, w| {
        let na: Vec<Bit> = w[0].iter().map(|x| !*x).collect();
        vec![vec![net::carry_out(n, &na, &w[1], group)]]
    })[0][0]
}

/// `a < b` with least depth. 152 ANDs at depth 7 for 64 secret bits; 120 at depth 6 at most when b is constant.
pub fn lt(s: &mut Asm, a: &[Pl], b: &[Pl], signed: bool, len: &Len) -> Pl {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    flip_sign(s, &mut a, &mut b, signed, len);
    let na = s.not_many(&a, len);
    let pairs: Vec<(Pl, Pl)> = na.into_iter().zip(b).collect();
    carry_out(s, &pairs, len)
}

/// `x < y` (or `y < x` when `swap`) with y clear, one number per lane. 120 ANDs at depth 6 for 64 bits.
pub fn lt_clear(s: &mut Asm, x: &[Pl], y: WireId, signed: bool, swap: bool, len: &Len) -> Pl {
    if s.const_of(y).is_some() {
        let y = s.lift(y);
        return if swap { lt(s, &y, x, signed, len) } else { lt(s, x, &y, signed, len) };
    }
    // The signed order is the unsigned one with the top bits exchanged: x's complement is taken of all planes but there.
    let k = x.len();
    let yl = s.lift(y);
    let (g, p);
    if swap {
        // carry of !y + x: generate x & !y = x ^ (x & y), propagate !(x ^ y).
        let m = s.mask(x, y, len);
        let xy: Vec<(Pl, Pl)> = x.iter().copied().zip(m).collect();
        let mut gg = s.xor_many(&xy, len);
        if signed {
            // At the sign, the roles are exchanged: generate !x & y = y ^ (x & y).
            let m = s.mask(x, y, len);
            gg[k - 1] = s.xor1(yl[k - 1], m[k - 1], len);
        }
        g = gg;
    } else {
        let nx = s.not_many(x, len);
        let mut gg = s.mask(&nx, y, len);
        if signed {
            let m = s.mask(x, y, len);
            gg[k - 1] = s.xor1(x[k - 1], m[k - 1], len);
        }
        g = gg;
    }
    let xy: Vec<(Pl, Pl)> = x.iter().copied().zip(yl).collect();
    let d = s.xor_many(&xy, len);
    p = s.not_many(&d, len);
    tree(s, g.into_iter().zip(p).collect(), len)
}

fn flip_sign(s: &mut Asm, a: &mut [Pl], b: &mut [Pl], signed: bool, len: &Len) {
    if signed && let (Some(x), Some(y)) = (a.last_mut(), b.last_mut()) {
        let r = s.not_many(&[*x, *y], len);
        (*x, *y) = (r[0], r[1]);
    }
}

/// Carry out of the sum of two words given as pairs of bits, without carry in.
pub fn carry_out(s: &mut Asm, pairs: &[(Pl, Pl)], len: &Len) -> Pl {
    if pairs.is_empty() {
        return Pl::Zero;
    }
    // A constant in every pair: generates and propagates are local.
    if pairs.iter().all(|(x, y)| x.is_const() || y.is_const()) {
        let g = s.and_many(pairs, len);
        let p = s.xor_many(pairs, len);
        return tree(s, g.into_iter().zip(p).collect(), len);
    }
    let n = pairs.len();
    let groups = n / 2;
    let p = s.xor_many(pairs, len);
    let mut ands: Vec<(Pl, Pl)> = (0..groups).map(|i| pairs[2 * i]).collect();
    ands.extend((1..groups).map(|i| (p[2 * i + 1], p[2 * i])));
    if n % 2 == 1 {
        ands.push(pairs[n - 1]);
    }
    let r = s.and_many(&ands, len);
    let odd: Vec<(Pl, Pl)> = (0..groups).map(|i| pairs[2 * i + 1]).collect();
    let g = majority(s, &odd, &r[..groups], len);
    let mut nodes: Vec<(Pl, Pl)> =
        g.into_iter().enumerate().map(|(i, g)| (g, if i == 0 { Pl::Zero } else { r[groups + i - 1] })).collect();
    if n % 2 == 1 {
        nodes.push((r[r.len() - 1], p[n - 1]));
    }
    tree(s, nodes, len)
}

/// Generate of all nodes together, lowest first. Two ANDs per join, one where the lower side reaches bit 0.
fn tree(s: &mut Asm, mut nodes: Vec<(Pl, Pl)>, len: &Len) -> Pl {
    while nodes.len() > 1 {
        let mut ands = vec![];
        for (i, q) in nodes.chunks(2).enumerate() {
            if let [(_, _), (_, ph)] = q {
                ands.push((*ph, q[0].0));
                if i > 0 {
                    ands.push((*ph, q[0].1));
                }
            }
        }
        let r = s.and_many(&ands, len);
        let mut at = 0;
        let mut xors = vec![];
        let mut props = vec![];
        for (i, q) in nodes.chunks(2).enumerate() {
            if let [_, (gh, _)] = q {
                xors.push((*gh, r[at]));
                props.push(if i > 0 { r[at + 1] } else { Pl::Zero });
                at += if i > 0 { 2 } else { 1 };
            }
        }
        let g = s.xor_many(&xors, len);
        let mut next: Vec<(Pl, Pl)> = g.into_iter().zip(props).collect();
        if nodes.len() % 2 == 1 {
            next.push(nodes[nodes.len() - 1]);
        }
        nodes = next;
    }
    nodes.first().map_or(Pl::Zero, |n| n.0)
}

/// Top plane of the sum of two words: what a test of the sign of an arithmetic value needs.
pub fn sum_sign(s: &mut Asm, a: &[Pl], b: &[Pl], len: &Len) -> Pl {
    let k = a.len();
    if k == 0 {
        return Pl::Zero;
    }
    let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
    let c = carry_out(s, &pairs[..k - 1], len);
    let top = s.xor1(a[k - 1], b[k - 1], len);
    s.xor1(top, c, len)
}

/// Whether all planes of `a ^ b` are 0. k - 1 ANDs at depth ceil(log2 k).
pub fn eq(s: &mut Asm, a: &[Pl], b: &[Pl], len: &Len) -> Pl {
    let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
    let d = s.xor_many(&pairs, len);
    let n = s.not_many(&d, len);
    and_all(s, n, len)
}

/// And of all planes.
pub fn and_all(s: &mut Asm, mut planes: Vec<Pl>, len: &Len) -> Pl {
    while planes.len() > 1 {
        let h = planes.len() / 2;
        let pairs: Vec<(Pl, Pl)> = (0..h).map(|i| (planes[i], planes[h + i])).collect();
        let mut next = s.and_many(&pairs, len);
        if planes.len() % 2 == 1 {
            next.push(planes[planes.len() - 1]);
        }
        planes = next;
    }
    planes.first().copied().unwrap_or(Pl::One)
}
