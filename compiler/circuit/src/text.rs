//! The text form: exact, stable, and pleasant in a diff.
//!
//! For a normalised circuit (see [`normalise`]) parsing what was printed gives an equal circuit, and printing what was parsed
//! gives an equal text. One gate a line; regions are indented blocks; `;` opens a comment, except within brackets. Printing
//! never fails: circuits that a verifier rejects can be looked at. Knows no semantics.
//!
//! ```text
//! circuit program
//! size N = 1000
//! party Ada
//! input "x" : @Ada u32[1000]
//! space s0 = [0..1000]
//! effects 2
//! %0 = in "x" : @Ada u32[1000]
//! %1 = share #0 %0 : u32[1000]
//! %2 = loop i0 in 0..20 step 1 carry (%3 = %1) : u32[1000] r1 {
//!   %4 = add %3, %3 : u32[1000] !7          ; line 7
//!   yield %4
//! }
//! %5 = reveal #1 %2 to all : clear u32[1000]
//! out all "result" %5
//! ```

mod lex;
mod parse;
mod schedule;
#[cfg(test)]
mod tests;

use netlist::{Net, Node};
use std::fmt::Write;

use crate::circuit::{Circuit, Host, Level, Region, mask};
use crate::gate::{Gate, Op, Plane, Recipient};
use crate::schedule::{Item, Schedule};
use crate::types::{Domain, Elem, PartyId, RegionId, SpanId, WireId, WireTy};

pub use lex::ParseError;
pub use parse::parse;
pub use schedule::{parse_schedule, print_schedule};

/// Nesting of regions beyond this is refused by the parser, the binary form, and the verifier.
pub const MAX_NESTING: usize = 200;

/// How to print.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Whether gates carry the number of their span (`!7`); without it spans are lost.
    pub spans: bool,
    /// A comment for a span (`line 7`), which parsing ignores.
    pub comment: Option<&'a dyn Fn(SpanId) -> Option<String>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { spans: true, comment: None }
    }
}

/// The exact text of a circuit.
pub fn print(c: &Circuit) -> String {
    print_with(c, &Options::default())
}

/// The text of a circuit with options.
pub fn print_with(c: &Circuit, options: &Options<'_>) -> String {
    let mut p = Printer { c, options, out: String::new() };
    p.circuit();
    p.out
}

pub(crate) fn is_name(s: &str) -> bool {
    let mut chars = s.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for ch in s.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn name(s: &str) -> String {
    if is_name(s) { s.into() } else { quoted(s) }
}

/// A bit pattern as its element reads it.
pub(crate) fn value(v: u128, e: Elem) -> String {
    let m = e.mask();
    if e.signed() && v & !m == 0 && v >> (e.bits() - 1) & 1 == 1 {
        format!("-{}", (m - v).wrapping_add(1))
    } else {
        v.to_string()
    }
}

/// A pattern from its magnitude and sign; the inverse of [`value`].
pub(crate) fn unvalue(neg: bool, v: u128, e: Elem) -> u128 {
    if neg { v.wrapping_neg() & mask(u32::from(e.bits())) } else { v }
}

fn list<T>(items: impl IntoIterator<Item = T>, f: impl Fn(T) -> String) -> String {
    items.into_iter().map(f).collect::<Vec<_>>().join(", ")
}

fn wires(ws: &[WireId]) -> String {
    list(ws, |w| format!("%{}", w.0))
}

struct Printer<'a> {
    c: &'a Circuit,
    options: &'a Options<'a>,
    out: String,
}

