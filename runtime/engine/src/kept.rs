//! Shares that nodes keep between runs: a node's two components of one leaf, in the form that all programs agree on
//! (`Elem::kept_form`), as bytes and back.
//!
//! Components are reduced to the bits of their type before they leave the machine: x_0 + x_1 + x_2 = x mod 2^N holds of the low N bits
//! alone, so nothing that a wider ring held beside the value is kept. Loading costs no step and no byte. Knows no files, and
//! not which components other nodes hold.

use std::sync::Arc;

use circuit::{Column, Domain, Elem};
use field::bits;
use proto::rep3::{NODES, next};

use crate::value::{Planes, Value, internal, zeros};
use crate::{Error, Fault};

/// One node's share of a leaf.
#[derive(Clone)]
pub struct KeptShare {
    elem: Elem,
    value: Arc<Value>,
}

impl std::fmt::Debug for KeptShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptShare({} × {})", self.elem, self.lanes())
    }
}

impl KeptShare {
    /// Bytes of a share of so many lanes: per component a bit for each bool, or the bytes that hold each integer.
    pub fn size(elem: Elem, lanes: u64) -> Option<u64> {
        let each = match elem {
            Elem::Bool => lanes.div_ceil(8),
            Elem::Int { bits, .. } => lanes.checked_mul(u64::from(bits).div_ceil(8))?,
        };
        each.checked_mul(2)
    }

    /// Type of a lane.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// Number of lanes.
    pub fn lanes(&self) -> usize {
        self.value.lanes()
    }

