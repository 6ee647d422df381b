//! Division of boolean words: a restoring divider, one quotient bit per turn of a rolled loop.
//!
//! A divisor of 0 is never subtracted with a borrow, so the quotient comes out as all ones and the remainder as the
//! dividend by themselves; the sign rules keep it so.

use super::adder::{self, Style};
use super::{compare, mux, shift};
use crate::asm::{Asm, Pl};
use circuit::{Domain, Elem, Index, Len, LoopVar, Op};

/// Quotient and remainder of unsigned words. k turns, each a subtraction and a selection.
pub fn unsigned(s: &mut Asm, a: &[Pl], b: &[Pl], style: Style, len: &Len) -> (Vec<Pl>, Vec<Pl>) {
    let k = a.len();
    let elem = Elem::Int { signed: false, bits: k as u8 };
    let dom = Domain::Bits { planes: k as u8 };
    let num0 = s.stack(a, elem, len);
    let rem0 = s.stack(&vec![Pl::Zero; k], elem, len);
    let var = LoopVar(s.c.loop_vars);
    s.c.loop_vars += 1;
    let num = s.wire(dom, elem, len.clone());
    let rem = s.wire(dom, elem, len.clone());
    s.open();
    let n = s.planes_of(num);
    let r = s.planes_of(rem);
    // rem' = 2 rem + the dividend's next bit; the bit shifted out means that rem' is certainly greater than the divisor.
    let mut next = vec![n[k - 1]];
    next.extend_from_slice(&r[..k - 1]);
    let d = adder::sub_with_carry(s, &next, b, style, len);
    let not = s.not_many(&[r[k - 1], d[k]], len);
    let less = s.and1(not[0], not[1], len);
    let new_rem = mux::mux(s, less, &next, &d[..k], len);
    let q = s.not1(less, len);
    let mut new_num = vec![q];
    new_num.extend_from_slice(&n[..k - 1]);
    let new_num = s.stack(&new_num, elem, len);
    let new_rem = s.stack(&new_rem, elem, len);
    let body = s.close(vec![num, rem], vec![new_num, new_rem]);
    let q = s.wire(dom, elem, len.clone());
    let r = s.wire(dom, elem, len.clone());
    let op = Op::Loop { var, lo: Index::Const(0), hi: Index::Const(k as i64), step: 1, body };
    s.raw(op, vec![num0, rem0], vec![q, r]);
    (s.planes_of(q), s.planes_of(r))
}

/// `sign ? -x : x`.
fn negate_if(s: &mut Asm, sign: Pl, x: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    let pairs: Vec<(Pl, Pl)> = x.iter().map(|p| (*p, sign)).collect();
    let flipped = s.xor_many(&pairs, len);
    let mut one = vec![Pl::Zero; x.len()];
    if let Some(p) = one.first_mut() {
        *p = sign;
    }
    adder::add(s, &flipped, &one, false, style, len)
}

/// Quotient, or remainder, with the language's rules: x / 0 is all ones, x % 0 is x, MIN / -1 is MIN.
pub fn divide(s: &mut Asm, a: &[Pl], b: &[Pl], signed: bool, rem: bool, style: Style, len: &Len) -> Vec<Pl> {
    let k = a.len();
    if let Some(n) = power_of_two(b, signed) {
        return by_power(s, a, n, signed, rem, style, len);
    }
    if !signed {
        let (q, r) = unsigned(s, a, b, style, len);
        return if rem { r } else { q };
    }
    let (sa, sb) = (a[k - 1], b[k - 1]);
    let ua = negate_if(s, sa, a, style, len);
    let ub = negate_if(s, sb, b, style, len);
    let (q, r) = unsigned(s, &ua, &ub, style, len);
    if rem {
        return negate_if(s, sa, &r, style, len);
    }
    let zero = vec![Pl::Zero; k];
    let by_zero = compare::eq(s, b, &zero, len);
    let some = s.not1(by_zero, len);
    let differ = s.xor1(sa, sb, len);
    let flip = s.and1(some, differ, len);
    negate_if(s, flip, &q, style, len)
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

fn by_power(s: &mut Asm, a: &[Pl], n: usize, signed: bool, rem: bool, style: Style, len: &Len) -> Vec<Pl> {
    let k = a.len();
    if !signed {
        let low = (0..k).map(|i| if i < n { a[i] } else { Pl::Zero }).collect();
        return if rem { low } else { shift::by(a, n as u128, shift::Shift::Right) };
    }
    // Toward zero: a negative dividend is rounded up by adding 2^n - 1 first.
    let bias: Vec<Pl> = (0..k).map(|i| if i < n { a[k - 1] } else { Pl::Zero }).collect();
    let t = adder::add(s, a, &bias, false, style, len);
    if !rem {
        return shift::by(&t, n as u128, shift::Shift::SignedRight);
    }
    let back: Vec<Pl> = (0..k).map(|i| if i < n { Pl::Zero } else { t[i] }).collect();
    adder::sub(s, a, &back, style, len)
}