impl Printer<'_> {
    fn party(&self, p: PartyId) -> String {
        match self.c.parties.get(p.0 as usize) {
            Some(party)
                if is_name(&party.name) && self.c.parties.iter().filter(|q| q.name == party.name).count() == 1 =>
            {
                format!("@{}", party.name)
            }
            _ => format!("@{}", p.0),
        }
    }

    fn ty(&self, t: &WireTy) -> String {
        let domain = match t.domain {
            Domain::Clear => "clear ".into(),
            Domain::Local(p) => format!("{} ", self.party(p)),
            Domain::Secret => String::new(),
            Domain::Arith { ring } => format!("arith{ring} "),
            Domain::Bits { planes } => format!("bits{planes} "),
        };
        format!("{domain}{}[{}]", t.elem, t.len)
    }

    fn ty_of(&self, w: WireId) -> String {
        self.c.wires.get(w.0 as usize).map_or("?".into(), |t| self.ty(t))
    }

    fn line(&mut self, indent: usize, s: &str) {
        for _ in 0..indent {
            self.out.push_str("  ");
        }
        self.out.push_str(s);
        self.out.push('\n');
    }

    fn circuit(&mut self) {
        let c = self.c;
        let level = match &c.level {
            Level::Program => "circuit program".to_string(),
            Level::Gates(p) => format!("circuit gates {}", name(p)),
        };
        self.line(0, &level);
        for (n, v) in &c.sizes {
            self.line(0, &format!("size {} = {v}", name(n)));
        }
        for p in &c.parties {
            let members = p.family.map(|n| format!("[{n}]")).unwrap_or_default();
            let host = match p.host {
                Host::Turn => String::new(),
                Host::Node(n) => format!(" at node {n}"),
                Host::Client => " client".into(),
            };
            self.line(0, &format!("party {}{members}{host}", name(&p.name)));
        }
        for i in &c.inputs {
            let nobody = if i.kept { "kept" } else { "clear" };
            let who = i.party.map_or(nobody.into(), |p| self.party(p));
            let range =
                i.range.map(|(a, b)| format!(" in {}..={}", value(a, i.elem), value(b, i.elem))).unwrap_or_default();
            self.line(0, &format!("input {} : {who} {}[{}]{range}", quoted(&i.name), i.elem, i.lanes));
        }
        for b in &c.blocks {
            let hex: String = b.hash.iter().map(|x| format!("{x:02x}")).collect();
            let party = self.party(b.party);
            self.line(0, &format!("block {party} \"{hex}\""));
        }
        for (k, s) in c.spaces.iter().enumerate() {
            self.line(0, &format!("space s{k} = {s}"));
        }
        for (k, n) in c.nets.iter().enumerate() {
            self.net(k, n);
        }
        if c.loop_vars > 0 {
            self.line(0, &format!("vars {}", c.loop_vars));
        }
        if c.effects > 0 {
            self.line(0, &format!("effects {}", c.effects));
        }
        if c.root.0 != 0 {
            self.line(0, &format!("root r{}", c.root.0));
        }
        if let Some(root) = c.regions.get(c.root.0 as usize) {
            self.gates(root, 0);
        }
        for o in &c.outputs {
            let nobody = o.kept.map_or("all".into(), |e| format!("kept {e}"));
            let who = o.party.map_or(nobody, |p| self.party(p));
            self.line(0, &format!("out {who} {} %{}", quoted(&o.name), o.wire.0));
        }
        for r in called(c) {
            let Some(region) = c.regions.get(r.0 as usize) else { continue };
            let params = list(&region.params, |w| format!("%{}: {}", w.0, self.ty_of(*w)));
            self.line(0, &format!("fn r{} ({params}) {{", r.0));
            self.body(region, 1);
            self.line(0, "}");
        }
    }

    /// A net's operations by number: of each, its kind and the codes of its operands.
    fn net(&mut self, k: usize, n: &crate::circuit::NetTable) {
        let elems = |e: &[Elem]| list(e, |e| e.to_string());
        self.line(0, &format!("net {k} ({}) -> ({}) {{", elems(&n.inputs), elems(&n.outputs)));
        let gates: Vec<String> = n
            .net
            .nodes()
            .iter()
            .filter_map(|g| match g {
                Node::And(a, b) => Some(format!("& {} {}", Net::code(*a), Net::code(*b))),
                Node::Xor(a, b) => Some(format!("^ {} {}", Net::code(*a), Net::code(*b))),
                _ => None,
            })
            .collect();
        for row in gates.chunks(8) {
            self.line(1, &row.join(" "));
        }
        let outs: Vec<String> = n.net.outputs.iter().map(|b| Net::code(*b).to_string()).collect();
        self.line(1, &format!("yield {}", outs.join(" ")));
        self.line(0, "}");
    }

    fn body(&mut self, region: &Region, indent: usize) {
        self.gates(region, indent);
        let results = wires(&region.results);
        self.line(indent, if results.is_empty() { "yield".into() } else { format!("yield {results}") }.as_str());
    }

    fn gates(&mut self, region: &Region, indent: usize) {
        for g in &region.gates {
            if indent > MAX_NESTING {
                self.line(indent, "; nested too deeply");
                return;
            }
            self.gate(g, indent);
        }
    }

    /// `%4 = %2`, or `%4: T = %2` where the parameter's type is not that of the result at its place.
    fn carried(&self, params: &[WireId], g: &Gate, init: bool) -> String {
        list(params.iter().enumerate(), |(k, p)| {
            let same = g.outs.get(k).is_some_and(|o| self.c.wires.get(o.0 as usize) == self.c.wires.get(p.0 as usize));
            let ty = if same { String::new() } else { format!(": {}", self.ty_of(*p)) };
            let from = match g.args.get(k) {
                _ if !init => String::new(),
                Some(a) => format!(" = %{}", a.0),
                None => " = ?".into(),
            };
            format!("%{}{ty}{from}", p.0)
        })
    }

    fn gate(&mut self, g: &Gate, indent: usize) {
        let c = self.c;
        let outs = if g.outs.is_empty() { String::new() } else { format!("{} = ", wires(&g.outs)) };
        let tys = if g.outs.is_empty() { String::new() } else { format!(" : {}", list(&g.outs, |w| self.ty_of(*w))) };
        let mut tail = String::new();
        if self.options.spans && g.span.0 != 0 {
            let _ = write!(tail, " !{}", g.span.0);
        }
        let none = Region::default();
        let region = |r: RegionId| c.regions.get(r.0 as usize).unwrap_or(&none);
        let (head, bodies): (String, Vec<(String, RegionId)>) = match &g.op {
            Op::Loop { var, lo, hi, step, body } => (
                format!(
                    "loop i{} in {lo}..{hi} step {step} carry ({})",
                    var.0,
                    self.carried(&region(*body).params, g, true)
                ),
                vec![(String::new(), *body)],
            ),
            Op::If { then, otherwise } => {
                (format!("if {}", wires(&g.args)), vec![(String::new(), *then), ("} else".into(), *otherwise)])
            }
            Op::While { cond, body } => (
                format!("while carry ({})", self.carried(&region(*cond).params, g, true)),
                vec![
                    (String::new(), *cond),
                    (format!("}} do ({})", self.carried(&region(*body).params, g, false)), *body),
                ],
            ),
            _ => (self.plain(g), vec![]),
        };
        let mut line = format!("{outs}{head}{tys}{tail}");
        if let Some((_, first)) = bodies.first() {
            let _ = write!(line, " r{} {{", first.0);
        }
        if let Some(text) = self.options.comment.and_then(|f| f(g.span)) {
            let pad = 48usize.saturating_sub(line.chars().count() + 2 * indent).max(1);
            let _ = write!(line, "{:pad$}; {}", "", text.replace('\n', " "));
        }
        self.line(indent, &line);
        for (k, (lead, r)) in bodies.iter().enumerate() {
            if k > 0 {
                self.line(indent, &format!("{lead} r{} {{", r.0));
            }
            self.body(region(*r), indent + 1);
        }
        if !bodies.is_empty() {
            self.line(indent, "}");
        }
    }

    fn plain(&self, g: &Gate) -> String {
        let op = g.op.name();
        let args = if g.args.is_empty() { String::new() } else { format!(" {}", wires(&g.args)) };
        let elem = g.outs.first().and_then(|w| self.c.wires.get(w.0 as usize)).map_or(Elem::u(128), |t| t.elem);
        match &g.op {
            Op::Const(v) => format!("{op} {}{args}", value(*v, elem)),
            Op::Table(t) => format!("{op} [{}]{args}", table(t, elem)),
            Op::Iota { space, index } | Op::Gather { space, index } | Op::Scatter { space, index } => {
                format!("{op} s{}[{index}]{args}", space.0)
            }
            Op::Input(k) => match self.c.inputs.get(*k as usize) {
                Some(i) if self.c.inputs.iter().filter(|j| j.name == i.name).count() == 1 => {
                    format!("{op} {}{args}", quoted(&i.name))
                }
                _ => format!("{op} {k}{args}"),
            },
            Op::At { party, block } => format!("{op} {} block {block}{args}", self.party(*party)),
            Op::Random(id) | Op::Share(id) | Op::InputShare(id) => format!("{op} #{}{args}", id.0),
            Op::Reveal { id, to } | Op::Open { id, to } => {
                let to = match to {
                    Recipient::All => "all".into(),
                    Recipient::Party(p) => self.party(*p),
                };
                format!("{op} #{}{args} to {to}", id.0)
            }
            Op::Reduce { group, .. } | Op::ArgReduce { group, .. } | Op::Dot { group } => {
                format!("{op} by {group}{args}")
            }
            Op::MatMul { m, k, n } => format!("{op} {m} x {k} x {n}{args}"),
            Op::Net(k) => format!("{op} {k}{args}"),
            Op::Un(crate::Un::Trunc(k)) | Op::TruncDeal { places: k } => format!("{op} {k}{args}"),
            Op::Planes(planes) => plane_list(planes, &g.args),
            Op::Call(r) => format!("{op} r{}{args}", r.0),
            Op::Check { what } => format!("{op} {}{args}", quoted(what)),
            _ => format!("{op}{args}"),
        }
    }
}

