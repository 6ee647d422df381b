//! The gate library: exhaustive at 8 bits, at random at 64 and 128, and its sizes in a table.

mod common;

use circuit::testing::Rng;
use circuit::{Circuit, Domain, Elem, Len, Level, Op, Party, PartyId, Recipient, WireId};
use common::{ands_and_depth, column, eval, lanes};
use opt::asm::{Asm, Pl};
use opt::gates::adder::{self, Style};
use opt::gates::{compare, divide, multiply, mux, shift};

/// A gate-level circuit of inputs shared as bits, and one opened word made of them.
fn build(
    ins: &[Elem],
    clear: Option<Elem>,
    n: u64,
    out: Elem,
    f: impl FnOnce(&mut Asm, &[Vec<Pl>], Option<WireId>, &Len) -> Vec<Pl>,
) -> Circuit {
    let mut c = Circuit::new(Level::Gates("rep3".into()));
    c.regions.clear();
    c.parties.push(Party { name: "A".into(), family: None, host: circuit::Host::Turn });
    for (i, e) in ins.iter().enumerate() {
        c.inputs.push(circuit::Input {
            party: Some(PartyId(0)),
            kept: false,
            name: format!("x{i}"),
            elem: *e,
            lanes: n,
            range: None,
        });
    }
    if let Some(e) = clear {
        c.inputs.push(circuit::Input { party: None, kept: false, name: "k".into(), elem: e, lanes: n, range: None });
    }
    let mut s = Asm::new(c);
    let len = Len::Const(n);
    let mut words = vec![];
    for (i, e) in ins.iter().enumerate() {
        let x = s.gate(Op::Input(i as u32), vec![], Domain::Local(PartyId(0)), *e, len.clone());
        let id = circuit::EffectId(s.c.effects);
        s.c.effects += 1;
        let b = s.gate(Op::InputShare(id), vec![x], Domain::Bits { planes: e.bits() }, *e, len.clone());
        words.push(s.planes_of(b));
    }
    let k = clear.map(|e| s.gate(Op::Input(ins.len() as u32), vec![], Domain::Clear, e, len.clone()));
    let r = f(&mut s, &words, k, &len);
    let w = s.stack(&r, out, &len);
    let id = circuit::EffectId(s.c.effects);
    s.c.effects += 1;
    let o = s.gate(Op::Open { id, to: Recipient::All }, vec![w], Domain::Clear, out, len);
    s.c.root = s.close(vec![], vec![]);
    s.c.outputs.push(circuit::Output { party: None, kept: None, name: "result".into(), wire: o });
    if let Err(p) = circuit::verify::verify(&s.c) {
        panic!("{}\n{}", p.iter().map(|p| p.to_string()).collect::<Vec<_>>().join("\n"), common::c_text(&s.c));
    }
    s.c
}

/// All pairs of 8-bit words, or random pairs with the corners.
fn pairs(bits: u8) -> (Vec<u128>, Vec<u128>) {
    let mut a = vec![];
    let mut b = vec![];
    if bits == 8 {
        for x in 0..256u128 {
            for y in 0..256u128 {
                a.push(x);
                b.push(y);
            }
        }
    } else {
        let mask = Elem::u(bits).mask();
        let corners = [0, 1, mask, mask >> 1, (mask >> 1) + 1, 2, mask - 1];
        for x in corners {
            for y in corners {
                a.push(x & mask);
                b.push(y & mask);
            }
        }
        let mut r = Rng::new(u64::from(bits));
        for k in 0..200 {
            let x = r.wide() & mask;
            a.push(x);
            b.push(
                match k % 4 {
                    0 => x,
                    1 => x ^ 1 << (r.below(u64::from(bits)) as u32),
                    _ => r.wide() & mask,
                } & mask,
            );
        }
    }
    (a, b)
}

const WIDTHS: [u8; 9] = [1, 2, 3, 8, 13, 16, 33, 64, 128];

type Lib = fn(&mut Asm, &[Pl], &[Pl], &Len) -> Vec<Pl>;

fn check2(elem: fn(u8) -> Elem, out: impl Fn(u8) -> Elem, lib: Lib, want: impl Fn(Elem, u128, u128) -> u128) {
    for k in WIDTHS {
        let e = elem(k);
        let (a, b) = pairs(k);
        let o = out(k);
        let c = build(&[e, e], None, a.len() as u64, o, |s, w, _, len| lib(s, &w[0], &w[1], len));
        let got = lanes(&eval(&c, &[column(e, a.clone()), column(e, b.clone())], 1)[0]);
        for ((x, y), g) in a.iter().zip(&b).zip(got) {
            assert_eq!(g, want(e, *x, *y) & o.mask(), "{e} {x} {y}");
        }
    }
}

