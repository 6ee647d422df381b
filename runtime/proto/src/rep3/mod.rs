//! `rep3`: replicated secret sharing among three nodes, one of which may be curious.
//!
//! After T. Araki, J. Furukawa, Y. Lindell, A. Nof, K. Ohara, "High-Throughput Semi-Honest Secure Three-Party Computation
//! with an Honest Majority", CCS 2016; the forms of dealing follow P. Mohassel, P. Rindal, "ABY3", CCS 2018.
//!
//! **Convention.** x = x_0 + x_1 + x_2 (mod 2^k, or xor for planes of bits). Node i holds x_i (component `a`) and x_(i+1)
//! (component `b`), indices mod 3. Keys: node i holds k_i and k_(i+1). All messages go from node i to node i - 1: what a
//! node computes lies in its `a`, what it receives becomes its `b`.
//!
//! | primitive | local part | message of node i |
//! | --- | --- | --- |
//! | product | z_i = x_i (y_i + y_(i+1)) + x_(i+1) y_i + F(k_i) - F(k_(i+1)) | z_i |
//! | value v dealt by d | x_(d+1) = F(k_(d+1)), x_d = v - x_(d+1), x_(d+2) = 0 | node d alone: x_d |
//! | opening | | x_(i+1) mod 2^bits: node i - 1 adds x_(i-1) and x_i |
//!
//! **What it protects.** One curious node that follows the protocol learns nothing but sizes and openings: products carry
//! fresh masks that sum to zero, the node that receives a dealt part does not hold its key.
//! **What it does not.** Two nodes that pool what they hold, or one node that sends wrong messages: results may then be
//! wrong, and wrong openings may tell secrets. Number and sizes of messages are public.

mod deal;
mod product;

pub use deal::{a2b_deal, a2b_known, b2a_deal, b2a_known, deal, deal_bits, random, trunc_deal, trunc_known};
pub use product::{and, dot, mask, mul};

/// Nodes.
pub const NODES: usize = 3;

/// The two components of a sharing, `[a, b]`.
pub type Pair<'a, T> = [&'a [T]; 2];

/// The node after.
pub const fn next(i: usize) -> usize {
    (i + 1) % 3
}

/// The node before.
pub const fn previous(i: usize) -> usize {
    (i + 2) % 3
}

/// Which component of node `me` is x_slot, if it holds it: 0 is `a`, 1 is `b`.
pub const fn component(me: usize, slot: usize) -> Option<usize> {
    match (slot + 3 - me) % 3 {
        0 => Some(0),
        1 => Some(1),
        _ => None,
    }
}

/// Where a public value is added: x_0.
pub const PUBLIC_SLOT: usize = 0;

/// Boundaries of the three parts of lanes that nodes 0, 1, 2 deal: floor(lanes r / 3), rounded down to whole words of
/// planes.
pub fn thirds(lanes: usize) -> [usize; 4] {
    let t = |r: usize| ((lanes as u128 * r as u128 / 3) as usize) & !63;
    [0, t(1), t(2), lanes]
}

/// Masks are expanded in pieces of 4 KiB per key, which stay in the first-level cache.
const PIECE: usize = 4096;

/// A piece of masks, aligned for every ring.
struct Piece([u128; PIECE / 16]);

impl Piece {
    fn new() -> Piece {
        Piece([0; PIECE / 16])
    }
    /// The next `n` words of a stream under a key.
    fn fill<T: field::Ring>(&mut self, key: &field::Key, at: (u128, u64), n: usize) -> &[T] {
        use zerocopy::{FromBytes, IntoBytes};
        let bytes = &mut self.0.as_mut_bytes()[..n * T::BYTES];
        key.fill(at.0, at.1, bytes);
        // The memory is aligned for u128 and its length is a whole number of words, so the view exists.
        <[T]>::ref_from_bytes(bytes).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests;
