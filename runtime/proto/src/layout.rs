//! Where the bytes of a message lie in memory: rows of equal length at equal distance.
//!
//! A vector of words is one row; `p` planes of n lanes are p rows of ceil(n / 8) bytes, a whole number of 64-bit words
//! apart. Knows nothing of what the bytes mean.

/// Rows of bytes in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// First byte of the first row.
    pub offset: usize,
    /// Rows.
    pub rows: usize,
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Bytes of a row that travel.
    pub wire: usize,
    /// Bits of the last byte of a row that may be set.
    pub last: u8,
}

/// Bits that must be zero are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCanonical;

impl Layout {
    /// Words of `size` bytes: lanes `lo..hi`.
    pub fn words(size: usize, lo: usize, hi: usize) -> Layout {
        Layout { offset: lo * size, rows: 1, stride: 0, wire: (hi - lo) * size, last: 0xFF }
    }

    /// Lanes `lo..hi` (`lo` a multiple of 64) of `planes` planes of `lanes` lanes.
    pub fn planes(planes: usize, lanes: usize, lo: usize, hi: usize) -> Layout {
        debug_assert!(lo.is_multiple_of(64));
        let n = hi - lo;
        let last = if n.is_multiple_of(8) { 0xFF } else { (1u8 << (n % 8)) - 1 };
        Layout { offset: lo / 8, rows: planes, stride: field::bits::words(lanes) * 8, wire: n.div_ceil(8), last }
    }

    /// Bytes of the message.
    pub fn len(&self) -> usize {
        self.rows * self.wire
    }

    /// Whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of the message lie in the first `done` bytes of the buffer.
    pub fn ready(&self, done: usize) -> usize {
        if self.rows <= 1 || self.stride == 0 {
            return done.saturating_sub(self.offset).min(self.len());
        }
        let row = done / self.stride;
        if row >= self.rows {
            return self.len();
        }
        row * self.wire + (done % self.stride).saturating_sub(self.offset).min(self.wire)
    }

    /// Calls `f` with the pieces of memory that hold message bytes `at..at + n`.
    fn pieces(&self, at: usize, n: usize, mut f: impl FnMut(std::ops::Range<usize>, bool)) {
        if n == 0 {
            return;
        }
        let (mut row, mut col, mut n) = (at / self.wire, at % self.wire, n);
        while n > 0 {
            let take = (self.wire - col).min(n);
            let from = self.offset + row * self.stride + col;
            f(from..from + take, col + take == self.wire);
            (row, col, n) = (row + 1, 0, n - take);
        }
    }

    /// Appends message bytes `at..at + n` to `out`.
    pub fn read(&self, memory: &[u8], at: usize, n: usize, out: &mut Vec<u8>) {
        self.pieces(at, n, |range, _| out.extend_from_slice(&memory[range]));
    }

    /// Puts `bytes` in place as message bytes from `at` on.
    pub fn write(&self, memory: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), NotCanonical> {
        let mut rest = bytes;
        let mut ok = true;
        self.pieces(at, bytes.len(), |range, ends| {
            let (now, later) = rest.split_at(range.len());
            rest = later;
            ok &= !ends || now[now.len() - 1] & !self.last == 0;
            memory[range].copy_from_slice(now);
        });
        if ok { Ok(()) } else { Err(NotCanonical) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_make_the_whole() {
        for (planes, lanes, lo, hi) in
            [(3, 200, 64, 200), (2, 65, 0, 65), (1, 7, 0, 7), (4, 128, 64, 128), (5, 130, 128, 130)]
        {
            let layout = Layout::planes(planes, lanes, lo, hi);
            let mem: Vec<u8> = (0..planes * layout.stride).map(|i| i as u8).collect();
            let mut whole = vec![];
            layout.read(&mem, 0, layout.len(), &mut whole);
            assert_eq!(whole.len(), planes * (hi - lo).div_ceil(8));
            for step in [1usize, 3, 8, 1000] {
                let (mut parts, mut at) = (vec![], 0);
                let mut back = vec![0; mem.len()];
                let wide = Layout { last: 0xFF, ..layout };
                while at < layout.len() {
                    let n = step.min(layout.len() - at);
                    layout.read(&mem, at, n, &mut parts);
                    wide.write(&mut back, at, &whole[at..at + n]).unwrap();
                    at += n;
                }
                assert_eq!(parts, whole);
                let mut again = vec![];
                layout.read(&back, 0, layout.len(), &mut again);
                assert_eq!(again, whole);
            }
        }
    }

    #[test]
    fn set_bits_past_the_end_are_refused() {
        let layout = Layout::planes(2, 9, 0, 9);
        let mut mem = vec![0; 16];
        assert_eq!(layout.write(&mut mem, 0, &[255, 1, 255, 1]), Ok(()));
        assert_eq!(layout.write(&mut mem, 0, &[255, 2, 255, 1]), Err(NotCanonical));
        assert_eq!(layout.write(&mut mem, 3, &[3]), Err(NotCanonical));
    }

    #[test]
    fn ready_counts_what_was_computed() {
        let words = Layout::words(4, 2, 5);
        assert_eq!([0, 8, 12, 20, 99].map(|d| words.ready(d)), [0, 0, 4, 12, 12]);
        let planes = Layout::planes(3, 70, 0, 70);
        assert_eq!([0, 8, 16, 24, 48].map(|d| planes.ready(d)), [0, 8, 9, 17, 27]);
    }
}
