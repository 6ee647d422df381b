//! Shapes as readers and writers walk them: leaves by number, lengths by name.
//!
//! Knows schemas and sizes; reads nothing.

use std::collections::BTreeMap;

use circuit::{Column, Elem, Schema, SchemaLen, SchemaVariant};

use crate::Sizes;

/// A schema with its leaves numbered in order.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Scalar(usize),
    Array(Box<Node>, SchemaLen),
    Tuple(Vec<Node>),
    Struct(Vec<(String, Node)>),
    /// Variants with what they carry. Each but the first has a leaf of truth values, from `tags` on.
    Enum {
        tags: usize,
        variants: Vec<(String, Option<Node>)>,
    },
}

/// A leaf: a column.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// `""`, or `field.0.sub`.
    pub(crate) path: String,
    pub(crate) elem: Elem,
    /// Fraction bits of a fixed-point number; 0: it is none.
    pub(crate) frac: u8,
    /// A string: the value is its number.
    pub(crate) text: bool,
    pub(crate) range: Option<(u128, u128)>,
}

/// A schema, ready to be walked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) node: Node,
    pub(crate) leaves: Vec<Leaf>,
}

impl Plan {
    pub(crate) fn new(schema: &Schema) -> Plan {
        let mut leaves = Vec::new();
        let node = number(schema, "", &mut leaves);
        Plan { node, leaves }
    }

    /// Empty columns, one per leaf.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.leaves.iter().map(|l| Column::with_capacity(l.elem, 0)).collect()
    }
}

fn number(schema: &Schema, path: &str, leaves: &mut Vec<Leaf>) -> Node {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match schema {
        Schema::Scalar { elem, range } => {
            leaves.push(Leaf { path: path.to_owned(), elem: *elem, frac: 0, text: false, range: *range });
            Node::Scalar(leaves.len() - 1)
        }
        Schema::Fixed { frac, range } => {
            leaves.push(Leaf { path: path.to_owned(), elem: Elem::i(64), frac: *frac, text: false, range: *range });
            Node::Scalar(leaves.len() - 1)
        }
        Schema::Text => {
            leaves.push(Leaf { path: path.to_owned(), elem: Elem::u(128), frac: 0, text: true, range: None });
            Node::Scalar(leaves.len() - 1)
        }
        Schema::Array { elem, len } => Node::Array(Box::new(number(elem, path, leaves)), len.clone()),
        Schema::Tuple(parts) => {
            let parts = parts.iter().enumerate().map(|(i, p)| number(p, &below(&i.to_string()), leaves));
            Node::Tuple(parts.collect())
        }
        Schema::Struct { fields, .. } => {
            Node::Struct(fields.iter().map(|(n, f)| (n.clone(), number(f, &below(n), leaves))).collect())
        }
        Schema::Enum { variants, .. } => {
            let tags = leaves.len();
            for v in variants.iter().skip(1) {
                let path = below(&format!("is {}", v.name));
                leaves.push(Leaf { path, elem: Elem::Bool, frac: 0, text: false, range: None });
            }
            let variants = variants.iter().map(|v| (v.name.clone(), carried(v, &below(&v.name), leaves)));
            Node::Enum { tags, variants: variants.collect() }
        }
    }
}

/// What a variant carries: one value, a tuple, or fields by name.
fn carried(v: &SchemaVariant, path: &str, leaves: &mut Vec<Leaf>) -> Option<Node> {
    let mut parts: Vec<(String, Node)> =
        v.fields.iter().map(|(n, f)| (n.clone(), number(f, &format!("{path}.{n}"), leaves))).collect();
    match (v.named, parts.len()) {
        (true, _) => Some(Node::Struct(parts)),
        (false, 0) => None,
        (false, 1) => parts.pop().map(|p| p.1),
        (false, _) => Some(Node::Tuple(parts.into_iter().map(|p| p.1).collect())),
    }
}

impl Node {
    /// Whether a value of it may be one of several variants.
    pub(crate) fn has_enum(&self) -> bool {
        match self {
            Node::Scalar(_) => false,
            Node::Array(elem, _) => elem.has_enum(),
            Node::Tuple(parts) => parts.iter().any(Node::has_enum),
            Node::Struct(fields) => fields.iter().any(|f| f.1.has_enum()),
            Node::Enum { .. } => true,
        }
    }