fn s(e: Elem, x: u128) -> i128 {
    e.extend(x) as i128
}

#[test]
fn adders_add_and_subtract() {
    check2(Elem::u, Elem::u, |s, a, b, n| adder::add(s, a, b, false, Style::Fast, n), |_, x, y| x.wrapping_add(y));
    check2(Elem::u, Elem::u, |s, a, b, n| adder::add(s, a, b, false, Style::Lean, n), |_, x, y| x.wrapping_add(y));
    check2(
        Elem::u,
        Elem::u,
        |s, a, b, n| adder::add(s, a, b, true, Style::Lean, n),
        |_, x, y| x.wrapping_add(y).wrapping_add(1),
    );
    check2(Elem::u, Elem::u, |s, a, b, n| adder::add(s, a, b, false, Style::Groups(4), n), |_, x, y| x.wrapping_add(y));
    check2(
        Elem::u,
        Elem::u,
        |s, a, b, n| adder::add(s, a, b, true, Style::Groups(8), n),
        |_, x, y| x.wrapping_add(y).wrapping_add(1),
    );
    check2(Elem::u, Elem::u, |s, a, b, n| adder::sub(s, a, b, Style::Ripple, n), |_, x, y| x.wrapping_sub(y));
    check2(Elem::u, Elem::u, |s, a, b, n| adder::sub(s, a, b, Style::Fast, n), |_, x, y| x.wrapping_sub(y));
    check2(Elem::u, Elem::u, |s, a, b, n| adder::sub(s, a, b, Style::Lean, n), |_, x, y| x.wrapping_sub(y));
    check2(Elem::u, Elem::u, |s, a, _, n| adder::neg(s, a, Style::Lean, n), |_, x, _| x.wrapping_neg());
}

#[test]
fn comparisons_compare() {
    check2(Elem::u, |_| Elem::Bool, |s, a, b, n| vec![compare::lt(s, a, b, false, n)], |_, x, y| u128::from(x < y));
    check2(
        Elem::i,
        |_| Elem::Bool,
        |s, a, b, n| vec![compare::lt(s, a, b, true, n)],
        |e, x, y| u128::from(s(e, x) < s(e, y)),
    );
    check2(
        Elem::u,
        |_| Elem::Bool,
        |s, a, b, n| vec![compare::lt_by(s, a, b, false, 4, n)],
        |_, x, y| u128::from(x < y),
    );
    check2(
        Elem::i,
        |_| Elem::Bool,
        |s, a, b, n| vec![compare::lt_by(s, a, b, true, 8, n)],
        |e, x, y| u128::from(s(e, x) < s(e, y)),
    );
    check2(
        Elem::i,
        |_| Elem::Bool,
        |s, a, b, n| vec![compare::lt_by(s, a, b, true, 128, n)],
        |e, x, y| u128::from(s(e, x) < s(e, y)),
    );
    check2(Elem::u, |_| Elem::Bool, |s, a, b, n| vec![compare::eq(s, a, b, n)], |_, x, y| u128::from(x == y));
    check2(
        Elem::u,
        |_| Elem::Bool,
        |s, a, b, n| vec![compare::sum_sign(s, a, b, n)],
        |e, x, y| x.wrapping_add(y) >> (e.bits() - 1) & 1,
    );
}

#[test]
fn comparisons_with_clear_words() {
    for k in [1u8, 2, 8, 33, 64] {
        for signed in [false, true] {
            for swap in [false, true] {
                let e = Elem::Int { signed, bits: k };
                let (a, b) = pairs(k);
                let c = build(&[e], Some(e), a.len() as u64, Elem::Bool, |s, w, y, len| {
                    vec![compare::lt_clear(s, &w[0], y.unwrap(), signed, swap, len)]
                });
                let got = lanes(&eval(&c, &[column(e, a.clone()), column(e, b.clone())], 1)[0]);
                for ((x, y), g) in a.iter().zip(&b).zip(got) {
                    let (x, y) = if swap { (*y, *x) } else { (*x, *y) };
                    let want = if signed { s(e, x) < s(e, y) } else { x < y };
                    assert_eq!(g, u128::from(want), "{e} {x} {y} {swap}");
                }
            }
        }
    }
    // Constants, where planes fold.
    for v in [0u128, 1, 7, 128, 200, 255] {
        let e = Elem::u(8);
        let c = build(&[e], None, 256, Elem::Bool, |s, w, _, len| {
            let k: Vec<Pl> = (0..8).map(|i| Pl::bit(v >> i & 1 == 1)).collect();
            vec![compare::lt(s, &w[0], &k, false, len)]
        });
        let got = lanes(&eval(&c, &[column(e, 0..256)], 1)[0]);
        assert!((0..256u128).all(|x| got[x as usize] == u128::from(x < v)));
        assert!(ands_and_depth(&c).0 <= 12);
    }
}

