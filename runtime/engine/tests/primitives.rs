//! Every gate-level primitive among three machines against the clear interpreter, at every width and awkward lengths; and
//! the bytes that travel against the protocol's published table.

mod common;

use circuit::{Builder, Elem, Index, Len, Op, PartyId, Plane, Recipient, Red, Space, WireId, WireTy};
use common::*;
use spec::{Form, Host, Kind, Primitive, REP3};

const RINGS: [u8; 5] = [8, 16, 32, 64, 128];

fn parties(b: &mut Builder) -> [PartyId; 3] {
    ["Ada", "Ben", "Eve"].map(|n| b.party(n, None))
}

fn elems(ring: u8) -> [Elem; 3] {
    [Elem::u(ring), Elem::i(ring - 3), Elem::i(ring)]
}

#[test]
fn words() {
    for ring in RINGS {
        for lanes in LENGTHS {
            let elem = elems(ring)[lanes as usize % 3];
            let mut b = builder();
            let p = parties(&mut b);
            let ty = arith(ring, elem, lanes);
            let x = shared(&mut b, p[0], ty.clone());
            let y = shared(&mut b, p[1], ty.clone());
            let c = b.input(None, "c", elem, lanes);
            let g = |b: &mut Builder, op: Op, args: &[WireId]| b.gate1_as(op, args, ty.clone()).unwrap();
            let xy = g(&mut b, Op::ArithMul, &[x, y]);
            let l = g(&mut b, Op::Lift, &[c]);
            let s = g(&mut b, Op::ArithAdd, &[xy, l]);
            let s = g(&mut b, Op::ArithSub, &[s, x]);
            let t = g(&mut b, Op::ArithSub, &[c, s]);
            let t = g(&mut b, Op::ArithAdd, &[c, t]);
            let u = g(&mut b, Op::ArithSub, &[t, c]);
            let u = g(&mut b, Op::ArithSub, &[u]);
            let v = g(&mut b, Op::ArithScale, &[u, c]);
            let v = g(&mut b, Op::ArithAdd, &[v, v]);
            let small = Elem::u(8);
            let w = b.gate1_as(Op::ArithTrunc, &[v], arith(8, small, lanes)).unwrap();
            for x in [xy, l, s, t, u, v, w] {
                open(&mut b, x, Recipient::All);
            }
            open(&mut b, v, Recipient::Party(p[2]));
            open(&mut b, xy, Recipient::Party(p[0]));
            check(&b.finish(), 7 * lanes + ring as u64);
        }
    }
}

/// Of a value in a ring that is wider than its type, an opening tells the bits of the type alone.
#[test]
fn openings_tell_no_upper_bits() {
    for (ring, width) in [(8u8, 1u8), (8, 5), (16, 12), (32, 17), (64, 33), (64, 63), (128, 65), (128, 127)] {
        for to_all in [true, false] {
            let elem = Elem::u(width);
            let mut b = builder();
            let p = parties(&mut b);
            let ty = arith(ring, elem, 200);
            let x = shared(&mut b, p[0], ty.clone());
            let y = shared(&mut b, p[1], ty.clone());
            let xy = b.gate1_as(Op::ArithMul, &[x, y], ty).unwrap();
            open(&mut b, xy, if to_all { Recipient::All } else { Recipient::Party(p[2]) });
            let run = check(&b.finish(), u64::from(width));
            let mut seen = 0;
            for (from, to) in [(0, 2), (1, 0), (2, 1)] {
                let sent = &run.bytes[from][to];
                let last = run.trace.last().unwrap()[from][to] as usize;
                assert_eq!(last, if to_all || to == 2 { 200 * usize::from(ring) / 8 } else { 0 });
                for word in sent[sent.len() - last..].chunks(usize::from(ring) / 8) {
                    let value = word.iter().rev().fold(0u128, |v, b| v << 8 | u128::from(*b));
                    assert_eq!(value & !elem.mask(), 0, "{width} bits in a ring of {ring}");
                    seen |= value;
                }
            }
            assert_eq!(seen, elem.mask());
        }
    }
}

