//! An input folder: which file holds which parameter, and what all of them say together about sizes.
//!
//! One file, Long because: reading, placing, and naming what was read share the layout of columns by parameter.
//! Every value is read once, into the column that the machine takes. Knows names of files; how they are read is elsewhere.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use circuit::{Circuit, Column, SchemaLen};
use engine::LocalInputs;
use engine::kept::KeptShare;
use spec::Host;

use super::json::Scanner;
use super::shape::{Lengths, Node, Plan, leaf_name, length, suggest};
use super::{DataError, SizeClaim, random, scalar, table};
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
    columns: Arc<Vec<Mutex<Option<Vec<Column>>>>>,
    sizes: Vec<SizeClaim>,
    /// Lengths that are expressions of sizes: text, number found, and where.
    expressions: Vec<(String, u64, String)>,
    random: Option<u64>,
    /// By parameter and node: shares that an earlier run kept, where they were read.
    kept: Arc<Vec<[Option<Taken>; NODES]>>,
    /// Where none were: what shares of the values are made from.
    dealt: Option<[u8; 32]>,
}

/// The owner, in files, of the values that stand in for what would be kept.
const KEPT: &str = "kept";

/// Reads inputs: all of them, or those that node `me` of three needs (public ones, families in turn, and its own parties').
///
/// # Errors
/// What is wrong, with file, row, and column.
pub fn read(contract: &Contract, source: &Source, me: Option<usize>) -> Result<Inputs, DataError> {
    let mut reader = Reader {
        contract,
        source,
        plans: contract.params.iter().map(|p| Plan::new(&p.schema)).collect(),
        columns: contract.params.iter().map(|_| None).collect(),
        kept: contract.params.iter().map(|_| Default::default()).collect(),
        lengths: Lengths::default(),
        alone: false,
    };
    reader.defines()?;
    reader.kept(me)?;
    if source.random.is_none() {
        reader.owner(None)?;
        for party in (0..contract.parties.len()).filter(|p| contract.is_family(*p)) {
            // Of a family in turn every node may have members, and where the parties after it are depends on its size.
            let here = match (me, contract.parties[party].host) {
                (Some(me), circuit::Host::Node(n)) => n as usize == me,
                (Some(_), circuit::Host::Client) => false,
                _ => true,
            };
            if here {
                reader.owner(Some(party))?;
            }
        }
        let sizes: Sizes = reader.lengths.names().map(|(n, v, _)| (n.to_owned(), v)).collect();
        // If the size of a family in turn is still unknown, no place is known, and everything is read.
        let hosts = places(contract, &sizes);
        for party in (0..contract.parties.len()).filter(|p| !contract.is_family(*p)) {
            let here = match (me, &hosts) {
                (Some(me), Some(hosts)) => hosts[party].is_at(me, NODES),
                _ => true,
            };
            if here {
                reader.owner(Some(party))?;
            }
        }
    }
    Ok(reader.finish())
}

/// Reads the inputs of one client: the public ones and its party's. Of a family, `FAMILY.json` may be an object (the member's
/// own), and files of several members need to be told which of them, `member`, this is.
///
/// # Errors
/// What is wrong, with file, row, and column.
pub fn read_member(
    contract: &Contract,
    source: &Source,
    party: usize,
    member: Option<u64>,
) -> Result<Inputs, DataError> {
    let mut reader = Reader {
        contract,
        source,
        plans: contract.params.iter().map(|p| Plan::new(&p.schema)).collect(),
        columns: contract.params.iter().map(|_| None).collect(),
        kept: contract.params.iter().map(|_| Default::default()).collect(),
        lengths: Lengths::default(),
        alone: true,
    };
    reader.defines()?;
    reader.owner(None)?;
    reader.owner(Some(party))?;
    let decl = &contract.parties[party];
    let Some(family) = &decl.family else {
        return match member {
            None => Ok(reader.finish()),
            Some(_) => Err(DataError::Usage(format!("{} is one party, and has no members", decl.name))),
        };
    };
    let brings = contract.params.iter().any(|p| p.party == Some(party));
    let count = reader.lengths.known(family).unwrap_or(1);
    let which = match member {
        None if count == 1 || !brings => 0,
        None => {
            let what = format!("the inputs hold {count} members of {}: say which of them this is", decl.name);
            return Err(DataError::Usage(what));
        }
        Some(k) if k < count || !brings => k,
        Some(k) => {
            let what = format!("the inputs hold {count} members of {}, and none of number {k}", decl.name);
            return Err(DataError::Usage(what));
        }
    };
    for (param, columns) in contract.params.iter().zip(&mut reader.columns) {
        if param.party == Some(party) {
            let own = |c: &Column| engine::client::member_lanes(c, count, which);
            *columns = columns.as_ref().map(|columns| columns.iter().map(own).collect());
        }
    }
    let mut inputs = reader.finish();
    // How many members there are is for the nodes to say.
    inputs.sizes.retain(|s| !matches!(family, SchemaLen::Binds(name) if *name == s.name));
    inputs.expressions.clear();
    Ok(inputs)
}

