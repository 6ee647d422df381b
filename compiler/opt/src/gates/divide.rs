//! Division of boolean words by restoring dividers.
//!
//! In turn i the partial remainder has i bits at most, so the subtraction is as wide as that, and one bit says whether the
//! divisor has bits beyond. The size variant ripples: a borrow chain and a selection of i ANDs each, k² + 3k - 3 in all with
//! the remainder. The others take prefix networks; the fast one makes two bits of the quotient a turn, from the differences
//! with one, two, and three times the divisor at once.
//!
//! A divisor of 0 is never subtracted with a borrow, so the quotient comes out as all ones and the remainder as the
//! dividend by themselves; the sign rules keep it so.

use super::adder::{self};
use super::{compare, net, shift};
use crate::asm::{Asm, Pl};
use circuit::Len;
use netlist::{Bit, Builder};

/// Which circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// Fewest ANDs: 4,285 at 64 bits with the remainder; some k²/2 levels.
    Size,
    /// A bit a turn by prefix networks.
    Lean,
    /// Two bits a turn.
    Fast,
}

/// All styles.
pub const STYLES: [Style; 3] = [Style::Size, Style::Lean, Style::Fast];

/// Quotient and remainder of unsigned words.
pub fn unsigned(s: &mut Asm, a: &[Pl], b: &[Pl], style: Style, len: &Len) -> (Vec<Pl>, Vec<Pl>) {
    let mut out = net::build(s, &[a, b], len, |n, w| {
        let (q, r) = divide_bits(n, &w[0], &w[1], style);
        vec![q, r]
    });
    let r = out.pop().unwrap_or_default();
    (out.pop().unwrap_or_default(), r)
}

/// ANDs and levels of [`unsigned`].
pub fn cost(k: usize, style: Style) -> (u32, u32) {
    let (mut n, ins) = Builder::new(2 * k);
    let (mut q, r) = divide_bits(&mut n, &ins[..k], &ins[k..], style);
    q.extend(r);
    let net = n.finish(q);
    (net.ands() as u32, net.depth() as u32)
}

pub(crate) fn divide_bits(n: &mut Builder, a: &[Bit], d: &[Bit], style: Style) -> (Vec<Bit>, Vec<Bit>) {
    let k = a.len();
    // Whether the divisor, or a multiple of it, has a bit at position i or beyond.
    let beyond = |n: &mut Builder, m: &[Bit]| -> Vec<Bit> {
        let mut over = m.to_vec();
        over.push(Bit::ZERO);
        if style == Style::Size {
            for i in (0..m.len()).rev() {
                over[i] = n.or(over[i], over[i + 1]);
            }
        } else {
            // A prefix network from the top.
            let len = over.len();
            let mut step = 1;
            while step < len {
                let before = over.clone();
                for i in 0..len - step {
                    over[i] = n.or(before[i], before[i + step]);
                }
                step *= 2;
            }
        }
        over
    };
    let mut quotient = vec![Bit::ZERO; k];
    let mut rem: Vec<Bit> = vec![];
    if style != Style::Fast {
        let over = beyond(n, d);
        for i in 1..=k {
            rem.insert(0, a[k - i]);
            let nd: Vec<Bit> = d[..i].iter().map(|x| !*x).collect();
            let c = if style == Style::Size {
                net::ripple(n, &rem, &nd, Bit::ONE)
            } else {
                net::prefix(n, &rem, &nd, Bit::ONE, 2)
            };
            let q = n.and(c[i - 1], !over[i]);
            let diff = net::sums(n, &rem, &nd, Bit::ONE, &c);
            rem = rem.iter().zip(&diff).map(|(r, d)| n.mux(q, *d, *r)).collect();
            quotient[k - i] = q;
        }
        return (quotient, rem);
    }
    // d, 2d, 3d of k + 2 bits.
    let mut one = d.to_vec();
    one.extend([Bit::ZERO; 2]);
    let mut two = vec![Bit::ZERO];
    two.extend_from_slice(&one[..k + 1]);
    let c = net::prefix(n, &one, &two, Bit::ZERO, 1);
    let three = net::sums(n, &one, &two, Bit::ZERO, &c);
    let multiples: Vec<(Vec<Bit>, Vec<Bit>)> = [one, two, three]
        .into_iter()
        .map(|m| {
            let over = beyond(n, &m);
            (m, over)
        })
        .collect();
    let mut i = 0;
    while i < k {
        let bits = if (k - i) % 2 == 1 { 1 } else { 2 };
        i += bits;
        let mut now = a[k - i..k - i + bits].to_vec();
        now.extend(&rem);
        // The differences, each with whether it is no borrow: the bit beyond is the top position of the subtraction.
        let m = if bits == 1 { 1 } else { 3 };
        let subs: Vec<(Vec<Bit>, Bit)> = multiples[..m]
            .iter()
            .map(|(m, over)| {
                let mut x = now.clone();
                x.push(Bit::ZERO);
                let mut y: Vec<Bit> = m[..i].iter().map(|x| !*x).collect();
                y.push(!over[i]);
                let c = net::prefix(n, &x, &y, Bit::ONE, 1);
                let diff = net::sums(n, &now, &y[..i], Bit::ONE, &c);
                (diff, c[i])
            })
            .collect();
        // What fits thrice fits twice: which multiple is the greatest that fits needs no product.
        let mut next = now.clone();
        let mut low = Bit::ZERO;
        for (j, (diff, fits)) in subs.iter().enumerate() {
            let greater = subs.get(j + 1).map_or(Bit::ZERO, |s| s.1);
            let this = n.xor(*fits, greater);
            for (x, (r, d)) in next.iter_mut().zip(now.iter().zip(diff)) {
                let change = n.xor(*r, *d);
                let change = n.and(this, change);
                *x = n.xor(*x, change);
            }
            low = n.xor(low, *fits);
        }
        quotient[k - i] = low;
        if bits == 2 {
            quotient[k - i + 1] = subs[1].1;
        }
        rem = next;
    }
    (quotient, rem)
}