#[test]
fn sums_and_matrices() {
    for ring in RINGS {
        for (groups, group) in
            [(0u64, 3u64), (1, 0), (5, 1), (1, 1000), (70, 13), (2, 300_001), (3, 70_000), (40_000, 3)]
        {
            let mut b = builder();
            let p = parties(&mut b);
            let ty = arith(ring, Elem::u(ring), groups * group);
            let x = shared(&mut b, p[0], ty.clone());
            let y = shared(&mut b, p[1], ty);
            let out = arith(ring, Elem::u(ring), groups);
            let d = b.gate1_as(Op::Dot { group: Len::Const(group) }, &[x, y], out.clone()).unwrap();
            let s = b.gate1_as(Op::Reduce { red: Red::Add, group: Len::Const(group) }, &[x], out).unwrap();
            open(&mut b, d, Recipient::All);
            open(&mut b, s, Recipient::All);
            check(&b.finish(), ring as u64);
        }
        for (batch, m, k, n) in
            [(1u64, 1u64, 1u64, 1u64), (2, 3, 5, 4), (1, 40, 33, 20), (0, 2, 2, 2), (1, 3, 0, 2), (3, 20, 1, 17)]
        {
            let mut b = builder();
            let p = parties(&mut b);
            let x = shared(&mut b, p[0], arith(ring, Elem::u(ring), batch * m * k));
            let y = shared(&mut b, p[1], arith(ring, Elem::u(ring), batch * k * n));
            let z = b.gate1_as(Op::MatMul { m, k, n }, &[x, y], arith(ring, Elem::u(ring), batch * m * n)).unwrap();
            open(&mut b, z, Recipient::All);
            check(&b.finish(), ring as u64 + batch);
        }
    }
}

#[test]
fn planes() {
    for planes in [1u8, 2, 7, 32, 64, 65, 128] {
        for lanes in LENGTHS {
            let elem = if planes == 1 { Elem::Bool } else { Elem::i(planes) };
            let mut b = builder();
            let p = parties(&mut b);
            let ty = bits(planes, elem, lanes);
            let x = shared(&mut b, p[1], ty.clone());
            let y = shared(&mut b, p[2], ty.clone());
            let c = b.input(None, "c", elem, lanes);
            let m = b.input(None, "m", Elem::Bool, lanes);
            let g = |b: &mut Builder, op: Op, args: &[WireId]| b.gate1_as(op, args, ty.clone()).unwrap();
            let a = g(&mut b, Op::BitsAnd, &[x, y]);
            let l = g(&mut b, Op::Lift, &[c]);
            let s = g(&mut b, Op::BitsXor, &[a, l]);
            let s = g(&mut b, Op::BitsXor, &[s, c]);
            let n = g(&mut b, Op::BitsNot, &[s]);
            let k = g(&mut b, Op::BitsMask, &[n, m]);
            let k = g(&mut b, Op::BitsXor, &[k, x]);
            let k = g(&mut b, Op::BitsMask, &[k, c]);
            let t = g(&mut b, Op::BitsAnd, &[k, n]);
            let list: Vec<Plane> = (0..planes as u32)
                .map(|p| match p % 5 {
                    0 => Plane::Of { arg: 0, plane: planes as u32 - 1 - p },
                    1 => Plane::Of { arg: 1, plane: p / 2 },
                    2 => Plane::One,
                    3 => Plane::Zero,
                    _ => Plane::Of { arg: 1, plane: p },
                })
                .collect();
            let r = g(&mut b, Op::Planes(list), &[n, t]);
            for x in [a, l, s, n, k, t, r] {
                open(&mut b, x, Recipient::All);
            }
            open(&mut b, r, Recipient::Party(p[0]));
            check(&b.finish(), lanes + planes as u64);
        }
    }
}

