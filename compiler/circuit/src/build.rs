//! Building circuits: wires, gates, and nested regions, with types inferred.
//!
//! Gates go to the innermost open region. Knows the rules of [`crate::infer`]; knows nothing of what is built.

use rustc_hash::FxHashMap;

use crate::circuit::{AtBlock, Circuit, Host, Input, Level, Output, Party, Region};
use crate::gate::{Bin, Gate, Op, Recipient, Red, Un};
use crate::index::{Index, Len, LoopVar, Space, SpaceId};
use crate::infer::infer;
use crate::types::{Domain, EffectId, Elem, PartyId, RegionId, SpanId, WireId, WireTy};

/// Builds one circuit.
#[derive(Clone, Debug)]
pub struct Builder {
    circuit: Circuit,
    open: Vec<RegionId>,
    spaces: FxHashMap<Space, SpaceId>,
    /// The span of gates to come.
    pub span: SpanId,
}

impl Builder {
    /// An empty circuit with an open root.
    pub fn new(level: Level) -> Builder {
        let circuit = Circuit::new(level);
        Builder { open: vec![circuit.root], circuit, spaces: FxHashMap::default(), span: SpanId(0) }
    }
    /// An empty root for a circuit of another level (or the same), with its names, parties, inputs, blocks, spaces, and
    /// counters of variables and effects: what a pass starts from.
    pub fn like(of: &Circuit, level: Level) -> Builder {
        let mut b = Builder::new(level);
        b.circuit.sizes = of.sizes.clone();
        b.circuit.parties = of.parties.clone();
        b.circuit.inputs = of.inputs.clone();
        b.circuit.blocks = of.blocks.clone();
        b.circuit.nets = of.nets.clone();
        b.circuit.loop_vars = of.loop_vars;
        b.circuit.effects = of.effects;
        b.circuit.spaces = of.spaces.clone();
        for (k, s) in of.spaces.iter().enumerate() {
            b.spaces.entry(s.clone()).or_insert(SpaceId(k as u32));
        }
        b
    }
    /// The circuit so far.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }
    /// Makes room for so many more gates in the innermost open region, and their wires.
    pub fn reserve(&mut self, gates: usize) {
        self.circuit.wires.reserve(gates);
        if let Some(r) = self.open.last() {
            self.circuit.regions[r.0 as usize].gates.reserve(gates);
        }
    }
    /// Done: the circuit, not yet verified.
    pub fn finish(self) -> Circuit {
        self.circuit
    }
    /// Type of a wire.
    pub fn ty(&self, w: WireId) -> &WireTy {
        self.circuit.ty(w)
    }

