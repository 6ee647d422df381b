//! Moving lanes: gathers, scatters, and concatenations, on words and on planes. Knows no shares and no gates.
//!
//! Moves are validated once, when they are made; then copies need no checks of their own.

use circuit::index::{Run, for_each_run};
use circuit::{Column, Elem, Index, Space};
use field::{Ring, bits, transpose};

/// Which lane each lane of the other side is: runs of equal stride. All lanes are below the bound that they were made for.
pub(crate) struct Moves {
    runs: Vec<Run>,
    count: usize,
}

impl Moves {
    /// `index` over a space, every value below `bound`. Errors say what is wrong.
    pub fn of_index(space: &Space, index: &Index, vars: &[i64], lanes: usize, bound: usize) -> Result<Moves, String> {
        let mut runs = Vec::new();
        let mut bad = None;
        let mut count = 0u64;
        let env = circuit::index::IndexEnv { vars };
        for_each_run(space, index, &env, 0..lanes as u64, |run| {
            count += run.count;
            let last = i128::from(run.start) + i128::from(run.stride) * i128::from(run.count - 1);
            for end in [i128::from(run.start), last] {
                if (end < 0 || end >= bound as i128) && bad.is_none() {
                    bad = Some(end);
                }
            }
            runs.push(run);
        })
        .map_err(|e| e.to_string())?;
        match bad {
            Some(at) => Err(out_of_range(at, bound)),
            None => Ok(Moves { runs, count: count as usize }),
        }
    }

    /// Clear indices, every one below `bound`.
    pub fn of_column(c: &Column, elem: Elem, bound: usize) -> Result<Moves, String> {
        let mut runs: Vec<Run> = Vec::new();
        for l in 0..c.len() {
            let at = elem.extend(c.get(l));
            let wide = if elem.signed() { at as i128 } else { i128::try_from(at).unwrap_or(i128::MAX) };
            if wide < 0 || wide >= bound as i128 {
                return Err(out_of_range(wide, bound));
            }
            let at = wide as i64;
            match runs.last_mut() {
                Some(r) if r.count == 1 => (r.stride, r.count) = (at - r.start, 2),
                Some(r) if r.start + r.stride * r.count as i64 == at => r.count += 1,
                _ => runs.push(Run { start: at, stride: 0, count: 1 }),
            }
        }
        Ok(Moves { runs, count: c.len() })
    }

    /// Lanes that move.
    pub fn len(&self) -> usize {
        self.count
    }

    fn each(&self, mut f: impl FnMut(usize, usize)) {
        let mut k = 0;
        for r in &self.runs {
            let mut at = r.start;
            for _ in 0..r.count {
                f(k, at as usize);
                k += 1;
                at = at.wrapping_add(r.stride);
            }
        }
    }

    /// Whether copying run by run pays: strides 0 and 1, and runs not short.
    fn smooth(&self) -> bool {
        self.runs.iter().all(|r| r.count == 1 || r.stride == 0 || r.stride == 1) && self.count >= 16 * self.runs.len()
    }

    /// The lanes of `src` that the moves name.
    pub fn gather<T: Ring>(&self, src: &[T]) -> Vec<T> {
        let mut out = field::buffer(self.count);
        for r in &self.runs {
            let (start, n) = (r.start as usize, r.count as usize);
            match r.stride {
                1 => out.extend_from_slice(&src[start..start + n]),
                0 => out.resize(out.len() + n, src[start]),
                s => out.extend((0..n as i64).map(|k| src[(r.start + s * k) as usize])),
            }
        }
        out
    }

    /// Replaces the lanes of `base` that the moves name by `values`.
    pub fn scatter<T: Ring>(&self, base: &mut [T], values: &[T]) {
        let mut k = 0;
        for r in &self.runs {
            let n = r.count as usize;
            if r.stride == 1 {
                let start = r.start as usize;
                base[start..start + n].copy_from_slice(&values[k..k + n]);
            } else {
                for (j, v) in values[k..k + n].iter().enumerate() {
                    base[(r.start + r.stride * j as i64) as usize] = *v;
                }
            }
            k += n;
        }
    }

    /// [`Moves::gather`] on each of `count` planes of `lanes` lanes.
    pub fn gather_planes(&self, src: &[u64], count: usize, lanes: usize) -> Vec<u64> {
        let (sw, dw) = (bits::words(lanes), bits::words(self.count));
        let mut out: Vec<u64> = field::zeroed(count * dw);
        if dw == 0 {
            return out;
        }
        if self.smooth() {
            for p in 0..count {
                let (s, d) = (&src[p * sw..(p + 1) * sw], &mut out[p * dw..(p + 1) * dw]);
                let mut to = 0;
                for r in &self.runs {
                    let (start, n) = (r.start as usize, r.count as usize);
                    if r.stride == 0 {
                        bits::fill_range(d, to, n, bits::get(s, start));
                    } else {
                        bits::copy(s, start, d, to, n);
                    }
                    to += n;
                }
            }
        } else if worth_words(count, lanes, self.count) {
            through_words(
                src,
                count,
                sw,
                lanes,
                |words| {
                    let moved = self.gather(words);
                    *words = moved;
                },
                &mut out,
                dw,
            );
        } else {
            for p in 0..count {
                let (s, d) = (&src[p * sw..(p + 1) * sw], &mut out[p * dw..(p + 1) * dw]);
                let mut acc = 0u64;
                self.each(|k, at| {
                    acc |= (bits::get(s, at) as u64) << (k % 64);
                    if k % 64 == 63 {
                        d[k / 64] = acc;
                        acc = 0;
                    }
                });
                if !self.count.is_multiple_of(64) {
                    d[dw - 1] = acc;
                }
            }
        }
        out
    }

