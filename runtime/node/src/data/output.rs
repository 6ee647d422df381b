//! Results as text: a table for people, JSON with full precision, CSV.
//!
//! Results are nested by recipient, name, and shape; text is written straight from the columns. Knows no terminals.

use std::fmt::Write;

use circuit::{Circuit, Column};
use engine::Outputs;
use serde::{Deserialize, Serialize};
use spec::Host;

use super::scalar;
use super::shape::{Node, Plan, leaf_name, length};
use crate::session::NODES;
use crate::{Contract, NodeError, Sizes};

/// Results of a run, or of those parts that were given.
#[derive(Clone, Debug, Default)]
pub struct OutputSet {
    recipients: Vec<(String, Vec<(String, Value)>)>,
}

#[derive(Clone, Debug)]
struct Value {
    plan: Plan,
    sizes: Sizes,
    columns: Vec<Column>,
    /// Of a family: members whose results are not known here. Empty if there are none.
    elsewhere: Vec<bool>,
}

/// An output leaf: who learns it (index of the party; `None` is everyone), and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Who learns it.
    pub party: Option<usize>,
    /// `result`, `result.0`, `result.field`, ….
    pub name: String,
}

/// The output leaves of a circuit.
pub fn named(circuit: &Circuit) -> Vec<Named> {
    let leaf = |o: &circuit::Output| Named { party: o.party.map(|p| p.0 as usize), name: o.name.clone() };
    circuit.outputs.iter().map(leaf).collect()
}

/// Joins the outputs of all nodes: what is for all from the first, a party's from its host, a family's member by member.
pub fn merge(leaves: &[Named], mut nodes: Vec<Outputs>, hosts: &[Host]) -> Outputs {
    let host = |party: usize| hosts.get(party).copied();
    leaves
        .iter()
        .enumerate()
        .map(|(k, output)| {
            // Every node's column goes with this, but for the one that stays.
            let mut own: Vec<Option<Column>> = nodes.iter_mut().map(|o| o.get_mut(k).and_then(Option::take)).collect();
            let mut only = |node: usize| own.get_mut(node).and_then(Option::take);
            let Some(h) = output.party.and_then(host) else { return only(0) };
            let together = matches!(h.place, spec::Place::Node(_));
            let members = match h.members {
                Some(members) if !together => members,
                _ => return only(h.node(0, NODES)),
            };
            let at = |node: usize| own.get(node).and_then(Option::as_ref);
            let mut whole = (0..NODES).find_map(at)?.clone();
            let each = whole.len() / members.max(1) as usize;
            for member in 0..members {
                let node = h.node(member, NODES);
                let from = member as usize * each;
                let part = at(node)?;
                (from..from + each).for_each(|l| whole.set(l, part.get(l)));
            }
            Some(whole)
        })
        .collect()
}

impl OutputSet {
    /// Results by contract, from columns by the circuit's outputs; parts without columns are left out.
    ///
    /// # Errors
    /// If columns and contract do not fit: a bug of ours.
    pub fn new(
        contract: &Contract,
        named: &[Named],
        mut outputs: Outputs,
        sizes: &Sizes,
    ) -> Result<OutputSet, NodeError> {
        let mut set = OutputSet::default();
        for part in contract.results.iter().filter(|r| !r.kept) {
            let plan = Plan::new(&part.schema);
            let mut columns = Vec::new();
            for leaf in &plan.leaves {
                let name = leaf_name(&part.name, &leaf.path);
                let at = named.iter().position(|o| o.name == name && o.party == part.party);
                let at = at.ok_or_else(|| NodeError::Internal(format!("the circuit has no output `{name}`")))?;
                columns.extend(outputs.get_mut(at).and_then(Option::take));
            }
            if columns.len() < plan.leaves.len() {
                continue;
            }
            let mut lanes = vec![0; columns.len()];
            count(&plan.node, sizes, 1, &mut lanes)?;
            if let Some(k) = (0..lanes.len()).find(|k| lanes[*k] != columns[*k].len() as u64) {
                let (want, got) = (lanes[k], columns[k].len());
                return Err(NodeError::Internal(format!("output `{}` has {got} lanes, not {want}", part.name)));
            }
            let recipient = part.party.map_or("all", |p| contract.parties[p].name.as_str());
            let value = Value { plan, sizes: sizes.clone(), columns, elsewhere: Vec::new() };
            match set.recipients.iter_mut().find(|(r, _)| r == recipient) {
                Some((_, values)) => values.push((part.name.clone(), value)),
                None => set.recipients.push((recipient.to_owned(), vec![(part.name.clone(), value)])),
            }
        }
        Ok(set)
    }

