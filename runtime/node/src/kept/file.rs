//! The file of one node's share of a kept value: a header of lines, the share's bytes, and a tag over both.
//!
//! ```text
//! mpcc kept shares 1
//! key: 5f2e…            fingerprint of the certificate whose key made the tag, or `local`
//! name: result.0        the result that it was
//! protocol: rep3
//! parameters:
//! node: 0
//! nodes: north, south, east
//! session: 9a41…        the run that made it
//! circuit: 77c0…        what ran
//! leaf: - u64 [4, 3]    path, type of a lane, lengths; one line per leaf
//! digest: 1c9e…         of all lines but `key` and `node`: the same at all nodes
//!
//! ```
//!
//! An empty line ends the header; then come the leaves' shares, one after another, and 32 bytes: BLAKE3 of all before, keyed.
//! Knows no folders, and not what is expected.

use circuit::Elem;
use engine::kept::KeptShare;
use zeroize::Zeroizing;

/// The first line.
const FIRST: &str = "mpcc kept shares 1";

/// What the first lines of other versions begin with.
const ANY: &str = "mpcc kept shares ";

/// Longest header, in bytes.
const HEADER: usize = 1 << 20;

/// Bytes of the tag.
pub(crate) const TAG: usize = 32;

/// A key that tags are made and checked with.
#[derive(Clone)]
pub(crate) struct TagKey {
    /// What the header says of it.
    pub(crate) name: String,
    pub(crate) key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for TagKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TagKey({})", self.name)
    }
}

/// One leaf: a column with the lengths of the arrays around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeafLine {
    pub(crate) path: String,
    pub(crate) elem: Elem,
    /// Fraction bits of a fixed-point number; 0: it is none.
    pub(crate) frac: u8,
    /// Outermost first; empty for a scalar.
    pub(crate) dims: Vec<u64>,
}

impl LeafLine {
    pub(crate) fn lanes(&self) -> Option<u64> {
        self.dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d))
    }

    /// `price: i32[4, 3]`, for messages.
    pub(crate) fn text(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        let dims = if self.dims.is_empty() { String::new() } else { format!("{:?}", self.dims) };
        format!("{path}{}{dims}", type_text(self.elem, self.frac))
    }
}

/// A type of a lane: `u64`, or `i64/16` for 16 fraction bits.
pub(crate) fn type_text(elem: Elem, frac: u8) -> String {
    if frac == 0 { elem.to_string() } else { format!("{elem}/{frac}") }
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) parameters: String,
    pub(crate) node: usize,
    pub(crate) nodes: Vec<String>,
    /// In hexadecimal.
    pub(crate) session: String,
    pub(crate) circuit: String,
    pub(crate) leaves: Vec<LeafLine>,
}

/// What is wrong with a file: the field, what should be there, and what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    pub(crate) expected: String,
    pub(crate) found: String,
}