#[test]
fn conversions() {
    for ring in RINGS {
        for lanes in LENGTHS {
            for planes in [ring, ring / 2, 1] {
                for neg in [false, true] {
                    let mut b = builder();
                    let p = parties(&mut b);
                    let elem = Elem::u(ring);
                    let x = shared(&mut b, p[0], arith(ring, elem, lanes));
                    let part = if planes == 1 { Elem::Bool } else { Elem::u(planes) };
                    let ty = bits(planes, part, lanes);
                    let w = b.gate_as(Op::A2bDeal { neg }, &[x], &[ty.clone(), ty]).unwrap();
                    open(&mut b, w[0], Recipient::All);
                    open(&mut b, w[1], Recipient::All);
                    let c = b.finish();
                    let inputs = columns(&c, lanes + ring as u64);
                    let out = run(&program(&c, true), &inputs, lanes).outputs;
                    for l in 0..lanes as usize {
                        let (s, t) = (out[0].get(l), out[1].get(l));
                        let sum = if neg { s.wrapping_sub(t) } else { s.wrapping_add(t) };
                        assert_eq!((sum ^ inputs[0].get(l)) & part.mask(), 0);
                    }
                }
            }
            // Moved parts of a sum, at every place that tells them apart.
            for places in [0, 1, ring / 2, ring - 1] {
                let mut b = builder();
                let p = parties(&mut b);
                let elem = Elem::u(ring);
                let ty = arith(ring, elem, lanes);
                let x = shared(&mut b, p[0], ty.clone());
                let w = b.gate_as(Op::TruncDeal { places }, &[x], &[ty.clone(), ty]).unwrap();
                open(&mut b, w[0], Recipient::All);
                open(&mut b, w[1], Recipient::All);
                let c = b.finish();
                let inputs = columns(&c, lanes + u64::from(places));
                let out = run(&program(&c, true), &inputs, lanes).outputs;
                for l in 0..lanes as usize {
                    let (s, t, x) = (out[0].get(l), out[1].get(l), inputs[0].get(l));
                    assert!(s | t <= elem.mask() >> places);
                    // Of one, two, … wraps and carries: the sum is x moved, plus 2^(ring - places) where s + t wraps, less a carry.
                    let sum = s.wrapping_add(t).wrapping_sub(x >> places) & (elem.mask() >> places);
                    assert!(sum == 0 || sum == elem.mask() >> places, "{s} {t} {x} {places}");
                }
            }
            // b = u + v - 2 u v.
            let mut b = builder();
            let p = parties(&mut b);
            let x = shared(&mut b, p[0], bits(1, Elem::Bool, lanes));
            let ty = arith(ring, Elem::u(ring), lanes);
            let w = b.gate_as(Op::B2aDeal, &[x], &[ty.clone(), ty.clone()]).unwrap();
            let g = |b: &mut Builder, op: Op, args: &[WireId]| b.gate1_as(op, args, ty.clone()).unwrap();
            let uv = g(&mut b, Op::ArithMul, &[w[0], w[1]]);
            let s = g(&mut b, Op::ArithAdd, &[w[0], w[1]]);
            let d = g(&mut b, Op::ArithAdd, &[uv, uv]);
            let r = g(&mut b, Op::ArithSub, &[s, d]);
            open(&mut b, r, Recipient::All);
            check(&b.finish(), lanes + 3 * ring as u64);
        }
    }
}

#[test]
fn families() {
    for members in [0u64, 1, 2, 3, 5, 7] {
        for per in [1u64, 3, 70] {
            let mut b = builder();
            let ada = b.party("Ada", None);
            let fam = b.party("F", Some(members));
            let late = b.party("Late", None);
            let lanes = members * per;
            let x = shared(&mut b, fam, arith(32, Elem::i(20), lanes));
            let y = shared(&mut b, fam, bits(9, Elem::u(9), lanes));
            let z = shared(&mut b, late, arith(32, Elem::i(20), lanes));
            let s = b.gate1_as(Op::ArithMul, &[x, z], arith(32, Elem::i(20), lanes)).unwrap();
            let t = b.gate1_as(Op::BitsNot, &[y], bits(9, Elem::u(9), lanes)).unwrap();
            for to in [fam, ada, late] {
                open(&mut b, s, Recipient::Party(to));
                open(&mut b, t, Recipient::Party(to));
            }
            open(&mut b, s, Recipient::All);
            let run = check(&b.finish(), members * 100 + per);
            // Only hosts learn.
            for (node, outs) in run.by_node.iter().enumerate() {
                assert_eq!(outs[2].is_some(), node == 0);
                assert_eq!(outs[4].is_some(), node as u64 == (1 + members) % 3);
                let hosts = (0..members).any(|k| (1 + k) % 3 == node as u64);
                assert_eq!(outs[0].is_some(), hosts);
            }
        }
    }
}