    /// Its leaves, in order, each with how often it occurs in one value; `None` where a length is not known.
    pub(crate) fn each_leaf(
        &self,
        length: &impl Fn(&SchemaLen) -> Option<u64>,
        times: u64,
        each: &mut impl FnMut(usize, u64),
    ) -> Option<()> {
        match self {
            Node::Scalar(leaf) => each(*leaf, times),
            Node::Array(elem, len) => elem.each_leaf(length, times.checked_mul(length(len)?)?, each)?,
            Node::Tuple(parts) => parts.iter().try_for_each(|p| p.each_leaf(length, times, each))?,
            Node::Struct(fields) => fields.iter().try_for_each(|f| f.1.each_leaf(length, times, each))?,
            Node::Enum { tags, variants } => {
                (0..variants.len().saturating_sub(1)).for_each(|k| each(tags + k, times));
                variants.iter().filter_map(|v| v.1.as_ref()).try_for_each(|p| p.each_leaf(length, times, each))?;
            }
        }
        Some(())
    }
}

/// Writes variant `which` of an enum as truth values, and zeros for what the other variants carry.
///
/// # Errors
/// If a length in a variant is not known, which a schema does not allow.
pub(crate) fn put_variant(
    tags: usize,
    variants: &[(String, Option<Node>)],
    which: usize,
    columns: &mut [Column],
) -> Option<()> {
    for k in 1..variants.len() {
        columns[tags + k - 1].push(u128::from(k == which));
    }
    let known = |len: &SchemaLen| match len {
        SchemaLen::Known(n) => Some(*n),
        _ => None,
    };
    for (_, carried) in variants.iter().enumerate().filter(|(k, _)| *k != which).map(|(_, v)| v) {
        if let Some(node) = carried {
            node.each_leaf(&known, 1, &mut |leaf, times| (0..times).for_each(|_| columns[leaf].push(0)))?;
        }
    }
    Some(())
}

/// The name of a leaf's column in the circuit.
pub(crate) fn leaf_name(owner: &str, path: &str) -> String {
    if path.is_empty() { owner.to_owned() } else { format!("{owner}.{path}") }
}

/// A length in numbers, if the sizes that it names are known.
pub fn length(len: &SchemaLen, sizes: &Sizes) -> Option<u64> {
    match len {
        SchemaLen::Known(n) => Some(*n),
        SchemaLen::Binds(name) => sizes.get(name).copied(),
        SchemaLen::Derived(text) => {
            let mut tokens = tokens(text)?;
            tokens.reverse();
            let value = expression(&mut tokens, sizes, 0)?;
            if tokens.is_empty() { u64::try_from(value).ok() } else { None }
        }
    }
}

fn tokens(text: &str) -> Option<Vec<&str>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if word(c) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { c.len_utf8() };
        out.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    Some(out)
}

/// `+ -` bind weaker than `* / %`, all from the left; `tokens` is a stack.
fn expression(tokens: &mut Vec<&str>, sizes: &Sizes, depth: u32) -> Option<i128> {
    let mut value = product(tokens, sizes, depth)?;
    while let Some(op @ (&"+" | &"-")) = tokens.last() {
        let plus = *op == "+";
        tokens.pop();
        let right = product(tokens, sizes, depth)?;
        value = if plus { value.checked_add(right)? } else { value.checked_sub(right)? };
    }
    Some(value)
}

fn product(tokens: &mut Vec<&str>, sizes: &Sizes, depth: u32) -> Option<i128> {
    let mut value = atom(tokens, sizes, depth)?;
    while let Some(op @ (&"*" | &"/" | &"%")) = tokens.last() {
        let op = *op;
        tokens.pop();
        let right = atom(tokens, sizes, depth)?;
        value = match op {
            "*" => value.checked_mul(right)?,
            "/" => value.checked_div(right)?,
            _ => value.checked_rem(right)?,
        };
    }
    Some(value)
}

fn atom(tokens: &mut Vec<&str>, sizes: &Sizes, depth: u32) -> Option<i128> {
    match tokens.pop()? {
        "(" if depth < 64 => {
            let value = expression(tokens, sizes, depth + 1)?;
            (tokens.pop()? == ")").then_some(value)
        }
        word => match word.parse() {
            Ok(n) => Some(n),
            Err(_) => sizes.get(word).map(|n| i128::from(*n)),
        },
    }
}

