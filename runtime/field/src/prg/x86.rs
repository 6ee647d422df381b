//! Counter mode with AES on two blocks per instruction (VAES on 256-bit registers). Knows nothing of streams.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use zeroize::Zeroize;

/// Round keys of AES-128. Exists only where `aes`, `vaes`, and `avx2` were detected.
pub struct Wide([[u8; 16]; 11]);

impl Drop for Wide {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Wide {
    /// `None` where the machine lacks the instructions.
    pub fn new(key: &[u8; 16]) -> Option<Wide> {
        let have =
            is_x86_feature_detected!("aes") && is_x86_feature_detected!("vaes") && is_x86_feature_detected!("avx2");
        // SAFETY: `aes` (and SSE2, which every x86-64 has) was just detected.
        have.then(|| Wide(unsafe { expand(key) }))
    }

    /// Fills `out` with the encryptions of counter, counter + 1, ….
    pub fn fill(&self, counter: u128, out: &mut [u8]) {
        // SAFETY: a `Wide` is only made where the features of `ctr` were detected.
        unsafe { ctr(&self.0, counter, out) }
    }
}

#[target_feature(enable = "aes,sse2")]
fn expand(key: &[u8; 16]) -> [[u8; 16]; 11] {
    // SAFETY: both types are 16 plain bytes, any pattern of which is valid.
    let mut k: __m128i = unsafe { std::mem::transmute(*key) };
    let mut keys = [[0; 16]; 11];
    macro_rules! round {
        ($i:expr, $rcon:expr) => {{
            let t = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$rcon>(k));
            k = _mm_xor_si128(k, _mm_slli_si128::<4>(k));
            k = _mm_xor_si128(k, _mm_slli_si128::<8>(k));
            k = _mm_xor_si128(k, t);
            // SAFETY: as above.
            keys[$i] = unsafe { std::mem::transmute::<__m128i, [u8; 16]>(k) };
        }};
    }
    keys[0] = *key;
    round!(1, 0x01);
    round!(2, 0x02);
    round!(3, 0x04);
    round!(4, 0x08);
    round!(5, 0x10);
    round!(6, 0x20);
    round!(7, 0x40);
    round!(8, 0x80);
    round!(9, 0x1b);
    round!(10, 0x36);
    keys
}

#[target_feature(enable = "aes,vaes,avx2")]
fn ctr(keys: &[[u8; 16]; 11], counter: u128, out: &mut [u8]) {
    // Eight registers of two blocks each hide the latency of the round instruction.
    const WIDE: usize = 8;
    // SAFETY: each key is 16 readable bytes; the load needs no alignment.
    let k: [__m256i; 11] =
        std::array::from_fn(|i| unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(keys[i].as_ptr().cast())) });
    let (lo, hi) = (counter as u64 as i64, (counter >> 64) as i64);
    // The caller checked that the low half does not overflow, so no carry leaves it.
    let mut c = _mm256_set_epi64x(hi, lo.wrapping_add(1), hi, lo);
    let two = _mm256_set_epi64x(0, 2, 0, 2);
    let mut encrypt = || {
        let mut s = [c; WIDE];
        for s in &mut s {
            *s = _mm256_xor_si256(c, k[0]);
            c = _mm256_add_epi64(c, two);
        }
        for k in &k[1..10] {
            for s in &mut s {
                *s = _mm256_aesenc_epi128(*s, *k);
            }
        }
        for s in &mut s {
            *s = _mm256_aesenclast_epi128(*s, k[10]);
        }
        s
    };
    let mut chunks = out.chunks_exact_mut(32 * WIDE);
    for chunk in &mut chunks {
        for (s, dst) in encrypt().iter().zip(chunk.chunks_exact_mut(32)) {
            // SAFETY: `dst` is 32 writable bytes; the store needs no alignment.
            unsafe { _mm256_storeu_si256(dst.as_mut_ptr().cast(), *s) };
        }
    }
    let rest = chunks.into_remainder();
    if !rest.is_empty() {
        // SAFETY: both types are 32 * WIDE plain bytes.
        let mut bytes: [u8; 32 * WIDE] = unsafe { std::mem::transmute(encrypt()) };
        rest.copy_from_slice(&bytes[..rest.len()]);
        bytes.zeroize();
    }
}