#[test]
fn divisions_divide() {
    fn quotient(e: Elem, x: u128, y: u128) -> u128 {
        if y == 0 {
            return u128::MAX;
        }
        if e.signed() { s(e, x).wrapping_div(s(e, y)) as u128 } else { x / y }
    }
    fn remainder(e: Elem, x: u128, y: u128) -> u128 {
        if y == 0 {
            return x;
        }
        if e.signed() { s(e, x).wrapping_rem(s(e, y)) as u128 } else { x % y }
    }
    type Words = (Vec<Pl>, Vec<Pl>);
    type Divide = fn(&mut Asm, &[Pl], &[Pl], &Len) -> Words;
    let unsigned: [Divide; 3] = [
        |s, a, b, n| divide::divide(s, a, b, false, divide::Style::Size, n),
        |s, a, b, n| divide::divide(s, a, b, false, divide::Style::Lean, n),
        |s, a, b, n| divide::divide(s, a, b, false, divide::Style::Fast, n),
    ];
    let signed: [Divide; 3] = [
        |s, a, b, n| divide::divide(s, a, b, true, divide::Style::Size, n),
        |s, a, b, n| divide::divide(s, a, b, true, divide::Style::Lean, n),
        |s, a, b, n| divide::divide(s, a, b, true, divide::Style::Fast, n),
    ];
    for k in WIDTHS {
        for (divide, signed) in unsigned.iter().map(|d| (d, false)).chain(signed.iter().map(|d| (d, true))) {
            let e = Elem::Int { signed, bits: k };
            let (a, b) = pairs(k);
            // Quotient and remainder side by side, where one word holds both.
            for rem in [false, true] {
                let c = build(&[e, e], None, a.len() as u64, e, |s, w, _, len| {
                    let (q, r) = divide(s, &w[0], &w[1], len);
                    if rem { r } else { q }
                });
                let got = lanes(&eval(&c, &[column(e, a.clone()), column(e, b.clone())], 1)[0]);
                for ((x, y), g) in a.iter().zip(&b).zip(got) {
                    let want = if rem { remainder(e, *x, *y) } else { quotient(e, *x, *y) };
                    assert_eq!(g, want & e.mask(), "{e} {x} {y} {rem}");
                }
            }
        }
    }
    // By constants, powers of two among them.
    for signed in [false, true] {
        for rem in [false, true] {
            for v in [0u128, 1, 2, 3, 8, 64, 128, 255] {
                let e = Elem::Int { signed, bits: 8 };
                let c = build(&[e], None, 256, e, |s, w, _, len| {
                    let k: Vec<Pl> = (0..8).map(|i| Pl::bit(v >> i & 1 == 1)).collect();
                    let (q, r) = divide::divide(s, &w[0], &k, signed, divide::Style::Fast, len);
                    if rem { r } else { q }
                });
                let got = lanes(&eval(&c, &[column(e, 0..256)], 1)[0]);
                for x in 0..256u128 {
                    let want = if rem { remainder(e, x, v) } else { quotient(e, x, v) };
                    assert_eq!(got[x as usize], want & 255, "{e} {x} {v} {rem}");
                }
            }
        }
    }
}

#[test]
fn shifts_and_selections() {
    for (dir, signed) in [(shift::Shift::Left, false), (shift::Shift::Right, false), (shift::Shift::SignedRight, true)]
    {
        for k in [1u8, 8, 13, 64] {
            let e = Elem::Int { signed, bits: k };
            for amount in [Elem::u(8), Elem::i(16), Elem::u(64)] {
                let (a, b) = pairs(k);
                let b: Vec<u128> = b
                    .iter()
                    .enumerate()
                    .map(|(i, y)| if i % 7 == 0 { amount.mask() } else { y % (u128::from(k) + 2) })
                    .collect();
                let c = build(&[e], Some(amount), a.len() as u64, e, |s, w, y, len| {
                    shift::by_clear(s, &w[0], y.unwrap(), dir, len)
                });
                assert_eq!(ands_and_depth(&c), (0, 0));
                let got = lanes(&eval(&c, &[column(e, a.clone()), column(amount, b.clone())], 1)[0]);
                for ((x, n), g) in a.iter().zip(&b).zip(got) {
                    let over = *n >= u128::from(k);
                    let want = match dir {
                        shift::Shift::Left if over => 0,
                        shift::Shift::Left => x << n,
                        shift::Shift::Right if over => 0,
                        shift::Shift::Right => x >> n,
                        shift::Shift::SignedRight => (s(e, *x) >> (*n).min(127)) as u128,
                    };
                    assert_eq!(g, want & e.mask(), "{e} {x} {n} {dir:?}");
                }
            }
        }
    }
    check2(Elem::u, Elem::u, |s, a, b, n| mux::mux(s, a[0], a, b, n), |_, x, y| if x & 1 == 1 { x } else { y });
}

