//! What a scheduled circuit will cost: rounds and bytes per directed pair exactly, memory and time as predictions.
//!
//! Reads the tables of `spec` only, never the engine: what it says is held equal to what the wire counts. Loops whose bodies
//! do not depend on the induction variable are multiplied, others are walked; so 10^9 lanes or trips take microseconds.
//! What hangs on values that are opened on the way is not in the totals but stands beside them, part by part: a side of an
//! `if`, a turn of a `while`. So a run costs the totals and, for each part, so many times its cost as the run took it.

mod peak;

use crate::error::{Error, Result, internal};
use crate::{Carrier, Profile};
use circuit::{Circuit, Domain, Elem, Gate, Item, Len, LoopVar, Op, Recipient, RegionId, Schedule, SpanId};
use rustc_hash::FxHashMap;
use spec::{Form, Host, Kind, Protocol};
use std::collections::BTreeMap;

/// The report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Steps that are executed, inputs and openings included.
    pub rounds: u128,
    /// Payload bytes, `[from][to]`.
    pub pairs: Vec<Vec<u128>>,
    /// Payload bytes between each node and the clients, both ways; not in `pairs`.
    pub client_bytes: Vec<u128>,
    /// Lanes by kind of interactive gate, and of clients' inputs and openings: `and` counts planes × lanes.
    pub gates: BTreeMap<&'static str, u128>,
    /// By source span.
    pub spans: BTreeMap<SpanId, SpanCost>,
    /// Most bytes that the values and messages of all nodes together take; what a process takes besides is not in it.
    pub predicted_peak_bytes: u128,
    /// Among hosts, with the profile's network between them; see [`Cost::seconds`] for others.
    pub predicted_seconds: f64,
    /// What the run decides, in order of the program; not contained in the totals.
    pub parts: Vec<Part>,
    /// Most rounds and payload bytes that any run takes, if there is a bound.
    pub most: Option<(u128, Vec<Vec<u128>>)>,
    /// Rounds in which a gate of each kind takes part.
    pub kind_rounds: BTreeMap<&'static str, u128>,
}

/// What happens or not, by values that the run opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The first side of an `if`.
    Then,
    /// The second.
    Else,
    /// A turn of a `while`: its body, and its condition once more.
    Turn,
}

impl Event {
    /// What it counts for, as reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Then => "if",
            Event::Else => "else",
            Event::Turn => "while",
        }
    }
}

/// A part of the cost that is multiplied by a number that only the run knows: how often its region is entered.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The region: a side, or a body.
    pub region: RegionId,
    /// Of the region gate.
    pub span: SpanId,
    /// What happens.
    pub event: Event,
    /// How often at most, if there is a bound.
    pub at_most: Option<u128>,
    /// What it costs each time, the parts inside of it excluded.
    pub each: Cost,
    /// Whether iterations around differ in size: then `each` is the greatest.
    pub varies: bool,
}

/// What the gates of one span cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanCost {
    /// Payload bytes, sent by all nodes together.
    pub bytes: u128,
    /// Lanes by kind.
    pub gates: BTreeMap<&'static str, u128>,
    /// Rounds in which a gate of this span takes part.
    pub rounds: u128,
    /// Bytes by kind.
    pub kind_bytes: BTreeMap<&'static str, u128>,
}

