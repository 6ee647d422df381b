//! What travels between a client and the nodes: bytes of its input and of its answer. Data of the protocol `rep3`.
//!
//! A client splits x = x_0 + x_1 + x_2 and gives node i the components x_i and x_(i+1). x_0 and x_1 are streams of two seeds,
//! so a node is sent a seed in place of each of them. Of an output, node i sends the component x_i and a digest of x_(i+1),
//! which the node after it sends in full.

use crate::{Form, Unit};

/// Bytes of a seed.
pub const SEED: u64 = 16;

/// Bytes of a digest.
pub const DIGEST: u64 = 32;

/// Bytes of a value of so many lanes in a form; `None` when they leave 64 bits.
pub fn value_bytes(form: Form, lanes: u64) -> Option<u64> {
    match form {
        Form::Ring(_) => Unit::Word.bytes(form, lanes),
        Form::Planes(_) => Unit::Plane.bytes(form, lanes),
    }
}

/// Bytes of one client's input to each of the three nodes, from the bytes of all values that it shares.
pub fn client_input(values: u64) -> [u64; 3] {
    if values == 0 { [0; 3] } else { [2 * SEED, SEED + values, SEED + values] }
}

/// Bytes of the answer of each node to one client: of the values opened to it, and of the public results.
pub fn client_answer(values: u64, public: u64) -> u64 {
    public + if values == 0 { 0 } else { values + DIGEST }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_by_hand() {
        assert_eq!(value_bytes(Form::Ring(32), 5), Some(20));
        assert_eq!(value_bytes(Form::Planes(7), 9), Some(14));
        assert_eq!(client_input(0), [0, 0, 0]);
        assert_eq!(client_input(20), [32, 36, 36]);
        assert_eq!(client_answer(0, 8), 8);
        assert_eq!(client_answer(4, 8), 44);
    }
}