#[test]
fn products_multiply() {
    for (style, lib) in [
        ("array", (|s, a, b, n| multiply::mul(s, a, b, multiply::Style::Array, n)) as Lib),
        ("tree", |s, a, b, n| multiply::mul(s, a, b, multiply::Style::Tree, n)),
    ] {
        // Wide words are slow to check and no different.
        for k in WIDTHS.into_iter().filter(|k| *k <= 64) {
            let e = Elem::u(k);
            let (a, b) = pairs(k);
            let c = build(&[e, e], None, a.len() as u64, e, |s, w, _, len| lib(s, &w[0], &w[1], len));
            let got = lanes(&eval(&c, &[column(e, a.clone()), column(e, b.clone())], 1)[0]);
            for ((x, y), g) in a.iter().zip(&b).zip(got) {
                assert_eq!(g, x.wrapping_mul(*y) & e.mask(), "{style} {e} {x} {y}");
            }
        }
    }
    // Constants: all at 8 bits, some at 64 and 128.
    let mut r = Rng::new(5);
    let mut factors: Vec<(u8, u128)> = (0..256).map(|v| (8, v)).collect();
    for k in [64, 128] {
        factors.extend([0, 1, 3, u128::MAX, 1 << (k - 1)].map(|v| (k, v)));
        factors.extend((0..8).map(|_| (k, r.wide())));
    }
    for (k, v) in factors {
        let e = Elem::u(k);
        let v = v & e.mask();
        let (a, _) = pairs(k);
        let a = if k == 8 { (0..256).collect() } else { a };
        let c = build(&[e], None, a.len() as u64, e, |s, w, _, len| multiply::mul_const(s, &w[0], v, len));
        let got = lanes(&eval(&c, &[column(e, a.clone())], 1)[0]);
        for (x, g) in a.iter().zip(got) {
            assert_eq!(g, x.wrapping_mul(v) & e.mask(), "{e} {x} {v}");
        }
    }
}

