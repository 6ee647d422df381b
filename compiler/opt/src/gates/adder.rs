//! Addition and subtraction of boolean words.
//!
//! A Sklansky prefix network over (generate, propagate) pairs: in multi-party computation fan-out is free, so it has the
//! least depth and fewer gates than Kogge-Stone. The lean form starts from groups of two bits, whose inner carry is a
//! majority (one AND): a third fewer ANDs for one more level. Greater groups go on that way, up to the ripple adder, whose
//! single group is the whole word: one AND for each carry.

use super::net;
use crate::asm::{Asm, Pl};
use circuit::Len;
use netlist::Bit;

/// Which network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Least depth: 1 + ceil(log2 (k - 1)).
    Fast,
    /// Fewer ANDs, one level deeper: groups of two bits.
    Lean,
    /// Groups of so many bits, rippling within.
    Groups(u8),
    /// Fewest ANDs: k - 1 at depth k - 1.
    Ripple,
}

/// All styles that are worth considering, the least depth first.
pub const STYLES: [Style; 5] = [Style::Fast, Style::Lean, Style::Groups(4), Style::Groups(8), Style::Ripple];

/// `a + b + carry` mod 2^k, for words of equal length k.
pub fn add(s: &mut Asm, a: &[Pl], b: &[Pl], carry: bool, style: Style, len: &Len) -> Vec<Pl> {
    let k = a.len();
    let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
    if k == 0 {
        return vec![];
    }
    let p = s.xor_many(&pairs, len);
    // The carry into the lowest bit is public: its generate is a & b, or a | b = (a & b) ^ a ^ b.
    let c0 = Pl::bit(carry);
    let mut sums = vec![(p[0], c0)];
    if k > 1 {
        let carries = match style {
            Style::Fast => sklansky(s, &pairs[..k - 1], &p[..k - 1], carry, len),
            Style::Lean => lean(s, &pairs[..k - 1], &p[..k - 1], carry, len),
            Style::Groups(g) => chained(s, &a[..k - 1], &b[..k - 1], carry, usize::from(g), len),
            Style::Ripple => chained(s, &a[..k - 1], &b[..k - 1], carry, k, len),
        };
        sums.extend(p[1..].iter().copied().zip(carries));
    }
    s.xor_many(&sums, len)
}

/// `a - b` mod 2^k.
pub fn sub(s: &mut Asm, a: &[Pl], b: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    let nb = s.not_many(b, len);
    add(s, a, &nb, true, style, len)
}

/// `-a` mod 2^k.
pub fn neg(s: &mut Asm, a: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    let zero = vec![Pl::Zero; a.len()];
    sub(s, &zero, a, style, len)
}

/// `a - b` of k + 1 planes: the difference, then 1 where a ≥ b.
pub fn sub_with_carry(s: &mut Asm, a: &[Pl], b: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    let mut a: Vec<Pl> = a.to_vec();
    let mut nb = s.not_many(b, len);
    a.push(Pl::Zero);
    nb.push(Pl::Zero);
    add(s, &a, &nb, true, style, len)
}

/// All carries by groups that ripple.
fn chained(s: &mut Asm, a: &[Pl], b: &[Pl], carry: bool, group: usize, len: &Len) -> Vec<Pl> {
    net::build(s, &[a, b], len, |n, w| vec![net::prefix(n, &w[0], &w[1], Bit::constant(carry), group)]).swap_remove(0)
}

/// Generates of the lowest bit with the public carry in.
fn first_generate(s: &mut Asm, g: &mut [Pl], p: &[Pl], carry: bool, len: &Len) {
    if carry {
        g[0] = s.xor1(g[0], p[0], len);
    }
}

/// All carries out of positions 0..m.
fn sklansky(s: &mut Asm, pairs: &[(Pl, Pl)], p: &[Pl], carry: bool, len: &Len) -> Vec<Pl> {
    let mut g = s.and_many(pairs, len);
    first_generate(s, &mut g, p, carry, len);
    let mut p = p.to_vec();
    prefix(s, &mut g, &mut p, len);
    g
}