#[test]
fn lanes_move() {
    for lanes in [1u64, 64, 65, 300, 1000] {
        for planes in [1u8, 4, 33, 64] {
            let mut b = builder();
            let p = parties(&mut b);
            let elem = if planes == 1 { Elem::Bool } else { Elem::u(planes) };
            let ring = [8, 16, 32, 64].into_iter().find(|r| *r >= planes).unwrap();
            let n = lanes as i64;
            let spaces: Vec<(Space, Index)> = vec![
                (Space::rect(&[n]), Index::Coord(0)),
                (Space::rect(&[n]), Index::Const(n / 2)),
                (Space::rect(&[n]), Index::sub(Index::Const(n - 1), Index::Coord(0))),
                (Space::rect(&[n / 2]), Index::mul(Index::Coord(0), Index::Const(2))),
                (Space::rect(&[n]), Index::rem(Index::mul(Index::Coord(0), Index::Const(7)), Index::Const(n))),
                (Space::rect(&[3, n / 4]), Index::add(Index::Coord(0), Index::Coord(1))),
            ];
            let c = b.input(None, "c", Elem::u(16), lanes);
            let bound = b.gate1_as(Op::Const(lanes as u128), &[], WireTy::clear(Elem::u(16), lanes)).unwrap();
            let at = b.bin(circuit::Bin::Rem, c, bound).unwrap();
            for ty in [arith(ring, elem, lanes), bits(planes, elem, lanes)] {
                let x = shared(&mut b, p[0], ty.clone());
                for (k, (space, index)) in spaces.iter().enumerate() {
                    let count = [n, n, n, n / 2, n, 3 * (n / 4)][k] as u64;
                    let out = WireTy { len: Len::Const(count), ..ty.clone() };
                    let s = b.space(space.clone());
                    let g = b.gate1_as(Op::Gather { space: s, index: index.clone() }, &[x], out.clone()).unwrap();
                    let j = b
                        .gate1_as(Op::Concat, &[g, x, g], WireTy { len: Len::Const(2 * count + lanes), ..ty.clone() })
                        .unwrap();
                    open(&mut b, j, Recipient::All);
                    if [0, 2, 3].contains(&k) {
                        let r =
                            b.gate1_as(Op::Scatter { space: s, index: index.clone() }, &[x, g], ty.clone()).unwrap();
                        open(&mut b, r, Recipient::All);
                    }
                }
                let g = b.gate1_as(Op::GatherAt, &[x, at], ty.clone()).unwrap();
                open(&mut b, g, Recipient::All);
                let space = b.space(Space::rect(&[n]));
                let ids = Index::sub(Index::Const(n - 1), Index::Coord(0));
                let perm = b.gate1_as(Op::Iota { space, index: ids }, &[], WireTy::clear(Elem::u(16), lanes)).unwrap();
                let r = b.gate1_as(Op::ScatterAt, &[x, g, perm], ty.clone()).unwrap();
                open(&mut b, r, Recipient::All);
            }
            check(&b.finish(), lanes * planes as u64);
        }
    }
}

/// What a batch is priced by: its row, form, lanes, and host.
type Priced = (Kind, Form, u64, Option<Host>);

