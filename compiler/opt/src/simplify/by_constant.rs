//! Division of secrets by a public constant: a product and a shift in twice the width.
//!
//! ```text
//! %4 = div %3, 10 : secret u32[N]      %5 = cast %3 : secret u64[N] ; %6 = mul %5, 3435973837
//!                                  →   %7 = shr %6, 35 ; %4 = cast %7 : secret u32[N]
//! ```
//! For a divisor d of k bits that is no power of two, let 2^p be the greatest power of two below d. Either
//! m = floor(2^(k+p) / d) + 1 gives floor(x / d) = floor(x m / 2^(k+p)) for all x of k bits, or m = floor(2^(k+p) / d) gives
//! floor((x + 1) m / 2^(k+p)); m has k bits, so that the product has 2k (Robison, ARITH 2005). Signed words take the first
//! form with one bit less, and add 1 to what a negative dividend gives, for the quotient is rounded toward zero. A remainder
//! is x - (x / d) d, whose quotient is the one that stands already, if it does. Words of more than 64 bits keep their divider.

use super::{Simplify, To};
use circuit::{Bin, Domain, Elem, Gate, Op, Un, WireId, WireTy};

/// Multiplier, whether the dividend counts one more, and shift, for dividends below 2^bits.
pub(super) fn reciprocal(divisor: u128, bits: u32) -> Option<(u128, bool, u32)> {
    if divisor < 3 || divisor.is_power_of_two() || bits > 64 || divisor >> bits != 0 {
        return None;
    }
    let p = 127 - divisor.leading_zeros();
    let power = 1u128.checked_shl(bits + p).filter(|_| bits + p < 128)?;
    let (m, rest) = (power / divisor, power % divisor);
    let (mut m, plus, mut shift) =
        if divisor - rest <= 1 << p { (m + 1, false, bits + p) } else { (m, true, bits + p) };
    if !plus {
        // A shorter product where the multiplier is even.
        let even = m.trailing_zeros().min(shift);
        m >>= even;
        shift -= even;
    }
    Some((m, plus, shift))
}

impl Simplify<'_> {
    /// A gate before the one that is being rewritten, itself simplified.
    fn before(&mut self, op: Op, args: Vec<WireId>, ty: WireTy, like: &Gate) -> WireId {
        self.c.wires.push(ty);
        let w = WireId(self.c.wires.len() as u32 - 1);
        self.alias.push(w);
        self.uses.push(1);
        self.def.push(super::NONE);
        self.gate(Gate { op, args, outs: vec![w], span: like.span });
        self.alias[w.0 as usize]
    }

    pub(super) fn divide_by_constant(&mut self, g: &Gate, w: WireId, bin: Bin) -> To {
        let (x, y) = (g.args[0], g.args[1]);
        let ty = self.c.ty(w).clone();
        let (Some(v), Domain::Secret) = (self.number(y), ty.domain) else { return To::Keep };
        let (e, k) = (ty.elem, ty.elem.bits());
        let negative = e.signed() && v >> (k - 1) & 1 == 1;
        let size = if negative { v.wrapping_neg() & e.mask() } else { v };
        // What the divider does well by itself: shifts.
        let shifts = size.is_power_of_two() && !(e.signed() && size >> (k - 1) & 1 == 1);
        let clear = |elem: Elem| WireTy { domain: Domain::Clear, elem, len: ty.len.clone() };
        let secret = |elem: Elem| WireTy { elem, ..ty.clone() };
        if bin == Bin::Rem && negative && size != v {
            // The sign of a remainder is the dividend's.
            let d = self.before(Op::Const(size), vec![], clear(e), g);
            return To::Op(Op::Bin(Bin::Rem), vec![x, d]);
        }
        if bin == Bin::Rem {
            if k > 64 || shifts || reciprocal(size, u32::from(k)).is_none() {
                return To::Keep;
            }
            let q = self.before(Op::Bin(Bin::Div), vec![x, y], ty.clone(), g);
            let back = self.before(Op::Bin(Bin::Mul), vec![q, y], ty.clone(), g);
            return To::Op(Op::Bin(Bin::Sub), vec![x, back]);
        }
        if negative && size != v && (shifts || reciprocal(size, u32::from(k)).is_some()) {
            let d = self.before(Op::Const(size), vec![], clear(e), g);
            let q = self.before(Op::Bin(Bin::Div), vec![x, d], ty.clone(), g);
            return To::Op(Op::Un(Un::Neg), vec![q]);
        }
        let bits = u32::from(k) - u32::from(e.signed());
        if k > 64 {
            return To::Keep;
        }
        let form = if e.signed() { signed(size, bits) } else { reciprocal(size, bits) };
        let Some((m, plus, shift)) = form else { return To::Keep };
        if !e.signed() && size >> (k - 1) == 1 {
            // The quotient is 0 or 1.
            let less = self.before(Op::Bin(Bin::Lt), vec![x, y], secret(Elem::Bool), g);
            let q = self.before(Op::Un(Un::Not), vec![less], secret(Elem::Bool), g);
            return To::Op(Op::Un(Un::Cast), vec![q]);
        }
        let wide = Elem::Int { signed: e.signed(), bits: 2 * k };
        let a = self.before(Op::Un(Un::Cast), vec![x], secret(wide), g);
        let f = self.before(Op::Const(m), vec![], clear(wide), g);
        let mut p = self.before(Op::Bin(Bin::Mul), vec![a, f], secret(wide), g);
        if plus {
            p = self.before(Op::Bin(Bin::Add), vec![p, f], secret(wide), g);
        }
        let by = self.before(Op::Const(u128::from(shift)), vec![], clear(wide), g);
        let q = self.before(Op::Bin(Bin::Shr), vec![p, by], secret(wide), g);
        if !e.signed() {
            return To::Op(Op::Un(Un::Cast), vec![q]);
        }
        let q = self.before(Op::Un(Un::Cast), vec![q], ty.clone(), g);
        let top = self.before(Op::Const(u128::from(k) - 1), vec![], clear(e), g);
        // All ones for a negative dividend.
        let sign = self.before(Op::Bin(Bin::Shr), vec![x, top], ty.clone(), g);
        To::Op(Op::Bin(Bin::Sub), vec![q, sign])
    }
}