/// Where the parties are, as far as what to read depends on it: all members of a family that was placed are at one node.
fn places(contract: &Contract, sizes: &Sizes) -> Option<Vec<Host>> {
    let parties = contract.parties.iter().map(|p| match (p.host, &p.family) {
        (circuit::Host::Node(n), _) => Some((None, Some(n as usize))),
        // At no node.
        (circuit::Host::Client, _) => Some((None, Some(spec::NOWHERE))),
        (circuit::Host::Turn, None) => Some((None, None)),
        (circuit::Host::Turn, Some(len)) => length(len, sizes).map(|n| (Some(n), None)),
    });
    parties.collect::<Option<Vec<_>>>().map(spec::hosts)
}

struct Reader<'a> {
    contract: &'a Contract,
    source: &'a Source,
    plans: Vec<Plan>,
    columns: Vec<Option<Vec<Column>>>,
    kept: Vec<[Option<Taken>; NODES]>,
    lengths: Lengths,
    /// A family's object may be that of one member.
    alone: bool,
}

impl Reader<'_> {
    /// What was read.
    fn finish(self) -> Inputs {
        let claim = |(name, value, by): (&str, u64, &str)| SizeClaim { name: name.into(), value, by: by.into() };
        Inputs {
            sizes: self.lengths.names().map(claim).collect(),
            expressions: self.lengths.expressions().map(|(t, n, by)| (t.to_owned(), n, by.to_owned())).collect(),
            columns: Arc::new(self.columns.into_iter().map(Mutex::new).collect()),
            random: self.source.random,
            kept: Arc::new(self.kept),
            dealt: match self.source.kept {
                Kept::Dealt(seed) => Some(seed),
                _ => None,
            },
        }
    }

    /// What an earlier run kept: shares of node `me`, or of all nodes; or what stands in for it.
    fn kept(&mut self, me: Option<usize>) -> Result<(), DataError> {
        let mine: Vec<usize> = (0..self.plans.len()).filter(|k| self.contract.params[*k].kept).collect();
        let source = self.source;
        match &source.kept {
            _ if mine.is_empty() => Ok(()),
            Kept::From(store, place) => {
                for &k in &mine {
                    for node in me.map_or(0..NODES, |me| me..me + 1) {
                        let param = &self.contract.params[k];
                        let taken = store.take(param, place, node, &mut self.lengths)?;
                        self.kept[k][node] = Some(taken);
                    }
                }
                Ok(())
            }
            Kept::Dealt(_) if source.random.is_some() => Ok(()),
            Kept::Dealt(_) => self.owned(KEPT, &mine, false),
            Kept::Nowhere => {
                let name = &self.contract.params[mine[0]].name;
                Err(DataError::Usage(format!(
                    "`{name}` is of an earlier run: say where its shares lie, with --store DIR"
                )))
            }
        }
    }

    /// Sizes and public scalars given as flags.
    fn defines(&mut self) -> Result<(), DataError> {
        let sizes = size_names(self.contract);
        for (name, text) in &self.source.defines {
            let public = self.contract.params.iter().position(|p| p.is_public() && p.name == *name);
            if let Some(k) = public {
                let Node::Scalar(_) = self.plans[k].node else {
                    return Err(DataError::Usage(format!("-D {name}: only scalars can be given this way")));
                };
                let leaf = &self.plans[k].leaves[0];
                let value = scalar::read(leaf, text.as_bytes()).map_err(|_| {
                    let expected = scalar::expected(leaf);
                    DataError::whole(&format!("-D {name}"), expected, scalar::shown(text.as_bytes()))
                })?;
                if self.columns[k].is_some() {
                    return Err(DataError::Usage(format!("-D {name} is given twice")));
                }
                let mut columns = self.plans[k].columns();
                columns[0].push(value);
                self.columns[k] = Some(columns);
            } else if sizes.contains(name) {
                let value: u64 = text.parse().map_err(|_| {
                    DataError::Usage(format!("-D {name}: {} is no size", scalar::shown(text.as_bytes())))
                })?;
                let bound = self.lengths.bind(&SchemaLen::Binds(name.clone()), value, "-D");
                bound.map_err(|_| DataError::Usage(format!("-D {name} is given twice")))?;
            } else {
                let public = self.contract.params.iter().filter(|p| p.is_public()).map(|p| p.name.as_str());
                let hint = suggest(name, sizes.iter().map(String::as_str).chain(public));
                let hint = hint.map(|h| format!(" (did you mean `{h}`?)")).unwrap_or_default();
                return Err(DataError::Usage(format!("-D {name}: no size or public input has this name{hint}")));
            }
        }
        Ok(())
    }

    /// Reads all parameters of a party, or the public ones.
    fn owner(&mut self, party: Option<usize>) -> Result<(), DataError> {
        let own = |k: &usize| self.contract.params[*k].party == party && !self.contract.params[*k].kept;
        let mine: Vec<usize> = (0..self.plans.len()).filter(own).collect();
        let family = party.is_some_and(|p| self.contract.is_family(p));
        let owner = party.map_or("public", |p| self.contract.parties[p].name.as_str()).to_owned();
        if mine.is_empty() { Ok(()) } else { self.owned(&owner, &mine, family) }
    }

    /// Reads parameters that lie under one name.
    fn owned(&mut self, owner: &str, mine: &[usize], family: bool) -> Result<(), DataError> {
        let (owner, mine) = (owner.to_owned(), mine.to_vec());
        let folder = self.source.folder.clone();
        let at = |name: String| folder.as_ref().map(|f| f.join(name)).filter(|p| p.exists());

        let mut tables = Vec::new();
        for &k in &mine {
            let name = self.contract.params[k].name.clone();
            if let Some(path) = at(format!("{owner}.{name}.csv")) {
                self.vacant(k, &path)?;
                let file = open(&path)?;
                let shown = show(&path);
                let columns = table::read(file, &shown, &name, &self.plans[k], &mut self.lengths)?;
                self.columns[k] = Some(columns);
                tables.push((k, shown));
            }
        }
        let object = at(format!("{owner}.json"));
        let members = if family { at(owner.clone()).filter(|p| p.is_dir()) } else { None };
        match (object, members) {
            (Some(a), Some(b)) => {
                return Err(DataError::Usage(format!("both {} and {} hold inputs of {owner}", show(&a), show(&b))));
            }
            (Some(path), None) if family && self.alone && is_object(&path)? => self.one_member(&path, &mine)?,
            (Some(path), None) if family => self.family_array(&path, &mine)?,
            (Some(path), None) => self.object(&path, &mine)?,
            (None, Some(folder)) => self.family_folder(&folder, &mine)?,
            (None, None) => {}
        }
        match mine.iter().find(|k| self.columns[**k].is_none()) {
            Some(&k) => Err(self.missing(&owner, k, family)),
            None => Ok(()),
        }
    }

    fn missing(&self, owner: &str, k: usize, family: bool) -> DataError {
        let name = &self.contract.params[k].name;
        let folder = self.source.folder.as_deref();
        let file = |f: String| show(&folder.map_or_else(|| PathBuf::from(&f), |d| d.join(&f)));
        let more = match (folder, family) {
            (None, _) => return DataError::whole("inputs", format!("`{name}` of {owner}"), "no input folder"),
            (_, true) => format!(", {owner}/0.json, …"),
            _ if self.contract.params[k].kept => ": a value that stands in for what a run kept (or --store DIR)".into(),
            _ => String::new(),
        };
        let expected = format!("`{name}` of {owner} here or in {owner}.json{more}");
        let found = match self.near(owner) {
            Some(near) => format!("no such file (did you mean `{owner}` by {near}?)"),
            None => "no such file".into(),
        };
        DataError::whole(&file(format!("{owner}.{name}.csv")), expected, found)
    }

    /// A file of the folder that belongs to nobody and whose name is near.
    fn near(&self, owner: &str) -> Option<String> {
        let files = std::fs::read_dir(self.source.folder.as_ref()?).ok()?;
        let mut names: Vec<String> = files.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names.into_iter().find(|n| {
            let stem = n.split('.').next().unwrap_or(n);
            let known = stem == "public" || self.contract.parties.iter().any(|p| p.name == stem);
            !known && suggest(stem, [owner]).is_some()
        })
    }

    fn vacant(&self, k: usize, path: &Path) -> Result<(), DataError> {
        if self.columns[k].is_some() {
            let name = &self.contract.params[k].name;
            return Err(DataError::Usage(format!("`{name}` is given twice: {} and another source", show(path))));
        }
        Ok(())
    }

    /// `PARTY.json`: an object by parameter.
    fn object(&mut self, path: &Path, mine: &[usize]) -> Result<(), DataError> {
        let mut scanner = Scanner::new(open(path)?, &show(path))?;
        let names: Vec<String> = mine.iter().map(|k| self.contract.params[*k].name.clone()).collect();
        scanner.object("an object by parameter", |s, name| {
            let k = mine[s.field(name, names.iter().map(String::as_str))?];
            self.vacant(k, path)?;
            let plan = &self.plans[k];
            let mut columns = plan.columns();
            s.value(plan, &plan.node, &mut self.lengths, &mut columns)?;
            self.columns[k] = Some(columns);
            Ok(())
        })?;
        scanner.end()
    }

    /// A member's object by parameter: one element of each family parameter.
    fn member(
        &mut self,
        scanner: &mut Scanner<File>,
        path: &Path,
        mine: &[usize],
        member: u64,
        into: &mut [Option<Vec<Column>>],
    ) -> Result<(), DataError> {
        let names: Vec<String> = mine.iter().map(|k| self.contract.params[*k].name.clone()).collect();
        let mut seen = vec![false; mine.len()];
        scanner.object("an object by parameter", |s, name| {
            let at = s.field(name, names.iter().map(String::as_str))?;
            let k = mine[at];
            self.vacant(k, path)?;
            if std::mem::replace(&mut seen[at], true) {
                return Err(s.bad(format!("`{name}` once"), "it again"));
            }
            if member > 0 && into[at].is_none() {
                return Err(
                    s.bad("the same parameters for each member", format!("`{name}`, which earlier members lack"))
                );
            }
            let plan = &self.plans[k];
            let Node::Array(elem, _) = &plan.node else {
                return Err(DataError::Usage(format!("`{name}` of a family is no array")));
            };
            let columns = into[at].get_or_insert_with(|| plan.columns());
            s.value(plan, elem, &mut self.lengths, columns)
        })?;
        match (0..mine.len()).find(|at| !seen[*at] && self.columns[mine[*at]].is_none()) {
            Some(at) => Err(scanner.bad(format!("the field `{}`", names[at]), "an object without it")),
            None => Ok(()),
        }
    }

    fn members(
        &mut self,
        into: Vec<Option<Vec<Column>>>,
        mine: &[usize],
        count: u64,
        by: &str,
    ) -> Result<(), DataError> {
        for (columns, &k) in into.into_iter().zip(mine) {
            let columns = match columns {
                Some(columns) => columns,
                // A family without members has every parameter, empty.
                None if count == 0 && self.columns[k].is_none() => self.plans[k].columns(),
                None => continue,
            };
            if let Node::Array(_, len) = &self.plans[k].node {
                let bound = self.lengths.bind(len, count, by);
                bound.map_err(|expected| DataError::whole(by, format!("{expected} members"), count.to_string()))?;
            }
            self.columns[k] = Some(columns);
        }
        Ok(())
    }

    /// `FAMILY.json`: an array of objects.
    fn family_array(&mut self, path: &Path, mine: &[usize]) -> Result<(), DataError> {
        let mut scanner = Scanner::new(open(path)?, &show(path))?;
        let mut into: Vec<Option<Vec<Column>>> = mine.iter().map(|_| None).collect();
        let count = scanner.array("an array of members", |s, k| self.member(s, path, mine, k, &mut into))?;
        scanner.end()?;
        self.members(into, mine, count, &show(path))
    }

    /// `FAMILY.json` with one member's object.
    fn one_member(&mut self, path: &Path, mine: &[usize]) -> Result<(), DataError> {
        let mut scanner = Scanner::new(open(path)?, &show(path))?;
        let mut into: Vec<Option<Vec<Column>>> = mine.iter().map(|_| None).collect();
        self.member(&mut scanner, path, mine, 0, &mut into)?;
        scanner.end()?;
        self.members(into, mine, 1, &show(path))
    }

    /// `FAMILY/K.json`, K from 0.
    fn family_folder(&mut self, folder: &Path, mine: &[usize]) -> Result<(), DataError> {
        let shown = show(folder);
        let files = std::fs::read_dir(folder).map_err(|e| DataError::io(&shown, &e))?;
        let mut numbers = Vec::new();
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if let Some(stem) = name.strip_suffix(".json") {
                let number: u64 = stem.parse().map_err(|_| {
                    DataError::whole(
                        &format!("{shown}/{name}"),
                        "a member's number as name",
                        scalar::shown(stem.as_bytes()),
                    )
                })?;
                numbers.push((number, file.path()));
            }
        }
        numbers.sort();
        let mut into: Vec<Option<Vec<Column>>> = mine.iter().map(|_| None).collect();
        for (k, (number, path)) in numbers.iter().enumerate() {
            if *number != k as u64 {
                let expected = format!("a file for each member, from 0.json to {}.json", numbers.len() - 1);
                return Err(DataError::whole(&format!("{shown}/{k}.json"), expected, "no such file"));
            }
            let mut scanner = Scanner::new(open(path)?, &show(path))?;
            self.member(&mut scanner, path, mine, k as u64, &mut into)?;
            scanner.end()?;
        }
        self.members(into, mine, numbers.len() as u64, &shown)
    }
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|e| DataError::io(&show(path), &e))
}

