//! Multiplication of boolean words, mod 2^k.
//!
//! The array adds one row of partial products after the other by ripple carries; carries of one row run beside those of the
//! next, so its depth is k - 1. The tree adds all rows at once by carry-save and ends in one adder. A constant factor gives a
//! row for each of its nonzero signed digits only, and no products for the rows.

use super::net;
use crate::asm::{Asm, Pl};
use circuit::Len;
use netlist::{Bit, Builder};

/// Which circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Fewest ANDs: k² - k + 1 at depth k - 1.
    Array,
    /// Least depth.
    Tree,
}

/// All styles.
pub const STYLES: [Style; 2] = [Style::Array, Style::Tree];

/// `a * b` mod 2^k of words of equal length k.
pub fn mul(s: &mut Asm, a: &[Pl], b: &[Pl], style: Style, len: &Len) -> Vec<Pl> {
    net::build(s, &[a, b], len, |n, w| vec![mul_bits(n, &w[0], &w[1], style)]).swap_remove(0)
}

/// `a * factor` mod 2^k.
pub fn mul_const(s: &mut Asm, a: &[Pl], factor: u128, len: &Len) -> Vec<Pl> {
    net::build(s, &[a], len, |n, w| vec![mul_const_bits(n, &w[0], factor)]).swap_remove(0)
}

/// ANDs and levels of [`mul`]: what `place` reckons with. A test holds them equal to the circuit.
pub fn cost(k: usize, style: Style) -> (u32, u32) {
    let (mut n, ins) = Builder::new(2 * k);
    let out = mul_bits(&mut n, &ins[..k], &ins[k..], style);
    let net = n.finish(out);
    (net.ands() as u32, net.depth() as u32)
}

/// As [`cost`], for a constant factor.
pub fn const_cost(k: usize, factor: u128) -> (u32, u32) {
    let (mut n, ins) = Builder::new(k);
    let out = mul_const_bits(&mut n, &ins, factor);
    let net = n.finish(out);
    (net.ands() as u32, net.depth() as u32)
}

pub(crate) fn mul_bits(n: &mut Builder, a: &[Bit], b: &[Bit], style: Style) -> Vec<Bit> {
    let k = a.len();
    if style == Style::Tree {
        let mut columns = vec![vec![]; k];
        for i in 0..k {
            for j in 0..k - i {
                columns[i + j].push(n.and(a[i], b[j]));
            }
        }
        return net::add_columns(n, columns, 2);
    }
    let mut acc: Vec<Bit> = b.iter().map(|y| n.and(a[0], *y)).collect();
    for i in 1..k {
        let row: Vec<Bit> = b[..k - i].iter().map(|y| n.and(a[i], *y)).collect();
        // The top position needs no carry.
        let mut carries = net::ripple(n, &acc[i..k - 1], &row[..k - i - 1], Bit::ZERO);
        carries.push(Bit::ZERO);
        let sum = net::sums(n, &acc[i..], &row, Bit::ZERO, &carries);
        acc[i..].copy_from_slice(&sum);
    }
    acc
}

/// The signed digits of a number mod 2^k, no two neighbours nonzero: positions, and whether to subtract.
pub fn signed_digits(factor: u128, k: usize) -> Vec<(usize, bool)> {
    let mut out = vec![];
    // Two bits more than the word, for a carry that leaves it.
    let (mut v, mut i) = (factor, 0);
    while v != 0 && i < k {
        if v & 1 == 1 {
            let minus = v & 2 != 0;
            out.push((i, minus));
            // Subtracting a digit of -1 carries; beyond 128 bits nothing is of interest.
            v = if minus { v.wrapping_add(1) } else { v - 1 };
        }
        v >>= 1;
        i += 1;
    }
    out
}

fn mul_const_bits(n: &mut Builder, a: &[Bit], factor: u128) -> Vec<Bit> {
    let k = a.len();
    let mut columns = vec![vec![]; k];
    // -x = !x + 1, and the ones below a shifted complement add up with that 1 to one constant.
    let mut constant = 0u128;
    for (at, minus) in signed_digits(factor, k) {
        for (j, x) in a[..k - at].iter().enumerate() {
            columns[at + j].push(if minus { !*x } else { *x });
        }
        if minus {
            constant = constant.wrapping_add(1 << at);
        }
    }
    for (i, c) in columns.iter_mut().enumerate() {
        if constant >> i & 1 == 1 {
            c.push(Bit::ONE);
        }
    }
    net::add_columns(n, columns, 2)
}
