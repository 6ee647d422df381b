//! The binary form: versioned, canonical, checked on load, and the digest that nodes compare.
//!
//! Layout: the magic `mpcc`, a version, the circuit, the schedule; numbers as LEB128 varints (signed ones zigzagged), lists with
//! their length first, enums with a tag byte. One circuit has one encoding: longer varints, tags that are not there, and bytes
//! at the end are refused. Decoding never panics and allocates in proportion to the bytes that are there. Decoded is not
//! verified: [`load`] does both.

use crate::circuit::{AtBlock, Circuit, Host, Input, Level, NetTable, Output, Party, Region};
use crate::gate::{Bin, Gate, Op, Plane, Recipient, Red, Un};
use crate::index::{Index, IndexOp, Len, LoopVar, MAX_DEPTH, Space, SpaceDim, SpaceId};
use crate::schedule::{Item, Schedule};
use crate::types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId, WireTy};
use crate::verify::{verify, verify_schedule};
use netlist::{Net, Node};

/// First bytes of the form.
pub const MAGIC: [u8; 4] = *b"mpcc";
/// Version of the form; another one is refused.
pub const VERSION: u8 = 3;

/// Why bytes are no circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BinaryError {
    /// Not this form, or another version of it.
    Magic,
    /// Ends too early, or an announced length that cannot be.
    Short,
    /// A value that is not in its canonical form, or a tag that is not there, at this byte.
    Malformed(usize),
    /// Well-formed, and not well-typed: the first problem.
    Invalid(String),
}

impl std::fmt::Display for BinaryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BinaryError::Magic => write!(f, "not a circuit of version {VERSION}"),
            BinaryError::Short => f.write_str("a circuit that ends too early"),
            BinaryError::Malformed(at) => write!(f, "a malformed circuit at byte {at}"),
            BinaryError::Invalid(s) => write!(f, "an invalid circuit: {s}"),
        }
    }
}

impl std::error::Error for BinaryError {}

type Res<T> = Result<T, BinaryError>;

/// The bytes of a circuit and its schedule (an empty one, where there is none).
pub fn encode(c: &Circuit, s: &Schedule) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    c.put(&mut out);
    s.put(&mut out);
    out
}

/// A circuit and a schedule from their bytes, not verified.
///
/// # Errors
/// See [`BinaryError`].
pub fn decode(bytes: &[u8]) -> Res<(Circuit, Schedule)> {
    let mut r = Reader { bytes, at: 0, depth: 0 };
    if r.take(4).map_err(|_| BinaryError::Magic)? != MAGIC || r.byte().map_err(|_| BinaryError::Magic)? != VERSION {
        return Err(BinaryError::Magic);
    }
    let both = (Circuit::get(&mut r)?, Schedule::get(&mut r)?);
    if r.at == bytes.len() { Ok(both) } else { r.malformed() }
}

/// [`decode`], then both verifiers (the schedule's only where there is one).
///
/// # Errors
/// See [`BinaryError`].
pub fn load(bytes: &[u8]) -> Res<(Circuit, Schedule)> {
    let (c, s) = decode(bytes)?;
    let first =
        |p: Vec<crate::verify::Problem>| BinaryError::Invalid(p.first().map(ToString::to_string).unwrap_or_default());
    verify(&c).map_err(first)?;
    if !s.regions.is_empty() {
        verify_schedule(&c, &s).map_err(first)?;
    }
    Ok((c, s))
}

/// BLAKE3 of [`encode`]: what nodes compare before a share moves. Normalise first, if equal meaning shall give equal digests.
pub fn digest(c: &Circuit, s: &Schedule) -> [u8; 32] {
    *blake3::hash(&encode(c, s)).as_bytes()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn malformed<T>(&self) -> Res<T> {
        Err(BinaryError::Malformed(self.at))
    }
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }
    fn take(&mut self, n: usize) -> Res<&'a [u8]> {
        if n > self.left() {
            return Err(BinaryError::Short);
        }
        self.at += n;
        Ok(&self.bytes[self.at - n..self.at])
    }
    fn byte(&mut self) -> Res<u8> {
        Ok(self.take(1)?[0])
    }
    fn varint(&mut self) -> Res<u128> {
        let mut v = 0u128;
        for k in 0..19 {
            let b = self.byte()?;
            let low = u128::from(b & 0x7f);
            // The last group holds two bits; a zero group that is not the only one is not canonical.
            if (k == 18 && b > 3) || (b == 0 && k > 0) {
                return self.malformed();
            }
            v |= low << (7 * k);
            if b < 0x80 {
                return Ok(v);
            }
        }
        self.malformed()
    }
    /// The number of elements of a list, each of which takes at least a byte.
    fn count(&mut self) -> Res<usize> {
        let n = self.varint()?;
        usize::try_from(n).ok().filter(|n| *n <= self.left()).ok_or(BinaryError::Short)
    }
    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.malformed();
        }
        let v = f(self);
        self.depth -= 1;
        v
    }
}

trait Codec: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(r: &mut Reader<'_>) -> Res<Self>;
}

impl Codec for u128 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut v = *self;
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        r.varint()
    }
}

