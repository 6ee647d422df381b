//! The addressed pseudo-random generator: AES-128 in counter mode (NIST SP 800-38A), counter = tweak + block number.
//!
//! A stream is named by a 128-bit tweak, a place in it by its number of blocks of 16 bytes. Who may draw what, and that
//! nothing is drawn twice, is the caller's business. Keys are erased on drop and do not print.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

#[cfg(target_arch = "x86_64")]
mod x86;

/// Bytes of a block.
pub const BLOCK: usize = 16;

/// An expanded key.
pub struct Key(Imp);

enum Imp {
    #[cfg(target_arch = "x86_64")]
    Wide(x86::Wide),
    Portable(Box<Aes128>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Expands a key; picks the fastest form that this machine has.
    pub fn new(bytes: &[u8; 16]) -> Key {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = x86::Wide::new(bytes) {
            return Key(Imp::Wide(wide));
        }
        Key::portable(bytes)
    }

    /// The portable form, to compare with.
    pub fn portable(bytes: &[u8; 16]) -> Key {
        Key(Imp::Portable(Box::new(Aes128::new(&(*bytes).into()))))
    }

    /// Fills `out` with the bytes of stream `tweak` from block `block` on. The low 64 bits of `tweak` plus the block
    /// number must not overflow (checked).
    pub fn fill(&self, tweak: u128, block: u64, out: &mut [u8]) {
        let end = (tweak as u64).checked_add(block).and_then(|c| c.checked_add(out.len().div_ceil(BLOCK) as u64));
        assert!(end.is_some(), "the counter of a stream overflows");
        let counter = tweak + block as u128;
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Imp::Wide(k) => k.fill(counter, out),
            Imp::Portable(k) => portable(k, counter, out),
        }
    }
}

fn portable(key: &Aes128, mut counter: u128, out: &mut [u8]) {
    let mut blocks = [aes::Block::default(); 8];
    for chunk in out.chunks_mut(8 * BLOCK) {
        for b in &mut blocks {
            *b = counter.to_le_bytes().into();
            counter = counter.wrapping_add(1);
        }
        key.encrypt_blocks(&mut blocks);
        for (c, b) in chunk.chunks_mut(BLOCK).zip(&blocks) {
            c.copy_from_slice(&b[..c.len()]);
        }
    }
    blocks.iter_mut().for_each(|b| b.as_mut_slice().zeroize());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        // FIPS 197, appendix B: the counter is the plaintext.
        let key = [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];
        let plain = [0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d, 0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34];
        let cipher = [0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb, 0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32];
        for k in [Key::new(&key), Key::portable(&key)] {
            let mut out = [0; 16];
            k.fill(u128::from_le_bytes(plain), 0, &mut out);
            assert_eq!(out, cipher);
        }
    }

    #[test]
    fn forms_agree_at_every_length_and_place() {
        let key = [7; 16];
        let (fast, slow) = (Key::new(&key), Key::portable(&key));
        let tweak = 0x0123_4567_89AB_CDEF_0000_0000_FFFF_FF00u128;
        let mut all = vec![0; 3000];
        slow.fill(tweak, 0, &mut all);
        for len in [0usize, 1, 15, 16, 17, 31, 32, 255, 256, 257, 511, 1000, 2040] {
            for block in [0u64, 1, 2, 3, 60] {
                let mut out = vec![0xAA; len];
                fast.fill(tweak, block, &mut out);
                assert_eq!(out, all[block as usize * 16..][..len], "{len} {block}");
            }
        }
        assert_eq!(format!("{fast:?}"), "Key(…)");
    }
}
