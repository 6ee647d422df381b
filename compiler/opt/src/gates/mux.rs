//! Selection of boolean words by a secret bit: `b ^ (c & (a ^ b))`, one AND per plane that differs.

use crate::asm::{Asm, Pl};
use circuit::Len;

/// `c ? a : b`.
pub fn mux(s: &mut Asm, c: Pl, a: &[Pl], b: &[Pl], len: &Len) -> Vec<Pl> {
    let pairs: Vec<(Pl, Pl)> = a.iter().copied().zip(b.iter().copied()).collect();
    let d = s.xor_many(&pairs, len);
    let ands: Vec<(Pl, Pl)> = d.into_iter().map(|d| (c, d)).collect();
    let m = s.and_many(&ands, len);
    let last: Vec<(Pl, Pl)> = m.into_iter().zip(b.iter().copied()).collect();
    s.xor_many(&last, len)
}
