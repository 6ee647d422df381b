//! Inputs that were read, and what becomes of them: columns of a node's machine, shares that an earlier run kept, constants of
//! the compiler, and what all nodes must have alike.
//!
//! Every value is read once, into the column that the machine takes. Where it was read is not known here (`folder`).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use circuit::{Circuit, Column, SchemaLen};
use engine::LocalInputs;
use engine::kept::KeptShare;
use spec::Host;

use super::shape::{Plan, leaf_name, length};
use super::{DataError, SizeClaim, random, scalar};
use crate::kept::{self, Place, Store, Taken};
use crate::session::NODES;
use crate::{Contract, NodeError, Sizes};

/// Where inputs come from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The folder, if there is one.
    pub folder: Option<PathBuf>,
    /// `-D NAME=VALUE`: sizes and public scalars.
    pub defines: Vec<(String, String)>,
    /// Fill every input from this seed instead of reading files.
    pub random: Option<u64>,
    /// Where shares lie that an earlier run kept.
    pub kept: Kept,
}

/// Where the values of parameters come from that an earlier run kept.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    /// From nowhere: a program that takes some cannot run.
    #[default]
    Nowhere,
    /// Shares out of a store, held against how the nodes run.
    From(Store, Place),
    /// Of a local run without a store: values of `kept.json`, which stand in for what would be kept. Each node makes its shares of
    /// them, all with this seed.
    Dealt([u8; 32]),
}

/// Values by parameter and leaf, as bit patterns.
pub type Values = std::collections::BTreeMap<String, Vec<Vec<u128>>>;

/// Inputs that were read, not yet placed. Clones share the columns.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// By parameter: its leaves, for those that were read.
    pub(super) columns: Arc<Vec<Mutex<Option<Vec<Column>>>>>,
    pub(super) sizes: Vec<SizeClaim>,
    /// Lengths that are expressions of sizes: text, number found, and where.
    pub(super) expressions: Vec<(String, u64, String)>,
    pub(super) random: Option<u64>,
    /// The strings among the values.
    pub(super) strings: Arc<strings::Table>,
    /// By parameter and node: shares that an earlier run kept, where they were read.
    pub(super) kept: Arc<Vec<[Option<Taken>; NODES]>>,
    /// Where none were: what shares of the values are made from.
    pub(super) dealt: Option<[u8; 32]>,
}

/// The owner, in files, of the values that stand in for what would be kept.
pub(super) const KEPT: &str = "kept";
impl Inputs {
    /// Sizes that were bound here.
    pub fn sizes(&self) -> &[SizeClaim] {
        &self.sizes
    }

    /// The strings that were read here, for the `at` blocks of their owners.
    pub fn strings(&self) -> &Arc<strings::Table> {
        &self.strings
    }

    /// Values of the public parameters, leaf by leaf, by name: the compiler takes them as constants.
    ///
    /// # Errors
    /// A length that is not known.
    pub fn publics(&self, contract: &Contract, sizes: &Sizes) -> Result<Values, NodeError> {
        self.values(contract, sizes, crate::Param::is_public)
    }

    /// Values of all parameters, leaf by leaf, by name: for the reference evaluator, which sees everything. Asked for
    /// before a run places them.
    ///
    /// # Errors
    /// A length that is not known.
    pub fn all(&self, contract: &Contract, sizes: &Sizes) -> Result<Values, NodeError> {
        self.values(contract, sizes, |_| true)
    }

    fn values(
        &self,
        contract: &Contract,
        sizes: &Sizes,
        wanted: impl Fn(&crate::Param) -> bool,
    ) -> Result<Values, NodeError> {
        let mut out = Values::new();
        for (param, slot) in contract.params.iter().zip(self.columns.iter()).filter(|(p, _)| wanted(p)) {
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let values = |c: &Column| (0..c.len()).map(|l| c.get(l)).collect::<Vec<u128>>();
            let leaves = match (self.random, &*slot) {
                (_, Some(columns)) => columns.iter().map(values).collect(),
                (Some(seed), None) => {
                    let nobody = if param.kept { KEPT } else { "public" };
                    let owner = param.party.map_or(nobody, |p| contract.parties[p].name.as_str());
                    let drawn = random::columns(seed, owner, &param.name, &Plan::new(&param.schema), sizes);
                    let drawn = drawn.ok_or_else(|| NodeError::Usage(format!("`{}` is too long", param.name)))?;
                    drawn.iter().map(values).collect()
                }
                (None, None) => continue,
            };
            out.insert(param.name.clone(), leaves);
        }
        Ok(out)
    }