/// As [`reciprocal`], for magnitudes up to 2^bits, that bound included: always the first form.
fn signed(divisor: u128, bits: u32) -> Option<(u128, bool, u32)> {
    if divisor < 3 || divisor.is_power_of_two() || bits > 63 {
        return None;
    }
    let p = 128 - divisor.leading_zeros();
    Some(((1u128 << (bits + p)) / divisor + 1, false, bits + p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_are_exact() {
        for bits in [2u32, 3, 5, 8, 11] {
            for d in (3..1u128 << bits).filter(|d| !d.is_power_of_two()) {
                let (m, plus, shift) = reciprocal(d, bits).unwrap();
                assert!(m < 1 << bits);
                assert!((0..1u128 << bits).all(|x| ((x + u128::from(plus)) * m) >> shift == x / d), "{bits} {d}");
            }
            for d in (3..1i128 << bits).filter(|d| d.count_ones() > 1) {
                let (m, _, shift) = signed(d as u128, bits).unwrap();
                assert!(m < 2 << bits);
                for x in -(1i128 << bits)..1 << bits {
                    assert_eq!(((x * m as i128) >> shift) + i128::from(x < 0), x / d, "{bits} {x} {d}");
                }
            }
        }
        // At 64 bits where rounding would go wrong first: multiples of the divisor and their neighbours at the top.
        let mut d = 3u128;
        while d < 1 << 64 {
            for d in [d, d + 2, (1 << 64) - d] {
                let Some((m, plus, shift)) = reciprocal(d, 64) else { continue };
                let top = (1u128 << 64) - 1;
                for x in [
                    top,
                    top / d * d,
                    top / d * d - 1,
                    d,
                    d - 1,
                    0,
                    (top / d / 2) * d,
                    ((top / d / 2) * d).saturating_sub(1),
                ] {
                    let product = (x + u128::from(plus)).checked_mul(m).unwrap();
                    assert_eq!(product >> shift, x / d, "{d} {x}");
                }
            }
            d = d * 5 / 3 + 1;
        }
        assert_eq!(reciprocal(10, 65), None);
        assert_eq!(reciprocal(16, 32), None);
    }
}