fn table(t: &[u128], e: Elem) -> String {
    let mut parts = vec![];
    for run in t.chunk_by(|a, b| a == b) {
        let v = value(run[0], e);
        if run.len() >= 4 {
            parts.push(format!("{v}; {}", run.len()));
        } else {
            parts.extend(std::iter::repeat_n(v, run.len()));
        }
    }
    parts.join(", ")
}

/// `planes(%4[0..63], 0, %5[1..64 by 2])`. Where the operands are not simply those that the planes mention, in that order,
/// planes name them by place and the operands follow: `planes($1[0..8], $0[3]) %4, %5`.
fn plane_list(planes: &[Plane], args: &[WireId]) -> String {
    let mut seen: Vec<u32> = vec![];
    for p in planes {
        if let Plane::Of { arg, .. } = p
            && !seen.contains(arg)
        {
            seen.push(*arg);
        }
    }
    let distinct = (1..args.len()).all(|k| !args[..k].contains(&args[k]));
    let plain = distinct && seen.len() == args.len() && seen.iter().enumerate().all(|(k, a)| k == *a as usize);
    let mut parts = vec![];
    let mut k = 0;
    while k < planes.len() {
        let same = planes[k..].iter().take_while(|p| **p == planes[k]).count();
        match planes[k] {
            Plane::Zero | Plane::One => {
                let bit = if planes[k] == Plane::Zero { "0" } else { "1" };
                parts.push(if same > 1 { format!("{bit} x {same}") } else { bit.into() });
                k += same;
            }
            Plane::Of { arg, plane } => {
                let from = if plain { format!("%{}", args[arg as usize].0) } else { format!("${arg}") };
                let stride = match planes.get(k + 1) {
                    Some(Plane::Of { arg: a, plane: p }) if *a == arg => i64::from(*p) - i64::from(plane),
                    _ => 0,
                };
                let run = planes[k..]
                    .iter()
                    .enumerate()
                    .take_while(|(t, p)| {
                        let at = i64::from(plane) + stride * *t as i64;
                        matches!(p, Plane::Of { arg: a, plane: q } if *a == arg && i64::from(*q) == at)
                    })
                    .count();
                if stride == 0 && same > 1 {
                    parts.push(format!("{from}[{plane}] x {same}"));
                    k += same;
                } else if stride != 0 && run > 1 {
                    let end = i64::from(plane) + stride * (run as i64 - 1) + stride.signum();
                    let by = if stride == 1 { String::new() } else { format!(" by {stride}") };
                    parts.push(format!("{from}[{plane}..{end}{by}]"));
                    k += run;
                } else {
                    parts.push(format!("{from}[{plane}]"));
                    k += 1;
                }
            }
        }
    }
    let tail = if plain || args.is_empty() { String::new() } else { format!(" {}", wires(args)) };
    format!("planes({}){tail}", parts.join(", "))
}

