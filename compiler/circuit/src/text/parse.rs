//! Reading the text form. Never panics, never allocates out of proportion to the text but for run-length lists, which are
//! bounded.
//!
//! Long because one walk over one structure reads better whole; to be split by idea when it next grows.

use super::lex::{Lexer, Res, Tok, number_after};
use super::{MAX_NESTING, unvalue};
use crate::circuit::{AtBlock, Circuit, Host, Input, Level, NetTable, Output, Party, Region};
use crate::gate::{Bin, Gate, Op, Plane, Recipient, Red, Un};
use crate::index::{Index, IndexOp, Len, LoopVar, MAX_DEPTH, Space, SpaceDim, SpaceId, precedence};
use crate::types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId, WireTy};
use netlist::{Net, Node};
use std::collections::BTreeMap;

/// A circuit from its text. Types and structure are not verified.
///
/// # Errors
/// The line and what is wrong there.
pub fn parse(text: &str) -> Res<Circuit> {
    let mut p = Parser {
        lx: Lexer::new(text)?,
        c: Circuit::new(Level::Program),
        wires: BTreeMap::new(),
        regions: BTreeMap::new(),
        depth: 0,
    };
    p.circuit()?;
    Ok(p.c)
}

struct Parser {
    lx: Lexer,
    c: Circuit,
    wires: BTreeMap<u32, WireTy>,
    regions: BTreeMap<u32, Region>,
    depth: usize,
}

impl Parser {
    fn circuit(&mut self) -> Res<()> {
        self.lx.skip_lines();
        self.lx.word("circuit")?;
        if self.lx.take_word("gates") {
            self.c.level = Level::Gates(self.lx.name_or_string()?);
        } else {
            self.lx.word("program")?;
        }
        self.lx.end_line()?;
        let mut root = Region::default();
        loop {
            self.lx.skip_lines();
            match self.lx.peek().clone() {
                Tok::End => break,
                Tok::Name(n) => match n.as_str() {
                    "size" | "party" | "input" | "block" | "space" | "vars" | "effects" | "root" | "net" => {
                        self.lx.bump();
                        self.header(&n)?;
                    }
                    "out" => {
                        self.lx.bump();
                        let kept = if self.lx.take_word("kept") { Some(self.elem()?) } else { None };
                        let party = if kept.is_some() || self.lx.take_word("all") { None } else { Some(self.party()?) };
                        let name = self.lx.string()?;
                        let wire = self.lx.wire()?;
                        self.c.outputs.push(Output { party, kept, name, wire });
                        self.lx.end_line()?;
                    }
                    "fn" => {
                        self.lx.bump();
                        let id = self.lx.numbered('r')?;
                        self.lx.punct("(")?;
                        let mut region = Region::default();
                        while !self.lx.take(")") {
                            let w = self.lx.wire()?;
                            self.lx.punct(":")?;
                            let ty = self.ty()?;
                            self.define(w, ty)?;
                            region.params.push(w);
                            if !self.lx.is(")") {
                                self.lx.punct(",")?;
                            }
                        }
                        self.block(region, id)?;
                        self.lx.end_line()?;
                    }
                    _ => {
                        let g = self.gate()?;
                        root.gates.push(g);
                    }
                },
                _ => {
                    let g = self.gate()?;
                    root.gates.push(g);
                }
            }
        }
        self.region(self.c.root.0, root)?;
        let (wires, regions) = (std::mem::take(&mut self.wires), std::mem::take(&mut self.regions));
        let Some(top) = dense(wires.keys()) else { return self.lx.fail("wire numbers have large gaps".into()) };
        let hole = || WireTy::clear(Elem::Bool, 0);
        self.c.wires = vec![hole(); top];
        for (k, t) in wires {
            self.c.wires[k as usize] = t;
        }
        let Some(top) = dense(regions.keys()) else { return self.lx.fail("region numbers have large gaps".into()) };
        self.c.regions = vec![Region::default(); top];
        for (k, r) in regions {
            self.c.regions[k as usize] = r;
        }
        Ok(())
    }

