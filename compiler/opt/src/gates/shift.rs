//! Shifts of boolean words by public amounts. Local: planes move; a clear amount per lane goes through a barrel of clear masks.

use crate::asm::{Asm, Pl};
use circuit::{Bin, Domain, Elem, Len, Op, Un, WireId};

/// Direction and what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Towards the top, zeros in.
    Left,
    /// Towards the bottom, zeros in.
    Right,
    /// Towards the bottom, the sign in.
    SignedRight,
}

/// By a number; by the width or more gives the fill.
pub fn by(x: &[Pl], n: u128, dir: Shift) -> Vec<Pl> {
    let k = x.len();
    let n = n.min(k as u128) as usize;
    match dir {
        Shift::Left => (0..k).map(|i| if i >= n { x[i - n] } else { Pl::Zero }).collect(),
        Shift::Right | Shift::SignedRight => {
            let fill = match (dir, x.last()) {
                (Shift::SignedRight, Some(p)) => *p,
                _ => Pl::Zero,
            };
            (0..k).map(|i| if i + n < k { x[i + n] } else { fill }).collect()
        }
    }
}

/// By a clear integer per lane, of any type; negative amounts and amounts of the width or more give the fill.
pub fn by_clear(s: &mut Asm, x: &[Pl], amount: WireId, dir: Shift, len: &Len) -> Vec<Pl> {
    let e = s.ty(amount).elem;
    let k = x.len();
    if let Some(v) = s.const_of(amount) {
        // A negative pattern is a great unsigned number.
        return by(x, v, dir);
    }
    let unsigned = Elem::Int { signed: false, bits: e.bits() };
    let amt = if e == unsigned { amount } else { clear(s, Op::Un(Un::Cast), vec![amount], unsigned, len) };
    let mut w = x.to_vec();
    let steps = usize::BITS - (k.max(1) - 1).leading_zeros();
    for b in 0..steps.min(u32::from(e.bits())) {
        let k_b = s.constant(u128::from(b), unsigned, len.clone());
        let sh = clear(s, Op::Bin(Bin::Shr), vec![amt, k_b], unsigned, len);
        let bit = clear(s, Op::Un(Un::Cast), vec![sh], Elem::Bool, len);
        let moved = by(&w, 1 << b, dir);
        w = choose_clear(s, bit, &moved, &w, len);
    }
    if u32::from(e.bits()) >= usize::BITS - k.leading_zeros() {
        let limit = s.constant(k as u128, unsigned, len.clone());
        let inside = clear(s, Op::Bin(Bin::Lt), vec![amt, limit], Elem::Bool, len);
        let gone = by(x, k as u128, dir);
        w = choose_clear(s, inside, &w, &gone, len);
    }
    w
}

/// A clear gate.
pub fn clear(s: &mut Asm, op: Op, args: Vec<WireId>, elem: Elem, len: &Len) -> WireId {
    s.gate(op, args, Domain::Clear, elem, len.clone())
}

/// `c ? a : b` by a clear bool. Local.
pub fn choose_clear(s: &mut Asm, c: WireId, a: &[Pl], b: &[Pl], len: &Len) -> Vec<Pl> {
    let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
    let d = s.xor_many(&pairs, len);
    let m = s.mask(&d, c, len);
    let last: Vec<(Pl, Pl)> = m.into_iter().zip(b.iter().copied()).collect();
    s.xor_many(&last, len)
}