/// Regions that are called, in order of first call: breadth first from the root's tree.
fn called(c: &Circuit) -> Vec<RegionId> {
    let mut out = vec![];
    let mut queue = vec![c.root];
    let mut seen = vec![false; c.regions.len()];
    let mut at = 0;
    while at < queue.len() {
        tree(c, queue[at], &mut seen, &mut |_, g| {
            if let Op::Call(r) = g.op
                && !out.contains(&r)
            {
                out.push(r);
            }
        });
        queue.extend(out.iter().skip(queue.len() - 1).copied());
        at += 1;
    }
    out
}

/// Calls `f` on the gates of a region and of the blocks within it (not of what it calls), in textual order; each region once.
fn tree<'a>(c: &'a Circuit, r: RegionId, seen: &mut [bool], f: &mut dyn FnMut(RegionId, &'a Gate)) {
    // (region, next gate); a stack, for the nesting may come from outside.
    let mut stack = vec![(r, 0usize)];
    let mut waiting: Vec<RegionId> = vec![];
    match seen.get_mut(r.0 as usize) {
        Some(s) if !*s => *s = true,
        _ => return,
    }
    while let Some((r, k)) = stack.pop() {
        let Some(g) = c.regions[r.0 as usize].gates.get(k) else { continue };
        f(r, g);
        stack.push((r, k + 1));
        if !matches!(g.op, Op::Call(_)) {
            waiting.clear();
            waiting.extend(g.op.regions());
            for &inner in waiting.iter().rev() {
                if let Some(s) = seen.get_mut(inner.0 as usize)
                    && !*s
                {
                    *s = true;
                    stack.push((inner, 0));
                }
            }
        }
    }
}