/// Turns (generate, propagate) of single positions into generates of prefixes. Depth ceil(log2 m).
fn prefix(s: &mut Asm, g: &mut [Pl], p: &mut [Pl], len: &Len) {
    let m = g.len();
    let mut d = 0;
    while 1usize << d < m {
        let mut ands = vec![];
        let mut at = vec![];
        for i in (0..m).filter(|i| i >> d & 1 == 1) {
            let j = (i >> d << d) - 1;
            ands.push((p[i], g[j]));
            at.push((i, true));
            // A prefix that reaches bit 0 never needs its propagate again.
            if i >> (d + 1) > 0 {
                ands.push((p[i], p[j]));
                at.push((i, false));
            }
        }
        let r = s.and_many(&ands, len);
        let mut xors = vec![];
        let mut ids = vec![];
        for ((i, is_g), v) in at.into_iter().zip(r) {
            if is_g {
                xors.push((g[i], v));
                ids.push(i);
            } else {
                p[i] = v;
            }
        }
        for (i, v) in ids.into_iter().zip(s.xor_many(&xors, len)) {
            g[i] = v;
        }
        d += 1;
    }
}

/// As [`sklansky`] in groups of two: a majority inside a group, the prefix network over groups, a majority again for the
/// carries inside.
fn lean(s: &mut Asm, pairs: &[(Pl, Pl)], p: &[Pl], carry: bool, len: &Len) -> Vec<Pl> {
    let m = pairs.len();
    let groups = m / 2;
    if groups < 2 {
        return sklansky(s, pairs, p, carry, len);
    }
    // Level 1: generates of even positions, propagates of groups but the lowest; the odd top position if there is one.
    let mut ands: Vec<(Pl, Pl)> = (0..groups).map(|i| pairs[2 * i]).collect();
    ands.extend((1..groups).map(|i| (p[2 * i + 1], p[2 * i])));
    let r = s.and_many(&ands, len);
    let mut even: Vec<Pl> = r[..groups].to_vec();
    let mut gp = vec![Pl::Zero];
    gp.extend_from_slice(&r[groups..]);
    first_generate(s, &mut even, p, carry, len);
    let odd: Vec<(Pl, Pl)> = (0..groups).map(|i| pairs[2 * i + 1]).collect();
    let mut gg = majority(s, &odd, &even, len);
    prefix(s, &mut gg, &mut gp, len);
    // Carries out of even positions from the carry out of the group before.
    let above: Vec<(Pl, Pl)> = (1..m.div_ceil(2)).map(|i| pairs[2 * i]).collect();
    let before: Vec<Pl> = (1..m.div_ceil(2)).map(|i| gg[i - 1]).collect();
    let inner = majority(s, &above, &before, len);
    (0..m)
        .map(|i| match (i, i % 2) {
            (0, _) => even[0],
            (_, 1) => gg[i / 2],
            _ => inner[i / 2 - 1],
        })
        .collect()
}

/// Majority of two bits and a carry: `((x ^ c) & (y ^ c)) ^ c`, one AND each.
pub fn majority(s: &mut Asm, xy: &[(Pl, Pl)], c: &[Pl], len: &Len) -> Vec<Pl> {
    let mut xors: Vec<(Pl, Pl)> = vec![];
    for ((x, y), c) in xy.iter().zip(c) {
        xors.push((*x, *c));
        xors.push((*y, *c));
    }
    let r = s.xor_many(&xors, len);
    let ands: Vec<(Pl, Pl)> = r.chunks(2).map(|q| (q[0], q[1])).collect();
    let r = s.and_many(&ands, len);
    let last: Vec<(Pl, Pl)> = r.into_iter().zip(c.iter().copied()).collect();
    s.xor_many(&last, len)
}

/// ANDs and levels of an adder of k bits: what `place` reckons with. Source: a test holds it equal to the network.
pub fn cost(k: u8, style: Style) -> (u32, u32) {
    let m = usize::from(k).saturating_sub(1);
    let log = |n: usize| if n <= 1 { 0 } else { usize::BITS - (n - 1).leading_zeros() };
    let net = |m: usize| -> u32 {
        (0..log(m))
            .map(|d| (0..m).filter(|i| i >> d & 1 == 1).map(|i| if i >> (d + 1) > 0 { 2 } else { 1 }).sum::<u32>())
            .sum()
    };
    if m == 0 {
        return (0, 0);
    }
    match style {
        Style::Groups(g) => return net::prefix_cost(m, usize::from(g)),
        Style::Ripple => return (m as u32, m as u32),
        Style::Fast | Style::Lean => {}
    }
    if style == Style::Lean && m / 2 >= 2 {
        let g = m / 2;
        // The last majority waits for the prefix before it.
        let before = if m % 2 == 1 { g } else { g - 1 };
        return ((3 * g - 1) as u32 + net(g) + m.div_ceil(2) as u32 - 1, (2 + log(g)).max(3 + log(before)));
    }
    (m as u32 + net(m), 1 + log(m))
}