    fn header(&mut self, what: &str) -> Res<()> {
        match what {
            "size" => {
                let n = self.lx.name_or_string()?;
                self.lx.punct("=")?;
                let v = self.lx.int64()?;
                self.c.sizes.push((n, v));
            }
            "party" => {
                let name = self.lx.name_or_string()?;
                let mut family = None;
                if self.lx.take("[") {
                    family = Some(self.lx.int64()?);
                    self.lx.punct("]")?;
                }
                let mut host = Host::Turn;
                if self.lx.take_word("at") {
                    self.lx.word("node")?;
                    host = Host::Node(self.lx.int32()?);
                } else if self.lx.take_word("client") {
                    host = Host::Client;
                }
                self.c.parties.push(Party { name, family, host });
            }
            "input" => {
                let name = self.lx.string()?;
                self.lx.punct(":")?;
                let kept = self.lx.take_word("kept");
                let party = if kept || self.lx.take_word("clear") { None } else { Some(self.party()?) };
                let elem = self.elem()?;
                self.lx.punct("[")?;
                let lanes = self.lx.int64()?;
                self.lx.punct("]")?;
                let mut range = None;
                if self.lx.take_word("in") {
                    let (n, v) = self.number()?;
                    let lo = unvalue(n, v, elem);
                    self.lx.punct("..=")?;
                    let (n, v) = self.number()?;
                    range = Some((lo, unvalue(n, v, elem)));
                }
                self.c.inputs.push(Input { party, kept, name, elem, lanes, range });
            }
            "block" => {
                let party = self.party()?;
                let hex = self.lx.string()?;
                let mut hash = [0; 32];
                let ok = hex.len() == 64
                    && hex.is_ascii()
                    && hash
                        .iter_mut()
                        .enumerate()
                        .all(|(k, b)| u8::from_str_radix(&hex[2 * k..2 * k + 2], 16).map(|v| *b = v).is_ok());
                if !ok {
                    return self.lx.fail("a hash has 64 hexadecimal digits".into());
                }
                self.c.blocks.push(AtBlock { party, hash });
            }
            "space" => {
                let k = self.lx.numbered('s')?;
                if k as usize != self.c.spaces.len() {
                    return self.lx.fail(format!("space s{} comes next, not s{k}", self.c.spaces.len()));
                }
                self.lx.punct("=")?;
                let space = self.space()?;
                self.c.spaces.push(space);
            }
            "net" => self.net()?,
            "vars" => self.c.loop_vars = self.lx.int32()?,
            "effects" => self.c.effects = self.lx.int32()?,
            _ => self.c.root = RegionId(self.lx.numbered('r')?),
        }
        self.lx.end_line()
    }

    fn net(&mut self) -> Res<()> {
        let k = self.lx.int64()?;
        if k != self.c.nets.len() as u64 {
            return self.lx.fail(format!("net {} comes next, not {k}", self.c.nets.len()));
        }
        let inputs = self.elems()?;
        self.lx.punct("-")?;
        self.lx.punct(">")?;
        let outputs = self.elems()?;
        self.lx.punct("{")?;
        self.lx.end_line()?;
        let mut gates = vec![];
        loop {
            self.lx.skip_lines();
            let and = self.lx.take("&");
            if !and && !self.lx.take("^") {
                break;
            }
            let (a, b) = (Net::decode(self.lx.int32()?), Net::decode(self.lx.int32()?));
            gates.push(if and { Node::And(a, b) } else { Node::Xor(a, b) });
        }
        self.lx.word("yield")?;
        let mut outs = vec![];
        while let Tok::Int(_) = self.lx.peek() {
            outs.push(Net::decode(self.lx.int32()?));
        }
        self.lx.end_line()?;
        self.lx.punct("}")?;
        let bits = inputs.iter().map(|e: &Elem| usize::from(e.bits())).sum();
        let Some(net) = Net::from_parts(bits, gates, outs) else {
            return self.lx.fail("a net that uses what comes later".into());
        };
        self.c.nets.push(NetTable { inputs, outputs, net: net.into() });
        Ok(())
    }