impl Cost {
    /// Payload bytes sent, by node.
    pub fn bytes_sent(&self) -> Vec<u128> {
        self.pairs.iter().map(|to| to.iter().sum()).collect()
    }
    fn new(nodes: usize) -> Cost {
        let pairs = vec![vec![0; nodes]; nodes];
        Cost { most: Some((0, pairs.clone())), pairs, client_bytes: vec![0; nodes], ..Cost::default() }
    }
    /// How long a run takes, about: rounds, bytes on the busiest link, and work in proportion to the bytes that the busiest node
    /// sends. The dearest run, where there is one; else one in which no `while` turns and no `if` is taken. Work without
    /// messages is not in it.
    pub fn seconds(&self, by: &Carrier) -> f64 {
        let (rounds, pairs) = self.most.as_ref().map_or((self.rounds, &self.pairs), |(rounds, pairs)| (*rounds, pairs));
        let busiest = pairs.iter().flatten().copied().max().unwrap_or(0) as f64;
        let sent: u128 = pairs.iter().map(|to| to.iter().sum()).max().unwrap_or(0);
        // A message takes half a round trip.
        let waits = rounds as f64 * (by.network.rtt / 2.0 + by.round);
        waits + busiest * 8.0 / by.network.bandwidth + sent as f64 * by.byte
    }
    /// What a run costs that entered each part's region so often: rounds, and payload bytes by directed pair. Exact where no
    /// part varies.
    pub fn of_run(&self, entered: &dyn Fn(RegionId) -> u128) -> (u128, Vec<Vec<u128>>) {
        let (mut rounds, mut pairs) = (self.rounds, self.pairs.clone());
        for p in &self.parts {
            let n = entered(p.region);
            rounds += p.each.rounds * n;
            add_pairs(&mut pairs, &p.each.pairs, n);
        }
        (rounds, pairs)
    }
    /// Adds `other` so many times.
    fn add(&mut self, other: &Cost, times: u128) {
        if times == 0 {
            return;
        }
        self.rounds += other.rounds * times;
        add_pairs(&mut self.pairs, &other.pairs, times);
        self.most = match (self.most.take(), &other.most) {
            (Some((r, mut pairs)), Some((s, more))) => {
                add_pairs(&mut pairs, more, times);
                Some((r + s * times, pairs))
            }
            _ => None,
        };
        for (k, n) in &other.gates {
            *self.gates.entry(k).or_default() += n * times;
        }
        for (s, c) in &other.spans {
            let mine = self.spans.entry(*s).or_default();
            mine.bytes += c.bytes * times;
            mine.rounds += c.rounds * times;
            for (k, n) in &c.gates {
                *mine.gates.entry(k).or_default() += n * times;
            }
            for (k, n) in &c.kind_bytes {
                *mine.kind_bytes.entry(k).or_default() += n * times;
            }
        }
        for (k, n) in &other.kind_rounds {
            *self.kind_rounds.entry(k).or_default() += n * times;
        }
        for p in &other.parts {
            self.part(Part { at_most: p.at_most.map(|n| n * times), ..p.clone() });
        }
    }
    fn part(&mut self, p: Part) {
        let Some(mine) = self.parts.iter_mut().find(|m| m.region == p.region) else {
            return self.parts.push(p);
        };
        mine.at_most = mine.at_most.zip(p.at_most).map(|(a, b)| a + b);
        if (mine.each.rounds, &mine.each.pairs) != (p.each.rounds, &p.each.pairs) || p.varies {
            mine.varies = true;
            mine.each.rounds = mine.each.rounds.max(p.each.rounds);
            for (a, b) in mine.each.pairs.iter_mut().flatten().zip(p.each.pairs.iter().flatten()) {
                *a = (*a).max(*b);
            }
        }
    }
}

fn add_pairs(to: &mut [Vec<u128>], more: &[Vec<u128>], times: u128) {
    for (a, b) in to.iter_mut().flatten().zip(more.iter().flatten()) {
        *a += b * times;
    }
}

/// All names that [`kind_name`] gives interactive gates.
pub const KINDS: [&str; 9] = ["input", "mul", "dot", "matmul", "and", "a2b", "b2a", "trunc", "open"];

/// The name by which reports count an interactive gate.
pub fn kind_name(op: &Op) -> &'static str {
    match op {
        Op::InputShare(_) => "input",
        Op::ArithMul => "mul",
        Op::Dot { .. } => "dot",
        Op::MatMul { .. } => "matmul",
        Op::BitsAnd => "and",
        Op::A2bDeal { .. } => "a2b",
        Op::B2aDeal => "b2a",
        Op::TruncDeal { .. } => "trunc",
        Op::Open { .. } => "open",
        _ => "local",
    }
}

/// Iterations of loops that are walked one by one, at most, over the whole circuit.
const MAX_WALK: u64 = 1 << 24;

struct Walk<'a> {
    c: &'a Circuit,
    s: &'a Schedule,
    p: &'a Protocol,
    hosts: Vec<Host>,
    vars: Vec<i64>,
    walked: u64,
    /// Whether a region's cost depends on a variable of an enclosing loop.
    depends: FxHashMap<(RegionId, LoopVar), bool>,
    /// Costs of called regions.
    fixed: FxHashMap<RegionId, Cost>,
}