    /// The share in these bytes, if they are one of so many lanes: no bit above a value's is set.
    pub fn read(elem: Elem, lanes: u64, bytes: &[u8]) -> Option<KeptShare> {
        if Self::size(elem, lanes)? != bytes.len() as u64 {
            return None;
        }
        let n = usize::try_from(lanes).ok()?;
        let halves = bytes.split_at(bytes.len() / 2);
        let value = match elem.kept_form() {
            Domain::Arith { ring } => {
                let width = usize::from(elem.bits()).div_ceil(8);
                let column = |from: &[u8]| {
                    let mut out = zeros(u32::from(ring), n).ok()?;
                    for (l, word) in from.chunks_exact(width).enumerate() {
                        let mut wide = [0; 16];
                        wide[..width].copy_from_slice(word);
                        let v = u128::from_le_bytes(wide);
                        (v & !elem.mask() == 0).then(|| out.set(l, v))?;
                    }
                    Some(out)
                };
                Value::Arith([column(halves.0)?, column(halves.1)?])
            }
            _ => {
                let plane = |from: &[u8]| {
                    let mut out: Vec<u64> = field::zeroed(bits::words(n));
                    for (w, bytes) in out.iter_mut().zip(from.chunks(8)) {
                        let mut wide = [0; 8];
                        wide[..bytes.len()].copy_from_slice(bytes);
                        *w = u64::from_le_bytes(wide);
                    }
                    let mut clean = out.clone();
                    bits::clear_tails(&mut clean, n);
                    (clean == out).then_some(out)
                };
                Value::Bits(Planes { count: 1, lanes: n, c: [plane(halves.0)?, plane(halves.1)?] })
            }
        };
        Some(KeptShare { elem, value: Arc::new(value) })
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let room = Self::size(self.elem, self.lanes() as u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        // All at once: what is moved when a vector grows stays behind in memory.
        let mut out = Vec::with_capacity(room);
        match &*self.value {
            Value::Arith(c) => {
                let width = usize::from(self.elem.bits()).div_ceil(8);
                for c in c {
                    for l in 0..c.len() {
                        out.extend_from_slice(&(c.get(l) & self.elem.mask()).to_le_bytes()[..width]);
                    }
                }
            }
            Value::Bits(p) => {
                for plane in &p.c {
                    let from = out.len();
                    plane.iter().for_each(|w| out.extend_from_slice(&w.to_le_bytes()));
                    out.truncate(from + p.lanes.div_ceil(8));
                }
            }
            Value::Known(_) | Value::Absent(_) => {}
        }
        out
    }

    /// What the machine holds of a leaf at the end, reduced.
    pub(crate) fn of(elem: Elem, value: &Value) -> Result<KeptShare, Fault> {
        let mut value = value.copy();
        match (&mut value, elem.kept_form()) {
            (Value::Arith(c), Domain::Arith { ring }) if c[0].word_bits() == u32::from(ring) => {
                if elem.bits() < ring {
                    for c in c {
                        (0..c.len()).for_each(|l| c.set(l, c.get(l) & elem.mask()));
                    }
                }
            }
            (Value::Bits(p), Domain::Bits { planes }) if p.count == usize::from(planes) => {}
            _ => return Err(internal("what is kept has another form than its type says")),
        }
        Ok(KeptShare { elem, value: Arc::new(value) })
    }

    /// The value to begin with, of an input.
    pub(crate) fn value(&self, input: &circuit::Input) -> Result<Arc<Value>, Error> {
        if (self.elem, self.lanes() as u64) != (input.elem, input.lanes) {
            let what = format!("is {} × {}, not {} × {}", self.elem, self.lanes(), input.elem, input.lanes);
            return Err(Error::Input { name: input.name.clone(), what });
        }
        Ok(Arc::clone(&self.value))
    }
}

/// Shares of a clear column, by node, as an earlier run might have left them; `random` gives fresh uniform bits. For test runs,
/// in which one process knows the value.
pub fn deal(elem: Elem, column: &Column, random: &mut dyn FnMut() -> u128) -> Result<[KeptShare; NODES], Fault> {
    let lanes = column.len();
    let width = if elem == Elem::Bool { 1 } else { usize::from(elem.bits()).div_ceil(8) };
    let mut parts: [Vec<u8>; NODES] = Default::default();
    let mut planes: [Vec<u8>; NODES] = std::array::from_fn(|_| vec![0; lanes.div_ceil(8)]);
    for l in 0..lanes {
        let (a, b) = (random() & elem.mask(), random() & elem.mask());
        let c = match elem {
            Elem::Bool => column.get(l) ^ a ^ b,
            _ => column.get(l).wrapping_sub(a).wrapping_sub(b) & elem.mask(),
        };
        for (k, x) in [a, b, c].into_iter().enumerate() {
            match elem {
                Elem::Bool => planes[k][l / 8] |= (x as u8) << (l % 8),
                _ => parts[k].extend_from_slice(&x.to_le_bytes()[..width]),
            }
        }
    }
    let parts = if elem == Elem::Bool { planes } else { parts };
    let share = |me: usize| {
        let bytes = [&parts[me][..], &parts[next(me)][..]].concat();
        KeptShare::read(elem, lanes as u64, &bytes).ok_or_else(|| internal("a share that cannot be read"))
    };
    Ok([share(0)?, share(1)?, share(2)?])
}

/// The value that three nodes' shares are of, for tests; `None` if they do not belong together.
pub fn join(shares: &[KeptShare; NODES]) -> Option<Column> {
    let (elem, lanes) = (shares[0].elem, shares[0].lanes());
    let bytes: Vec<Vec<u8>> = shares.iter().map(KeptShare::bytes).collect();
    let half = bytes[0].len() / 2;
    let alike = |me: usize| {
        (shares[me].elem, shares[me].lanes()) == (elem, lanes) && bytes[me][half..] == bytes[next(me)][..half]
    };
    if !(0..NODES).all(alike) {
        return None;
    }
    let mut out = Column::zeros(elem, lanes);
    let width = usize::from(elem.bits()).div_ceil(8);
    for l in 0..lanes {
        let word = |k: usize| match elem {
            Elem::Bool => u128::from(bytes[k][l / 8] >> (l % 8) & 1),
            _ => {
                let mut wide = [0; 16];
                wide[..width].copy_from_slice(&bytes[k][l * width..(l + 1) * width]);
                u128::from_le_bytes(wide)
            }
        };
        let sum = match elem {
            Elem::Bool => word(0) ^ word(1) ^ word(2),
            _ => word(0).wrapping_add(word(1)).wrapping_add(word(2)),
        };
        out.set(l, sum & elem.mask());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::testing::Rng;

    #[test]
    fn shares_survive_bytes_and_make_the_value() {
        let mut rng = Rng::new(5);
        for elem in
            [Elem::Bool, Elem::u(1), Elem::u(7), Elem::i(13), Elem::u(24), Elem::i(64), Elem::u(100), Elem::u(128)]
        {
            for lanes in [0, 1, 8, 65] {
                let mut column = Column::zeros(elem, lanes);
                (0..lanes).for_each(|l| column.set(l, rng.wide() & elem.mask()));
                let shares = deal(elem, &column, &mut || rng.wide()).unwrap();
                let again = shares.each_ref().map(|s| {
                    let bytes = s.bytes();
                    assert_eq!(Some(bytes.len() as u64), KeptShare::size(elem, lanes as u64));
                    KeptShare::read(elem, lanes as u64, &bytes).unwrap()
                });
                assert_eq!(join(&again), Some(column.clone()));
                // Shares of different runs make no value.
                let others = deal(elem, &column, &mut || rng.wide()).unwrap();
                let [a, _, c] = again;
                let [_, b, _] = others;
                assert!(lanes < 65 || join(&[a, b, c]).is_none());
            }
        }
    }

    #[test]
    fn shares_have_no_bit_above_the_value_s() {
        for (elem, ring) in [(Elem::u(1), 8), (Elem::u(5), 8), (Elem::i(13), 16), (Elem::u(65), 128)] {
            // As a product leaves them in the machine: with anything above.
            let word = Elem::u(ring);
            let mut c = [Column::zeros(word, 3), Column::zeros(word, 3)];
            c.iter_mut().for_each(|c| (0..3).for_each(|l| c.set(l, word.mask())));
            let share = KeptShare::of(elem, &Value::Arith(c)).unwrap();
            let Value::Arith(c) = &*share.value else { panic!("of another form") };
            assert!(c.iter().all(|c| (0..3).all(|l| c.get(l) == elem.mask())), "{elem}");
            assert!(KeptShare::read(elem, 3, &share.bytes()).is_some());
        }
    }

    #[test]
    fn no_other_bytes_are_a_share() {
        assert!(KeptShare::read(Elem::u(13), 1, &[0xff, 0x1f, 0, 0]).is_some());
        assert!(KeptShare::read(Elem::u(13), 1, &[0xff, 0x3f, 0, 0]).is_none(), "a bit above the value's");
        assert!(KeptShare::read(Elem::Bool, 3, &[7, 7]).is_some());
        assert!(KeptShare::read(Elem::Bool, 3, &[8, 7]).is_none(), "a bit behind the last lane");
        assert!(KeptShare::read(Elem::u(8), 2, &[1, 2, 3]).is_none());
        assert!(KeptShare::read(Elem::u(8), u64::MAX, &[]).is_none());
    }
}