macro_rules! unsigned {
    ($($t:ty),*) => {$(
        impl Codec for $t {
            fn put(&self, out: &mut Vec<u8>) {
                u128::from(*self).put(out);
            }
            fn get(r: &mut Reader<'_>) -> Res<Self> {
                let v = r.varint()?;
                <$t>::try_from(v).or_else(|_| r.malformed())
            }
        }
    )*};
}
unsigned!(u8, u32, u64);

impl Codec for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        (((*self << 1) ^ (*self >> 63)) as u64).put(out);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        let v = u64::get(r)?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }
}

impl Codec for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        match r.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => r.malformed(),
        }
    }
}

impl Codec for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        let n = r.count()?;
        let bytes = r.take(n)?.to_vec();
        String::from_utf8(bytes).or_else(|_| r.malformed())
    }
}

impl Codec for [u8; 32] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        let mut v = [0; 32];
        v.copy_from_slice(r.take(32)?);
        Ok(v)
    }
}

impl<T: Codec> Codec for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(v) = self {
            v.put(out);
        }
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        Ok(if bool::get(r)? { Some(T::get(r)?) } else { None })
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|v| v.put(out));
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        let n = r.count()?;
        let mut out = Vec::with_capacity(n.min(1024));
        for _ in 0..n {
            out.push(T::get(r)?);
        }
        Ok(out)
    }
}

impl<A: Codec, B: Codec> Codec for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        Ok((A::get(r)?, B::get(r)?))
    }
}

impl<T: Codec> Codec for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        r.nested(|r| Ok(Box::new(T::get(r)?)))
    }
}

impl Codec for NetTable {
    fn put(&self, out: &mut Vec<u8>) {
        self.inputs.put(out);
        self.outputs.put(out);
        let gates = self.net.nodes().iter().filter_map(|n| match n {
            Node::And(a, b) => Some((false, a, b)),
            Node::Xor(a, b) => Some((true, a, b)),
            _ => None,
        });
        let gates: Vec<_> = gates.collect();
        (gates.len() as u64).put(out);
        for (xor, a, b) in gates {
            xor.put(out);
            Net::code(*a).put(out);
            Net::code(*b).put(out);
        }
        self.net.outputs.iter().map(|b| Net::code(*b)).collect::<Vec<u32>>().put(out);
    }
    fn get(r: &mut Reader<'_>) -> Res<Self> {
        let (inputs, outputs) = (Vec::<Elem>::get(r)?, Vec::<Elem>::get(r)?);
        let mut gates = vec![];
        for _ in 0..r.count()? {
            let xor = bool::get(r)?;
            let (a, b) = (Net::decode(u32::get(r)?), Net::decode(u32::get(r)?));
            gates.push(if xor { Node::Xor(a, b) } else { Node::And(a, b) });
        }
        let outs = Vec::<u32>::get(r)?.into_iter().map(Net::decode).collect();
        let bits = inputs.iter().map(|e| usize::from(e.bits())).sum();
        match Net::from_parts(bits, gates, outs) {
            Some(net) => Ok(NetTable { inputs, outputs, net: net.into() }),
            None => r.malformed(),
        }
    }
}

macro_rules! newtypes {
    ($($t:ident),*) => {$(
        impl Codec for $t {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }
            fn get(r: &mut Reader<'_>) -> Res<Self> {
                Ok($t(Codec::get(r)?))
            }
        }
    )*};
}
newtypes!(WireId, RegionId, PartyId, EffectId, SpanId, LoopVar, SpaceId);

macro_rules! structs {
    ($($t:ident { $($f:ident),* })*) => {$(
        impl Codec for $t {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$f.put(out);)*
            }
            fn get(r: &mut Reader<'_>) -> Res<Self> {
                Ok($t { $($f: Codec::get(r)?),* })
            }
        }
    )*};
}
structs! {
    Party { name, family, host }
    Input { party, kept, name, elem, lanes, range }
    Output { party, kept, name, wire }
    AtBlock { party, hash }
    Region { params, gates, results }
    Gate { op, args, outs, span }
    WireTy { domain, elem, len }
    SpaceDim { lo, hi, step, step_expr }
    Space { dims, guard }
    Schedule { regions }
    Circuit { level, sizes, parties, inputs, outputs, blocks, nets, spaces, wires, regions, root, loop_vars, effects }
}