    /// The public inputs, which all nodes must have alike: by name, and a value or the digest of many. Of what was kept, where it
    /// comes from, as node `me` has it.
    pub(crate) fn public_fields(&self, contract: &Contract, me: Option<usize>) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (param, taken) in contract.params.iter().zip(&*self.kept) {
            if let Some(taken) = me.and_then(|me| taken.get(me)?.as_ref()) {
                fields.push((format!("{} `{}`", kept::FIELD, param.name), taken.origin.clone()));
            }
        }
        if let Some(seed) = self.random {
            fields.push(("seed of random inputs".to_owned(), seed.to_string()));
        }
        for (param, columns) in contract.params.iter().zip(self.columns.iter()) {
            let columns = columns.lock().unwrap_or_else(PoisonError::into_inner);
            let (true, Some(columns)) = (param.is_public(), &*columns) else { continue };
            let value = match (&param.schema, &columns[..]) {
                (circuit::Schema::Text, [column]) if column.len() == 1 => shown(&self.strings, column.get(0)),
                (circuit::Schema::Scalar { .. } | circuit::Schema::Fixed { .. }, [column]) if column.len() == 1 => {
                    scalar::text(&Plan::new(&param.schema).leaves[0], column.get(0))
                }
                (_, columns) => {
                    let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 public inputs");
                    for column in columns {
                        hash.update(&(column.len() as u64).to_le_bytes());
                        (0..column.len()).for_each(|l| {
                            hash.update(&column.get(l).to_le_bytes());
                        });
                    }
                    let count: usize = columns.iter().map(Column::len).sum();
                    format!("{count} values of digest {}", hash.finalize().to_hex())
                }
            };
            fields.push((format!("public input `{}`", param.name), value));
        }
        fields
    }

    /// The inputs of a circuit as a client has them: its own as they were read (of a family, for every member alike: it knows
    /// no other's), public ones, and zeros for those of others. For inputs of [`read_member`].
    pub(crate) fn for_client(
        &self,
        contract: &Contract,
        circuit: &Circuit,
        party: usize,
    ) -> Result<Vec<Column>, NodeError> {
        let internal = |what: String| NodeError::Internal(what);
        let mut out = Vec::with_capacity(circuit.inputs.len());
        for input in &circuit.inputs {
            let lanes = usize::try_from(input.lanes).map_err(|_| internal(format!("`{}` is too long", input.name)))?;
            out.push(Column::zeros(input.elem, lanes));
        }
        for (param, slot) in contract.params.iter().zip(self.columns.iter()) {
            if param.kept || param.party.is_some_and(|p| p != party) {
                continue;
            }
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let plan = Plan::new(&param.schema);
            for (k, leaf) in plan.leaves.iter().enumerate() {
                let name = leaf_name(&param.name, &leaf.path);
                let find = |i: &circuit::Input| i.name == name && i.party.map(|p| p.0 as usize) == param.party;
                let Some(at) = circuit.inputs.iter().position(find) else { continue };
                let column = &slot.as_ref().ok_or_else(|| internal(format!("the input `{name}` was not read")))?[k];
                let whole = match param.party {
                    Some(p) => {
                        let members = circuit::client::members(circuit, circuit::PartyId(p as u32));
                        engine::client::repeat(column, leaf.elem, members)
                    }
                    None => column.clone(),
                };
                if whole.len() != out[at].len() || leaf.elem != circuit.inputs[at].elem {
                    let expected = format!("{} values of `{name}` in all", out[at].len());
                    return Err(DataError::whole("inputs", expected, whole.len().to_string()).into());
                }
                out[at] = whole;
            }
        }
        Ok(out)
    }

    /// The columns that node `me` gives to its machine. A single party's column moves; a family's is copied with the lanes
    /// of members at other nodes zeroed.
    pub(crate) fn place(
        &self,
        contract: &Contract,
        circuit: &Circuit,
        hosts: &[Host],
        me: usize,
        sizes: &Sizes,
    ) -> Result<LocalInputs, NodeError> {
        for (text, found, file) in &self.expressions {
            let want = length(&SchemaLen::Derived(text.clone()), sizes);
            if want.is_some_and(|w| w != *found) {
                let expected = format!("{} elements ({text})", want.unwrap_or(0));
                return Err(DataError::whole(file, expected, found.to_string()).into());
            }
        }
        let internal = |what: String| NodeError::Internal(what);
        let mut out: LocalInputs = vec![None; circuit.inputs.len()];
        for (param, slot) in contract.params.iter().zip(self.columns.iter()) {
            if param.kept {
                continue;
            }
            let plan = Plan::new(&param.schema);
            let host = param.party.map(|p| hosts[p]);
            let here = host.is_none_or(|h| h.is_at(me, NODES));
            if !here {
                continue;
            }
            let owner = param.party.map_or("public", |p| contract.parties[p].name.as_str());
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let single = host.is_some_and(|h| h.members.is_none() || matches!(h.place, spec::Place::Node(_)));
            let mut moved = if single { slot.take() } else { None };
            // Truth values of variants are drawn together.
            let mut drawn = match self.random {
                Some(seed) if plan.node.has_enum() && moved.is_none() && slot.is_none() => {
                    random::columns(seed, owner, &param.name, &plan, sizes)
                }
                _ => None,
            };
            for (k, leaf) in plan.leaves.iter().enumerate() {
                let name = leaf_name(&param.name, &leaf.path);
                let find = |i: &circuit::Input| i.name == name && i.party.map(|p| p.0 as usize) == param.party;
                let at = circuit.inputs.iter().position(find);
                // An input that the program does not use may have left the circuit.
                let Some(at) = at else { continue };
                let input = &circuit.inputs[at];
                let lanes = usize::try_from(input.lanes).map_err(|_| internal(format!("`{name}` is too long")))?;
                let take = |c: &mut Column| std::mem::replace(c, Column::with_capacity(leaf.elem, 0));
                let column = match (self.random, &mut moved, &*slot) {
                    (_, None, Some(columns)) if host.is_none() => columns[k].clone(),
                    (Some(seed), ..) => match &mut drawn {
                        Some(columns) => take(&mut columns[k]),
                        None => random::leaf(seed, owner, &name, leaf, lanes),
                    },
                    (None, Some(columns), _) => take(&mut columns[k]),
                    (None, None, Some(columns)) => match host {
                        Some(h) => own_lanes(&columns[k], leaf.elem, h, me),
                        None => columns[k].clone(),
                    },
                    (None, None, None) => return Err(internal(format!("the input `{name}` was not read"))),
                };
                if column.len() != lanes || leaf.elem != input.elem {
                    let expected = format!("{lanes} values of `{name}`");
                    return Err(
                        DataError::whole(&format!("inputs of {owner}"), expected, column.len().to_string()).into()
                    );
                }
                out[at] = Some(column);
            }
        }
        Ok(out)
    }
}