    /// Notes the value of a size.
    pub fn size(&mut self, name: &str, value: u64) {
        self.circuit.sizes.push((name.into(), value));
    }
    /// A new party or family.
    pub fn party(&mut self, name: &str, family: Option<u64>) -> PartyId {
        self.circuit.parties.push(Party { name: name.into(), family, host: Host::Turn });
        PartyId(self.circuit.parties.len() as u32 - 1)
    }
    /// Says where a party is.
    pub fn host(&mut self, party: PartyId, host: Host) {
        self.circuit.parties[party.0 as usize].host = host;
    }
    /// A new `at` block.
    pub fn block(&mut self, party: PartyId, hash: [u8; 32]) -> u32 {
        self.circuit.blocks.push(AtBlock { party, hash });
        self.circuit.blocks.len() as u32 - 1
    }
    /// A boolean circuit of a file.
    pub fn net(&mut self, table: crate::NetTable) -> u32 {
        self.circuit.nets.push(table);
        self.circuit.nets.len() as u32 - 1
    }
    /// The number of a space; equal ones share it.
    pub fn space(&mut self, space: Space) -> SpaceId {
        if let Some(id) = self.spaces.get(&space) {
            return *id;
        }
        let id = SpaceId(self.circuit.spaces.len() as u32);
        self.circuit.spaces.push(space.clone());
        self.spaces.insert(space, id);
        id
    }
    /// A fresh induction variable.
    pub fn loop_var(&mut self) -> LoopVar {
        self.circuit.loop_vars += 1;
        LoopVar(self.circuit.loop_vars - 1)
    }
    /// A fresh effect id.
    pub fn effect(&mut self) -> EffectId {
        self.circuit.effects += 1;
        EffectId(self.circuit.effects - 1)
    }
    /// A new input leaf and its wire. Call at the root.
    pub fn input(&mut self, party: Option<PartyId>, name: &str, elem: Elem, lanes: u64) -> WireId {
        self.leaf(Input { party, kept: false, name: name.into(), elem, lanes, range: None })
    }
    /// As [`Builder::input`], of what an earlier run kept.
    pub fn kept_input(&mut self, name: &str, elem: Elem, lanes: u64) -> WireId {
        self.leaf(Input { party: None, kept: true, name: name.into(), elem, lanes, range: None })
    }
    fn leaf(&mut self, input: Input) -> WireId {
        let (elem, lanes, domain) = (input.elem, input.lanes, input.domain(&self.circuit.level));
        self.circuit.inputs.push(input);
        let k = self.circuit.inputs.len() as u32 - 1;
        let out = self.wire(WireTy::new(domain, elem, Len::Const(lanes)));
        self.push(Op::Input(k), vec![], vec![out]);
        out
    }
    /// A new output leaf.
    pub fn output(&mut self, party: Option<PartyId>, name: &str, wire: WireId) {
        self.circuit.outputs.push(Output { party, kept: None, name: name.into(), wire });
    }
    /// A new output leaf that is kept for a later run.
    pub fn kept_output(&mut self, name: &str, wire: WireId) {
        let kept = Some(self.ty(wire).elem);
        self.circuit.outputs.push(Output { party: None, kept, name: name.into(), wire });
    }

    /// A fresh wire that nothing defines yet.
    pub fn wire(&mut self, ty: WireTy) -> WireId {
        self.circuit.wires.push(ty);
        WireId(self.circuit.wires.len() as u32 - 1)
    }
    /// Appends a gate as it is to the innermost open region.
    pub fn push(&mut self, op: Op, args: Vec<WireId>, outs: Vec<WireId>) {
        let gate = Gate { op, args, outs, span: self.span };
        if let Some(r) = self.open.last() {
            self.circuit.regions[r.0 as usize].gates.push(gate);
        }
    }
    /// Appends a gate whose result types follow from its operands.
    ///
    /// # Errors
    /// What is wrong with its types, with the name of the operation.
    pub fn gate(&mut self, op: Op, args: &[WireId]) -> Result<Vec<WireId>, String> {
        self.gate_as(op, args, &[])
    }
    /// Appends a gate whose results shall have types `want` where the operands leave them open (see [`infer`]).
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn gate_as(&mut self, op: Op, args: &[WireId], want: &[WireTy]) -> Result<Vec<WireId>, String> {
        let tys: Vec<&WireTy> = args.iter().map(|w| self.circuit.ty(*w)).collect();
        let outs = infer(&self.circuit, &op, &tys, want).map_err(|e| format!("{}: {e}", op.name()))?;
        let outs: Vec<WireId> = outs.into_iter().map(|t| self.wire(t)).collect();
        self.push(op, args.to_vec(), outs.clone());
        Ok(outs)
    }
    /// [`Builder::gate`] with one result.
    ///
    /// # Errors
    /// As [`Builder::gate`]; also for another number of results.
    pub fn gate1(&mut self, op: Op, args: &[WireId]) -> Result<WireId, String> {
        single(self.gate(op, args)?)
    }
    /// [`Builder::gate_as`] with one result.
    ///
    /// # Errors
    /// As [`Builder::gate1`].
    pub fn gate1_as(&mut self, op: Op, args: &[WireId], want: WireTy) -> Result<WireId, String> {
        single(self.gate_as(op, args, &[want])?)
    }