/// `sign ? -x : x`.
fn negate_if(s: &mut Asm, sign: Pl, x: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    let pairs: Vec<(Pl, Pl)> = x.iter().map(|p| (*p, sign)).collect();
    let flipped = s.xor_many(&pairs, len);
    let mut one = vec![Pl::Zero; x.len()];
    if let Some(p) = one.first_mut() {
        *p = sign;
    }
    adder::add(s, &flipped, &one, false, adder_of(style), len)
}

/// The adder that goes with a divider.
fn adder_of(style: Style) -> adder::Style {
    match style {
        Style::Size => adder::Style::Ripple,
        Style::Lean => adder::Style::Lean,
        Style::Fast => adder::Style::Fast,
    }
}

/// Quotient and remainder, with the language's rules: x / 0 is all ones, x % 0 is x, MIN / -1 is MIN.
pub fn divide(s: &mut Asm, a: &[Pl], b: &[Pl], signed: bool, style: Style, len: &Len) -> (Vec<Pl>, Vec<Pl>) {
    let k = a.len();
    if let Some(n) = power_of_two(b, signed) {
        return by_power(s, a, n, signed, style, len);
    }
    if !signed {
        return unsigned(s, a, b, style, len);
    }
    let (sa, sb) = (a[k - 1], b[k - 1]);
    let ua = negate_if(s, sa, a, style, len);
    let ub = negate_if(s, sb, b, style, len);
    let (q, r) = unsigned(s, &ua, &ub, style, len);
    let r = negate_if(s, sa, &r, style, len);
    let zero = vec![Pl::Zero; k];
    let by_zero = compare::eq(s, b, &zero, len);
    let some = s.not1(by_zero, len);
    let differ = s.xor1(sa, sb, len);
    let flip = s.and1(some, differ, len);
    (negate_if(s, flip, &q, style, len), r)
}

/// The exponent of a constant divisor that is a positive power of two.
fn power_of_two(b: &[Pl], signed: bool) -> Option<usize> {
    if b.iter().any(|p| !p.is_const()) {
        return None;
    }
    let ones: Vec<usize> = (0..b.len()).filter(|&i| b[i] == Pl::One).collect();
    match ones[..] {
        [n] if !(signed && n + 1 == b.len()) => Some(n),
        _ => None,
    }
}

fn by_power(s: &mut Asm, a: &[Pl], n: usize, signed: bool, style: Style, len: &Len) -> (Vec<Pl>, Vec<Pl>) {
    let k = a.len();
    if !signed {
        let low = (0..k).map(|i| if i < n { a[i] } else { Pl::Zero }).collect();
        return (shift::by(a, n as u128, shift::Shift::Right), low);
    }
    // Toward zero: a negative dividend is rounded up by adding 2^n - 1 first.
    let bias: Vec<Pl> = (0..k).map(|i| if i < n { a[k - 1] } else { Pl::Zero }).collect();
    let t = adder::add(s, a, &bias, false, adder_of(style), len);
    let back: Vec<Pl> = (0..k).map(|i| if i < n { Pl::Zero } else { t[i] }).collect();
    let r = adder::sub(s, a, &back, adder_of(style), len);
    (shift::by(&t, n as u128, shift::Shift::SignedRight), r)
}