// Tags are part of the format: new variants take new numbers, and old numbers are not used again within a version.
macro_rules! enums {
    ($($t:ident { $($tag:literal $v:ident $(($($f:ident),*))? $({$($g:ident),*})?;)* })*) => {$(
        impl Codec for $t {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($t::$v $(($($f),*))? $({$($g),*})? => {
                        out.push($tag);
                        $($($f.put(out);)*)?
                        $($($g.put(out);)*)?
                    })*
                }
            }
            fn get(r: &mut Reader<'_>) -> Res<Self> {
                match r.byte()? {
                    $($tag => Ok($t::$v $(($({ let $f = Codec::get(r)?; $f }),*))? $({$($g: Codec::get(r)?),*})?),)*
                    _ => r.malformed(),
                }
            }
        }
    )*};
}
enums! {
    Level { 0 Program; 1 Gates(name); }
    Host { 0 Turn; 1 Node(node); 2 Client; }
    Elem { 0 Bool; 1 Int { signed, bits }; }
    Domain { 0 Clear; 1 Local(p); 2 Secret; 3 Arith { ring }; 4 Bits { planes }; }
    Recipient { 0 All; 1 Party(p); }
    Un { 0 Neg; 1 Not; 2 Cast; 3 Trunc(k); }
    Bin { 0 Add; 1 Sub; 2 Mul; 3 And; 4 Or; 5 Xor; 6 Lt; 7 Eq; 8 Div; 9 Rem; 10 Shl; 11 Shr; }
    Red { 0 Add; 1 Mul; 2 And; 3 Or; 4 Xor; 5 Min; 6 Max; 7 Count; }
    Plane { 0 Zero; 1 One; 2 Of { arg, plane }; }
    IndexOp {
        0 Add; 1 Sub; 2 Mul; 3 Div; 4 Rem; 5 Xor; 6 And; 7 Or; 8 Shl; 9 Shr; 10 Min; 11 Max; 12 Eq; 13 Ne; 14 Lt; 15 Le;
    }
    Index { 0 Const(v); 1 Var(v); 2 Coord(k); 3 Lane; 4 Bin(op, a, b); }
    Len { 0 Const(n); 1 Space { space, max }; 2 Mul(a, b); }
    Item { 0 Local(gates); 1 Round(gates); 2 Region(gate); 3 Free(wires); }
    Op {
        0 Const(v); 1 Table(t); 2 Iota { space, index }; 3 Input(k); 4 At { party, block };
        5 Share(id); 6 Reveal { id, to };
        7 Un(op); 8 Bin(op); 9 Select;
        10 Gather { space, index }; 11 Scatter { space, index }; 12 GatherAt; 13 ScatterAt; 14 Concat;
        15 Reduce { red, group }; 16 ArgReduce { max, group }; 17 Dot { group }; 18 MatMul { m, k, n };
        19 InputShare(id); 20 Lift; 21 ArithAdd; 22 ArithSub; 23 ArithScale; 24 ArithTrunc; 25 ArithMul;
        26 BitsXor; 27 BitsNot; 28 BitsMask; 29 BitsAnd; 30 Planes(planes); 31 A2bDeal { neg }; 32 B2aDeal;
        33 Open { id, to };
        34 Loop { var, lo, hi, step, body }; 35 If { then, otherwise }; 36 While { cond, body }; 37 Call(region);
        38 Check { what }; 39 Net(k); 40 TruncDeal { places }; 41 Random(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Rng, Shape, random_gates, random_program, simple_schedule};

    #[test]
    fn round_trips_and_digests() {
        let shape = Shape::default();
        let mut digests = std::collections::BTreeSet::new();
        for seed in 0..100 {
            for case in [random_program(seed, &shape), random_gates(seed, &shape)] {
                let s = simple_schedule(&case.circuit, true, true);
                let bytes = encode(&case.circuit, &s);
                assert_eq!(load(&bytes), Ok((case.circuit.clone(), s.clone())));
                assert!(digests.insert(digest(&case.circuit, &s)));
                assert!(digests.insert(digest(&case.circuit, &Schedule::default())));
            }
        }
    }

    #[test]
    fn broken_bytes_are_refused_or_canonical() {
        let case = random_gates(7, &Shape { steps: 12, ..Shape::default() });
        let bytes = encode(&case.circuit, &simple_schedule(&case.circuit, false, true));
        for n in 0..bytes.len() {
            assert!(decode(&bytes[..n]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(decode(&longer), Err(BinaryError::Malformed(_))));
        let mut rng = Rng::new(11);
        for _ in 0..20_000 {
            let mut b = bytes.clone();
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(b.len() as u64) as usize;
                b[at] = if rng.one_in(2) { b[at] ^ 1 << rng.below(8) } else { rng.next() as u8 };
            }
            if let Ok((c, s)) = decode(&b) {
                assert_eq!(encode(&c, &s), b, "one circuit has one encoding");
            }
        }
        // Lengths are not trusted.
        let mut huge = bytes[..5].to_vec();
        huge.extend([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(decode(&huge), Err(BinaryError::Short));
        assert_eq!(decode(b"mpc"), Err(BinaryError::Magic));
        let mut other = bytes;
        other[4] = VERSION + 1;
        assert_eq!(decode(&other), Err(BinaryError::Magic));
    }

    #[test]
    fn deep_expressions_are_refused() {
        let mut e = Index::Lane;
        for _ in 0..MAX_DEPTH + 1 {
            e = Index::Bin(IndexOp::Add, Box::new(e), Box::new(Index::Const(1)));
        }
        let mut c = Circuit::new(Level::Program);
        c.spaces.push(Space { dims: vec![], guard: Some(e) });
        let bytes = encode(&c, &Schedule::default());
        assert!(matches!(decode(&bytes), Err(BinaryError::Malformed(_))));
    }
}