/// Rounds of one primitive each, and the row, form, and lanes that the published table has for it.
fn priced(lanes: u64) -> (circuit::Circuit, Vec<Priced>) {
    let mut b = builder();
    let ada = b.party("Ada", None);
    let fam = b.party("F", Some(5));
    let late = b.party("Late", None);
    // Placed by someone, a single party and a family.
    let here = b.party("Here", None);
    let together = b.party("Together", Some(5));
    b.host(here, circuit::Host::Node(0));
    b.host(together, circuit::Host::Node(1));
    let hosts = spec::hosts([(None, None), (Some(5), None), (None, None), (None, Some(0)), (Some(5), Some(1))]);
    let everyone = [ada, fam, late, here, together];
    let lanes = lanes / 5 * 5;
    let mut rows = vec![];
    let (e, f) = (Elem::u(30), Elem::u(9));
    let (ta, tb) = (arith(32, e, lanes), bits(9, f, lanes));
    let mut pair = vec![];
    for p in everyone {
        let host = Some(hosts[p.0 as usize]);
        pair.push(shared(&mut b, p, ta.clone()));
        rows.push((Kind::InputArith, Form::Ring(32), lanes, host));
        pair.push(shared(&mut b, p, tb.clone()));
        rows.push((Kind::InputBits, Form::Planes(9), lanes, host));
    }
    let m = b.gate1_as(Op::ArithMul, &[pair[0], pair[2]], ta.clone()).unwrap();
    rows.push((Kind::ArithMul, Form::Ring(32), lanes, None));
    b.gate1_as(Op::Dot { group: Len::Const(5) }, &[m, m], arith(32, e, lanes / 5)).unwrap();
    rows.push((Kind::Dot, Form::Ring(32), lanes / 5, None));
    b.gate1_as(Op::MatMul { m: 1, k: 5, n: 1 }, &[m, m], arith(32, e, lanes / 5)).unwrap();
    rows.push((Kind::MatMul, Form::Ring(32), lanes / 5, None));
    let a = b.gate1_as(Op::BitsAnd, &[pair[1], pair[3]], tb.clone()).unwrap();
    rows.push((Kind::BitsAnd, Form::Planes(9), lanes, None));
    let t = bits(17, Elem::u(17), lanes);
    b.gate_as(Op::A2bDeal { neg: false }, &[m], &[t.clone(), t]).unwrap();
    rows.push((Kind::A2bDeal, Form::Planes(17), lanes, None));
    let one = b.gate1_as(Op::Planes(vec![Plane::Of { arg: 0, plane: 3 }]), &[a], bits(1, Elem::Bool, lanes)).unwrap();
    let t = arith(16, Elem::u(16), lanes);
    b.gate_as(Op::B2aDeal, &[one], &[t.clone(), t]).unwrap();
    rows.push((Kind::B2aDeal, Form::Ring(16), lanes, None));
    let t = arith(32, e, lanes);
    b.gate_as(Op::TruncDeal { places: 5 }, &[m], &[t.clone(), t]).unwrap();
    rows.push((Kind::TruncDeal, Form::Ring(32), lanes, None));
    open(&mut b, m, Recipient::All);
    rows.push((Kind::OpenArith, Form::Ring(32), lanes, None));
    open(&mut b, a, Recipient::All);
    rows.push((Kind::OpenBits, Form::Planes(9), lanes, None));
    for p in everyone {
        let host = Some(hosts[p.0 as usize]);
        open(&mut b, m, Recipient::Party(p));
        rows.push((Kind::OpenArithTo, Form::Ring(32), lanes, host));
        open(&mut b, a, Recipient::Party(p));
        rows.push((Kind::OpenBitsTo, Form::Planes(9), lanes, host));
    }
    (b.finish(), rows)
}

/// Whether a table says exactly what travelled, by step and directed pair.
fn agrees(table: &[Primitive], lanes: u64) -> bool {
    let (c, rows) = priced(lanes);
    let mut trace = run(&program(&c, false), &columns(&c, lanes), lanes).trace;
    trace.resize(rows.len(), Default::default());
    rows.iter().zip(&trace).all(|((kind, form, lanes, host), sent)| {
        let row = table.iter().find(|p| p.kind == *kind).unwrap();
        spec::bytes(3, row, *form, *lanes, host.as_ref())
            .is_some_and(|want| want.iter().zip(sent).all(|(w, s)| w[..] == s[..]))
    })
}

#[test]
fn the_published_table_says_what_travels() {
    for lanes in [0, 5, 60, 65, 190, 195, 1000, 12345] {
        assert!(agrees(REP3.primitives, lanes), "{lanes} lanes");
    }
    // A table that is wrong in any one row is noticed.
    for k in 0..REP3.primitives.len() {
        let mut table = REP3.primitives.to_vec();
        let mut term = table[k].terms[0];
        std::mem::swap(&mut term.from, &mut term.to);
        let wrong = [term];
        table[k].terms = Box::leak(Box::new(wrong));
        assert!(!agrees(&table, 195), "{:?}", table[k].kind);
    }
}
