//! An input folder: which file holds which parameter, and what all of them say together about sizes.
//!
//! Knows names of files; how a file is read is elsewhere (`json`, `table`), as is what becomes of what was read (`inputs`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use circuit::{Column, SchemaLen};
use spec::Host;

use super::inputs::{Inputs, KEPT, Kept, Source};
use super::json::Scanner;
use super::shape::{Lengths, Node, Plan, length, suggest};
use super::{DataError, SizeClaim, random, scalar, table};
use crate::kept::Taken;
use crate::session::NODES;
use crate::{Contract, Sizes};

/// Reads inputs: all of them, or those that node `me` of three needs (public ones, families in turn, and its own parties').
///
/// # Errors
/// What is wrong, with file, row, and column.
pub fn read(contract: &Contract, source: &Source, me: Option<usize>) -> Result<Inputs, DataError> {
    let mut reader = Reader::new(contract, source, false);
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
    let mut reader = Reader::new(contract, source, true);
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
    strings: strings::Table,
    /// A family's object may be that of one member.
    alone: bool,
}

impl<'a> Reader<'a> {
    /// Nothing is read yet.
    fn new(contract: &'a Contract, source: &'a Source, alone: bool) -> Reader<'a> {
        Reader {
            contract,
            source,
            plans: contract.params.iter().map(|p| Plan::new(&p.schema)).collect(),
            columns: contract.params.iter().map(|_| None).collect(),
            kept: contract.params.iter().map(|_| Default::default()).collect(),
            lengths: Lengths::default(),
            strings: strings::Table::default(),
            alone,
        }
    }

    /// What was read.
    fn finish(mut self) -> Inputs {
        if self.source.random.is_some() && self.plans.iter().any(|p| p.leaves.iter().any(|l| l.text)) {
            random::words(&mut self.strings);
        }
        let claim = |(name, value, by): (&str, u64, &str)| SizeClaim { name: name.into(), value, by: by.into() };
        Inputs {
            sizes: self.lengths.names().map(claim).collect(),
            expressions: self.lengths.expressions().map(|(t, n, by)| (t.to_owned(), n, by.to_owned())).collect(),
            columns: Arc::new(self.columns.into_iter().map(Mutex::new).collect()),
            random: self.source.random,
            strings: Arc::new(self.strings),
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
                let value = match leaf.text {
                    true => scalar::text_of(leaf, text.as_bytes(), &mut self.strings),
                    false => scalar::read(leaf, text.as_bytes()),
                };
                let value = value.map_err(|_| {
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
                let columns = table::read(file, &shown, &name, &self.plans[k], &mut self.lengths, &mut self.strings)?;
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
        self.ended(scanner)
    }

    /// The end of a file: nothing may follow, and the strings in it are kept.
    fn ended(&mut self, mut scanner: Scanner<File>) -> Result<(), DataError> {
        scanner.end()?;
        self.strings.merge(scanner.strings());
        Ok(())
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
        self.ended(scanner)?;
        self.members(into, mine, count, &show(path))
    }

    /// `FAMILY.json` with one member's object.
    fn one_member(&mut self, path: &Path, mine: &[usize]) -> Result<(), DataError> {
        let mut scanner = Scanner::new(open(path)?, &show(path))?;
        let mut into: Vec<Option<Vec<Column>>> = mine.iter().map(|_| None).collect();
        self.member(&mut scanner, path, mine, 0, &mut into)?;
        self.ended(scanner)?;
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
            self.ended(scanner)?;
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
            circuit::Schema::Scalar { .. } | circuit::Schema::Fixed { .. } | circuit::Schema::Text => {}
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