    /// As [`OutputSet::new`], for what one node of a run knows: of a family in turn, its own members' results.
    ///
    /// # Errors
    /// As [`OutputSet::new`].
    pub fn at_node(
        contract: &Contract,
        named: &[Named],
        outputs: Outputs,
        sizes: &Sizes,
        me: usize,
    ) -> Result<OutputSet, NodeError> {
        let hosts = crate::session::hosts(contract, sizes)?;
        let mut set = OutputSet::new(contract, named, outputs, sizes)?;
        for (recipient, values) in &mut set.recipients {
            let Some(party) = contract.parties.iter().position(|p| p.name == *recipient) else { continue };
            let (Some(members), spec::Place::Turn(_)) = (hosts[party].members, hosts[party].place) else { continue };
            for (_, value) in values {
                value.elsewhere = (0..members).map(|k| hosts[party].node(k, NODES) != me).collect();
            }
        }
        Ok(set)
    }

    /// Results by contract, from values leaf by leaf in the order of the contract.
    ///
    /// # Errors
    /// If values and contract do not fit: a bug of ours.
    pub fn from_leaves(contract: &Contract, leaves: Vec<Vec<u128>>, sizes: &Sizes) -> Result<OutputSet, NodeError> {
        let (mut named, mut columns) = (Vec::new(), Vec::new());
        let mut leaves = leaves.into_iter();
        for part in &contract.results {
            for leaf in &Plan::new(&part.schema).leaves {
                named.push(Named { party: part.party, name: leaf_name(&part.name, &leaf.path) });
                columns.push(leaves.next().map(|values| {
                    let mut column = Column::with_capacity(leaf.elem, values.len());
                    values.iter().for_each(|v| column.push(*v));
                    column
                }));
            }
        }
        OutputSet::new(contract, &named, columns, sizes)
    }

    /// `{ recipient: { name: value } }`, on one line.
    pub fn json(&self) -> String {
        let mut out = String::from("{");
        for (r, (recipient, values)) in self.recipients.iter().enumerate() {
            let _ = write!(out, "{}{}:{{", comma(r), quoted(recipient));
            for (k, (name, value)) in values.iter().enumerate() {
                let _ = write!(out, "{}{}:", comma(k), quoted(name));
                value.write(&mut out, true);
            }
            out.push('}');
        }
        out.push('}');
        out
    }

    /// Rows of `recipient`, `name`, and value as compact JSON, in columns for people.
    pub fn human(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .rows()
            .map(|(recipient, name, value)| {
                let mut text = String::new();
                value.write(&mut text, false);
                [recipient.to_owned(), name.to_owned(), text.replace(',', ", ").replace(':', ": ")]
            })
            .collect();
        let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
        let (a, b) = (width(0), width(1));
        rows.iter().fold(String::new(), |mut out, [r, n, v]| {
            let _ = writeln!(out, "{r:a$}  {n:b$}  {v}");
            out
        })
    }

    /// A row per scalar: `recipient,name,value`; elements of arrays are `name[3]`, fields `name.field`; of an enum
    /// the variant under `name`, and what it carries under `name.Variant`.
    pub fn csv(&self) -> String {
        let mut out = String::from("recipient,name,value\n");
        for (recipient, name, value) in self.rows() {
            let mut at = vec![0; value.columns.len()];
            match &value.plan.node {
                Node::Array(elem, _) if !value.elsewhere.is_empty() => {
                    for (k, elsewhere) in value.elsewhere.iter().enumerate() {
                        let end = out.len();
                        value.rows(elem, recipient, &format!("{name}[{k}]"), &mut at, &mut out);
                        if *elsewhere {
                            out.truncate(end);
                        }
                    }
                }
                node => value.rows(node, recipient, name, &mut at, &mut out),
            }
        }
        out
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.recipients.iter().flat_map(|(r, values)| values.iter().map(move |(n, v)| (r.as_str(), n.as_str(), v)))
    }
}

fn comma(k: usize) -> &'static str {
    if k == 0 { "" } else { "," }
}

/// A string of JSON. Names of programs hold letters, digits, dots, and `_`; the rest is escaped all the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn count(node: &Node, sizes: &Sizes, times: u64, lanes: &mut [u64]) -> Result<(), NodeError> {
    let known = node.each_leaf(&|len| length(len, sizes), times, &mut |leaf, n| lanes[leaf] += n);
    known.ok_or_else(|| NodeError::Internal("a length of data is not known".into()))
}

impl Value {
    fn scalar(&self, leaf: usize, at: &mut [usize]) -> String {
        let text = scalar::text(&self.plan.leaves[leaf], self.columns[leaf].get(at[leaf]));
        at[leaf] += 1;
        text
    }

