//! `parties.toml`: which nodes there are, which parties each of them hosts, and which parties are clients.
//!
//! Everyone who takes part has the same file, except that a host that rotates its certificate is known by two fingerprints
//! for a while. What is wrong is said with line and column. Knows no sockets and no keys; what nodes must agree on is
//! compared by handshake, not here.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use net::tls::Fingerprint;
use serde::Deserialize;
use toml::Spanned;

use crate::data::shape::suggest;
use crate::session::NODES;
use crate::{Contract, units};

/// Largest file that is read.
const LARGEST: u64 = 64 << 20;

/// Fingerprints that one host or client may have: the one in use, and the next.
const MOST: usize = 2;

/// Who takes part, by a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Nodes, by index.
    pub nodes: Vec<Node>,
    /// Parties, in the order of the file.
    pub parties: Vec<Party>,
    /// Settings of a run, where the file gives them.
    pub run: RunSettings,
    /// The file, for messages.
    pub file: String,
}

/// A host that computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// `host:port`: where the others reach it, and where it listens unless told otherwise.
    pub address: String,
    /// SHA-256 of the certificates that it may present: one, or two while it rotates.
    pub fingerprints: Vec<Fingerprint>,
}

/// A party of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name, as the program declares it.
    pub name: String,
    /// Where it is.
    pub host: HostedBy,
    /// Clients alone: an entry per member (one, for a single party), and for each the certificates that it may present.
    pub fingerprints: Vec<Vec<Fingerprint>>,
    /// Its line in the file, from 1.
    pub line: usize,
}

/// Where a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostedBy {
    /// At the node of this index, all members of a family included.
    Node(usize),
    /// It runs no node: it shares its input to the nodes, and gets its output from them.
    Client,
}

/// Settings of a run. A flag of the command line, or else a variable of the environment, overrides them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSettings {
    /// Protocol.
    pub protocol: Option<String>,
    /// How long to wait for the others to come.
    pub wait: Option<Duration>,
    /// How long a node may be waited for without progress.
    pub deadline: Option<Duration>,
    /// Memory budget, in bytes.
    pub memory: Option<u64>,
    /// Network that the compiler optimises for.
    pub profile: Option<String>,
}

/// What is wrong with the file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct PartiesError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would do.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    node: Vec<Spanned<RawNode>>,
    #[serde(default)]
    party: Vec<Spanned<RawParty>>,
    #[serde(default)]
    run: RawRun,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNode {
    name: Spanned<String>,
    index: Spanned<u64>,
    address: Spanned<String>,
    fingerprints: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParty {
    name: Spanned<String>,
    host: Spanned<String>,
    #[serde(default)]
    fingerprints: Option<Spanned<Vec<Spanned<Prints>>>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a fingerprint, or a list of two while a client rotates")]
enum Prints {
    One(String),
    Some(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRun {
    protocol: Option<Spanned<String>>,
    wait: Option<Spanned<Amount>>,
    deadline: Option<Spanned<Amount>>,
    memory: Option<Spanned<Amount>>,
    profile: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number, or a text such as \"30s\" or \"4GiB\"")]
enum Amount {
    Number(u64),
    Text(String),
}

impl Amount {
    fn text(&self) -> String {
        match self {
            Amount::Number(n) => n.to_string(),
            Amount::Text(t) => t.clone(),
        }
    }
}

/// Positions in a file, for errors.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn line_column(&self, at: usize) -> (usize, usize) {
        let at = (0..=at.min(self.text.len())).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0);
        let before = &self.text[..at];
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    fn error(&self, span: Range<usize>, what: impl Into<String>) -> PartiesError {
        let (line, column) = self.line_column(span.start);
        PartiesError { file: self.file.to_owned(), line, column, what: what.into() }
    }
}

impl Parties {
    /// Reads the file.
    ///
    /// # Errors
    /// In words: it cannot be read, or what [`Parties::parse`] says.
    pub fn read(path: &Path) -> Result<Parties, String> {
        let shown = path.display().to_string();
        let meta = std::fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?;
        if meta.len() > LARGEST {
            return Err(format!("{shown} is larger than {} MiB", LARGEST >> 20));
        }
        let text = std::fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
        Parties::parse(&shown, &text).map_err(|e| e.to_string())
    }

    /// Reads the text of a file of that name.
    ///
    /// # Errors
    /// The first thing that is wrong: no TOML, an unknown or a missing field, a node or a name twice, a fingerprint that is
    /// none or that two share, a host that is no node.
    pub fn parse(file: &str, text: &str) -> Result<Parties, PartiesError> {
        let place = Place { file, text };
        let raw: File = toml::from_str(text).map_err(|e| place.error(e.span().unwrap_or(0..0), hint(e.message())))?;
        let mut seen = Seen { place: &place, fingerprints: HashMap::new() };
        let nodes = seen.nodes(&raw.node)?;
        let parties = seen.parties(&raw.party, &nodes)?;
        Ok(Parties { nodes, parties, run: run(&place, &raw.run)?, file: file.to_owned() })
    }

    /// The index of the node with this name.
    ///
    /// # Errors
    /// What there is instead.
    pub fn node(&self, name: &str) -> Result<usize, String> {
        if let Some(index) = self.nodes.iter().position(|n| n.name == name) {
            return Ok(index);
        }
        let names: Vec<&str> = self.nodes.iter().map(|n| n.name.as_str()).collect();
        let near = suggest(name, names.iter().copied());
        let near = near
            .map(|n| format!("; did you mean `{n}`?"))
            .unwrap_or_else(|| format!("; there are {}", names.join(", ")));
        Err(format!("{} has no node `{name}`{near}", self.file))
    }

    /// Names of the nodes, by index.
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.name.clone()).collect()
    }

    /// The entry of a party of the program.
    pub fn party(&self, name: &str) -> Option<&Party> {
        self.parties.iter().find(|p| p.name == name)
    }

    /// Where the program's parties are, in its order; `None` for one that the file does not name, which is placed in turn.
    /// An entry that the program has no party for is fine as long as every party has one: a file may serve several programs.
    ///
    /// # Errors
    /// An entry names no party of the program while a party has no entry: one of the two is misspelt.
    pub fn places(&self, contract: &Contract) -> Result<Vec<Option<HostedBy>>, PartiesError> {
        let places: Vec<_> = contract.parties.iter().map(|p| self.party(&p.name).map(|e| e.host)).collect();
        let open: Vec<&str> =
            contract.parties.iter().zip(&places).filter(|(_, p)| p.is_none()).map(|(p, _)| p.name.as_str()).collect();
        let stranger = self.parties.iter().find(|e| contract.parties.iter().all(|p| p.name != e.name));
        match (stranger, open.first()) {
            (Some(entry), Some(first)) => {
                let near = suggest(&entry.name, open.iter().copied()).unwrap_or(first);
                let what = format!("the program has no party `{}`, and `{near}` is placed nowhere", entry.name);
                Err(PartiesError { file: self.file.clone(), line: entry.line, column: 1, what })
            }
            _ => Ok(places),
        }
    }
}

