//! What a register of the machine holds, and the view of columns as slices of one ring. Knows no gates.

use circuit::{Column, Elem};
use field::{Ring, bits, transpose};

use crate::Fault;

/// Evaluates `$e` with `$v` the slice of a column.
macro_rules! each_column {
    ($c:expr, $v:ident => $e:expr) => {
        match $c {
            Column::U8($v) => $e,
            Column::U16($v) => $e,
            Column::U32($v) => $e,
            Column::U64($v) => $e,
            Column::U128($v) => $e,
        }
    };
}
pub(crate) use each_column;

/// A wire's value at one node.
pub(crate) enum Value {
    /// Known here: clear, or local to a party that this node hosts (of a family, its own lanes alone are meaningful).
    Known(Column),
    /// Local to a party that another node hosts.
    Absent(usize),
    /// Shares in Z_2^ring: components `a` and `b`.
    Arith([Column; 2]),
    /// Shares of planes.
    Bits(Planes),
}

/// Shared planes, plane-major, each `bits::words(lanes)` words; bits past the last lane are 0 in both components.
pub(crate) struct Planes {
    pub count: usize,
    pub lanes: usize,
    pub c: [Vec<u64>; 2],
}

impl Planes {
    pub fn zeros(count: usize, lanes: usize) -> Planes {
        let n = count * bits::words(lanes);
        Planes { count, lanes, c: [field::zeroed(n), field::zeroed(n)] }
    }
    /// Words of a plane.
    pub fn stride(&self) -> usize {
        bits::words(self.lanes)
    }
}

impl Value {
    pub fn lanes(&self) -> usize {
        match self {
            Value::Known(c) => c.len(),
            Value::Absent(n) => *n,
            Value::Arith([a, _]) => a.len(),
            Value::Bits(p) => p.lanes,
        }
    }
    /// A copy.
    pub fn copy(&self) -> Value {
        fn words<T: Ring>(v: &[T]) -> Vec<T> {
            let mut out = field::buffer(v.len());
            out.extend_from_slice(v);
            out
        }
        let column = |c: &Column| each_column!(c, v => Word::column(words(v)));
        match self {
            Value::Known(c) => Value::Known(column(c)),
            Value::Absent(n) => Value::Absent(*n),
            Value::Arith(c) => Value::Arith([column(&c[0]), column(&c[1])]),
            Value::Bits(p) => {
                Value::Bits(Planes { count: p.count, lanes: p.lanes, c: [words(&p.c[0]), words(&p.c[1])] })
            }
        }
    }
    pub fn known(&self) -> Result<&Column, Fault> {
        match self {
            Value::Known(c) => Ok(c),
            _ => Err(internal("a clear operand is expected")),
        }
    }
    pub fn bits(&self) -> Result<&Planes, Fault> {
        match self {
            Value::Bits(p) => Ok(p),
            _ => Err(internal("an operand of bits is expected")),
        }
    }
    pub fn arith<T: Word>(&self) -> Result<[&[T]; 2], Fault> {
        match self {
            Value::Arith([a, b]) => Ok([T::of(a)?, T::of(b)?]),
            _ => Err(internal("an arithmetic operand is expected")),
        }
    }
}

pub(crate) fn internal(what: impl Into<String>) -> Fault {
    Fault::Internal(what.into())
}

/// Words that columns hold.
pub(crate) trait Word: Ring {
    fn of(c: &Column) -> Result<&[Self], Fault>;
    fn of_mut(c: &mut Column) -> Result<&mut [Self], Fault>;
    fn column(v: Vec<Self>) -> Column;
}

macro_rules! word {
    ($($t:ty, $v:ident);*) => { $(
        impl Word for $t {
            fn of(c: &Column) -> Result<&[Self], Fault> {
                match c {
                    Column::$v(v) => Ok(v),
                    _ => Err(internal("a column has another width than its wire")),
                }
            }
            fn of_mut(c: &mut Column) -> Result<&mut [Self], Fault> {
                match c {
                    Column::$v(v) => Ok(v),
                    _ => Err(internal("a column has another width than its wire")),
                }
            }
            fn column(v: Vec<Self>) -> Column {
                Column::$v(v)
            }
        }
    )* };
}
word!(u8, U8; u16, U16; u32, U32; u64, U64; u128, U128);

/// Evaluates `$e` with the type `$t` that has `$bits` bits.
macro_rules! by_ring {
    ($bits:expr, $t:ident => $e:expr) => {
        match u32::from($bits) {
            8 => {
                type $t = u8;
                $e
            }
            16 => {
                type $t = u16;
                $e
            }
            32 => {
                type $t = u32;
                $e
            }
            64 => {
                type $t = u64;
                $e
            }
            128 => {
                type $t = u128;
                $e
            }
            other => Err($crate::value::internal(format!("a ring of {other} bits"))),
        }
    };
}
pub(crate) use by_ring;