/// Renumbers wires and regions in the order of the text: results of a gate, then what is inside it; called regions come last,
/// in order of first call. Wires and regions that nothing reaches are dropped; the schedule follows.
pub fn normalise(c: &mut Circuit, schedule: Option<&mut Schedule>) {
    let mut order: Vec<RegionId> = vec![];
    let mut starts = vec![c.root];
    starts.extend(called(c));
    let mut seen = vec![false; c.regions.len()];
    let mut new_wire: Vec<Option<u32>> = vec![None; c.wires.len()];
    let mut wires = vec![];
    let mut define = |w: WireId, all: &[WireTy]| {
        if let Some(slot @ None) = new_wire.get_mut(w.0 as usize) {
            *slot = Some(wires.len() as u32);
            wires.push(all[w.0 as usize].clone());
        }
    };
    for start in starts {
        if c.regions.get(start.0 as usize).is_none() || seen[start.0 as usize] {
            continue;
        }
        // A region's parameters are defined when its gate is met, but for the starts.
        order.push(start);
        c.regions[start.0 as usize].params.iter().for_each(|w| define(*w, &c.wires));
        let mut met = vec![];
        tree(c, start, &mut seen, &mut |_, g| {
            g.outs.iter().for_each(|w| define(*w, &c.wires));
            if matches!(g.op, Op::Call(_)) {
                return;
            }
            for r in g.op.regions() {
                if let Some(region) = c.regions.get(r.0 as usize) {
                    region.params.iter().for_each(|w| define(*w, &c.wires));
                    met.push(r);
                }
            }
        });
        for r in met {
            if !order.contains(&r) {
                order.push(r);
            }
        }
    }
    let mut new_region: Vec<Option<u32>> = vec![None; c.regions.len()];
    for (k, r) in order.iter().enumerate() {
        new_region[r.0 as usize] = Some(k as u32);
    }
    let wire = |w: &mut WireId| {
        // A wire that nothing defines stays wrong: beyond the table.
        w.0 = new_wire.get(w.0 as usize).copied().flatten().unwrap_or(u32::MAX);
    };
    let region_of = |r: &mut RegionId| r.0 = new_region.get(r.0 as usize).copied().flatten().unwrap_or(u32::MAX);
    let mut regions = vec![];
    for r in &order {
        let mut region = std::mem::take(&mut c.regions[r.0 as usize]);
        region.params.iter_mut().for_each(wire);
        region.results.iter_mut().for_each(wire);
        for g in &mut region.gates {
            g.args.iter_mut().for_each(wire);
            g.outs.iter_mut().for_each(wire);
            g.op.for_each_region_mut(region_of);
        }
        regions.push(region);
    }
    c.outputs.iter_mut().for_each(|o| wire(&mut o.wire));
    if let Some(s) = schedule {
        let mut lists = vec![];
        for r in &order {
            let mut items = s.regions.get_mut(r.0 as usize).map(std::mem::take).unwrap_or_default();
            for item in &mut items {
                if let Item::Free(ws) = item {
                    ws.iter_mut().for_each(wire);
                }
            }
            lists.push(items);
        }
        s.regions = lists;
    }
    region_of(&mut c.root);
    c.regions = regions;
    c.wires = wires;
}