/// Whether the first character that counts begins an object.
fn is_object(path: &Path) -> Result<bool, DataError> {
    use std::io::Read;
    let mut head = [0; 256];
    let n = open(path)?.read(&mut head).map_err(|e| DataError::io(&show(path), &e))?;
    let text = head[..n].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head[..n]);
    Ok(text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{'))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// Names of all sizes that lengths of the contract bind.
fn size_names(contract: &Contract) -> Vec<String> {
    fn walk(schema: &circuit::Schema, out: &mut Vec<String>) {
        match schema {
            circuit::Schema::Scalar { .. } | circuit::Schema::Fixed { .. } => {}
            circuit::Schema::Array { elem, len } => {
                words(len, out);
                walk(elem, out);
            }
            circuit::Schema::Tuple(parts) => parts.iter().for_each(|p| walk(p, out)),
            circuit::Schema::Struct { fields, .. } => fields.iter().for_each(|(_, f)| walk(f, out)),
            circuit::Schema::Enum { variants, .. } => {
                variants.iter().flat_map(|v| &v.fields).for_each(|(_, f)| walk(f, out));
            }
        }
    }
    /// Also the names in expressions: a size may occur in nothing else.
    fn words(len: &SchemaLen, out: &mut Vec<String>) {
        match len {
            SchemaLen::Known(_) => {}
            SchemaLen::Binds(n) => out.push(n.clone()),
            SchemaLen::Derived(text) => out.extend(
                text.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .filter(|w| w.starts_with(|c: char| c.is_alphabetic() || c == '_'))
                    .map(str::to_owned),
            ),
        }
    }
    let mut out = Vec::new();
    contract.parties.iter().filter_map(|p| p.family.as_ref()).for_each(|l| words(l, &mut out));
    contract.params.iter().for_each(|p| walk(&p.schema, &mut out));
    contract.results.iter().for_each(|p| walk(&p.schema, &mut out));
    out.extend(contract.sizes.iter().cloned());
    out.sort();
    out.dedup();
    out
}

impl Inputs {
    /// Sizes that were bound here.
    pub fn sizes(&self) -> &[SizeClaim] {
        &self.sizes
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
                        None => random::column(seed, owner, &name, input.elem, leaf.range, lanes),
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
