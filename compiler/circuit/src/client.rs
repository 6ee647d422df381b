//! The part of a gate-level circuit that a client runs: what it computes on its own input before it shares it, and on what
//! was opened to it after the run. Knows neither shares nor messages.
//!
//! A client takes no part in the run itself. Before it, the client knows its own input and the public ones; after it, also
//! what was opened to it and, of values revealed to all, those that are outputs. Two circuits are cut out of the nodes' one:
//! the *front* gives what is shared, the *back* gives the client's outputs. Whatever would need the client in mid-run is an
//! error of the mapping.

use std::collections::BTreeSet;

use crate::circuit::{Circuit, Input, Output};
use crate::gate::{Gate, Op};
use crate::types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId};

/// A value that travels between a client and the nodes, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The gate that shares or opens it.
    pub id: EffectId,
    /// Type of a lane.
    pub elem: Elem,
    /// Form of the shares.
    pub domain: Domain,
    /// Lanes, of all members together.
    pub lanes: u64,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientPart {
    /// What it shares, in order.
    pub shares: Vec<Exchange>,
    /// What is opened to it, in order.
    pub opens: Vec<Exchange>,
    /// Takes the circuit's inputs (other parties' are not looked at); its outputs are what `shares` says, in order.
    pub front: Circuit,
    /// Takes the circuit's inputs, then what `opens` says; its outputs are those of the circuit that are local to the party,
    /// in order.
    pub back: Circuit,
}

/// Why a program cannot run with a party as client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    /// Where.
    pub span: SpanId,
    /// What it would need, in plain words.
    pub what: String,
}

/// Members of a party: 1 for a single one.
pub fn members(c: &Circuit, party: PartyId) -> u64 {
    c.parties.get(party.0 as usize).map_or(0, |p| p.family.unwrap_or(1))
}

/// What client `party` shares, and what is opened to it, in the order of the root's gates.
pub fn exchanges(c: &Circuit, party: PartyId) -> (Vec<Exchange>, Vec<Exchange>) {
    let (mut shares, mut opens) = (vec![], vec![]);
    for g in c.region(c.root).gates.iter().filter(|g| c.client_effect(g) == Some(party)) {
        if matches!(g.op, Op::Open { .. }) { opens.push(exchange(c, g)) } else { shares.push(exchange(c, g)) }
    }
    (shares, opens)
}

/// The exchange that a gate of the root shares or opens.
fn exchange(c: &Circuit, g: &Gate) -> Exchange {
    let (local, shared) = match g.op {
        Op::Open { .. } => (g.outs[0], g.args[0]),
        _ => (g.args[0], g.outs[0]),
    };
    Exchange {
        id: g.op.effect().unwrap_or(EffectId(0)),
        elem: c.ty(local).elem,
        domain: c.ty(shared).domain,
        lanes: root_lanes(c, local),
    }
}

/// Lanes of a wire of the root, where no induction variable has a value.
fn root_lanes(c: &Circuit, w: WireId) -> u64 {
    c.ty(w).len.eval(c, &vec![0; c.loop_vars as usize]).unwrap_or(0)
}

/// A public result that a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// Index into `Circuit::outputs`.
    pub output: usize,
    /// Type of a lane.
    pub elem: Elem,
    /// Lanes that one client gets.
    pub lanes: u64,
    /// Whether they are a member's own, not all.
    pub own: bool,
}

/// The results for all, and the public ones for `party` alone, in the order of the circuit's outputs.
pub fn publics(c: &Circuit, party: PartyId) -> Vec<Public> {
    let mut out = vec![];
    for (output, o) in c.outputs.iter().enumerate() {
        let t = c.ty(o.wire);
        if o.kept.is_none() && t.domain == Domain::Clear && o.party.is_none_or(|p| p == party) {
            let among = if o.party.is_some() { members(c, party).max(1) } else { 1 };
            out.push(Public { output, elem: t.elem, lanes: root_lanes(c, o.wire) / among, own: o.party.is_some() });
        }
    }
    out
}

