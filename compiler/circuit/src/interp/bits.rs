//! Planes of packed lanes: lane k is bit k % 64 of word k / 64; bits beyond the last lane are 0.

use std::rc::Rc;

use crate::clear::ClearError;
use crate::column::Column;
use crate::types::Elem;

type Plane = Rc<Vec<u64>>;

#[derive(Clone)]
pub(super) struct Bits {
    pub lanes: usize,
    pub planes: Vec<Plane>,
}

fn trim(mut words: Vec<u64>, lanes: usize) -> Plane {
    if !lanes.is_multiple_of(64)
        && let Some(last) = words.last_mut()
    {
        *last &= (1 << (lanes % 64)) - 1;
    }
    Rc::new(words)
}

impl Bits {
    /// A constant plane.
    pub fn plane(lanes: usize, one: bool) -> Plane {
        trim(vec![if one { u64::MAX } else { 0 }; lanes.div_ceil(64)], lanes)
    }

    /// Planes of a column, extended by the element's sign.
    pub fn of(c: &Column, e: Elem, planes: usize) -> Bits {
        let lanes = c.len();
        let own = usize::from(e.bits()).min(planes);
        let mut out = vec![vec![0u64; lanes.div_ceil(64)]; own];
        for k in 0..lanes {
            let v = c.get(k);
            for (p, words) in out.iter_mut().enumerate() {
                words[k / 64] |= ((v >> p) as u64 & 1) << (k % 64);
            }
        }
        let mut all: Vec<Plane> = out.into_iter().map(Rc::new).collect();
        let above = match all.last() {
            Some(sign) if e.signed() => sign.clone(),
            _ => Bits::plane(lanes, false),
        };
        all.resize(planes, above);
        Bits { lanes, planes: all }
    }

    /// The low planes as a column of the element.
    pub fn column(&self, e: Elem) -> Column {
        let mut c = Column::with_capacity(e, self.lanes);
        let n = self.planes.len().min(e.bits().into());
        for k in 0..self.lanes {
            let mut v = 0u128;
            for (p, words) in self.planes[..n].iter().enumerate() {
                v |= u128::from(words[k / 64] >> (k % 64) & 1) << p;
            }
            c.push(v);
        }
        c
    }

    /// Its only plane, several times.
    pub fn repeated(&self, planes: usize) -> Bits {
        Bits { lanes: self.lanes, planes: self.planes.iter().cycle().take(planes).cloned().collect() }
    }

    pub fn zip(&self, o: &Bits, f: impl Fn(u64, u64) -> u64) -> Bits {
        let planes = self
            .planes
            .iter()
            .zip(&o.planes)
            .map(|(a, b)| Rc::new(a.iter().zip(b.iter()).map(|(a, b)| f(*a, *b)).collect()))
            .collect();
        Bits { lanes: self.lanes, planes }
    }

    pub fn not(&self) -> Bits {
        let planes = self.planes.iter().map(|p| trim(p.iter().map(|w| !w).collect(), self.lanes)).collect();
        Bits { lanes: self.lanes, planes }
    }

    pub fn concat(parts: &[&Bits]) -> Bits {
        let lanes = parts.iter().map(|p| p.lanes).sum();
        let mut planes = vec![vec![0u64; usize::div_ceil(lanes, 64)]; parts.first().map_or(0, |p| p.planes.len())];
        let mut at = 0;
        for part in parts {
            for (out, words) in planes.iter_mut().zip(&part.planes) {
                for k in 0..part.lanes {
                    out[(at + k) / 64] |= (words[k / 64] >> (k % 64) & 1) << ((at + k) % 64);
                }
            }
            at += part.lanes;
        }
        Bits { lanes, planes: planes.into_iter().map(Rc::new).collect() }
    }

    fn check(&self, at: &[i64]) -> Result<(), ClearError> {
        if at.iter().all(|i| usize::try_from(*i).is_ok_and(|i| i < self.lanes)) {
            Ok(())
        } else {
            Err(ClearError::OutOfRange)
        }
    }

    pub fn take(&self, at: &[i64]) -> Result<Bits, ClearError> {
        self.check(at)?;
        let pick = |words: &Plane| {
            let mut out = vec![0u64; at.len().div_ceil(64)];
            for (k, i) in at.iter().enumerate() {
                let i = *i as usize;
                out[k / 64] |= (words[i / 64] >> (i % 64) & 1) << (k % 64);
            }
            Rc::new(out)
        };
        Ok(Bits { lanes: at.len(), planes: self.planes.iter().map(pick).collect() })
    }

    pub fn put(&self, values: &Bits, at: &[i64]) -> Result<Bits, ClearError> {
        self.check(at)?;
        if values.lanes != at.len() {
            return Err(ClearError::Lanes);
        }
        let put = |(base, new): (&Plane, &Plane)| {
            let mut out = base.to_vec();
            for (k, i) in at.iter().enumerate() {
                let i = *i as usize;
                out[i / 64] = out[i / 64] & !(1 << (i % 64)) | (new[k / 64] >> (k % 64) & 1) << (i % 64);
            }
            Rc::new(out)
        };
        Ok(Bits { lanes: self.lanes, planes: self.planes.iter().zip(&values.planes).map(put).collect() })
    }
}
