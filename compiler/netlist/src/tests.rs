//! Nets against plain booleans; files of both formats, and files that must be refused.

use crate::bristol::{File, parse, write};
use crate::{Bit, Builder, Net};

/// A stream of numbers (xorshift).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// A random net, beside the words that its bits have for random inputs.
fn random(seed: u64) -> (Net, Vec<u64>, Vec<u64>) {
    let mut r = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let n = 1 + r.below(6);
    let (mut b, ins) = Builder::new(n);
    let inputs: Vec<u64> = (0..n).map(|_| r.next()).collect();
    let mut bits = vec![(Bit::ZERO, 0u64), (Bit::ONE, u64::MAX)];
    bits.extend(ins.iter().copied().zip(inputs.iter().copied()));
    for _ in 0..r.below(60) {
        let mut pick = || {
            let (x, v) = bits[r.below(bits.len())];
            if r.below(3) == 0 { (!x, !v) } else { (x, v) }
        };
        let ((x, p), (y, q), (z, s)) = (pick(), pick(), pick());
        bits.push(match r.below(5) {
            0 => (b.and(x, y), p & q),
            1 => (b.or(x, y), p | q),
            2 => (b.mux(x, y, z), (p & q) | (!p & s)),
            3 => (b.majority(x, y, z), (p & q) | (p & s) | (q & s)),
            _ => (b.xor(x, y), p ^ q),
        });
    }
    let mut outs = vec![];
    let mut want = vec![];
    for _ in 0..1 + r.below(8) {
        let (x, v) = bits[r.below(bits.len())];
        outs.push(if r.below(4) == 0 { !x } else { x });
        want.push(if outs[outs.len() - 1] == x { v } else { !v });
    }
    (b.finish(outs), inputs, want)
}

#[test]
fn nets_mean_what_was_built() {
    for seed in 0..500 {
        let (net, inputs, want) = random(seed);
        assert_eq!(net.eval(&inputs).unwrap(), want, "seed {seed}");
        assert_eq!(net.eval(&[]), if inputs.is_empty() { Some(want) } else { None });
        let levels = net.levels();
        assert_eq!(levels.iter().map(|l| l.ands.len()).sum::<usize>(), net.ands());
    }
}

#[test]
fn written_files_mean_the_same() {
    for seed in 0..500 {
        let (net, inputs, want) = random(seed);
        let (ins, outs) = (vec![net.inputs()], vec![net.outputs.len()]);
        let ands = net.ands();
        let text = write(&File { net, inputs: ins.clone(), outputs: outs.clone() });
        let back = parse(&text).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{text}"));
        assert_eq!(back.net.eval(&inputs).unwrap(), want, "seed {seed}\n{text}");
        assert_eq!((&back.inputs, &back.outputs), (&ins, &outs));
        assert!(back.net.ands() <= ands);
    }
}

#[test]
fn a_one_bit_adder_in_both_formats() {
    let fashion = "3 7\n2 1 1\n2 1 1\n\n2 1 0 1 5 XOR\n2 1 0 1 6 AND\n1 1 5 4 INV\n";
    // Wires 2 and 3 are never set.
    assert_eq!(parse(fashion).unwrap_err().what, "7 wires are announced, 5 are set");
    let fashion = "2 4\n2 1 1\n2 1 1\n\n2 1 0 1 2 XOR\n2 1 0 1 3 AND\n";
    let old = "2 4\n1 1 2\n\n2 1 0 1 2 XOR\n2 1 0 1 3 AND\n";
    for (text, outs) in [(fashion, vec![1, 1]), (old, vec![2]), (&fashion.replace('\n', "\r\n"), vec![1, 1])] {
        let f = parse(text).unwrap();
        assert_eq!((f.inputs, f.outputs), (vec![1, 1], outs));
        assert_eq!(f.net.eval(&[0b0011, 0b0101]).unwrap(), [0b0110, 0b0001]);
    }
}

#[test]
fn every_operation() {
    let text = "8 13\n1 3\n1 6\n\n4 2 0 1 2 0 7 8 MAND\n1 1 1 9 EQ\n1 1 0 10 EQ\n1 1 2 11 EQW\n1 1 7 12 INV\n2 1 0 1 3 OR\n\
                1 1 0 5 NOT\n2 3 0 1 6 4 XOR\n";
    assert_eq!(parse(text).unwrap_err().line, 12);
    let text = text.replace("2 3 0 1 6 4 XOR", "4 2 0 0 1 2 4 6 MAND");
    let f = parse(&text).unwrap();
    let (a, b, c) = (0b1111_0000u64, 0b1100_1100u64, 0b1010_1010u64);
    let got = f.net.eval(&[a, b, c]).unwrap();
    assert_eq!(got, [a & c, b & a, u64::MAX, 0, c, !(a & c)]);
}