/// Prices a scheduled circuit.
///
/// # Errors
/// [`Error::Unsupported`] when loops whose bodies change size have too many iterations to walk.
pub fn cost(c: &Circuit, schedule: &Schedule, protocol: &Protocol, profile: &Profile) -> Result<Cost> {
    let mut w = Walk {
        c,
        s: schedule,
        p: protocol,
        hosts: spec::hosts(c.parties.iter().map(|p| {
            let node = match p.host {
                circuit::Host::Turn => None,
                circuit::Host::Node(n) => Some(n as usize),
                // At no node: its gates are priced apart.
                circuit::Host::Client => Some(spec::NOWHERE),
            };
            (p.family, node)
        })),
        vars: vec![0; c.loop_vars as usize],
        walked: 0,
        depends: FxHashMap::default(),
        fixed: FxHashMap::default(),
    };
    let mut out = w.region(c.root)?;
    out.client_bytes = client_bytes(c, protocol.nodes)?;
    out.predicted_peak_bytes = peak::peak(c, schedule, protocol);
    out.predicted_seconds = out.seconds(&Carrier::hosts(*profile));
    Ok(out)
}

impl Walk<'_> {
    fn lanes(&self, len: &Len) -> Result<u64> {
        len.eval(self.c, &self.vars).map_err(|e| Error::Internal(format!("a length: {e}")))
    }

    /// Kind, form, lanes, and host of an interactive gate.
    fn price(&self, g: &Gate) -> Result<(Vec<Vec<u64>>, u128)> {
        let out = self.c.ty(g.outs[0]);
        let first = g.args.first().map(|a| self.c.ty(*a));
        let mut host = None;
        let mut lanes = self.lanes(&out.len)?;
        let form = |d: Domain| match d {
            Domain::Arith { ring } => Some(Form::Ring(ring)),
            Domain::Bits { planes } => Some(Form::Planes(u64::from(planes))),
            _ => None,
        };
        let (kind, form) = match &g.op {
            Op::InputShare(_) => {
                if let Some(Domain::Local(p)) = first.map(|t| t.domain) {
                    host = self.hosts.get(p.0 as usize).copied();
                }
                match form(out.domain) {
                    Some(f @ Form::Ring(_)) => (Kind::InputArith, Some(f)),
                    f => (Kind::InputBits, f),
                }
            }
            Op::ArithMul => (Kind::ArithMul, form(out.domain)),
            Op::Dot { .. } => (Kind::Dot, form(out.domain)),
            Op::MatMul { .. } => (Kind::MatMul, form(out.domain)),
            Op::BitsAnd => (Kind::BitsAnd, form(out.domain)),
            Op::A2bDeal { .. } => (Kind::A2bDeal, form(out.domain)),
            Op::B2aDeal => (Kind::B2aDeal, form(out.domain)),
            Op::TruncDeal { .. } => (Kind::TruncDeal, form(out.domain)),
            Op::Open { to, .. } => {
                let f = first.and_then(|t| form(t.domain));
                if let Recipient::Party(p) = to {
                    host = self.hosts.get(p.0 as usize).copied();
                }
                let all = matches!(to, Recipient::All);
                match f {
                    Some(Form::Ring(_)) => (if all { Kind::OpenArith } else { Kind::OpenArithTo }, f),
                    _ => {
                        let f = Some(Form::Planes(u64::from(out.elem.bits())));
                        (if all { Kind::OpenBits } else { Kind::OpenBitsTo }, f)
                    }
                }
            }
            op => return internal(format!("`{}` is not interactive", op.name())),
        };
        if matches!(g.op, Op::InputShare(_) | Op::Open { .. }) {
            lanes = first.map_or(Ok(lanes), |t| self.lanes(&t.len))?;
        }
        let (Some(row), Some(f)) = (self.p.primitive(kind), form) else {
            return internal(format!("{} has no row for {kind:?}", self.p.name));
        };
        let Some(b) = spec::bytes(self.p.nodes, row, f, lanes, host.as_ref()) else {
            return internal(format!("the row of {kind:?} does not fit its gate"));
        };
        let count = match (&g.op, f) {
            (Op::BitsAnd, Form::Planes(p)) => u128::from(p) * u128::from(lanes),
            _ => u128::from(lanes),
        };
        Ok((b, count))
    }

    fn region(&mut self, r: RegionId) -> Result<Cost> {
        let mut out = Cost::new(self.p.nodes);
        let region = self.c.region(r);
        let Some(items) = self.s.regions.get(r.0 as usize) else { return internal("a region without a schedule") };
        for item in items {
            match item {
                Item::Free(_) => {}
                Item::Local(gates) => {
                    for g in gates.iter().map(|g| &region.gates[*g as usize]) {
                        if self.c.client_effect(g).is_some() {
                            let lanes = u128::from(self.lanes(&self.c.ty(g.outs[0]).len)?);
                            let name = kind_name(&g.op);
                            *out.gates.entry(name).or_default() += lanes;
                            *out.spans.entry(g.span).or_default().gates.entry(name).or_default() += lanes;
                        }
                    }
                }
                Item::Round(gates) => {
                    out.rounds += 1;
                    let mut spans = std::collections::BTreeSet::new();
                    let mut kinds = std::collections::BTreeSet::new();
                    for g in gates {
                        let g = &region.gates[*g as usize];
                        let (bytes, lanes) = self.price(g)?;
                        let name = kind_name(&g.op);
                        *out.gates.entry(name).or_default() += lanes;
                        let span = out.spans.entry(g.span).or_default();
                        *span.gates.entry(name).or_default() += lanes;
                        if spans.insert(g.span) {
                            span.rounds += 1;
                        }
                        if kinds.insert(name) {
                            *out.kind_rounds.entry(name).or_default() += 1;
                        }
                        for (a, b) in out.pairs.iter_mut().flatten().zip(bytes.iter().flatten()) {
                            *a += u128::from(*b);
                            span.bytes += u128::from(*b);
                            *span.kind_bytes.entry(name).or_default() += u128::from(*b);
                        }
                        if let Some((_, most)) = &mut out.most {
                            for (a, b) in most.iter_mut().flatten().zip(bytes.iter().flatten()) {
                                *a += u128::from(*b);
                            }
                        }
                    }
                    if let Some((rounds, _)) = &mut out.most {
                        *rounds += 1;
                    }
                }
                Item::Region(g) => self.enter(&region.gates[*g as usize], &mut out)?,
            }
        }
        Ok(out)
    }

    fn enter(&mut self, g: &Gate, out: &mut Cost) -> Result<()> {
        match &g.op {
            Op::Loop { var, lo, hi, step, body } => {
                let env = circuit::IndexEnv { vars: &self.vars };
                let at = |i: &circuit::Index| i.eval_scalar(&env).map_err(|e| Error::Internal(format!("a bound: {e}")));
                let (lo, hi, step) = (i128::from(at(lo)?), i128::from(at(hi)?), i128::from(*step));
                let n = match step {
                    0 => return internal("a loop that does not step"),
                    s if s > 0 => (hi - lo + s - 1).div_euclid(s).max(0),
                    s => (lo - hi - s - 1).div_euclid(-s).max(0),
                };
                if n == 0 {
                    return Ok(());
                }
                let v = var.0 as usize;
                if !self.depends_on(*body, *var) {
                    self.vars[v] = lo as i64;
                    let one = self.region(*body)?;
                    out.add(&one, n as u128);
                    return Ok(());
                }
                self.walked = self.walked.saturating_add(n as u64);
                if self.walked > MAX_WALK {
                    return Err(Error::Unsupported {
                        what: "the cost of a loop of so many turns of different size".into(),
                        span: g.span,
                    });
                }
                for k in 0..n {
                    self.vars[v] = (lo + k * step) as i64;
                    let one = self.region(*body)?;
                    out.add(&one, 1);
                }
            }
            Op::While { cond, body } => {
                let q = self.region(*cond)?;
                out.add(&q, 1);
                let mut turn = Cost::new(self.p.nodes);
                turn.add(&q, 1);
                let b = self.region(*body)?;
                turn.add(&b, 1);
                out.most = None;
                self.aside(*body, g.span, Event::Turn, turn, None, out);
            }
            Op::If { then, otherwise } => {
                let a = self.region(*then)?;
                let b = self.region(*otherwise)?;
                out.most = match (out.most.take(), &a.most, &b.most) {
                    (Some((rounds, mut pairs)), Some(a), Some(b)) => {
                        let dearer: Vec<Vec<u128>> =
                            a.1.iter()
                                .zip(&b.1)
                                .map(|(a, b)| a.iter().zip(b).map(|(a, b)| *a.max(b)).collect())
                                .collect();
                        add_pairs(&mut pairs, &dearer, 1);
                        Some((rounds + a.0.max(b.0), pairs))
                    }
                    _ => None,
                };
                self.aside(*then, g.span, Event::Then, a, Some(1), out);
                self.aside(*otherwise, g.span, Event::Else, b, Some(1), out);
            }
            Op::Call(r) => {
                // A called region sees no variable.
                if !self.fixed.contains_key(r) {
                    let one = self.region(*r)?;
                    self.fixed.insert(*r, one);
                }
                if let Some(one) = self.fixed.get(r) {
                    out.add(one, 1);
                }
            }
            op => return internal(format!("`{}` is not a region gate", op.name())),
        }
        Ok(())
    }

    /// Puts what the run decides beside the totals, unless it costs nothing.
    fn aside(
        &mut self,
        region: RegionId,
        span: SpanId,
        event: Event,
        mut each: Cost,
        at_most: Option<u128>,
        out: &mut Cost,
    ) {
        let inner = std::mem::take(&mut each.parts);
        if each.rounds > 0 {
            out.part(Part { region, span, event, at_most, each, varies: false });
        }
        for p in inner {
            // Inside of what turns without a bound nothing has one.
            let at_most = if at_most.is_none() { None } else { p.at_most };
            out.part(Part { at_most, ..p });
        }
    }

    /// Whether lane counts or loop bounds in a region mention a variable.
    fn depends_on(&mut self, r: RegionId, v: LoopVar) -> bool {
        if let Some(d) = self.depends.get(&(r, v)) {
            return *d;
        }
        let region = self.c.region(r);
        let mut d = false;
        for g in &region.gates {
            if self.c.interactive(g) {
                d |= g.outs.iter().chain(&g.args).any(|w| self.c.ty(*w).len.mentions_var(&self.c.spaces, v));
            }
            if let Op::Loop { lo, hi, .. } = &g.op {
                d |= lo.mentions_var(v) || hi.mentions_var(v);
            }
            for i in g.op.regions() {
                d |= self.depends_on(i, v);
            }
            if d {
                break;
            }
        }
        self.depends.insert((r, v), d);
        d
    }
}

