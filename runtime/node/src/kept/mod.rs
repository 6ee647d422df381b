//! Shares that a run keeps for a later one: where they lie, and that they are the ones that are wanted.
//!
//! Each node has its own files, in a folder of its own; no node's files tell anything about a value. A file is read, and held
//! against program, protocol, and place, before this node talks to anyone; the first handshake then compares a digest of the value's
//! origin, so that no share moves unless all nodes have shares of the same value of the same run. A file is written once all nodes
//! have confirmed, under another name first, and never over another file: what was kept stays until someone takes it away. Knows
//! no protocol.

mod file;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use circuit::{Schema, SchemaLen};
use engine::kept::KeptShare;
use net::tls::Identity;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::data::shape::{Lengths, Node, Plan, length};
use crate::data::{BadData, DataError};
use crate::session::{NODES, Settings};
use crate::{Contract, NodeError, Sizes};
use file::{Header, LeafLine, TagKey, Wrong, wrong};

/// Name, in the first handshake, of what is compared of a kept value.
pub(crate) const FIELD: &str = "origin of the kept value";

/// How file names end.
const ENDING: &str = "kept";

/// Largest file.
const LARGEST: u64 = 1 << 36;

/// Where shares lie, under which names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Store {
    /// The folder.
    dir: PathBuf,
    /// All nodes of a local run have folders in it.
    local: bool,
    /// For parameters, the names that their values were kept under, where they differ.
    pub take: BTreeMap<String, String>,
    /// For results, the names to keep them under, where they differ.
    pub keep: BTreeMap<String, String>,
    /// What tags are made with, then what was used before. Never in a configuration: local runs have a key that everyone knows.
    #[serde(skip)]
    keys: Vec<TagKey>,
}

/// What a node found of one parameter.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// By leaf.
    pub(crate) shares: Vec<KeptShare>,
    /// For the handshake.
    pub(crate) origin: String,
    file: String,
}

impl Store {
    /// That of a local run: `DIR/NODE/NAME.kept`. Tags find files that were damaged, and keep nobody from making others: there is no
    /// secret that they could be made with.
    pub fn local(dir: &Path) -> Store {
        Store { dir: dir.to_owned(), local: true, take: BTreeMap::new(), keep: BTreeMap::new(), keys: Vec::new() }
    }

    /// That of a node among real hosts: `DIR/NAME.kept`. Tags are made with a key that follows from the node's own; those of
    /// `earlier` certificates are accepted too.
    pub fn of(dir: &Path, identity: &Identity, earlier: &[Identity]) -> Store {
        let key = |id: &Identity| TagKey {
            name: id.fingerprint().to_string(),
            key: Zeroizing::new(id.with_key(|der| blake3::derive_key("mpcc 2026-11 tags of kept shares", der))),
        };
        let keys = std::iter::once(identity).chain(earlier).map(key).collect();
        Store { keys, local: false, ..Store::local(dir) }
    }

    /// Takes a mapping apart: `PARAMETER=NAME`, of names that can be those of files.
    ///
    /// # Errors
    /// In words.
    pub fn mapping(texts: &[String]) -> Result<BTreeMap<String, String>, String> {
        let mut out = BTreeMap::new();
        for text in texts {
            let (from, to) = text.split_once('=').ok_or_else(|| format!("`{text}`: expected NAME=NAME"))?;
            let plain = |n: &str| {
                let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                !n.is_empty() && n.len() <= 100 && !n.starts_with('.') && n.chars().all(word)
            };
            if !plain(to) {
                return Err(format!("`{to}` is no name for a file: letters, digits, `.`, `_`, and `-`, at most 100"));
            }
            if out.insert(from.to_owned(), to.to_owned()).is_some() {
                return Err(format!("`{from}` is mapped twice"));
            }
        }
        Ok(out)
    }

    fn keys(&self) -> Vec<TagKey> {
        match self.local {
            true => {
                let key = blake3::derive_key("mpcc 2026-11 insecure tags of local runs", b"");
                vec![TagKey { name: "local".into(), key: Zeroizing::new(key) }]
            }
            false => self.keys.clone(),
        }
    }

    fn path(&self, names: &[String], me: usize, name: &str) -> PathBuf {
        let dir = match (self.local, names.get(me)) {
            (true, Some(node)) => self.dir.join(node),
            _ => self.dir.clone(),
        };
        dir.join(format!("{name}.{ENDING}"))
    }