    /// The same number in `len` lanes.
    pub fn constant(&mut self, value: u128, elem: Elem, len: Len) -> WireId {
        let out = self.wire(WireTy::new(Domain::Clear, elem, len));
        self.push(Op::Const(value & elem.mask()), vec![], vec![out]);
        out
    }
    /// Unary (not `Cast`).
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn un(&mut self, op: Un, x: WireId) -> Result<WireId, String> {
        self.gate1(Op::Un(op), &[x])
    }
    /// To another element.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn cast(&mut self, x: WireId, elem: Elem) -> Result<WireId, String> {
        let want = WireTy { elem, ..self.ty(x).clone() };
        self.gate1_as(Op::Un(Un::Cast), &[x], want)
    }
    /// Binary.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn bin(&mut self, op: Bin, x: WireId, y: WireId) -> Result<WireId, String> {
        self.gate1(Op::Bin(op), &[x, y])
    }
    /// `c ? a : b`.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn select(&mut self, c: WireId, a: WireId, b: WireId) -> Result<WireId, String> {
        self.gate1(Op::Select, &[c, a, b])
    }
    /// Lanes of `x` by an index over a space. `len` is needed where the space mentions induction variables.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn gather(&mut self, x: WireId, space: Space, index: Index, len: Option<Len>) -> Result<WireId, String> {
        let space = self.space(space);
        let want = len.map(|len| WireTy { len, ..self.ty(x).clone() });
        single(self.gate_as(Op::Gather { space, index }, &[x], want.as_slice())?)
    }
    /// Lane 0 of a one-lane wire in `lanes` lanes.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn broadcast(&mut self, x: WireId, lanes: u64) -> Result<WireId, String> {
        let n = i64::try_from(lanes).map_err(|_| "too many lanes".to_string())?;
        self.gather(x, Space::rect(&[n]), Index::Const(0), None)
    }
    /// Each `group` lanes to one (not `Count`).
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn reduce(&mut self, red: Red, x: WireId, group: Len) -> Result<WireId, String> {
        self.gate1(Op::Reduce { red, group }, &[x])
    }
    /// Numbers of true lanes of each `group`, as `elem`.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn count(&mut self, x: WireId, group: Len, elem: Elem) -> Result<WireId, String> {
        let want = WireTy { elem, ..self.ty(x).clone() };
        self.gate1_as(Op::Reduce { red: Red::Count, group }, &[x], want)
    }
    /// Local to secret.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn share(&mut self, x: WireId) -> Result<WireId, String> {
        let id = self.effect();
        self.gate1(Op::Share(id), &[x])
    }
    /// Secret to clear or local.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn reveal(&mut self, x: WireId, to: Recipient) -> Result<WireId, String> {
        let id = self.effect();
        self.gate1(Op::Reveal { id, to }, &[x])
    }
    /// Shared to clear or local, at gate level.
    ///
    /// # Errors
    /// As [`Builder::gate`].
    pub fn open(&mut self, x: WireId, to: Recipient) -> Result<WireId, String> {
        let id = self.effect();
        self.gate1(Op::Open { id, to }, &[x])
    }

    /// Opens a new region with parameters of these types; gates go there until [`Builder::end`].
    pub fn begin(&mut self, params: &[WireTy]) -> (RegionId, Vec<WireId>) {
        let id = RegionId(self.circuit.regions.len() as u32);
        let params: Vec<WireId> = params.iter().map(|t| self.wire(t.clone())).collect();
        self.circuit.regions.push(Region { params: params.clone(), gates: vec![], results: vec![] });
        self.open.push(id);
        (id, params)
    }
    /// Closes the innermost region. The root stays open.
    pub fn end(&mut self, results: Vec<WireId>) {
        if self.open.len() > 1
            && let Some(r) = self.open.pop()
        {
            self.circuit.regions[r.0 as usize].results = results;
        }
    }
    /// The region that gates go to.
    pub fn region(&self) -> RegionId {
        self.open.last().copied().unwrap_or(self.circuit.root)
    }
    /// A `loop`: `body` is given the induction variable and the carried wires, whose types are `carry`, and gives their
    /// next values.
    ///
    /// # Errors
    /// Those of the body and of the loop gate's types.
    #[allow(clippy::too_many_arguments)]
    pub fn loop_(
        &mut self,
        lo: Index,
        hi: Index,
        step: i64,
        init: &[WireId],
        carry: &[WireTy],
        body: impl FnOnce(&mut Builder, LoopVar, &[WireId]) -> Result<Vec<WireId>, String>,
    ) -> Result<Vec<WireId>, String> {
        let var = self.loop_var();
        let (id, params) = self.begin(carry);
        let results = body(self, var, &params);
        self.end(results.clone().unwrap_or_default());
        results?;
        self.gate(Op::Loop { var, lo, hi, step, body: id }, init)
    }
    /// An `if` on a clear condition.
    ///
    /// # Errors
    /// Those of the branches and of the gate's types.
    pub fn if_(
        &mut self,
        cond: WireId,
        then: impl FnOnce(&mut Builder) -> Result<Vec<WireId>, String>,
        otherwise: impl FnOnce(&mut Builder) -> Result<Vec<WireId>, String>,
    ) -> Result<Vec<WireId>, String> {
        let (t, _) = self.begin(&[]);
        let results = then(self);
        self.end(results.clone().unwrap_or_default());
        results?;
        let (o, _) = self.begin(&[]);
        let results = otherwise(self);
        self.end(results.clone().unwrap_or_default());
        results?;
        self.gate(Op::If { then: t, otherwise: o }, &[cond])
    }
    /// A `while`: `cond` gives a clear bool of one lane, `body` the next carried wires.
    ///
    /// # Errors
    /// Those of the regions and of the gate's types.
    pub fn while_(
        &mut self,
        init: &[WireId],
        carry: &[WireTy],
        cond: impl FnOnce(&mut Builder, &[WireId]) -> Result<WireId, String>,
        body: impl FnOnce(&mut Builder, &[WireId]) -> Result<Vec<WireId>, String>,
    ) -> Result<Vec<WireId>, String> {
        let (c, params) = self.begin(carry);
        let result = cond(self, &params);
        self.end(result.clone().into_iter().collect());
        result?;
        let (b, params) = self.begin(carry);
        let results = body(self, &params);
        self.end(results.clone().unwrap_or_default());
        results?;
        self.gate(Op::While { cond: c, body: b }, init)
    }
}