/// What client `party` does for a verified circuit of the gate level.
///
/// # Errors
/// If the circuit needs the party while it runs.
pub fn client_part(c: &Circuit, party: PartyId) -> Result<ClientPart, ClientError> {
    let name = c.parties.get(party.0 as usize).map_or("?", |p| &p.name);
    let fail = |span: SpanId, what: &str| Err(ClientError { span, what: format!("{name} is a client, {what}") });
    let family = c.parties.get(party.0 as usize).is_some_and(|p| p.family.is_some());
    let root = c.region(c.root);
    let mut before = Known::new(c, party);
    let mut after = Known::new(c, party);
    let (mut shares, mut opens, mut shared) = (vec![], vec![], vec![]);
    let mut inner: BTreeSet<RegionId> = BTreeSet::new();
    let (mut front_keeps, mut back_keeps) = (vec![], vec![]);
    for (k, g) in root.gates.iter().enumerate() {
        if c.client_effect(g) == Some(party) {
            match g.op {
                Op::Open { .. } => {
                    after.wires.extend(&g.outs);
                    opens.push((k, exchange(c, g)));
                }
                _ if before.wires.contains(&g.args[0]) => {
                    shared.push(g.args[0]);
                    shares.push(exchange(c, g));
                }
                _ if after.wires.contains(&g.args[0]) => {
                    return fail(g.span, "and a value that it learns during the run flows back into the computation");
                }
                _ => {
                    return fail(g.span, "and its input to the computation depends on what is revealed during the run");
                }
            }
            continue;
        }
        before.gate(g);
        after.gate(g);
        if blocks(c, g, party) {
            if before.takes(g) {
                front_keeps.push(k);
            } else if after.takes(g) {
                back_keeps.push(k);
            } else {
                return fail(g.span, "and its `at` block reads a value that is revealed to all during the run");
            }
        }
        if family && g.outs.iter().any(|w| c.ty(*w).domain == Domain::Local(party)) {
            let own = matches!(g.op, Op::Input(_) | Op::At { .. } | Op::Un(_) | Op::Bin(_) | Op::Select);
            if !own {
                return fail(g.span, "a family's, and a value of its own would go from one member to another");
            }
        }
        inner.extend(g.op.regions());
    }
    let mut seen = BTreeSet::new();
    while let Some(r) = inner.pop_first() {
        if !seen.insert(r) {
            continue;
        }
        for g in &c.region(r).gates {
            inner.extend(g.op.regions());
            match g.op {
                _ if c.client_effect(g) != Some(party) => {}
                Op::Open { .. } => return fail(g.span, "and learns a value inside a loop of the run"),
                _ => return fail(g.span, "and shares a value inside a loop of the run"),
            }
        }
    }
    let mut results = vec![];
    for o in &c.outputs {
        if c.ty(o.wire).domain == Domain::Local(party) {
            if !after.wires.contains(&o.wire) {
                return fail(SpanId(0), "and what it learns needs a value that is revealed to all during the run");
            }
            results.push(o.clone());
        }
    }
    let front = cut(
        c,
        &front_keeps,
        &[],
        shared.iter().map(|w| Output { party: Some(party), kept: None, name: String::new(), wire: *w }),
    );
    let back = cut(c, &back_keeps, &opens, results.into_iter());
    Ok(ClientPart { shares, opens: opens.into_iter().map(|(_, e)| e).collect(), front, back })
}

/// Whether a gate, or a region that it enters, runs a block of the party.
fn blocks(c: &Circuit, g: &Gate, party: PartyId) -> bool {
    let inside = |r: RegionId| c.region(r).gates.iter().any(|g| blocks(c, g, party));
    matches!(g.op, Op::At { party: p, .. } if p == party) || g.op.regions().any(inside)
}

/// Wires of the root that a client knows at some time.
struct Known<'a> {
    c: &'a Circuit,
    party: PartyId,
    wires: BTreeSet<WireId>,
}