/// Lengths that have been seen, by the name of the size or the text of the expression.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lengths {
    seen: BTreeMap<SizeKey, (u64, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SizeKey {
    Name(String),
    Text(String),
}

fn said(n: u64, key: &SizeKey, by: &str, file: &str) -> String {
    let (SizeKey::Name(text) | SizeKey::Text(text)) = key;
    if by == file { format!("{n} ({text})") } else { format!("{n} ({text}, from {by})") }
}

impl Lengths {
    fn key(len: &SchemaLen) -> Option<SizeKey> {
        match len {
            SchemaLen::Known(_) => None,
            SchemaLen::Binds(name) => Some(SizeKey::Name(name.clone())),
            SchemaLen::Derived(text) => Some(SizeKey::Text(text.clone())),
        }
    }

    /// Says that `len` is `found`, by what `by` holds.
    ///
    /// # Errors
    /// What was expected instead.
    pub(crate) fn bind(&mut self, len: &SchemaLen, found: u64, by: &str) -> Result<(), String> {
        match (len, Self::key(len)) {
            (SchemaLen::Known(n), _) if *n != found => Err(n.to_string()),
            (_, None) => Ok(()),
            (_, Some(key)) => match self.seen.get(&key) {
                Some((n, first)) if *n != found => Err(said(*n, &key, first, by)),
                Some(_) => Ok(()),
                None => {
                    self.seen.insert(key, (found, by.to_owned()));
                    Ok(())
                }
            },
        }
    }

    /// What `len` must be, in words for the reader of `file`.
    pub(crate) fn described(&self, len: &SchemaLen, file: &str) -> Option<String> {
        match (len, Self::key(len)) {
            (SchemaLen::Known(n), _) => Some(n.to_string()),
            (_, key) => {
                let key = key?;
                self.seen.get(&key).map(|(n, first)| said(*n, &key, first, file))
            }
        }
    }

    /// What `len` must be, as far as is known.
    pub(crate) fn known(&self, len: &SchemaLen) -> Option<u64> {
        match len {
            SchemaLen::Known(n) => Some(*n),
            _ => self.seen.get(&Self::key(len)?).map(|(n, _)| *n),
        }
    }

    /// Sizes by name: number, and who bound it.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        self.seen.iter().filter_map(|(k, (n, by))| match k {
            SizeKey::Name(name) => Some((name.as_str(), *n, by.as_str())),
            SizeKey::Text(_) => None,
        })
    }

    /// Lengths of expressions: text, number, and where it was found.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        self.seen.iter().filter_map(|(k, (n, by))| match k {
            SizeKey::Text(text) => Some((text.as_str(), *n, by.as_str())),
            SizeKey::Name(_) => None,
        })
    }
}

/// The word among `known` that `word` may have been meant to be.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|k| (distance(word, k), k)).min()?;
    (near.0 <= (word.chars().count() / 3).clamp(1, 3)).then_some(near.1)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(!ca.eq_ignore_ascii_case(cb));
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_computed() {
        let sizes: Sizes = [("N".to_owned(), 10), ("M".to_owned(), 4)].into();
        let d = |t: &str| length(&SchemaLen::Derived(t.into()), &sizes);
        assert_eq!(d("(N + 1)"), Some(11));
        assert_eq!(d("((N * M) - (N / 3))"), Some(37));
        assert_eq!(d("N - M - 1"), Some(5));
        assert_eq!(d("N % M * 2"), Some(4));
        for bad in ["", "N +", "(N", "N)", "M - N", "K", "N / 0", "N N"] {
            assert_eq!(d(bad), None, "{bad}");
        }
    }

    #[test]
    fn leaves_keep_order_and_names() {
        let int = Schema::Scalar { elem: Elem::Int { signed: false, bits: 8 }, range: None };
        let of = Schema::Array {
            elem: Box::new(Schema::Struct {
                name: "S".into(),
                fields: vec![("a".into(), int.clone()), ("b".into(), Schema::Tuple(vec![int.clone(), int.clone()]))],
            }),
            len: SchemaLen::Binds("N".into()),
        };
        let plan = Plan::new(&of);
        let paths: Vec<&str> = plan.leaves.iter().map(|l| l.path.as_str()).collect();
        assert_eq!(paths, ["a", "b.0", "b.1"]);
        assert_eq!(leaf_name("xs", "b.1"), "xs.b.1");
    }

    #[test]
    fn suggestions_are_near() {
        assert_eq!(suggest("amout", ["account", "amount"]), Some("amount"));
        assert_eq!(suggest("zzz", ["account", "amount"]), None);
    }
}