/// ANDs and depth: a change here is a change of every program's cost.
#[test]
fn sizes() {
    let of = |lib: Lib, k: u8, out: Elem| {
        let e = Elem::u(k);
        let c = build(&[e, e], None, 1, out, |s, w, _, len| lib(s, &w[0], &w[1], len));
        ands_and_depth(&c)
    };
    // Both results of a divider.
    let both = |style: divide::Style, k: u8| {
        let e = Elem::u(k);
        let c = build(&[e, e], None, 1, Elem::Bool, |s, w, _, len| {
            let (mut q, r) = divide::unsigned(s, &w[0], &w[1], style, len);
            q.extend(r);
            // A product of all planes keeps them alive without a word of its width; it is no part of the count.
            let mut all = q[0];
            for p in &q[1..] {
                all = s.xor1(all, *p, len);
            }
            vec![all]
        });
        ands_and_depth(&c)
    };
    let mut table = String::from("| circuit | 8 bits | 16 bits | 32 bits | 64 bits |\n|---|---|---|---|---|\n");
    let mut row = |name: &str, cost: &dyn Fn(u8) -> (u32, u32)| {
        let cells: Vec<String> = [8, 16, 32, 64]
            .map(|k| {
                let (ands, depth) = cost(k);
                format!("{ands} / {depth}")
            })
            .into();
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    };
    let word = |lib: Lib| move |k: u8| of(lib, k, Elem::u(k));
    let bit = |lib: Lib| move |k: u8| of(lib, k, Elem::Bool);
    row("addition, ripple", &word(|s, a, b, n| adder::add(s, a, b, false, Style::Ripple, n)));
    row("addition, groups of 8", &word(|s, a, b, n| adder::add(s, a, b, false, Style::Groups(8), n)));
    row("addition, groups of 4", &word(|s, a, b, n| adder::add(s, a, b, false, Style::Groups(4), n)));
    row("addition, groups of 2", &word(|s, a, b, n| adder::add(s, a, b, false, Style::Lean, n)));
    row("addition, least depth", &word(|s, a, b, n| adder::add(s, a, b, false, Style::Fast, n)));
    row("subtraction, ripple", &word(|s, a, b, n| adder::sub(s, a, b, Style::Ripple, n)));
    row("comparison, ripple", &bit(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 128, n)]));
    row("comparison, groups of 8", &bit(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 8, n)]));
    row("comparison, groups of 4", &bit(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 4, n)]));
    row("comparison, least depth", &bit(|s, a, b, n| vec![compare::lt(s, a, b, false, n)]));
    row("equality", &bit(|s, a, b, n| vec![compare::eq(s, a, b, n)]));
    row("selection", &word(|s, a, b, n| mux::mux(s, a[0], a, b, n)));
    row("product, array", &word(|s, a, b, n| multiply::mul(s, a, b, multiply::Style::Array, n)));
    row("product, tree", &word(|s, a, b, n| multiply::mul(s, a, b, multiply::Style::Tree, n)));
    row("quotient and remainder, size", &|k| both(divide::Style::Size, k));
    row("quotient and remainder, a bit a turn", &|k| both(divide::Style::Lean, k));
    row("quotient and remainder, two bits a turn", &|k| both(divide::Style::Fast, k));
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sizes.md");
    if std::env::var_os("MPCC_BLESS").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), table, "MPCC_BLESS=1 rewrites {}", file.display());
    // The best known, whatever the file says.
    for k in [8u8, 16, 32, 64] {
        let n = u32::from(k);
        let ripple = of(|s, a, b, n| adder::add(s, a, b, false, Style::Ripple, n), k, Elem::u(k));
        assert!(ripple.0 < n, "{ripple:?}");
        let array = of(|s, a, b, n| multiply::mul(s, a, b, multiply::Style::Array, n), k, Elem::u(k));
        assert!(array.0 <= n * n - n + 1, "{array:?}");
        let less = of(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 128, n)], k, Elem::Bool);
        assert!(less.0 <= n, "{less:?}");
        for style in divide::STYLES {
            assert_eq!(both(style, k), divide::cost(usize::from(k), style));
        }
        for style in multiply::STYLES {
            let got = match style {
                multiply::Style::Array => array,
                multiply::Style::Tree => {
                    of(|s, a, b, n| multiply::mul(s, a, b, multiply::Style::Tree, n), k, Elem::u(k))
                }
            };
            assert_eq!(got, multiply::cost(usize::from(k), style));
        }
    }
    let tree = |k| of(|s, a, b, n| vec![compare::lt(s, a, b, false, n)], k, Elem::Bool);
    for (k, ands, depth) in [(8, 15, 4), (16, 34, 5), (32, 73, 6), (64, 152, 7)] {
        let got = tree(k);
        assert!(got.0 <= ands && got.1 <= depth, "{k}: {got:?}");
    }
    let tree = |k| multiply::cost(k, multiply::Style::Tree);
    assert!(tree(32).0 <= 1118 && tree(32).1 <= 13, "{:?}", tree(32));
    assert!(tree(64).0 <= 4350 && tree(64).1 <= 16, "{:?}", tree(64));
    assert!(both(divide::Style::Size, 64).0 <= 4285);
    for k in 1..=128usize {
        for group in compare::GROUPS {
            let got = match group {
                2 => of(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 2, n)], k as u8, Elem::Bool),
                4 => of(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 4, n)], k as u8, Elem::Bool),
                8 => of(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 8, n)], k as u8, Elem::Bool),
                _ => of(|s, a, b, n| vec![compare::lt_by(s, a, b, false, 128, n)], k as u8, Elem::Bool),
            };
            assert_eq!(got, compare::cost(k, group), "{k} {group}");
        }
    }
    for k in 1..=128u8 {
        for style in adder::STYLES {
            let lib: Lib = match style {
                Style::Ripple => |s, a, b, n| adder::add(s, a, b, false, Style::Ripple, n),
                Style::Groups(4) => |s, a, b, n| adder::add(s, a, b, false, Style::Groups(4), n),
                Style::Groups(_) => |s, a, b, n| adder::add(s, a, b, false, Style::Groups(8), n),
                Style::Fast => |s, a, b, n| adder::add(s, a, b, false, Style::Fast, n),
                Style::Lean => |s, a, b, n| adder::add(s, a, b, false, Style::Lean, n),
            };
            assert_eq!(of(lib, k, Elem::u(k)), adder::cost(k, style), "{k} {style:?}");
        }
    }
}