    fn elems(&mut self) -> Res<Vec<Elem>> {
        let mut out = vec![];
        self.lx.punct("(")?;
        while !self.lx.take(")") {
            out.push(self.elem()?);
            if !self.lx.is(")") {
                self.lx.punct(",")?;
            }
        }
        Ok(out)
    }

    fn space(&mut self) -> Res<Space> {
        let mut s = Space { dims: vec![], guard: None };
        self.lx.punct("[")?;
        while !self.lx.take("]") {
            let lo = self.index()?;
            self.lx.punct("..")?;
            let hi = self.index()?;
            let step = if self.lx.take_word("step") { self.lx.signed()? } else { 1 };
            let step_expr = if self.lx.take_word("by") { Some(self.index()?) } else { None };
            s.dims.push(SpaceDim { lo, hi, step, step_expr });
            if !self.lx.is("]") {
                self.lx.punct(",")?;
            }
        }
        if self.lx.take_word("if") {
            s.guard = Some(self.index()?);
        }
        Ok(s)
    }

    fn number(&mut self) -> Res<(bool, u128)> {
        let neg = self.lx.take("-");
        Ok((neg, self.lx.int()?))
    }

    fn party(&mut self) -> Res<PartyId> {
        self.lx.punct("@")?;
        if let Tok::Int(_) = self.lx.peek() {
            return Ok(PartyId(self.lx.int32()?));
        }
        let n = self.lx.name()?;
        match self.c.parties.iter().position(|p| p.name == n) {
            Some(k) => Ok(PartyId(k as u32)),
            None => self.lx.fail(format!("no party {n}")),
        }
    }

    fn elem(&mut self) -> Res<Elem> {
        let n = self.lx.name()?;
        if n == "bool" {
            return Ok(Elem::Bool);
        }
        for (letter, signed) in [('u', false), ('i', true)] {
            if let Some(bits @ 1..=128) = number_after(&n, letter) {
                return Ok(Elem::Int { signed, bits: bits as u8 });
            }
        }
        self.lx.fail(format!("no element type {n}"))
    }

    fn len(&mut self) -> Res<Len> {
        let mut l = self.len_atom()?;
        let mut n = 0;
        while self.lx.take("*") {
            n += 1;
            if n > MAX_DEPTH {
                return self.lx.fail("nested too deeply".into());
            }
            l = Len::Mul(Box::new(l), Box::new(self.len_atom()?));
        }
        Ok(l)
    }

    fn len_atom(&mut self) -> Res<Len> {
        if self.lx.take("(") {
            self.deeper()?;
            let l = self.len()?;
            self.depth -= 1;
            self.lx.punct(")")?;
            return Ok(l);
        }
        if let Tok::Int(_) = self.lx.peek() {
            return Ok(Len::Const(self.lx.int64()?));
        }
        let space = SpaceId(self.lx.numbered('s')?);
        self.lx.word("max")?;
        Ok(Len::Space { space, max: self.lx.int64()? })
    }

    fn ty(&mut self) -> Res<WireTy> {
        let domain = if self.lx.is("@") {
            Domain::Local(self.party()?)
        } else {
            let Tok::Name(n) = self.lx.peek().clone() else { return self.lx.wanted("a type") };
            let small = |p: &str| n.strip_prefix(p).and_then(|d| d.parse::<u8>().ok());
            let d = if n == "clear" {
                Some(Domain::Clear)
            } else if let Some(ring) = small("arith") {
                Some(Domain::Arith { ring })
            } else {
                small("bits").map(|planes| Domain::Bits { planes })
            };
            if d.is_some() {
                self.lx.bump();
            }
            d.unwrap_or(Domain::Secret)
        };
        let elem = self.elem()?;
        self.lx.punct("[")?;
        let len = self.len()?;
        self.lx.punct("]")?;
        Ok(WireTy { domain, elem, len })
    }

    fn types(&mut self) -> Res<Vec<WireTy>> {
        let mut out = vec![self.ty()?];
        while self.lx.take(",") {
            out.push(self.ty()?);
        }
        Ok(out)
    }

