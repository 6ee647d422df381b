//! Kernels on slices: rings Z_2^k, packed bits, transposition between the two, matrices, and the addressed generator.
//!
//! The only crate with `unsafe` and SIMD, each use behind run-time detection with a portable twin. Knows nothing of shares,
//! sessions, or circuits.

#[cfg(target_endian = "big")]
compile_error!("words travel as they lie in memory, which is little-endian");

pub mod bits;
pub mod matrix;
mod memory;
pub mod prg;
pub mod ring;
mod simd;
pub mod transpose;

pub use memory::{buffer, zeroed};
pub use prg::Key;
pub use ring::Ring;