    /// [`Moves::scatter`] on each of `count` planes; `base` has `lanes` lanes, `values` as many as the moves.
    pub fn scatter_planes(&self, base: &mut [u64], values: &[u64], count: usize, lanes: usize) {
        let (bw, vw) = (bits::words(lanes), bits::words(self.count));
        if self.count == 0 {
            return;
        }
        if self.smooth() || !worth_words(count, lanes, self.count) {
            for p in 0..count {
                let (b, v) = (&mut base[p * bw..(p + 1) * bw], &values[p * vw..(p + 1) * vw]);
                let mut from = 0;
                for r in &self.runs {
                    let n = r.count as usize;
                    if r.stride == 1 {
                        bits::copy(v, from, b, r.start as usize, n);
                    } else {
                        for j in 0..n {
                            bits::set(b, (r.start + r.stride * j as i64) as usize, bits::get(v, from + j));
                        }
                    }
                    from += n;
                }
            }
            return;
        }
        let mut lo = 0;
        while lo < count {
            let n = (count - lo).min(64);
            let mut words: Vec<u64> = field::zeroed(lanes);
            let mut new: Vec<u64> = field::zeroed(self.count);
            transpose::to_lanes(&base[lo * bw..], n, bw, &mut words);
            transpose::to_lanes(&values[lo * vw..], n, vw, &mut new);
            self.scatter(&mut words, &new);
            transpose::to_planes(&words, n, bw, &mut base[lo * bw..]);
            lo += n;
        }
    }
}

fn out_of_range(at: i128, bound: usize) -> String {
    format!("index {at} is out of range: there are {bound} lanes")
}

/// Whether transposing to words, moving those, and transposing back is cheaper than moving bit by bit.
fn worth_words(planes: usize, source: usize, moved: usize) -> bool {
    planes * moved > 3 * planes.div_ceil(64) * (source + moved)
}

/// Runs `f` on the lanes of 64 planes at a time as words, and writes what it leaves as planes again.
fn through_words(
    src: &[u64],
    count: usize,
    stride: usize,
    lanes: usize,
    mut f: impl FnMut(&mut Vec<u64>),
    out: &mut [u64],
    out_stride: usize,
) {
    let mut lo = 0;
    while lo < count {
        let n = (count - lo).min(64);
        let mut words: Vec<u64> = field::zeroed(lanes);
        transpose::to_lanes(&src[lo * stride..], n, stride, &mut words);
        f(&mut words);
        transpose::to_planes(&words, n, out_stride, &mut out[lo * out_stride..]);
        lo += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(at: &[usize]) -> Moves {
        let mut c = Column::zeros(Elem::u(32), at.len());
        at.iter().enumerate().for_each(|(k, v)| c.set(k, *v as u128));
        Moves::of_column(&c, Elem::u(32), 1 << 20).unwrap()
    }

    #[test]
    fn planes_move_as_words_do() {
        let lanes = 300;
        let patterns: Vec<Vec<usize>> = vec![
            vec![],
            vec![299],
            (0..300).collect(),
            (17..250).collect(),
            vec![5; 130],
            (0..150).map(|i| 2 * i).collect(),
            (0..300).rev().collect(),
            (0..299).map(|i| i * 7 % 300).collect(),
            (0..64).chain(100..200).collect(),
        ];
        for at in patterns {
            for count in [1usize, 3, 8, 64, 100] {
                let src: Vec<u128> = (0..lanes as u128)
                    .map(|i| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
                    .collect();
                let vals: Vec<u128> = (0..at.len() as u128)
                    .map(|i| (i + 7777).wrapping_mul(0xD134_2543_DE82_EF95_9E37_79B9_7F4A_7C15))
                    .collect();
                let planes = |v: &[u128]| {
                    let mut p = vec![0; count * bits::words(v.len())];
                    transpose::to_planes(v, count, bits::words(v.len()), &mut p);
                    p
                };
                let m = moves(&at);
                assert_eq!(m.len(), at.len());
                let want: Vec<u128> = at.iter().map(|i| src[*i]).collect();
                assert_eq!(m.gather(&src), want);
                assert_eq!(m.gather_planes(&planes(&src), count, lanes), planes(&want));
                if at.iter().collect::<std::collections::BTreeSet<_>>().len() == at.len() {
                    let mut base = src.clone();
                    m.scatter(&mut base, &vals);
                    let mut want = src.clone();
                    at.iter().zip(&vals).for_each(|(i, v)| want[*i] = *v);
                    assert_eq!(base, want);
                    let mut base = planes(&src);
                    m.scatter_planes(&mut base, &planes(&vals), count, lanes);
                    assert_eq!(base, planes(&want));
                }
            }
        }
    }

    #[test]
    fn indices_out_of_range_are_errors() {
        let mut c = Column::zeros(Elem::i(8), 2);
        c.set(1, 255);
        assert!(Moves::of_column(&c, Elem::i(8), 10).is_err_and(|e| e.contains("-1")));
        assert!(Moves::of_column(&c, Elem::u(8), 10).is_err_and(|e| e.contains("255")));
        let space = Space::rect(&[4]);
        assert!(Moves::of_index(&space, &Index::Coord(0), &[], 4, 3).is_err());
        assert!(Moves::of_index(&space, &Index::Coord(0), &[], 4, 4).is_ok());
    }
}
