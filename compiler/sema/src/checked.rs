//! What `checked` programs say when something failed, and how wide their sums are: evaluator and lowering agree on these.

/// What a run ends with where something failed in secret: no more than the one bit.
pub const FAILED: &str = "checked: an overflow, a division by zero, an index out of bounds, a failed assertion, or more turns \
                          than allowed";

/// What an operation on public numbers ends with.
pub const OVERFLOW: &str = "checked: an overflow or a division by zero";

/// Bits in which a sum of `n` numbers of so many bits has its place, if there are so many: then it is the sum that counts,
/// not the numbers on the way.
pub fn sum_bits(bits: u32, n: usize) -> Option<u32> {
    let more = usize::BITS - n.leading_zeros() + 1;
    Some(bits + more).filter(|b| *b <= 128)
}