pub(crate) fn wrong(field: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Wrong {
    Wrong { field, expected: expected.into(), found: found.into() }
}

impl Header {
    /// The lines that are alike at all nodes.
    fn common(&self) -> String {
        let mut out = format!("name: {}\nprotocol: {}\nparameters: {}\n", self.name, self.protocol, self.parameters);
        out += &format!("nodes: {}\nsession: {}\ncircuit: {}\n", self.nodes.join(", "), self.session, self.circuit);
        for l in &self.leaves {
            let path = if l.path.is_empty() { "-" } else { &l.path };
            out += &format!("leaf: {path} {} {:?}\n", type_text(l.elem, l.frac), l.dims);
        }
        out
    }

    /// Ties the nodes' files to one another: shares of the same value, made by the same run.
    pub(crate) fn digest(&self) -> String {
        let hash = blake3::derive_key("mpcc 2026-11 kept value", self.common().as_bytes());
        hash.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn text(&self, key: &str) -> String {
        format!("{FIRST}\nkey: {key}\nnode: {}\n{}digest: {}\n\n", self.node, self.common(), self.digest())
    }
}

fn tag(key: &TagKey, bytes: &[u8]) -> blake3::Hash {
    blake3::keyed_hash(&key.key, bytes)
}

/// A file's bytes.
pub(crate) fn encode(header: &Header, shares: &[KeptShare], key: &TagKey) -> Zeroizing<Vec<u8>> {
    let text = header.text(&key.name);
    let parts: Vec<Zeroizing<Vec<u8>>> = shares.iter().map(|s| Zeroizing::new(s.bytes())).collect();
    // With room for all, so that no copy is left behind by growing.
    let room = text.len() + parts.iter().map(|p| p.len()).sum::<usize>() + TAG;
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    out.extend_from_slice(text.as_bytes());
    parts.iter().for_each(|p| out.extend_from_slice(p));
    let tag = tag(key, &out);
    out.extend_from_slice(tag.as_bytes());
    out
}

/// What is in a file, if one of `keys` made its tag.
pub(crate) fn decode(bytes: &[u8], keys: &[TagKey]) -> Result<(Header, Vec<KeptShare>), Wrong> {
    let damaged = |field| wrong(field, "a whole file, as a run wrote it", "one that was cut or changed");
    let head = &bytes[..bytes.len().min(HEADER)];
    let Some(end) = head.windows(2).position(|w| w == b"\n\n") else {
        return Err(match head.starts_with(ANY.as_bytes()) {
            true => damaged("header"),
            false => wrong("version", format!("a file that begins with `{FIRST}`"), "another kind of file"),
        });
    };
    let text = std::str::from_utf8(&head[..end]).map_err(|_| damaged("header"))?;
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    if first != FIRST {
        return Err(match first.strip_prefix(ANY) {
            Some(other) => wrong("version", "1", other),
            None => wrong("version", format!("a file that begins with `{FIRST}`"), "another kind of file"),
        });
    }
    // Before anything that it says is believed.
    let named = lines.next().and_then(|l| l.strip_prefix("key: ")).ok_or_else(|| damaged("key"))?;
    let Some(key) = keys.iter().find(|k| k.name == named) else {
        let known: Vec<&str> = keys.iter().map(|k| k.name.as_str()).collect();
        return Err(wrong("key", known.join(" or "), named));
    };
    let (body, found) = bytes.split_last_chunk::<TAG>().ok_or_else(|| damaged("tag"))?;
    if tag(key, body) != blake3::Hash::from_bytes(*found) {
        return Err(damaged("tag"));
    }
    let header = header(lines).ok_or_else(|| damaged("header"))?;
    if header.text(named).len() != end + 2 || !bytes.starts_with(header.text(named).as_bytes()) {
        return Err(damaged("header"));
    }
    let mut rest = &body[end + 2..];
    let mut shares = Vec::with_capacity(header.leaves.len());
    for leaf in &header.leaves {
        let share = leaf.lanes().and_then(|lanes| {
            let n = usize::try_from(KeptShare::size(leaf.elem, lanes)?).ok()?;
            let (own, more) = rest.split_at_checked(n)?;
            rest = more;
            KeptShare::read(leaf.elem, lanes, own)
        });
        shares.push(share.ok_or_else(|| damaged("share"))?);
    }
    if rest.is_empty() { Ok((header, shares)) } else { Err(damaged("share")) }
}

/// The lines behind the key.
fn header<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<Header> {
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
    let node = field("node")?.parse().ok()?;
    let (name, protocol, parameters) = (field("name")?, field("protocol")?, field("parameters")?);
    let nodes = field("nodes")?.split(", ").map(str::to_owned).collect();
    let (session, circuit) = (field("session")?, field("circuit")?);
    let mut leaves = Vec::new();
    for line in lines {
        let Some(leaf) = line.strip_prefix("leaf: ") else { break };
        leaves.push(self::leaf(leaf)?);
    }
    Some(Header { name, protocol, parameters, node, nodes, session, circuit, leaves })
}

fn leaf(text: &str) -> Option<LeafLine> {
    // From the right: a path has spaces where an enum's variant is told (`cards.is Joker`).
    let (rest, dims) = text.strip_suffix(']')?.rsplit_once(" [")?;
    let (path, elem) = rest.rsplit_once(' ')?;
    let (elem, frac) = match elem.split_once('/') {
        Some((elem, frac)) => (elem, frac.parse().ok().filter(|f| (1..=127).contains(f))?),
        None => (elem, 0),
    };
    let elem = match elem {
        "bool" => Elem::Bool,
        word => {
            let signed = word.starts_with('i');
            let bits = word.strip_prefix(['i', 'u'])?.parse().ok().filter(|b| (1..=128).contains(b))?;
            Elem::Int { signed, bits }
        }
    };
    let dims = if dims.is_empty() { Some(Vec::new()) } else { dims.split(", ").map(|d| d.parse().ok()).collect() };
    Some(LeafLine { path: if path == "-" { String::new() } else { path.to_owned() }, elem, frac, dims: dims? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::Column;

    fn key(name: &str, byte: u8) -> TagKey {
        TagKey { name: name.into(), key: Zeroizing::new([byte; 32]) }
    }

    fn sample() -> (Header, Vec<KeptShare>) {
        let leaves = vec![
            LeafLine { path: String::new(), elem: Elem::u(24), frac: 0, dims: vec![2, 3] },
            LeafLine { path: "a.0".into(), elem: Elem::Bool, frac: 0, dims: vec![] },
            LeafLine { path: "b.is Some".into(), elem: Elem::Bool, frac: 0, dims: vec![] },
            LeafLine { path: "b.Some.0".into(), elem: Elem::i(64), frac: 16, dims: vec![2] },
        ];
        let mut state = 7u128;
        let mut random = || {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).wrapping_add(1);
            state >> 3
        };
        let share = |leaf: &LeafLine, random: &mut dyn FnMut() -> u128| {
            let column = Column::zeros(leaf.elem, leaf.lanes().unwrap() as usize);
            let [_, share, _] = engine::kept::deal(leaf.elem, &column, random).unwrap();
            share
        };
        let shares = leaves.iter().map(|l| share(l, &mut random)).collect();
        let header = Header {
            name: "result.0".into(),
            protocol: "rep3".into(),
            parameters: String::new(),
            node: 1,
            nodes: ["north", "south", "east"].map(String::from).to_vec(),
            session: "ab".repeat(32),
            circuit: "cd".repeat(32),
            leaves,
        };
        (header, shares)
    }

    #[test]
    fn files_survive_and_are_found_changed_at_every_byte() {
        let (header, shares) = sample();
        let (right, other) = (key("one", 1), key("one", 2));
        let bytes = encode(&header, &shares, &right);
        let keys = [key("zero", 0), right];
        let (read, back) = decode(&bytes, &keys).unwrap();
        assert_eq!(read, header);
        assert!(back.iter().zip(&shares).all(|(a, b)| a.bytes() == b.bytes()));
        assert_eq!(decode(&bytes, &[other]).unwrap_err().field, "tag");
        assert_eq!(decode(&bytes, &[key("two", 1)]).unwrap_err().field, "key");
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(decode(&changed, &keys).is_err(), "byte {at}");
            assert!(decode(&bytes[..at], &keys).is_err(), "cut at {at}");
        }
        assert!(decode(&[&bytes[..], b"x"].concat(), &keys).is_err());
    }

    #[test]
    fn what_is_tagged_and_makes_no_sense_is_refused() {
        let (header, shares) = sample();
        let right = key("one", 1);
        // Whoever has the key may write anything: no panic, no share of another length.
        let text = String::from_utf8_lossy(&encode(&header, &[], &right)).into_owned();
        let text = &text[..text.find("\n\n").unwrap()];
        let edits: [(&str, &str); 6] = [
            ("u24 [2, 3]", "u24 [2, 9]"),
            ("u24 [2, 3]", "u24 [18446744073709551615, 18446744073709551615]"),
            ("u24", "u0"),
            ("bool", "u129"),
            ("node: 1", "node: one"),
            ("digest: ", "digest: 0"),
        ];
        for (from, to) in edits {
            let mut bytes = (text.replace(from, to) + "\n\n").into_bytes();
            shares.iter().for_each(|s| bytes.extend(s.bytes()));
            let tag = tag(&right, &bytes);
            bytes.extend(tag.as_bytes());
            let e = decode(&bytes, std::slice::from_ref(&right)).unwrap_err();
            assert!(["header", "share"].contains(&e.field), "{to}: {e:?}");
        }
    }

    #[test]
    fn other_versions_and_other_files_are_named() {
        let keys = [key("one", 1)];
        let e = decode(b"mpcc kept shares 2\nkey: one\n\n", &keys).unwrap_err();
        assert_eq!((e.field, e.expected.as_str(), e.found.as_str()), ("version", "1", "2"));
        assert_eq!(decode(b"PK\x03\x04", &keys).unwrap_err().field, "version");
        assert_eq!(decode(b"", &keys).unwrap_err().field, "version");
    }

    #[test]
    fn debug_tells_no_share_and_no_key() {
        let (_, shares) = sample();
        let text = format!("{shares:?} {:?}", key("one", 0xaa));
        assert_eq!(
            text,
            "[KeptShare(u24 × 6), KeptShare(bool × 1), KeptShare(bool × 1), KeptShare(i64 × 2)] TagKey(one)"
        );
    }
}