impl<'a> Known<'a> {
    fn new(c: &'a Circuit, party: PartyId) -> Known<'a> {
        Known { c, party, wires: BTreeSet::new() }
    }

    /// Whether the client can run a gate of the root.
    fn takes(&self, g: &Gate) -> bool {
        let mut inside = BTreeSet::new();
        g.args.iter().all(|w| self.wires.contains(w))
            && self.mine(g)
            && g.op.regions().all(|r| self.region(r, &mut inside))
    }

    fn gate(&mut self, g: &Gate) {
        if self.takes(g) {
            self.wires.extend(&g.outs);
        }
    }

    /// Whether a gate is clear or the party's own, and says nothing to anyone.
    fn mine(&self, g: &Gate) -> bool {
        let known = match g.op {
            Op::Input(k) => {
                self.c.inputs.get(k as usize).is_some_and(|i| !i.kept && i.party.is_none_or(|p| p == self.party))
            }
            Op::At { party, .. } => party == self.party,
            Op::Check { .. } => false,
            _ => g.op.effect().is_none(),
        };
        let own = |w: &WireId| {
            matches!(self.c.ty(*w).domain, Domain::Clear) || self.c.ty(*w).domain == Domain::Local(self.party)
        };
        known && g.outs.iter().all(own)
    }

    /// Whether the client can run a region that a gate enters: `inside` are wires that it defines.
    fn region(&self, r: RegionId, inside: &mut BTreeSet<WireId>) -> bool {
        let region = self.c.region(r);
        inside.extend(&region.params);
        for g in &region.gates {
            let known = g.args.iter().all(|w| inside.contains(w) || self.wires.contains(w));
            if !known || !self.mine(g) || !g.op.regions().all(|r| self.region(r, inside)) {
                return false;
            }
            inside.extend(&g.outs);
        }
        region.results.iter().all(|w| inside.contains(w) || self.wires.contains(w))
    }
}

/// The circuit that the gates `keeps` of the root and `outputs` need; gates that open become inputs.
fn cut(c: &Circuit, keeps: &[usize], opens: &[(usize, Exchange)], outputs: impl Iterator<Item = Output>) -> Circuit {
    let mut out = c.clone();
    out.outputs = outputs.collect();
    let root = c.region(c.root);
    let mut used: BTreeSet<WireId> = out.outputs.iter().map(|o| o.wire).collect();
    let mut gates = vec![];
    for (k, g) in root.gates.iter().enumerate().rev() {
        if !keeps.contains(&k) && !g.outs.iter().any(|w| used.contains(w)) {
            continue;
        }
        let mut gate = g.clone();
        match opens.iter().position(|(at, _)| *at == k) {
            Some(n) => {
                gate.op = Op::Input((c.inputs.len() + n) as u32);
                gate.args.clear();
            }
            None => {
                used.extend(&g.args);
                g.op.regions().for_each(|r| captured(c, r, &mut used));
            }
        }
        gates.push(gate);
    }
    gates.reverse();
    out.regions[c.root.0 as usize].gates = gates;
    out.inputs.extend(opens.iter().map(|(_, e)| Input {
        party: None,
        kept: false,
        name: format!("opened #{}", e.id.0),
        elem: e.elem,
        lanes: e.lanes,
        range: None,
    }));
    out
}

/// Wires that a region reads, its own among them.
fn captured(c: &Circuit, r: RegionId, used: &mut BTreeSet<WireId>) {
    let region = c.region(r);
    used.extend(&region.results);
    for g in &region.gates {
        used.extend(&g.args);
        g.op.regions().for_each(|r| captured(c, r, used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::{self, AtRunner};
    use crate::{Builder, Column, Host, Len, Level, Recipient, WireTy};

    /// Adds 1, lane by lane.
    struct PlusOne;

    impl AtRunner for PlusOne {
        fn run(&mut self, _: u32, args: &[Column]) -> Result<Vec<Column>, String> {
            let mut out = args[0].clone();
            (0..out.len()).for_each(|l| out.set(l, (out.get(l) + 1) & 0xff));
            Ok(vec![out])
        }
    }

    fn ty(domain: Domain) -> WireTy {
        WireTy::new(domain, Elem::u(8), Len::Const(2))
    }

    /// y = at Ada { x + 1 }; z = y (Ada's) + b (Ben's), opened to Ada; at Ada { z + 1 } is her output.
    fn program(flows_back: bool) -> Circuit {
        let mut b = Builder::new(Level::Gates("rep3".into()));
        let (ada, ben) = (b.party("Ada", None), b.party("Ben", None));
        let (x, y) = (b.input(Some(ada), "x", Elem::u(8), 2), b.input(Some(ben), "b", Elem::u(8), 2));
        let block = b.block(ada, [0; 32]);
        let share = |b: &mut Builder, w| {
            let id = b.effect();
            b.gate1_as(Op::InputShare(id), &[w], ty(Domain::Arith { ring: 8 })).unwrap()
        };
        let one = b.gate_as(Op::At { party: ada, block }, &[x], &[ty(Domain::Local(ada))]).unwrap()[0];
        let (p, q) = (share(&mut b, one), share(&mut b, y));
        let sum = b.gate1_as(Op::ArithAdd, &[p, q], ty(Domain::Arith { ring: 8 })).unwrap();
        let id = b.effect();
        let z = b.gate1_as(Op::Open { id, to: Recipient::Party(ada) }, &[sum], ty(Domain::Local(ada))).unwrap();
        if flows_back {
            share(&mut b, z);
        }
        let last = b.gate_as(Op::At { party: ada, block }, &[z], &[ty(Domain::Local(ada))]).unwrap()[0];
        b.output(Some(ada), "result", last);
        let mut c = b.finish();
        c.parties[0].host = Host::Client;
        c
    }

    fn column(v: [u128; 2]) -> Column {
        let mut c = Column::zeros(Elem::u(8), 2);
        v.iter().enumerate().for_each(|(l, v)| c.set(l, *v));
        c
    }

    #[test]
    fn a_client_computes_before_and_after_the_run() {
        let c = program(false);
        let part = client_part(&c, PartyId(0)).unwrap();
        assert_eq!((part.shares.len(), part.opens.len()), (1, 1));
        assert_eq!(part.shares[0].lanes, 2);
        let shared = interp::run(&part.front, &[column([7, 255]), column([0, 0])], &mut PlusOne, 0).unwrap();
        assert_eq!(shared, [column([8, 0])]);
        let inputs = [column([7, 255]), column([0, 0]), column([50, 60])];
        assert_eq!(interp::run(&part.back, &inputs, &mut PlusOne, 0).unwrap(), [column([51, 61])]);
        // Its sharing and its opening take no step; Ben's sharing does.
        let rounds = c.region(c.root).gates.iter().filter(|g| c.interactive(g)).count();
        assert_eq!(rounds, 1);
    }

    #[test]
    fn what_needs_a_client_in_mid_run_is_refused() {
        let e = client_part(&program(true), PartyId(0)).unwrap_err();
        assert!(e.what.contains("Ada is a client") && e.what.contains("flows back"), "{}", e.what);
        // A block that reads what all learn in mid-run.
        let mut b = Builder::new(Level::Gates("rep3".into()));
        let (ada, ben) = (b.party("Ada", None), b.party("Ben", None));
        let y = b.input(Some(ben), "b", Elem::u(8), 2);
        let block = b.block(ada, [0; 32]);
        let id = b.effect();
        let q = b.gate1_as(Op::InputShare(id), &[y], ty(Domain::Arith { ring: 8 })).unwrap();
        let id = b.effect();
        let z = b.gate1_as(Op::Open { id, to: Recipient::All }, &[q], ty(Domain::Clear)).unwrap();
        b.gate_as(Op::At { party: ada, block }, &[z], &[ty(Domain::Local(ada))]).unwrap();
        let mut c = b.finish();
        c.parties[0].host = Host::Client;
        let e = client_part(&c, PartyId(0)).unwrap_err();
        assert!(e.what.contains("revealed to all"), "{}", e.what);
    }

    #[test]
    fn members_of_a_family_do_not_exchange_values() {
        let mut b = Builder::new(Level::Gates("rep3".into()));
        let f = b.party("F", Some(2));
        let x = b.input(Some(f), "x", Elem::u(8), 2);
        let both = b.gate1(Op::Concat, &[x, x]).unwrap();
        let mut wide = ty(Domain::Arith { ring: 8 });
        wide.len = Len::Const(4);
        let id = b.effect();
        b.gate1_as(Op::InputShare(id), &[both], wide).unwrap();
        let mut c = b.finish();
        c.parties[0].host = Host::Client;
        assert!(client_part(&c, PartyId(0)).unwrap_err().what.contains("from one member to another"));
    }
}