    /// Says that a mapping names something that the program does not have, or that results cannot be kept, before a run is begun.
    ///
    /// # Errors
    /// Usage, or a file that is there already.
    pub fn ready(&self, contract: &Contract, names: &[String], me: Option<usize>) -> Result<(), NodeError> {
        let known =
            |map: &BTreeMap<String, String>, has: &dyn Fn(&str) -> bool, what: &str| match map.keys().find(|n| !has(n))
            {
                Some(n) => Err(NodeError::Usage(format!("`{n}` is no {what} of this program that is kept"))),
                None => Ok(()),
            };
        let param = |n: &str| contract.params.iter().any(|p| p.kept && p.name == n);
        let result = |n: &str| contract.results.iter().any(|r| r.kept && r.name == n);
        known(&self.take, &param, "parameter")?;
        known(&self.keep, &result, "result")?;
        for node in me.map_or(0..NODES, |me| me..me + 1) {
            for part in contract.results.iter().filter(|r| r.kept) {
                let path = self.path(names, node, self.name_of(&part.name));
                if path.symlink_metadata().is_ok() {
                    let what = "is there already, and nothing that was kept is overwritten: take it away, or keep";
                    let text = format!("{} {what} `{}` under another name (--keep)", path.display(), part.name);
                    return Err(NodeError::Usage(text));
                }
                if let Some(dir) = path.parent() {
                    let made = std::fs::create_dir_all(dir);
                    made.map_err(|e| NodeError::Usage(format!("{}: {e}", dir.display())))?;
                }
            }
        }
        Ok(())
    }

    fn name_of<'a>(&'a self, result: &'a str) -> &'a str {
        self.keep.get(result).map_or(result, String::as_str)
    }

    /// Node `me`'s share of what a parameter takes; binds the sizes of the parameter.
    pub(crate) fn take(
        &self,
        param: &crate::Param,
        place: &Place,
        me: usize,
        lengths: &mut Lengths,
    ) -> Result<Taken, DataError> {
        let name = self.take.get(&param.name).unwrap_or(&param.name);
        let path = self.path(&place.names, me, name);
        let shown = path.display().to_string();
        let bytes = read(&path, &shown, &param.name)?;
        let at = |w: Wrong| {
            DataError::from(BadData {
                file: shown.clone(),
                row: None,
                column: None,
                at: Some(w.field.to_owned()),
                expected: w.expected,
                found: w.found,
            })
        };
        let (header, shares) = file::decode(&bytes, &self.keys()).map_err(at)?;
        place.holds(&header, me).map_err(at)?;
        let plan = Plan::new(&param.schema);
        let dims = dims(&plan);
        let fits = header.leaves.len() == plan.leaves.len()
            && header.leaves.iter().zip(plan.leaves.iter().zip(&dims)).all(|(found, (leaf, dims))| {
                (&found.path, found.elem, found.frac, found.dims.len())
                    == (&leaf.path, leaf.elem, leaf.frac, dims.len())
            });
        if !fits {
            let found: Vec<String> = header.leaves.iter().map(LeafLine::text).collect();
            return Err(at(wrong("leaf", schema_text(&param.schema), found.join(", "))));
        }
        for (leaf, lens) in header.leaves.iter().zip(&dims) {
            for (n, len) in leaf.dims.iter().zip(lens) {
                let bound = lengths.bind(len, *n, &shown);
                bound.map_err(|e| at(wrong("leaf", format!("{e} elements"), n.to_string())))?;
            }
        }
        let origin = format!("{} of session {}, digest {}", header.name, &header.session[..16], header.digest());
        Ok(Taken { shares, origin, file: shown })
    }

    /// Keeps node `me`'s shares of a run's results, by the circuit's outputs. All nodes have confirmed.
    ///
    /// # Errors
    /// A file cannot be written, or is there already.
    pub(crate) fn keep(
        &self,
        contract: &Contract,
        circuit: &circuit::Circuit,
        kept: &[Option<KeptShare>],
        made: &Made<'_>,
        me: usize,
    ) -> Result<(), NodeError> {
        for part in contract.results.iter().filter(|r| r.kept) {
            let plan = Plan::new(&part.schema);
            let ours = |what: &str| NodeError::Internal(format!("`{}`: {what}", part.name));
            let (mut leaves, mut shares) = (Vec::new(), Vec::new());
            for (leaf, dims) in plan.leaves.iter().zip(dims(&plan)) {
                let name = crate::data::shape::leaf_name(&part.name, &leaf.path);
                let at = circuit.outputs.iter().position(|o| o.kept.is_some() && o.name == name);
                let share = at.and_then(|k| kept.get(k)?.clone()).ok_or_else(|| ours("nothing is kept of it"))?;
                let dims: Option<Vec<u64>> = dims.iter().map(|d| length(d, made.sizes)).collect();
                let line = LeafLine {
                    path: leaf.path.clone(),
                    elem: leaf.elem,
                    frac: leaf.frac,
                    dims: dims.ok_or_else(|| ours("no size"))?,
                };
                if line.lanes() != Some(share.lanes() as u64) || line.elem != share.elem() {
                    return Err(ours("shares of another shape"));
                }
                leaves.push(line);
                shares.push(share);
            }
            let header = Header {
                name: part.name.clone(),
                protocol: made.place.protocol.clone(),
                parameters: made.place.parameters.clone(),
                node: me,
                nodes: made.place.names.clone(),
                session: hex(made.session),
                circuit: hex(made.circuit),
                leaves,
            };
            let keys = self.keys();
            let key = keys.first().ok_or_else(|| ours("no key for its tag"))?;
            let path = self.path(&made.place.names, me, self.name_of(&part.name));
            let bytes = file::encode(&header, &shares, key);
            write(&path, &bytes).map_err(|e| NodeError::Usage(format!("{}: {e}", path.display())))?;
        }
        Ok(())
    }
}