    fn deeper(&mut self) -> Res<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.lx.fail("nested too deeply".into()) } else { Ok(()) }
    }

    fn index(&mut self) -> Res<Index> {
        let e = self.index_at(0)?;
        // Chains of operators nest to the left without recursion here, but all later walks recurse.
        if e.1 > MAX_DEPTH { self.lx.fail("nested too deeply".into()) } else { Ok(e.0) }
    }

    fn index_at(&mut self, min: u8) -> Res<(Index, usize)> {
        const OPS: [IndexOp; 14] = {
            use IndexOp::*;
            [Eq, Ne, Lt, Le, Or, Xor, And, Shl, Shr, Add, Sub, Mul, Div, Rem]
        };
        self.deeper()?;
        let (mut left, mut depth) = self.index_atom()?;
        while let Tok::Punct(s) = self.lx.peek() {
            let Some((op, p)) = OPS.iter().find_map(|o| precedence(*o).filter(|(_, t)| t == s).map(|(p, _)| (*o, p)))
            else {
                break;
            };
            if p < min {
                break;
            }
            self.lx.bump();
            let (right, d) = self.index_at(p + 1)?;
            depth = depth.max(d) + 1;
            if depth > MAX_DEPTH {
                return self.lx.fail("nested too deeply".into());
            }
            left = Index::Bin(op, Box::new(left), Box::new(right));
            if p == 1 {
                break;
            }
        }
        self.depth -= 1;
        Ok((left, depth))
    }

    fn index_atom(&mut self) -> Res<(Index, usize)> {
        if self.lx.take("(") {
            let e = self.index_at(0)?;
            self.lx.punct(")")?;
            return Ok(e);
        }
        if self.lx.is("-") || matches!(self.lx.peek(), Tok::Int(_)) {
            return Ok((Index::Const(self.lx.signed()?), 0));
        }
        let n = self.lx.name()?;
        let op = match n.as_str() {
            "lane" => return Ok((Index::Lane, 0)),
            "min" => IndexOp::Min,
            "max" => IndexOp::Max,
            _ => {
                if let Some(k) = number_after(&n, 'c') {
                    return Ok((Index::Coord(k), 0));
                }
                return match number_after(&n, 'i') {
                    Some(k) => Ok((Index::Var(LoopVar(k)), 0)),
                    None => self.lx.fail(format!("{n} in an index expression")),
                };
            }
        };
        self.lx.punct("(")?;
        let (a, d) = self.index_at(0)?;
        self.lx.punct(",")?;
        let (b, e) = self.index_at(0)?;
        self.lx.punct(")")?;
        Ok((Index::Bin(op, Box::new(a), Box::new(b)), d.max(e) + 1))
    }

    fn define(&mut self, w: WireId, ty: WireTy) -> Res<()> {
        match self.wires.insert(w.0, ty) {
            None => Ok(()),
            Some(_) => self.lx.fail(format!("%{} is defined twice", w.0)),
        }
    }

    fn region(&mut self, id: u32, r: Region) -> Res<()> {
        match self.regions.insert(id, r) {
            None => Ok(()),
            Some(_) => self.lx.fail(format!("r{id} is defined twice")),
        }
    }

    /// `{` … `}`; gates and `yield` between; the region already has its parameters.
    fn block(&mut self, mut region: Region, id: u32) -> Res<()> {
        self.lx.punct("{")?;
        self.lx.end_line()?;
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return self.lx.fail("nested too deeply".into());
        }
        loop {
            self.lx.skip_lines();
            if self.lx.take_word("yield") {
                region.results = self.lx.wires()?;
                self.lx.end_line()?;
                self.lx.skip_lines();
                self.lx.punct("}")?;
                self.depth -= 1;
                return self.region(id, region);
            }
            if self.lx.at_end() {
                return self.lx.wanted("yield");
            }
            let g = self.gate()?;
            region.gates.push(g);
        }
    }

    /// `%4 = %2, %5: T = %3)`: parameters with their types if given, and initial values.
    #[allow(clippy::type_complexity)]
    fn carried(&mut self, init: bool) -> Res<(Vec<(WireId, Option<WireTy>)>, Vec<WireId>)> {
        let (mut params, mut args) = (vec![], vec![]);
        self.lx.punct("(")?;
        while !self.lx.take(")") {
            let w = self.lx.wire()?;
            let ty = if self.lx.take(":") { Some(self.ty()?) } else { None };
            params.push((w, ty));
            if init {
                self.lx.punct("=")?;
                args.push(self.lx.wire()?);
            }
            if !self.lx.is(")") {
                self.lx.punct(",")?;
            }
        }
        Ok((params, args))
    }

    fn params(&mut self, params: Vec<(WireId, Option<WireTy>)>, tys: &[WireTy]) -> Res<Region> {
        let mut region = Region::default();
        for (k, (w, ty)) in params.into_iter().enumerate() {
            let Some(ty) = ty.or_else(|| tys.get(k).cloned()) else {
                return self.lx.fail(format!("no type for %{}", w.0));
            };
            self.define(w, ty)?;
            region.params.push(w);
        }
        Ok(region)
    }

    fn gate(&mut self) -> Res<Gate> {
        let mut outs = vec![];
        if matches!(self.lx.peek(), Tok::Wire(_)) {
            outs = self.lx.wires()?;
            self.lx.punct("=")?;
        }
        let name = self.lx.name()?;
        let mut carried = None;
        // Numbers whose pattern depends on the result's type.
        let mut numbers: Option<Vec<(bool, u128, u64)>> = None;
        let (mut op, args) = match name.as_str() {
            "loop" => {
                let var = LoopVar(self.lx.numbered('i')?);
                self.lx.word("in")?;
                let lo = self.index()?;
                self.lx.punct("..")?;
                let hi = self.index()?;
                self.lx.word("step")?;
                let step = self.lx.signed()?;
                self.lx.word("carry")?;
                let (params, args) = self.carried(true)?;
                carried = Some(params);
                (Op::Loop { var, lo, hi, step, body: RegionId(0) }, args)
            }
            "while" => {
                self.lx.word("carry")?;
                let (params, args) = self.carried(true)?;
                carried = Some(params);
                (Op::While { cond: RegionId(0), body: RegionId(0) }, args)
            }
            "if" => (Op::If { then: RegionId(0), otherwise: RegionId(0) }, self.lx.wires()?),
            "planes" => self.planes()?,
            "const" => {
                let (n, v) = self.number()?;
                numbers = Some(vec![(n, v, 1)]);
                (Op::Const(0), self.lx.wires()?)
            }
            "table" => {
                let mut runs = vec![];
                self.lx.punct("[")?;
                while !self.lx.take("]") {
                    let (n, v) = self.number()?;
                    let times = if self.lx.take(";") { self.lx.int64()? } else { 1 };
                    runs.push((n, v, times));
                    if !self.lx.is("]") {
                        self.lx.punct(",")?;
                    }
                }
                numbers = Some(runs);
                (Op::Table(vec![]), self.lx.wires()?)
            }
            _ => {
                let op = self.plain(&name)?;
                let args = self.lx.wires()?;
                let op = match op {
                    Op::Reveal { id, .. } => Op::Reveal { id, to: self.recipient()? },
                    Op::Open { id, .. } => Op::Open { id, to: self.recipient()? },
                    op => op,
                };
                (op, args)
            }
        };
        let tys = if self.lx.take(":") { self.types()? } else { vec![] };
        if tys.len() != outs.len() {
            return self.lx.fail(format!("{} results, {} types", outs.len(), tys.len()));
        }
        if let Some(runs) = numbers {
            let Some(e) = tys.first().map(|t| t.elem) else { return self.lx.fail("no result".into()) };
            let mut table = vec![];
            for (neg, v, times) in runs {
                if table.len() as u64 + times > 1 << 26 {
                    return self.lx.fail("too long a table".into());
                }
                table.extend(std::iter::repeat_n(unvalue(neg, v, e), times as usize));
            }
            op = match op {
                Op::Const(_) => Op::Const(table[0]),
                _ => Op::Table(table),
            };
        }
        for (w, t) in outs.iter().zip(&tys) {
            self.define(*w, t.clone())?;
        }
        let span = SpanId(if self.lx.take("!") { self.lx.int32()? } else { 0 });
        match &mut op {
            Op::Loop { body, .. } => {
                let region = self.params(carried.unwrap_or_default(), &tys)?;
                *body = RegionId(self.lx.numbered('r')?);
                self.block(region, body.0)?;
            }
            Op::If { then, otherwise } => {
                *then = RegionId(self.lx.numbered('r')?);
                self.block(Region::default(), then.0)?;
                self.lx.word("else")?;
                *otherwise = RegionId(self.lx.numbered('r')?);
                self.block(Region::default(), otherwise.0)?;
            }
            Op::While { cond, body } => {
                let region = self.params(carried.unwrap_or_default(), &tys)?;
                *cond = RegionId(self.lx.numbered('r')?);
                self.block(region, cond.0)?;
                self.lx.word("do")?;
                let (params, _) = self.carried(false)?;
                let region = self.params(params, &tys)?;
                *body = RegionId(self.lx.numbered('r')?);
                self.block(region, body.0)?;
            }
            _ => {}
        }
        self.lx.end_line()?;
        Ok(Gate { op, args, outs, span })
    }

    fn recipient(&mut self) -> Res<Recipient> {
        self.lx.word("to")?;
        if self.lx.take_word("all") { Ok(Recipient::All) } else { Ok(Recipient::Party(self.party()?)) }
    }

    fn effect(&mut self) -> Res<EffectId> {
        self.lx.punct("#")?;
        Ok(EffectId(self.lx.int32()?))
    }

    fn by(&mut self) -> Res<Len> {
        self.lx.word("by")?;
        self.len()
    }

    fn over(&mut self) -> Res<(SpaceId, Index)> {
        let s = SpaceId(self.lx.numbered('s')?);
        self.lx.punct("[")?;
        let e = self.index()?;
        self.lx.punct("]")?;
        Ok((s, e))
    }

    fn plain(&mut self, name: &str) -> Res<Op> {
        let lanewise = match name {
            "neg" => Op::Un(Un::Neg),
            "not" => Op::Un(Un::Not),
            "cast" => Op::Un(Un::Cast),
            "add" => Op::Bin(Bin::Add),
            "sub" => Op::Bin(Bin::Sub),
            "mul" => Op::Bin(Bin::Mul),
            "and" => Op::Bin(Bin::And),
            "or" => Op::Bin(Bin::Or),
            "xor" => Op::Bin(Bin::Xor),
            "lt" => Op::Bin(Bin::Lt),
            "eq" => Op::Bin(Bin::Eq),
            "div" => Op::Bin(Bin::Div),
            "rem" => Op::Bin(Bin::Rem),
            "shl" => Op::Bin(Bin::Shl),
            "shr" => Op::Bin(Bin::Shr),
            "net" => return Ok(Op::Net(self.lx.int32()?)),
            "trunc" => return Ok(Op::Un(Un::Trunc(self.lx.places()?))),
            "trunc.deal" => return Ok(Op::TruncDeal { places: self.lx.places()? }),
            "select" => Op::Select,
            "gather.at" => Op::GatherAt,
            "scatter.at" => Op::ScatterAt,
            "concat" => Op::Concat,
            "lift" => Op::Lift,
            "arith.add" => Op::ArithAdd,
            "arith.sub" => Op::ArithSub,
            "arith.scale" => Op::ArithScale,
            "arith.trunc" => Op::ArithTrunc,
            "arith.mul" => Op::ArithMul,
            "bits.xor" => Op::BitsXor,
            "bits.not" => Op::BitsNot,
            "bits.mask" => Op::BitsMask,
            "bits.and" => Op::BitsAnd,
            "a2b.deal" => Op::A2bDeal { neg: false },
            "a2b.deal.neg" => Op::A2bDeal { neg: true },
            "b2a.deal" => Op::B2aDeal,
            "iota" => {
                let (space, index) = self.over()?;
                Op::Iota { space, index }
            }
            "gather" => {
                let (space, index) = self.over()?;
                Op::Gather { space, index }
            }
            "scatter" => {
                let (space, index) = self.over()?;
                Op::Scatter { space, index }
            }
            "in" => match self.lx.peek().clone() {
                Tok::Str(s) => {
                    self.lx.bump();
                    match self.c.inputs.iter().position(|i| i.name == s) {
                        Some(k) => Op::Input(k as u32),
                        None => return self.lx.fail("no input of this name".into()),
                    }
                }
                _ => Op::Input(self.lx.int32()?),
            },
            "at" => {
                let party = self.party()?;
                self.lx.word("block")?;
                Op::At { party, block: self.lx.int32()? }
            }
            "random" => Op::Random(self.effect()?),
            "share" => Op::Share(self.effect()?),
            "in.share" => Op::InputShare(self.effect()?),
            "reveal" => Op::Reveal { id: self.effect()?, to: Recipient::All },
            "open" => Op::Open { id: self.effect()?, to: Recipient::All },
            "argmin" => Op::ArgReduce { max: false, group: self.by()? },
            "argmax" => Op::ArgReduce { max: true, group: self.by()? },
            "dot" => Op::Dot { group: self.by()? },
            "matmul" => {
                let m = self.lx.int64()?;
                self.lx.word("x")?;
                let k = self.lx.int64()?;
                self.lx.word("x")?;
                Op::MatMul { m, k, n: self.lx.int64()? }
            }
            "call" => Op::Call(RegionId(self.lx.numbered('r')?)),
            "check" => Op::Check { what: self.lx.string()? },
            _ => {
                use Red::*;
                let Some(red) = [Add, Mul, And, Or, Xor, Min, Max, Count].into_iter().find(|r| r.name() == name) else {
                    return self.lx.fail(format!("no operation {name}"));
                };
                Op::Reduce { red, group: self.by()? }
            }
        };
        Ok(lanewise)
    }

    fn planes(&mut self) -> Res<(Op, Vec<WireId>)> {
        let mut planes: Vec<Plane> = vec![];
        let mut named: Vec<WireId> = vec![];
        self.lx.punct("(")?;
        while !self.lx.take(")") {
            let mut part: Vec<Plane> = vec![];
            if let Tok::Int(v @ (0 | 1)) = *self.lx.peek() {
                self.lx.bump();
                part.push(if v == 0 { Plane::Zero } else { Plane::One });
            } else {
                let arg = if self.lx.take("$") {
                    self.lx.int32()?
                } else {
                    let w = self.lx.wire()?;
                    let known = named.iter().position(|n| *n == w);
                    known.unwrap_or_else(|| {
                        named.push(w);
                        named.len() - 1
                    }) as u32
                };
                self.lx.punct("[")?;
                let first = self.lx.int32()?;
                if self.lx.take("..") {
                    let end = self.lx.signed()?;
                    let step = if self.lx.take_word("by") { self.lx.signed()? } else { 1 };
                    let mut at = i64::from(first);
                    while step != 0 && if step > 0 { at < end } else { at > end } {
                        let Ok(plane) = u32::try_from(at) else { break };
                        part.push(Plane::Of { arg, plane });
                        if part.len() > 4096 {
                            break;
                        }
                        let Some(next) = at.checked_add(step) else { break };
                        at = next;
                    }
                } else {
                    part.push(Plane::Of { arg, plane: first });
                }
                self.lx.punct("]")?;
            }
            if self.lx.take_word("x") {
                let n = self.lx.int64()?;
                if n > 4096 {
                    return self.lx.fail("too many planes".into());
                }
                part = std::iter::repeat_n(part, n as usize).flatten().take(4097).collect();
            }
            planes.extend(part);
            if planes.len() > 4096 {
                return self.lx.fail("too many planes".into());
            }
            if !self.lx.is(")") {
                self.lx.punct(",")?;
            }
        }
        if matches!(self.lx.peek(), Tok::Wire(_)) {
            if !named.is_empty() {
                return self.lx.fail("planes name wires or places, not both".into());
            }
            named = self.lx.wires()?;
        }
        Ok((Op::Planes(planes), named))
    }
}

/// How long a table of these numbers is, unless it would mostly be holes.
fn dense<'a>(keys: impl ExactSizeIterator<Item = &'a u32> + DoubleEndedIterator) -> Option<usize> {
    let n = keys.len();
    let top = keys.last().map_or(0, |k| *k as usize + 1);
    (top <= 2 * n + 65536).then_some(top)
}
