//! Bristol Fashion and the older Bristol format as text.
//!
//! Read strictly: every number is checked against what the file itself holds, so that a hostile file costs no more memory
//! than a small multiple of its length. Both formats are told apart as SCALE-MAMBA does: the second line of Fashion has as
//! many numbers as its first number says, and one more, and its third line is not empty. Knows text and nets alone.

use crate::{Bit, Builder, MAX_NODES, Net, Node};
use std::collections::HashMap;
use std::fmt::Write;

/// Most input bits of a file.
pub const MAX_INPUT_BITS: usize = 1 << 20;

/// A net with the widths of its input and output values. Bits stand in the order of the file's wires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The gates; its inputs and outputs are all values' bits, one value after the other.
    pub net: Net,
    /// Bits of each input value.
    pub inputs: Vec<usize>,
    /// Bits of each output value.
    pub outputs: Vec<usize>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Line, from 1.
    pub line: usize,
    /// In plain words.
    pub what: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Error {}

type Result<T> = std::result::Result<T, Error>;

fn bad<T>(line: usize, what: impl Into<String>) -> Result<T> {
    Err(Error { line, what: what.into() })
}

/// The start of a word of the file, for messages.
fn shown(word: &str) -> String {
    word.chars().take(20).filter(|c| !c.is_control()).collect()
}

fn number(line: usize, word: &str) -> Result<usize> {
    match word.parse::<usize>() {
        Ok(n) if n <= u32::MAX as usize => Ok(n),
        _ => bad(line, format!("`{}` is not a number of this format", shown(word))),
    }
}

fn numbers(line: usize, text: &str) -> Result<Vec<usize>> {
    text.split_ascii_whitespace().map(|w| number(line, w)).collect()
}

struct Header {
    gates: usize,
    wires: usize,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

/// Widths after their number: `2 64 64`.
fn widths(line: usize, text: &str, of: &str) -> Result<Vec<usize>> {
    let all = numbers(line, text)?;
    match all.split_first() {
        Some((n, rest)) if *n == rest.len() => {
            if rest.contains(&0) {
                return bad(line, format!("an {of} value of 0 bits"));
            }
            Ok(rest.to_vec())
        }
        Some((n, rest)) => bad(line, format!("{n} {of} values are announced, {} widths follow", rest.len())),
        None => bad(line, format!("the number and the widths of the {of} values are expected")),
    }
}

fn header<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<Header> {
    let mut next = |what: &str| lines.next().ok_or_else(|| Error { line: 1, what: format!("{what} is expected") });
    let (at, first) = next("a line with the numbers of gates and wires")?;
    let [gates, wires] = numbers(at, first)?[..] else {
        return bad(at, "the numbers of gates and of wires are expected");
    };
    let (at2, second) = next("a line with the widths of the input values")?;
    let (at3, third) = next("a third line")?;
    let fields = numbers(at2, second)?;
    let fashion = fields.first().is_some_and(|n| n + 1 == fields.len()) && !third.trim().is_empty();
    let (inputs, outputs) = if fashion {
        (widths(at2, second, "input")?, widths(at3, third, "output")?)
    } else {
        let [a, b, out] = fields[..] else {
            return bad(at2, "neither the widths of Bristol Fashion nor the three of the older format");
        };
        if !third.trim().is_empty() {
            return bad(at3, "an empty line is expected after the widths of the older format");
        }
        if out == 0 {
            return bad(at2, "an output value of 0 bits");
        }
        ([a, b].into_iter().filter(|n| *n > 0).collect(), vec![out])
    };
    let bits = |v: &[usize]| v.iter().sum::<usize>();
    if bits(&inputs) > MAX_INPUT_BITS {
        return bad(at2, format!("more than {MAX_INPUT_BITS} input bits"));
    }
    if bits(&outputs) > wires || bits(&inputs) > wires {
        return bad(at, format!("{wires} wires are fewer than the values have bits"));
    }
    Ok(Header { gates, wires, inputs, outputs })
}

/// Wires of a file and what is known of them.
struct Wires {
    bits: Vec<Option<Bit>>,
    set: usize,
}

impl Wires {
    fn get(&self, line: usize, w: usize) -> Result<Bit> {
        match self.bits.get(w) {
            Some(Some(b)) => Ok(*b),
            Some(None) => bad(line, format!("wire {w} is read before it is set")),
            None => bad(line, format!("wire {w} is beyond the {} wires of the file", self.bits.len())),
        }
    }
    fn put(&mut self, line: usize, w: usize, b: Bit) -> Result<()> {
        let wires = self.bits.len();
        match self.bits.get_mut(w) {
            Some(slot @ None) => *slot = Some(b),
            Some(_) => return bad(line, format!("wire {w} is set twice")),
            None => return bad(line, format!("wire {w} is beyond the {wires} wires of the file")),
        }
        self.set += 1;
        Ok(())
    }
}

/// Reads a file of either format.
///
/// # Errors
/// The line and what is wrong with it. Nothing is allocated beyond a small multiple of the text and the input bits.
pub fn parse(text: &str) -> Result<File> {
    let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l));
    let h = header(&mut lines)?;
    let input_bits: usize = h.inputs.iter().sum();
    // A gate takes at least eight characters, and sets at most as many wires as it has characters.
    if h.gates > text.len() / 8 + 1 || h.wires > input_bits + text.len() || h.gates >= MAX_NODES {
        return bad(1, format!("{} gates and {} wires are more than a file of this length holds", h.gates, h.wires));
    }
    let (mut b, ins) = Builder::new(input_bits);
    let mut wires = Wires { bits: vec![None; h.wires], set: 0 };
    for (w, bit) in ins.into_iter().enumerate() {
        wires.put(1, w, bit)?;
    }
    let (mut gates, mut last) = (0, 1);
    let mut words: Vec<&str> = vec![];
    for (at, line) in lines {
        words.clear();
        words.extend(line.split_ascii_whitespace());
        if words.is_empty() {
            continue;
        }
        last = at;
        gates += 1;
        if gates > h.gates {
            return bad(at, format!("a gate beyond the {} that the file announces", h.gates));
        }
        gate(at, &words, &mut b, &mut wires)?;
    }
    if gates < h.gates {
        return bad(last, format!("the file ends after {gates} of {} gates", h.gates));
    }
    if wires.set != h.wires {
        return bad(1, format!("{} wires are announced, {} are set", h.wires, wires.set));
    }
    let output_bits: usize = h.outputs.iter().sum();
    let outputs = (h.wires - output_bits..h.wires).map(|w| wires.get(last, w)).collect::<Result<Vec<_>>>()?;
    Ok(File { net: b.finish(outputs), inputs: h.inputs, outputs: h.outputs })
}