/// What shares must have been made for, to fit a run.
#[derive(Clone, Debug)]
pub struct Place {
    /// Protocol.
    pub protocol: String,
    /// Its security parameters, as text.
    pub parameters: String,
    /// Names of the nodes, by index.
    pub names: Vec<String>,
}

impl Place {
    pub(crate) fn new(settings: &Settings) -> Place {
        let Settings { protocol, parameters, names, .. } = settings.clone();
        Place { protocol, parameters, names }
    }

    fn holds(&self, header: &Header, me: usize) -> Result<(), Wrong> {
        let place = |names: &[String], node: usize| format!("{node} of {}", names.join(", "));
        let pairs = [
            ("protocol", self.protocol.clone(), header.protocol.clone()),
            ("parameters", self.parameters.clone(), header.parameters.clone()),
            ("node", place(&self.names, me), place(&header.nodes, header.node)),
        ];
        match pairs.into_iter().find(|(_, a, b)| a != b) {
            Some((field, expected, found)) => Err(wrong(field, expected, found)),
            None => Ok(()),
        }
    }
}

/// The run that makes what is kept.
pub(crate) struct Made<'a> {
    pub(crate) place: Place,
    pub(crate) session: &'a [u8; 32],
    pub(crate) circuit: &'a [u8; 32],
    pub(crate) sizes: &'a Sizes,
}

impl Taken {
    /// Holds the lengths of the leaves against the circuit that was compiled.
    pub(crate) fn fits(&self, leaf: usize, input: &circuit::Input) -> Result<KeptShare, DataError> {
        let share = self.shares.get(leaf).filter(|s| (s.elem(), s.lanes() as u64) == (input.elem, input.lanes));
        share.cloned().ok_or_else(|| {
            let found = self.shares.get(leaf).map_or(0, KeptShare::lanes);
            DataError::whole(&self.file, format!("{} values of `{}`", input.lanes, input.name), found.to_string())
        })
    }
}

/// Lengths around each leaf, outermost first.
fn dims(plan: &Plan) -> Vec<Vec<SchemaLen>> {
    fn walk(node: &Node, around: &mut Vec<SchemaLen>, out: &mut [Vec<SchemaLen>]) {
        match node {
            Node::Scalar(leaf) => out[*leaf].clone_from(around),
            Node::Array(of, len) => {
                around.push(len.clone());
                walk(of, around, out);
                around.pop();
            }
            Node::Tuple(parts) => parts.iter().for_each(|p| walk(p, around, out)),
            Node::Struct(fields) => fields.iter().for_each(|(_, f)| walk(f, around, out)),
            Node::Enum { tags, variants } => {
                // A leaf for each variant but the first says whether it is the one.
                (1..variants.len()).for_each(|k| out[tags + k - 1].clone_from(around));
                variants.iter().filter_map(|(_, v)| v.as_ref()).for_each(|v| walk(v, around, out));
            }
        }
    }
    let mut out = vec![Vec::new(); plan.leaves.len()];
    walk(&plan.node, &mut Vec::new(), &mut out);
    out
}

/// A schema as a file's leaves would be, for messages.
fn schema_text(schema: &Schema) -> String {
    let plan = Plan::new(schema);
    let len = |l: &SchemaLen| match l {
        SchemaLen::Known(n) => n.to_string(),
        SchemaLen::Binds(t) | SchemaLen::Derived(t) => t.clone(),
    };
    let leaf = |(leaf, dims): (&crate::data::shape::Leaf, Vec<SchemaLen>)| {
        let path = if leaf.path.is_empty() { String::new() } else { format!("{}: ", leaf.path) };
        let dims: Vec<String> = dims.iter().map(len).collect();
        let dims = if dims.is_empty() { String::new() } else { format!("[{}]", dims.join(", ")) };
        format!("{path}{}{dims}", file::type_text(leaf.elem, leaf.frac))
    };
    plan.leaves.iter().zip(dims(&plan)).map(leaf).collect::<Vec<_>>().join(", ")
}

fn read(path: &Path, shown: &str, param: &str) -> Result<Zeroizing<Vec<u8>>, DataError> {
    let place = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => {
            let expected = format!("this node's share of `{param}`, which an earlier run kept");
            DataError::whole(shown, expected, "no such file")
        }
        _ => DataError::io(shown, &e),
    };
    let file = std::fs::File::open(path).map_err(place)?;
    let meta = file.metadata().map_err(place)?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let expected = "a file that its owner alone can read (chmod 600)";
        return Err(DataError::whole(shown, expected, format!("mode {mode:03o}")));
    }
    if meta.len() > LARGEST {
        return Err(DataError::whole(shown, "a share", "a file of more than 64 GiB"));
    }
    // With room for all, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(meta.len() as usize + 1));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(place)?;
    Ok(bytes)
}

/// A new file, whole or not at all, that its owner alone may read.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mode = std::fs::Permissions::from_mode(0o600);
    let mut file = tempfile::Builder::new().prefix(".kept-").permissions(mode).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|e| e.error)?;
    std::fs::File::open(dir)?.sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