impl Inputs {
    /// Node `me`'s shares of what was kept, by the circuit's inputs.
    ///
    /// # Errors
    /// Shares of another length than the program has.
    pub(crate) fn shares(
        &self,
        contract: &Contract,
        circuit: &Circuit,
        me: usize,
        sizes: &Sizes,
    ) -> Result<Vec<Option<KeptShare>>, NodeError> {
        let mut out = vec![None; circuit.inputs.len()];
        let params = contract.params.iter().zip(self.columns.iter().zip(&*self.kept)).enumerate();
        for (at, (param, (slot, taken))) in params.filter(|(_, (p, _))| p.kept) {
            for (k, leaf) in Plan::new(&param.schema).leaves.iter().enumerate() {
                let name = leaf_name(&param.name, &leaf.path);
                // An input that the program does not use may have left the circuit.
                let Some(i) = circuit.inputs.iter().position(|i| i.kept && i.name == name) else { continue };
                let input = &circuit.inputs[i];
                if let Some(taken) = &taken[me] {
                    out[i] = Some(taken.fits(k, input)?);
                    continue;
                }
                let internal = |what: String| NodeError::Internal(what);
                let seed = self.dealt.ok_or_else(|| internal(format!("the kept input `{name}` was not read")))?;
                let lanes = usize::try_from(input.lanes).map_err(|_| internal(format!("`{name}` is too long")))?;
                let column = match (self.random, &*slot.lock().unwrap_or_else(PoisonError::into_inner)) {
                    (_, Some(columns)) => columns[k].clone(),
                    (Some(seed), None) => {
                        let drawn = random::columns(seed, KEPT, &param.name, &Plan::new(&param.schema), sizes);
                        drawn
                            .and_then(|mut d| (k < d.len()).then(|| d.swap_remove(k)))
                            .ok_or_else(|| internal(format!("`{name}` is too long")))?
                    }
                    (None, None) => return Err(internal(format!("the kept input `{name}` was not read"))),
                };
                if column.len() != lanes {
                    let expected = format!("{lanes} values of `{name}`");
                    return Err(DataError::whole("inputs of kept", expected, column.len().to_string()).into());
                }
                let [mine, ..] = {
                    let mut stream = dealer(&seed, at, k);
                    let mut shares = engine::kept::deal(input.elem, &column, &mut stream)
                        .map_err(|e| NodeError::Internal(e.to_string()))?;
                    shares.rotate_left(me);
                    shares
                };
                out[i] = Some(mine);
            }
        }
        Ok(out)
    }
}

/// A public string as nodes show it to each other: by itself if it is short, else by its number, which its bytes decide.
fn shown(strings: &strings::Table, number: u128) -> String {
    match strings.get(number) {
        Some(text) if text.len() <= 64 => format!("{text:?}"),
        _ => format!("a string of digest {number:032x}"),
    }
}

/// Uniform words from a seed, for one leaf.
fn dealer(seed: &[u8; 32], param: usize, leaf: usize) -> impl FnMut() -> u128 {
    let mut hash = blake3::Hasher::new_keyed(seed);
    hash.update(&(param as u64).to_le_bytes()).update(&(leaf as u64).to_le_bytes());
    let mut stream = hash.finalize_xof();
    move || {
        let mut word = [0; 16];
        stream.fill(&mut word);
        u128::from_le_bytes(word)
    }
}

/// A family's column with the lanes of members elsewhere zeroed.
fn own_lanes(column: &Column, elem: circuit::Elem, host: Host, me: usize) -> Column {
    let members = host.members.unwrap_or(1).max(1);
    let each = column.len() / members as usize;
    let mut out = Column::zeros(elem, column.len());
    for member in 0..members {
        if host.node(member, NODES) == me {
            let from = member as usize * each;
            (from..from + each).for_each(|l| out.set(l, column.get(l)));
        }
    }
    out
}