fn gate(at: usize, words: &[&str], b: &mut Builder, wires: &mut Wires) -> Result<()> {
    let (Some((op, numbers)), true) = (words.split_last(), words.len() >= 4) else {
        return bad(at, "a gate is: numbers of inputs and outputs, wires, operation");
    };
    let (ins, outs) = (number(at, numbers[0])?, number(at, numbers[1])?);
    let list = &numbers[2..];
    if ins.checked_add(outs) != Some(list.len()) {
        return bad(at, format!("{ins} inputs and {outs} outputs are announced, {} wires follow", list.len()));
    }
    let arity = |want: (usize, usize)| match (ins, outs) {
        have if have == want => Ok(()),
        _ => bad(at, format!("{op} has {} inputs and {} outputs, not {ins} and {outs}", want.0, want.1)),
    };
    let wire = |k: usize| number(at, list[k]);
    let bit = match *op {
        "AND" | "XOR" | "OR" => {
            arity((2, 1))?;
            let (x, y) = (wires.get(at, wire(0)?)?, wires.get(at, wire(1)?)?);
            match *op {
                "AND" => b.and(x, y),
                "XOR" => b.xor(x, y),
                _ => b.or(x, y),
            }
        }
        "INV" | "NOT" => {
            arity((1, 1))?;
            !wires.get(at, wire(0)?)?
        }
        "EQW" => {
            arity((1, 1))?;
            wires.get(at, wire(0)?)?
        }
        "EQ" => {
            arity((1, 1))?;
            match wire(0)? {
                v @ (0 | 1) => Bit::constant(v == 1),
                v => return bad(at, format!("EQ sets a wire to 0 or 1, not to {v}")),
            }
        }
        "MAND" => {
            if ins != outs.saturating_mul(2) || outs == 0 {
                return bad(at, format!("MAND has two inputs for each output, not {ins} for {outs}"));
            }
            // First all left operands, then all right ones; a MAND does not read what it sets.
            let mut products = Vec::with_capacity(outs);
            for k in 0..outs {
                let (x, y) = (wires.get(at, wire(k)?)?, wires.get(at, wire(outs + k)?)?);
                products.push(b.and(x, y));
            }
            for (k, p) in products.into_iter().enumerate() {
                wires.put(at, wire(2 * outs + k)?, p)?;
            }
            return Ok(());
        }
        op => {
            return bad(at, format!("`{}` is no operation: AND, XOR, INV, OR, EQ, EQW, or MAND", shown(op)));
        }
    };
    wires.put(at, wire(ins)?, bit)
}