    fn length(&self, node: &Node) -> u64 {
        match node {
            Node::Array(_, len) => length(len, &self.sizes).unwrap_or(0),
            _ => 0,
        }
    }

    /// As JSON; `quotes` tells whether fixed-point numbers are strings, as programs want them.
    fn write(&self, out: &mut String, quotes: bool) {
        let mut at = vec![0; self.columns.len()];
        match &self.plan.node {
            Node::Array(elem, _) if !self.elsewhere.is_empty() => {
                out.push('[');
                for (k, elsewhere) in self.elsewhere.iter().enumerate() {
                    out.push_str(comma(k));
                    let end = out.len();
                    self.json(elem, &mut at, out, quotes);
                    if *elsewhere {
                        out.truncate(end);
                        out.push_str("null");
                    }
                }
                out.push(']');
            }
            node => self.json(node, &mut at, out, quotes),
        }
    }

    fn json(&self, node: &Node, at: &mut [usize], out: &mut String, quotes: bool) {
        match node {
            Node::Scalar(leaf) => {
                let text = self.scalar(*leaf, at);
                let exact = quotes && self.plan.leaves[*leaf].frac > 0;
                out.push_str(&if exact { quoted(&text) } else { text });
            }
            Node::Array(elem, _) => {
                out.push('[');
                for k in 0..self.length(node) {
                    out.push_str(comma(usize::from(k > 0)));
                    self.json(elem, at, out, quotes);
                }
                out.push(']');
            }
            Node::Tuple(parts) => {
                out.push('[');
                for (k, part) in parts.iter().enumerate() {
                    out.push_str(comma(k));
                    self.json(part, at, out, quotes);
                }
                out.push(']');
            }
            Node::Struct(fields) => {
                out.push('{');
                for (k, (name, field)) in fields.iter().enumerate() {
                    let _ = write!(out, "{}{}:", comma(k), quoted(name));
                    self.json(field, at, out, quotes);
                }
                out.push('}');
            }
            Node::Enum { tags, variants } => {
                let which = self.variant(*tags, variants, at, |s, carried, at| {
                    let (name, Some(node)) = carried else { return };
                    let _ = write!(out, "{{{}:", quoted(name));
                    s.json(node, at, out, quotes);
                    out.push('}');
                });
                if let (name, None) = which {
                    out.push_str(&quoted(name));
                }
            }
        }
    }

    /// Which variant comes next; `each` sees it with what it carries, and all leaves move on.
    fn variant<'a>(
        &self,
        tags: usize,
        variants: &'a [(String, Option<Node>)],
        at: &mut [usize],
        mut each: impl FnMut(&Value, (&str, Option<&Node>), &mut [usize]),
    ) -> (&'a str, Option<&'a Node>) {
        let mut which = 0;
        for k in 1..variants.len() {
            let leaf = tags + k - 1;
            if self.columns[leaf].get(at[leaf]) & 1 == 1 {
                which = k;
            }
            at[leaf] += 1;
        }
        for (k, (name, carried)) in variants.iter().enumerate() {
            match carried {
                _ if k == which => each(self, (name, carried.as_ref()), at),
                Some(node) => {
                    // Lengths were known when lanes were counted.
                    let _ = node.each_leaf(&|len| length(len, &self.sizes), 1, &mut |leaf, n| at[leaf] += n as usize);
                }
                None => {}
            }
        }
        (&variants[which].0, variants[which].1.as_ref())
    }

    fn rows(&self, node: &Node, recipient: &str, name: &str, at: &mut [usize], out: &mut String) {
        match node {
            Node::Scalar(leaf) => {
                let _ = writeln!(out, "{recipient},{name},{}", self.scalar(*leaf, at));
            }
            Node::Array(elem, _) => {
                (0..self.length(node)).for_each(|k| self.rows(elem, recipient, &format!("{name}[{k}]"), at, out));
            }
            Node::Tuple(parts) => {
                for (k, part) in parts.iter().enumerate() {
                    self.rows(part, recipient, &format!("{name}.{k}"), at, out);
                }
            }
            Node::Struct(fields) => {
                for (field, part) in fields {
                    self.rows(part, recipient, &format!("{name}.{field}"), at, out);
                }
            }
            Node::Enum { tags, variants } => {
                self.variant(*tags, variants, at, |s, (variant, carried), at| {
                    let _ = writeln!(out, "{recipient},{name},{variant}");
                    if let Some(node) = carried {
                        s.rows(node, recipient, &format!("{name}.{variant}"), at, out);
                    }
                });
            }
        }
    }
}