/// Payload bytes between each node and all clients.
fn client_bytes(c: &Circuit, nodes: usize) -> Result<Vec<u128>> {
    let mut out = vec![0u128; nodes];
    for party in (0..c.parties.len() as u32).map(circuit::PartyId).filter(|p| c.is_client(*p)) {
        let members = circuit::client::members(c, party);
        let each = |e: &circuit::client::Exchange, domain: Domain| {
            let form = match domain {
                Domain::Arith { ring } => Form::Ring(ring),
                Domain::Bits { planes } => Form::Planes(u64::from(planes)),
                _ => return internal("a client's value is shared in no form"),
            };
            match spec::client::value_bytes(form, e.lanes / members.max(1)) {
                Some(n) => Ok(n),
                None => internal("a client's value is too long"),
            }
        };
        let word = |e: Elem| e.bits().next_power_of_two().max(8);
        let (shares, opens) = circuit::client::exchanges(c, party);
        let (mut brings, mut learns) = (0, 0);
        for e in &shares {
            brings += each(e, e.domain)?;
        }
        for e in &opens {
            // What is above the element's bits does not leave a node.
            learns += each(
                e,
                match e.domain {
                    Domain::Arith { .. } => Domain::Arith { ring: word(e.elem) },
                    _ => Domain::Bits { planes: e.elem.bits() },
                },
            )?;
        }
        let public = circuit::client::publics(c, party).iter().map(|p| p.lanes * u64::from(word(p.elem) / 8)).sum();
        let answer = spec::client::client_answer(learns, public);
        for (out, input) in out.iter_mut().zip(spec::client::client_input(brings)) {
            *out += u128::from(members) * u128::from(input + answer);
        }
    }
    Ok(out)
}