fn single(outs: Vec<WireId>) -> Result<WireId, String> {
    match outs.as_slice() {
        [w] => Ok(*w),
        _ => Err(format!("{} results where one is wanted", outs.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_follow_from_operands() -> Result<(), String> {
        let mut b = Builder::new(Level::Program);
        let ada = b.party("Ada", None);
        let x = b.input(Some(ada), "x", Elem::u(32), 12);
        let s = b.share(x)?;
        let k = b.constant(5, Elem::u(32), Len::Const(12));
        assert!(b.bin(Bin::Add, s, x).is_err(), "a local operand must be shared");
        let lt = b.bin(Bin::Lt, s, k)?;
        assert_eq!(b.ty(lt), &WireTy::secret(Elem::Bool, 12));
        let n = b.count(lt, Len::Const(4), Elem::u(8))?;
        assert_eq!(b.ty(n), &WireTy::secret(Elem::u(8), 3));
        let t = b.broadcast(n, 7)?;
        assert_eq!(b.ty(t).len, Len::Const(7));
        let out = b.loop_(Index::Const(0), Index::Const(3), 1, &[n], &[WireTy::secret(Elem::u(8), 3)], |b, _, c| {
            Ok(vec![b.bin(Bin::Add, c[0], c[0])?])
        })?;
        assert_eq!(b.ty(out[0]), &WireTy::secret(Elem::u(8), 3));
        assert!(b.open(out[0], Recipient::All).is_err(), "no gate-level operation at program level");
        let r = b.reveal(out[0], Recipient::Party(ada))?;
        assert_eq!(b.ty(r).domain, Domain::Local(ada));
        let same = b.space(Space::rect(&[7]));
        assert_eq!(same, b.space(Space::rect(&[7])));
        Ok(())
    }
}