/// The memory of a column.
pub(crate) fn bytes(c: &Column) -> &[u8] {
    each_column!(c, v => Ring::bytes(v))
}

/// The memory of a column.
pub(crate) fn bytes_mut(c: &mut Column) -> &mut [u8] {
    each_column!(c, v => Ring::bytes_mut(v))
}

/// `n` zeros of a ring of so many bits.
pub(crate) fn zeros(ring: u32, n: usize) -> Result<Column, Fault> {
    by_ring!(ring as u16, T => Ok(T::column(field::zeroed(n))))
}

/// Bits of the words in which a column holds elements of a type.
pub(crate) fn column_bits(elem: Elem) -> u32 {
    match elem.bits() {
        0..=8 => 8,
        9..=16 => 16,
        17..=32 => 32,
        33..=64 => 64,
        _ => 128,
    }
}

/// Clear lanes as elements of a ring: sign or zeros above the element's bits.
pub(crate) fn to_ring<T: Word>(c: &Column, elem: Elem) -> Vec<T> {
    let (signed, width) = (elem.signed(), u32::from(elem.bits()));
    each_column!(c, v => {
        if signed && width < T::BITS {
            v.iter().map(|x| T::from_u128(elem.extend(x.to_u128()))).collect()
        } else {
            v.iter().map(|x| T::from_u128(x.to_u128())).collect()
        }
    })
}

/// Elements of a ring, reduced to the element's bits, as a column.
pub(crate) fn to_column<T: Word>(v: Vec<T>, elem: Elem) -> Result<Column, Fault> {
    let width = u32::from(elem.bits());
    if column_bits(elem) == T::BITS {
        let mut v = v;
        if width < T::BITS {
            let m = T::mask(width);
            v.iter_mut().for_each(|x| *x = x.and(m));
        }
        return Ok(T::column(v));
    }
    let m = T::mask(width);
    by_ring!(column_bits(elem) as u16, U => Ok(U::column(v.iter().map(|x| U::from_u128(x.and(m).to_u128())).collect())))
}

/// Clear lanes as `count` planes.
pub(crate) fn to_planes(c: &Column, elem: Elem, count: usize) -> Vec<u64> {
    let w = bits::words(c.len());
    let width = usize::from(elem.bits());
    let mut out: Vec<u64> = field::zeroed(count * w);
    if w == 0 {
        return out;
    }
    if elem == Elem::Bool {
        if let (Column::U8(v), true) = (c, count > 0) {
            bits::pack(v, &mut out[..w]);
        }
        return out;
    }
    each_column!(c, v => transpose::to_planes(v, count.min(width), w, &mut out));
    if elem.signed() {
        for p in width..count {
            out.copy_within((width - 1) * w..width * w, p * w);
        }
    }
    out
}

/// Planes (the low ones of an element) as clear lanes.
pub(crate) fn from_planes(planes: &[u64], elem: Elem, lanes: usize) -> Result<Column, Fault> {
    if elem == Elem::Bool {
        let mut v = vec![0; lanes];
        bits::unpack(planes, &mut v);
        return Ok(Column::U8(v));
    }
    by_ring!(column_bits(elem) as u16, T => {
        let mut v: Vec<T> = field::zeroed(lanes);
        transpose::to_lanes(planes, usize::from(elem.bits()), bits::words(lanes), &mut v);
        Ok(T::column(v))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_values_go_to_rings_and_planes_and_back() {
        for elem in [
            Elem::Bool,
            Elem::u(1),
            Elem::u(7),
            Elem::i(9),
            Elem::i(16),
            Elem::u(33),
            Elem::i(64),
            Elem::i(100),
            Elem::u(128),
        ] {
            let lanes = 130;
            let mut c = Column::zeros(elem, lanes);
            for l in 0..lanes {
                c.set(l, (l as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) >> 3 & elem.mask());
            }
            let wide: Vec<u128> = to_ring(&c, elem);
            for (l, w) in wide.iter().enumerate() {
                assert_eq!(*w, elem.extend(c.get(l)));
            }
            assert_eq!(to_column(wide, elem).unwrap(), c);
            let width = usize::from(elem.bits());
            let planes = to_planes(&c, elem, width);
            assert_eq!(from_planes(&planes, elem, lanes).unwrap(), c);
            let more = to_planes(&c, elem, 140);
            for p in 0..128 {
                for l in 0..lanes {
                    assert_eq!(bits::get(&more[p * bits::words(lanes)..], l), elem.extend(c.get(l)) >> p & 1 == 1);
                }
            }
        }
    }
}