/// Bristol Fashion of a net: XOR, AND, and INV, with EQ and EQW for results that are constants or come twice. Gates that
/// no output depends on are left out.
pub fn write(f: &File) -> String {
    let net = &f.net;
    let live = net.live();
    let mut wire: Vec<Option<usize>> = vec![None; net.nodes().len()];
    for (w, slot) in wire[1..=net.inputs()].iter_mut().enumerate() {
        *slot = Some(w);
    }
    let gates = || (0..net.nodes().len()).filter(|i| live[*i] && !matches!(net.nodes()[*i], Node::Zero | Node::Input));
    // Complements that a product reads get a wire each.
    let mut inverse: HashMap<usize, usize> = HashMap::new();
    let mut order = vec![];
    for i in gates() {
        if let Node::And(a, b) = net.nodes()[i] {
            for x in [a, b].into_iter().filter(|x| x.negated()) {
                inverse.entry(x.node()).or_insert_with(|| {
                    order.push(x.node());
                    usize::MAX
                });
            }
        }
    }
    // A gate whose plain value is a result sets that wire at once; the others set wires in between.
    let inner = gates().count() + order.len();
    let mut direct: HashMap<usize, usize> = HashMap::new();
    for (k, o) in net.outputs.iter().enumerate() {
        if !o.negated() && !matches!(net.nodes()[o.node()], Node::Zero | Node::Input) {
            direct.entry(o.node()).or_insert(k);
        }
    }
    let first = net.inputs() + inner - direct.len();
    let mut next = net.inputs();
    let mut fresh = || {
        next += 1;
        next - 1
    };
    let mut body = String::new();
    let mut count = 0;
    let mut line = |text: std::fmt::Arguments<'_>| {
        count += 1;
        let _ = writeln!(body, "{text}");
    };
    for i in 0..net.nodes().len() {
        let operand = |x: Bit, wire: &[Option<usize>], inverse: &HashMap<usize, usize>| match x.negated() {
            true => inverse.get(&x.node()).copied().unwrap_or_default(),
            false => wire[x.node()].unwrap_or_default(),
        };
        if let (true, Node::And(a, b) | Node::Xor(a, b)) = (live[i], net.nodes()[i]) {
            let op = if matches!(net.nodes()[i], Node::And(..)) { "AND" } else { "XOR" };
            let (x, y) = (operand(a, &wire, &inverse), operand(b, &wire, &inverse));
            let out = direct.get(&i).map_or_else(&mut fresh, |k| first + k);
            wire[i] = Some(out);
            line(format_args!("2 1 {x} {y} {out} {op}"));
        }
        if let (Some(slot), Some(w)) = (inverse.get_mut(&i), wire[i]) {
            *slot = fresh();
            line(format_args!("1 1 {w} {slot} INV"));
        }
    }
    for (k, o) in net.outputs.iter().enumerate() {
        let out = first + k;
        match (o.node(), wire[o.node()]) {
            (0, _) => line(format_args!("1 1 {} {out} EQ", u8::from(o.negated()))),
            (_, Some(w)) if o.negated() => line(format_args!("1 1 {w} {out} INV")),
            (_, Some(w)) if w != out => line(format_args!("1 1 {w} {out} EQW")),
            _ => {}
        }
    }
    let list = |v: &[usize]| v.iter().fold(v.len().to_string(), |s, n| format!("{s} {n}"));
    let wires = first + net.outputs.len();
    format!("{count} {wires}\n{}\n{}\n\n{body}", list(&f.inputs), list(&f.outputs))
}