#[test]
fn wrong_files_are_refused() {
    let good = "2 4\n2 1 1\n1 2\n\n2 1 0 1 2 XOR\n2 1 0 1 3 AND\n";
    assert!(parse(good).is_ok());
    for (from, to, what) in [
        ("2 4", "x 4", "not a number"),
        ("2 4", "2", "numbers of gates and of wires"),
        ("2 4", "4000000000 4", "more than a file of this length"),
        ("2 4", "2 4000000000", "more than a file of this length"),
        ("2 4", "2 99999999999999999999999", "not a number"),
        ("2 4", "2 1", "fewer than the values have bits"),
        ("2 4", "2 5", "5 wires are announced, 4 are set"),
        ("2 4", "3 4", "ends after 2 of 3 gates"),
        ("2 4", "1 4", "beyond the 1 that the file announces"),
        ("2 1 1", "2 1", "nor the three of the older format"),
        ("2 1 1", "1 4000000000", "input bits"),
        ("2 1 1", "2 1 0", "0 bits"),
        ("1 2", "2 2", "2 output values are announced, 1 widths"),
        ("2 1 0 1 2 XOR", "2 1 0 3 2 XOR", "wire 3 is read before"),
        ("2 1 0 1 2 XOR", "2 1 0 2 2 XOR", "wire 2 is read before"),
        ("2 1 0 1 2 XOR", "2 1 0 9 2 XOR", "wire 9 is beyond"),
        ("2 1 0 1 2 XOR", "2 1 0 1 9 XOR", "wire 9 is beyond"),
        ("2 1 0 1 2 XOR", "2 1 0 1 1 XOR", "wire 1 is set twice"),
        ("2 1 0 1 2 XOR", "2 1 0 1 3 XOR", "wire 3 is set twice"),
        ("2 1 0 1 2 XOR", "3 1 0 1 2 XOR", "announced"),
        ("2 1 0 1 2 XOR", "1 1 0 2 XOR", "XOR has 2 inputs"),
        ("2 1 0 1 2 XOR", "18446744073709551615 1 0 1 2 XOR", "not a number"),
        ("2 1 0 1 2 XOR", "2 1 0 1 2 NOR", "no operation"),
        ("2 1 0 1 2 XOR", "1 1 2 2 EQ", "0 or 1"),
        ("2 1 0 1 2 XOR", "0 0 0 MAND", "announced"),
        ("2 1 0 1 2 XOR", "3 1 0 1 1 2 MAND", "two inputs for each output"),
        ("2 1 0 1 2 XOR", "2 XOR", "a gate is"),
    ] {
        let text = good.replacen(from, to, 1);
        let e = parse(&text).expect_err(&text);
        assert!(e.what.contains(what), "{text}\n{e}");
    }
    for text in ["", "\n", "1 1", "2 4\n2 1 1\n1 2", "\u{0}\n\u{0}\n\u{0}"] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    // Cut anywhere, changed anywhere: an answer, never a panic.
    let mut r = Rng(77);
    for _ in 0..4000 {
        let mut t = good.as_bytes().to_vec();
        for _ in 0..1 + r.below(3) {
            let at = r.below(t.len());
            t[at] = b"0123456789 \nXANDIVEQW-"[r.below(22)];
        }
        t.truncate(r.below(t.len() + 1));
        let _ = parse(std::str::from_utf8(&t).unwrap());
    }
}

#[test]
fn parts_are_checked() {
    use crate::Node;
    let (x, later) = (Net::decode(2), Net::decode(6));
    assert!(Net::from_parts(1, [Node::And(x, !x)], vec![Net::decode(4)]).is_some());
    assert!(Net::from_parts(1, [Node::And(x, later)], vec![]).is_none());
    assert!(Net::from_parts(1, [Node::Xor(x, !x)], vec![]).is_none());
    assert!(Net::from_parts(1, [Node::Input], vec![]).is_none());
    assert!(Net::from_parts(1, [], vec![later]).is_none());
}