/// What serde says, with a suggestion where a field is unknown.
fn hint(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown field `"), words.next()) {
        (true, Some(found)) => {
            let known: Vec<&str> = words.collect();
            match suggest(found, known.iter().copied()) {
                Some(near) => format!("unknown field `{found}`; did you mean `{near}`?"),
                None => format!("unknown field `{found}`; there are {}", known.join(", ")),
            }
        }
        _ => message.to_owned(),
    }
}

/// Whether a text can name a node or a party: a letter, then letters, digits, `_`, `-`.
pub fn is_name(text: &str) -> bool {
    text.len() <= 60
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Whether a text is `host:port`.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        // An IPv6 address stands in brackets, so that its last part is no port.
        let bare = host.strip_prefix('[').map_or(!host.contains(':'), |h| h.ends_with(']'));
        !host.is_empty() && bare && port.parse::<u16>().is_ok_and(|p| p > 0) && !host.contains(char::is_whitespace)
    })
}

/// Reads the parts, and remembers which fingerprint is whose.
struct Seen<'a> {
    place: &'a Place<'a>,
    fingerprints: HashMap<Fingerprint, String>,
}

impl Seen<'_> {
    fn nodes(&mut self, raw: &[Spanned<RawNode>]) -> Result<Vec<Node>, PartiesError> {
        let place = self.place;
        let mut nodes: Vec<Option<Node>> = vec![None; NODES];
        for entry in raw {
            let node = entry.get_ref();
            let name = node.name.get_ref();
            if !is_name(name) || name == "client" {
                let what = "a node's name is a letter, then letters, digits, `_`, and `-`; `client` is taken";
                return Err(place.error(node.name.span(), format!("`{name}`: {what}")));
            }
            if nodes.iter().flatten().any(|n| n.name == *name) {
                return Err(place.error(node.name.span(), format!("there are two nodes `{name}`")));
            }
            let index = *node.index.get_ref();
            let Some(slot) = usize::try_from(index).ok().and_then(|i| nodes.get_mut(i)) else {
                let what = format!("index {index}: nodes are numbered from 0 to {}", NODES - 1);
                return Err(place.error(node.index.span(), what));
            };
            if let Some(other) = slot {
                let what = format!("`{}` and `{name}` both have index {index}", other.name);
                return Err(place.error(node.index.span(), what));
            }
            let address = node.address.get_ref();
            if !is_address(address) {
                let what = format!("`{address}`: expected HOST:PORT, such as node-a.example.org:7700");
                return Err(place.error(node.address.span(), what));
            }
            let list = node.fingerprints.get_ref();
            if list.is_empty() || list.len() > MOST {
                let what = format!("`{name}` has {} fingerprints: expected one, or two while it rotates", list.len());
                return Err(place.error(node.fingerprints.span(), what));
            }
            let fingerprints =
                list.iter().map(|f| self.fingerprint(f.get_ref(), f.span(), name)).collect::<Result<Vec<_>, _>>()?;
            *slot = Some(Node { name: name.clone(), address: address.clone(), fingerprints });
        }
        if let Some(missing) = nodes.iter().position(Option::is_none) {
            let at = raw.last().map_or(0..0, Spanned::span);
            let what = format!("there is no [[node]] with index {missing}: a run takes {NODES} nodes");
            return Err(place.error(at, what));
        }
        Ok(nodes.into_iter().flatten().collect())
    }

    fn parties(&mut self, raw: &[Spanned<RawParty>], nodes: &[Node]) -> Result<Vec<Party>, PartiesError> {
        let place = self.place;
        let mut parties: Vec<Party> = Vec::new();
        for entry in raw {
            let party = entry.get_ref();
            let name = party.name.get_ref();
            if !is_name(name) {
                let what = format!("`{name}`: expected the name of a party as the program declares it");
                return Err(place.error(party.name.span(), what));
            }
            if parties.iter().any(|p| p.name == *name) {
                return Err(place.error(party.name.span(), format!("there are two entries for party `{name}`")));
            }
            let host = party.host.get_ref();
            let host = match nodes.iter().position(|n| n.name == *host) {
                Some(index) => HostedBy::Node(index),
                None if host == "client" => HostedBy::Client,
                None => {
                    let names = nodes.iter().map(|n| n.name.as_str()).chain(["client"]);
                    let near = suggest(host, names.clone());
                    let near = near.map_or_else(
                        || format!("; there are {}", names.collect::<Vec<_>>().join(", ")),
                        |n| format!("; did you mean `{n}`?"),
                    );
                    return Err(place.error(party.host.span(), format!("there is no node `{host}`{near}")));
                }
            };
            let fingerprints = self.members(party, host)?;
            let line = place.line_column(entry.span().start).0;
            parties.push(Party { name: name.clone(), host, fingerprints, line });
        }
        Ok(parties)
    }

    /// A client's fingerprints, by member.
    fn members(&mut self, party: &RawParty, host: HostedBy) -> Result<Vec<Vec<Fingerprint>>, PartiesError> {
        let (place, name) = (self.place, party.name.get_ref());
        let list = match (&party.fingerprints, host) {
            (None, HostedBy::Node(_)) => return Ok(Vec::new()),
            (Some(list), HostedBy::Node(_)) => {
                let what = format!("`{name}` is no client: its node's fingerprint counts; leave this out");
                return Err(place.error(list.span(), what));
            }
            (None, HostedBy::Client) => {
                let what = format!("`{name}` is a client and needs fingerprints = [\"sha256:…\"]");
                return Err(place.error(party.host.span(), what));
            }
            (Some(list), HostedBy::Client) => list,
        };
        if list.get_ref().is_empty() {
            return Err(place.error(list.span(), format!("`{name}` has no fingerprint: nobody could take part as it")));
        }
        let mut members = Vec::new();
        for (k, entry) in list.get_ref().iter().enumerate() {
            let owner = format!("{name}[{k}]");
            let texts = match entry.get_ref() {
                Prints::One(text) => std::slice::from_ref(text),
                Prints::Some(texts) => &texts[..],
            };
            if texts.is_empty() || texts.len() > MOST {
                let what = format!("{owner} has {} fingerprints: expected one, or two while it rotates", texts.len());
                return Err(place.error(entry.span(), what));
            }
            let one = |t: &String| self.fingerprint(t, entry.span(), &owner);
            members.push(texts.iter().map(one).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(members)
    }

    fn fingerprint(&mut self, text: &str, span: Range<usize>, owner: &str) -> Result<Fingerprint, PartiesError> {
        let found: Fingerprint = text.parse().map_err(|e: String| self.place.error(span.clone(), e))?;
        if let Some(other) = self.fingerprints.get(&found) {
            let what = match other == owner {
                true => format!("`{owner}` has this fingerprint twice"),
                false => format!("`{other}` and `{owner}` have the same fingerprint: nobody could tell them apart"),
            };
            return Err(self.place.error(span, what));
        }
        self.fingerprints.insert(found, owner.to_owned());
        Ok(found)
    }
}

fn run(place: &Place<'_>, raw: &RawRun) -> Result<RunSettings, PartiesError> {
    let time = |a: &Option<Spanned<Amount>>| {
        let read = |a: &Spanned<Amount>| units::duration(&a.get_ref().text()).map_err(|e| place.error(a.span(), e));
        a.as_ref().map(read).transpose()
    };
    if let Some(p) = &raw.profile {
        net::Profile::parse(p.get_ref()).map_err(|e| place.error(p.span(), e))?;
    }
    let memory = raw.memory.as_ref().map(|a| units::bytes(&a.get_ref().text()).map_err(|e| place.error(a.span(), e)));
    Ok(RunSettings {
        protocol: raw.protocol.as_ref().map(|p| p.get_ref().clone()),
        wait: time(&raw.wait)?,
        deadline: time(&raw.deadline)?,
        memory: memory.transpose()?,
        profile: raw.profile.as_ref().map(|p| p.get_ref().clone()),
    })
}

#[cfg(test)]
mod tests;
