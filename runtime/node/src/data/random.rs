//! Inputs from a seed: uniform in type and range, one independent stream per party, parameter, and leaf.
//!
//! For trying a program at any size, on this machine only. Knows no files.

use circuit::{Column, Elem};

use super::scalar::{bounds, mask, order};
use super::shape::{Leaf, Node, Plan, leaf_name, length};
use crate::Sizes;

/// `lanes` values for a leaf. The same seed, owner, and name give the same values everywhere.
pub(crate) fn column(
    seed: u64,
    owner: &str,
    name: &str,
    elem: Elem,
    range: Option<(u128, u128)>,
    lanes: usize,
) -> Column {
    let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 random inputs");
    hash.update(&seed.to_le_bytes());
    for part in [owner, name] {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut source = Source { reader: hash.finalize_xof(), block: [0; 4096], at: 4096 };
    let (low, high) = match (range, elem) {
        (Some(range), _) => range,
        (None, Elem::Bool) => (0, 1),
        (None, Elem::Int { signed, bits }) => bounds(signed, bits),
    };
    // Values are drawn in the order of values and moved back to patterns.
    let (low, high) = (order(elem, low), order(elem, high));
    let span = high.saturating_sub(low);
    let draw_bits = (128 - span.leading_zeros()) as u8;
    let bytes = usize::from(draw_bits).div_ceil(8);
    let mut out = Column::with_capacity(elem, lanes);
    for _ in 0..lanes {
        let value = loop {
            let v = source.take(bytes) & mask(draw_bits);
            if v <= span {
                break v;
            }
        };
        out.push(order(elem, low + value));
    }
    out
}

/// Strings that inputs are filled with: so few that some coincide.
const WORDS: u128 = 1000;

/// Adds the strings that inputs are filled with.
pub(crate) fn words(table: &mut strings::Table) {
    (0..WORDS).for_each(|k| {
        table.add(&word(k));
    });
}

fn word(k: u128) -> String {
    format!("key{k}")
}

/// As [`column`], of a leaf, which may be of strings.
pub(crate) fn leaf(seed: u64, owner: &str, name: &str, leaf: &Leaf, lanes: usize) -> Column {
    if !leaf.text {
        return column(seed, owner, name, leaf.elem, leaf.range, lanes);
    }
    let drawn = column(seed, owner, name, Elem::u(64), Some((0, WORDS - 1)), lanes);
    let mut out = Column::with_capacity(leaf.elem, lanes);
    (0..lanes).for_each(|l| out.push(strings::number(&word(drawn.get(l)))));
    out
}

/// The columns of a parameter. Variants are equally likely, and what the others carry is zero.
///
/// # Errors
/// A length that is not known.
pub(crate) fn columns(seed: u64, owner: &str, param: &str, plan: &Plan, sizes: &Sizes) -> Option<Vec<Column>> {
    let mut lanes = vec![0; plan.leaves.len()];
    plan.node.each_leaf(&|len| length(len, sizes), 1, &mut |leaf, n| lanes[leaf] += n)?;
    let mut out = Vec::with_capacity(lanes.len());
    for (l, n) in plan.leaves.iter().zip(lanes) {
        let name = leaf_name(param, &l.path);
        out.push(leaf(seed, owner, &name, l, usize::try_from(n).ok()?));
    }
    variants(seed, owner, param, &plan.node, 1, sizes, &mut out)?;
    Some(out)
}

/// Draws the variants of the enums in `times` values.
fn variants(
    seed: u64,
    owner: &str,
    param: &str,
    node: &Node,
    times: u64,
    sizes: &Sizes,
    out: &mut [Column],
) -> Option<()> {
    match node {
        Node::Scalar(_) => {}
        Node::Array(elem, len) => {
            variants(seed, owner, param, elem, times.checked_mul(length(len, sizes)?)?, sizes, out)?;
        }
        Node::Tuple(parts) => {
            parts.iter().try_for_each(|p| variants(seed, owner, param, p, times, sizes, out))?;
        }
        Node::Struct(fields) => {
            fields.iter().try_for_each(|f| variants(seed, owner, param, &f.1, times, sizes, out))?;
        }
        Node::Enum { tags, variants: own } => {
            for (_, carried) in own {
                if let Some(node) = carried {
                    variants(seed, owner, param, node, times, sizes, out)?;
                }
            }
            let last = own.len().saturating_sub(1) as u128;
            let name = format!("{param}: variant {tags}");
            let drawn =
                column(seed, owner, &name, Elem::Int { signed: false, bits: 64 }, Some((0, last)), times as usize);
            for (k, (_, carried)) in own.iter().enumerate() {
                if k > 0 {
                    let tag = &mut out[tags + k - 1];
                    (0..drawn.len()).for_each(|l| tag.set(l, u128::from(drawn.get(l) == k as u128)));
                }
                let Some(node) = carried else { continue };
                node.each_leaf(&|len| length(len, sizes), 1, &mut |leaf, each| {
                    let each = each as usize;
                    for l in (0..drawn.len()).filter(|l| drawn.get(*l) != k as u128) {
                        (l * each..(l + 1) * each).for_each(|at| out[leaf].set(at, 0));
                    }
                })?;
            }
        }
    }
    Some(())
}

struct Source {
    reader: blake3::OutputReader,
    block: [u8; 4096],
    at: usize,
}

impl Source {
    fn take(&mut self, bytes: usize) -> u128 {
        if self.at + bytes > self.block.len() {
            self.reader.fill(&mut self.block);
            self.at = 0;
        }
        let mut word = [0; 16];
        word[..bytes].copy_from_slice(&self.block[self.at..self.at + bytes]);
        self.at += bytes;
        u128::from_le_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_range_and_reach_both_ends() {
        let elem = Elem::Int { signed: true, bits: 8 };
        let c = column(1, "A", "x", elem, Some((0xfd, 2)), 1000);
        let mut seen: Vec<i8> = (0..1000).map(|i| c.get(i) as u8 as i8).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [-3, -2, -1, 0, 1, 2]);
        let one = column(1, "A", "x", elem, Some((7, 7)), 3);
        assert_eq!(one.get(2), 7);
        let bits = column(1, "A", "b", Elem::Bool, None, 100);
        assert!((1..100).contains(&(0..100).map(|i| bits.get(i)).sum::<u128>()));
    }

    #[test]
    fn streams_are_apart_and_repeat() {
        let elem = Elem::Int { signed: false, bits: 128 };
        let c = |s, o, n| column(s, o, n, elem, None, 3);
        assert!(c(1, "A", "x") == c(1, "A", "x"));
        for other in [c(2, "A", "x"), c(1, "B", "x"), c(1, "A", "y"), c(1, "Ax", "")] {
            assert!(c(1, "A", "x") != other);
        }
    }
}
