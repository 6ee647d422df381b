//! Large buffers. Knows nothing of what they hold.

use crate::ring::Ring;

/// From this size on, a buffer asks for huge pages.
const LARGE: usize = 4 << 20;

/// `n` zeros. Large buffers ask for huge pages: first touch of small ones costs more than a product of shares does.
pub fn zeroed<T: Ring>(n: usize) -> Vec<T> {
    let mut v = vec![T::default(); n];
    if n * T::BYTES >= LARGE {
        advise(T::bytes_mut(&mut v));
    }
    v
}

/// An empty vector with room for `n`, of memory as [`zeroed`] has.
pub fn buffer<T: Ring>(n: usize) -> Vec<T> {
    let mut v = zeroed(n);
    v.clear();
    v
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise(memory: &mut [u8]) {
    const PAGE: usize = 4096;
    let start = memory.as_ptr() as usize;
    let (lo, hi) = (start.next_multiple_of(PAGE), (start + memory.len()) / PAGE * PAGE);
    if lo < hi {
        // SAFETY: the range lies in `memory`, which is ours, and the advice changes no contents. Its failure is no harm.
        unsafe { libc::madvise(memory.as_mut_ptr().add(lo - start).cast(), hi - lo, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: &mut [u8]) {}

#[cfg(test)]
mod tests {
    #[test]
    fn all_sizes_are_zero() {
        for n in [0usize, 1, 1000, (4 << 20) + 3] {
            let v: Vec<u16> = super::zeroed(n);
            assert!(v.len() == n && v.iter().all(|x| *x == 0));
        }
    }
}
