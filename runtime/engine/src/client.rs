//! Shares that clients bring and take: how a client splits its input, how nodes take the parts in, and how its results come
//! back. Knows neither connections nor who the clients are.
//!
//! **Input.** x = x_0 + x_1 + x_2 (xor for planes), x_0 and x_1 streams of two fresh seeds of the client. Node i gets x_i and
//! x_(i+1): for each of them its seed, or for x_2 the words themselves. A node sees two uniform words and never the third.
//!
//! **Output.** A sharing that the nodes hold is not fit to be shown whole: components of linear gates are linear in those of
//! the inputs, and who sees all three may solve for more than their sum (x = a + b, y = b + c, with a and c dealt by
//! different nodes: the components of x and y tell a). So a sharing of zero is added first, z_j = x_j + r_j with
//! r_0 + r_1 + r_2 = 0, from a key that the three nodes have in common and no client knows. Node i sends z_i, and a digest of
//! z_(i+1), so that the client finds two copies of each component that differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use circuit::client::{Exchange, Public, exchanges, members, publics};
use circuit::{Circuit, Column, Domain, EffectId, Elem, PartyId};
use field::{Key, Ring, bits};
use proto::Layout;
use proto::rep3::{NODES, next, previous};

use crate::batch::{pick, select};
use crate::value::{
    Planes, Value, Word, by_ring, bytes, bytes_mut, column_bits, each_column, from_planes, internal, to_column,
    to_planes, to_ring, zeros,
};
use crate::{Fault, Outputs};

/// A seed of a client: one of two, fresh for each run.
pub type Seed = [u8; 16];

/// Digest of the copies of the node after.
const DIGEST: usize = 32;

/// Lanes of one member.
fn own(lanes: u64, members: u64) -> Result<usize, Fault> {
    if members == 0 || !lanes.is_multiple_of(members) {
        return Err(internal(format!("{lanes} lanes cannot be divided among {members} members")));
    }
    usize::try_from(lanes / members).map_err(|_| internal("too many lanes"))
}

/// Where a component's bytes lie.
fn layout(domain: Domain, lanes: usize) -> Result<Layout, Fault> {
    match domain {
        Domain::Arith { ring } => Ok(Layout::words(usize::from(ring) / 8, 0, lanes)),
        Domain::Bits { planes } => Ok(Layout::planes(usize::from(planes), lanes, 0, lanes)),
        _ => Err(internal("a client's value is shared in no form")),
    }
}

/// The form in which an opened component travels: no bit above the element's leaves a node.
fn opened(e: &Exchange) -> Domain {
    match e.domain {
        Domain::Arith { .. } => Domain::Arith { ring: column_bits(e.elem) as u8 },
        _ => Domain::Bits { planes: e.elem.bits() },
    }
}

/// A component of zeros.
fn blank(domain: Domain, lanes: usize) -> Result<Column, Fault> {
    match domain {
        Domain::Arith { ring } => zeros(u32::from(ring), lanes),
        Domain::Bits { planes } => Ok(Column::U64(field::zeroed(usize::from(planes) * bits::words(lanes)))),
        _ => Err(internal("a client's value is shared in no form")),
    }
}

/// A component out of a stream.
fn stream(key: &Key, number: u128, domain: Domain, lanes: usize) -> Result<Column, Fault> {
    let mut out = blank(domain, lanes)?;
    key.fill(number << 64, 0, bytes_mut(&mut out));
    if let (Domain::Bits { .. }, Column::U64(planes)) = (domain, &mut out) {
        bits::clear_tails(planes, lanes);
    }
    Ok(out)
}

/// z = x - y in a domain.
fn minus(domain: Domain, x: &Column, y: &Column) -> Result<Column, Fault> {
    let mut out = x.clone();
    each_column!(y, y => {
        let z = Word::of_mut(&mut out)?;
        for (z, y) in z.iter_mut().zip(y) {
            *z = match domain {
                Domain::Bits { .. } => xor(*z, *y),
                _ => Ring::sub(*z, *y),
            };
        }
    });
    Ok(out)
}

/// z = x + y in a domain.
fn plus(domain: Domain, x: &Column, y: &Column) -> Result<Column, Fault> {
    let mut out = x.clone();
    each_column!(y, y => {
        let z = Word::of_mut(&mut out)?;
        for (z, y) in z.iter_mut().zip(y) {
            *z = match domain {
                Domain::Bits { .. } => xor(*z, *y),
                _ => Ring::add(*z, *y),
            };
        }
    });
    Ok(out)
}

fn xor<T: Ring>(x: T, y: T) -> T {
    T::from_u128(x.to_u128() ^ y.to_u128())
}

// ---- input ----

/// Splits one client's values, in the order of `shares`, for the three nodes: message i is for node i alone. `values` are
/// the client's own lanes (of a family of `members`, one member's). The seeds must be fresh and uniform.
///
/// # Errors
/// Values that are not what the circuit says: ours.
pub fn deal(shares: &[Exchange], members: u64, values: &[Column], seeds: &[Seed; 2]) -> Result<[Vec<u8>; 3], Fault> {
    if values.len() != shares.len() {
        return Err(internal("another number of values than the circuit takes"));
    }
    let keys = [Key::new(&seeds[0]), Key::new(&seeds[1])];
    let mut rest = vec![];
    for ((k, e), value) in shares.iter().enumerate().zip(values) {
        let lanes = own(e.lanes, members)?;
        if value.len() != lanes || value.word_bits() != column_bits(e.elem) {
            return Err(internal("a value of another shape than the circuit takes"));
        }
        let whole = match e.domain {
            Domain::Arith { ring } => by_ring!(ring, T => Ok(T::column(to_ring::<T>(value, e.elem))))?,
            Domain::Bits { planes } => Column::U64(to_planes(value, e.elem, usize::from(planes))),
            _ => return Err(internal("a client's value is shared in no form")),
        };
        let zero = stream(&keys[0], k as u128, e.domain, lanes)?;
        let one = stream(&keys[1], k as u128, e.domain, lanes)?;
        let two = minus(e.domain, &minus(e.domain, &whole, &zero)?, &one)?;
        let layout = layout(e.domain, lanes)?;
        layout.read(bytes(&two), 0, layout.len(), &mut rest);
    }
    if rest.is_empty() {
        return Ok(Default::default());
    }
    Ok([seeds.concat(), [&seeds[1][..], &rest].concat(), [&seeds[0][..], &rest].concat()])
}

/// Of a client's message to node `me`, what node `peer` has as well: the bytes that decide the component that both hold. Two
/// nodes that compare them learn nothing, and find a client that told them different things.
pub fn held_by_both(me: usize, peer: usize, message: &[u8]) -> &[u8] {
    let at = size_of::<Seed>().min(message.len());
    // Node 0 has s_0 and s_1, node 1 s_1 and x_2, node 2 s_0 and x_2.
    match (me, peer) {
        (0, 2) | (1 | 2, 0) => &message[..at],
        _ => &message[at..],
    }
}

/// Bytes of one client's input at node `me`.
///
/// # Errors
/// A circuit that does not fit its parties: ours.
pub fn input_bytes(shares: &[Exchange], members: u64, me: usize) -> Result<usize, Fault> {
    let mut rest = 0;
    for e in shares {
        rest += layout(e.domain, own(e.lanes, members)?)?.len();
    }
    Ok(match (rest, me) {
        (0, _) => 0,
        (_, 0) => 2 * size_of::<Seed>(),
        _ => size_of::<Seed>() + rest,
    })
}

/// Shares of all clients at one node, as the machine takes them.
pub struct ClientShares {
    me: usize,
    parties: BTreeMap<PartyId, (Vec<Exchange>, u64)>,
    pub(crate) values: BTreeMap<EffectId, Arc<Value>>,
}

impl std::fmt::Debug for ClientShares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientShares(node {}, {} values)", self.me, self.values.len())
    }
}

impl ClientShares {
    /// Room for what the clients of a circuit bring to node `me`.
    ///
    /// # Errors
    /// A circuit that does not fit its parties: ours.
    pub fn new(c: &Circuit, me: usize) -> Result<ClientShares, Fault> {
        let mut out = ClientShares { me, parties: BTreeMap::new(), values: BTreeMap::new() };
        for party in (0..c.parties.len() as u32).map(PartyId).filter(|p| c.is_client(*p)) {
            let (shares, _) = exchanges(c, party);
            for e in &shares {
                let lanes = usize::try_from(e.lanes).map_err(|_| internal("too many lanes"))?;
                let value = match e.domain {
                    Domain::Bits { planes } => Value::Bits(Planes::zeros(usize::from(planes), lanes)),
                    d => Value::Arith([blank(d, lanes)?, blank(d, lanes)?]),
                };
                out.values.insert(e.id, Arc::new(value));
            }
            out.parties.insert(party, (shares, members(c, party)));
        }
        Ok(out)
    }

    /// Puts one client's input in its place; `member` is its number within a family, else 0.
    ///
    /// # Errors
    /// A client that the circuit does not have, or an input that was read for another circuit: ours.
    pub fn place(&mut self, party: PartyId, member: u64, input: &MemberInput) -> Result<(), Fault> {
        let (shares, members) = self.parties.get(&party).ok_or_else(|| internal("the input of no client"))?;
        if member >= *members || shares.len() != input.0.len() {
            return Err(internal("the input of another client"));
        }
        for (e, parts) in shares.iter().zip(&input.0) {
            let lanes = own(e.lanes, *members)?;
            let value = self.values.get_mut(&e.id).and_then(Arc::get_mut);
            put(value.ok_or_else(|| internal("an input that is in use"))?, parts, member as usize * lanes, lanes)?;
        }
        Ok(())
    }
}

/// One client's input at one node: both components of each value that it shares.
pub struct MemberInput(Vec<[Column; 2]>);

impl std::fmt::Debug for MemberInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemberInput({} values)", self.0.len())
    }
}

impl MemberInput {
    /// Reads a client's message to node `me`.
    ///
    /// # Errors
    /// In words, what is wrong with the bytes: the client's fault.
    pub fn read(shares: &[Exchange], members: u64, me: usize, message: &[u8]) -> Result<MemberInput, String> {
        let ours = |f: Fault| f.to_string();
        if message.len() != input_bytes(shares, members, me).map_err(ours)? {
            return Err(format!("an input of {} bytes", message.len()));
        }
        let seed = |at: usize| Some(Key::new(message.get(at * 16..)?.first_chunk::<16>()?));
        // (a, b) is (x_0, x_1) at node 0, (x_1, x_2) at node 1, (x_2, x_0) at node 2.
        let (keys, mut rest) = match (message.is_empty(), me) {
            (true, _) => ([None, None], message),
            (_, 0) => ([seed(0), seed(1)], &message[32..]),
            (_, 1) => ([seed(0), None], &message[16..]),
            _ => ([None, seed(0)], &message[16..]),
        };
        let mut out = Vec::with_capacity(shares.len());
        for (k, e) in shares.iter().enumerate() {
            let lanes = own(e.lanes, members).map_err(ours)?;
            let layout = layout(e.domain, lanes).map_err(ours)?;
            let mut part = |key: &Option<Key>| -> Result<Column, String> {
                if let Some(key) = key {
                    return stream(key, k as u128, e.domain, lanes).map_err(ours);
                }
                let mut out = blank(e.domain, lanes).map_err(ours)?;
                if !layout.is_empty() {
                    let (now, later) = rest.split_at(layout.len());
                    rest = later;
                    let written = layout.write(bytes_mut(&mut out), 0, now);
                    written.map_err(|_| "an input with bits where none may be")?;
                }
                Ok(out)
            };
            out.push([part(&keys[0])?, part(&keys[1])?]);
        }
        Ok(MemberInput(out))
    }
}

/// Puts one member's components at its lanes.
fn put(full: &mut Value, parts: &[Column; 2], at: usize, lanes: usize) -> Result<(), Fault> {
    match full {
        Value::Arith(columns) => {
            for (full, part) in columns.iter_mut().zip(parts) {
                each_column!(part, v => Word::of_mut(full)?[at..at + lanes].copy_from_slice(v));
            }
        }
        Value::Bits(p) => {
            let (sw, dw) = (bits::words(lanes), p.stride());
            for (full, part) in p.c.iter_mut().zip(parts) {
                let part = u64::of(part)?;
                for k in 0..p.count {
                    bits::copy(&part[k * sw..(k + 1) * sw], 0, &mut full[k * dw..(k + 1) * dw], at, lanes);
                }
            }
        }
        _ => return Err(internal("shares are expected")),
    }
    Ok(())
}

// ---- output ----

/// The key of the masks of outputs to clients: common to the three nodes, unknown to clients, fresh for each session.
/// Erased on drop; does not print.
pub struct MaskKey(Key);

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskKey(…)")
    }
}

impl MaskKey {
    /// From bytes that nobody uses again.
    pub fn new(bytes: &Seed) -> MaskKey {
        MaskKey(Key::new(bytes))
    }

    /// Component j of a sharing of zero for an exchange. Streams of different exchanges never meet.
    fn zero(&self, e: &Exchange, domain: Domain, lanes: usize, j: usize) -> Result<Column, Fault> {
        let r = |j: usize| stream(&self.0, u128::from(e.id.0) << 1 | j as u128, domain, lanes);
        match j {
            0 | 1 => r(j),
            _ => minus(domain, &minus(domain, &blank(domain, lanes)?, &r(0)?)?, &r(1)?),
        }
    }
}

/// What the machine opened to clients: the shares, by the gate that opened them.
pub struct Opened(pub(crate) BTreeMap<EffectId, Arc<Value>>);

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} values)", self.0.len())
    }
}

/// One node's answers to clients.
pub struct Answers {
    parties: BTreeMap<PartyId, Answer>,
}

/// A node's answers to one party.
struct Answer {
    members: u64,
    /// For each value that was opened: lanes per member, form, and masked components.
    values: Vec<(usize, Domain, Value)>,
    /// Public results, and whether each member gets its own lanes alone.
    public: Vec<(Column, bool)>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({} parties)", self.parties.len())
    }
}

impl Answers {
    /// Masks what was opened. `outputs` are the machine's, for the results that all learn.
    ///
    /// # Errors
    /// Values that are not what the circuit says: ours.
    pub fn new(c: &Circuit, me: usize, opened: &Opened, outputs: &Outputs, key: &MaskKey) -> Result<Answers, Fault> {
        let mut parties = BTreeMap::new();
        for party in (0..c.parties.len() as u32).map(PartyId).filter(|p| c.is_client(*p)) {
            let members = members(c, party);
            let mut values = vec![];
            for e in exchanges(c, party).1 {
                let x = opened.0.get(&e.id).ok_or_else(|| internal("a value that was never opened"))?;
                values.push((own(e.lanes, members.max(1))?, self::opened(&e), masked(&e, x, me, key)?));
            }
            let column = |p: Public| -> Result<(Column, bool), Fault> {
                let column = outputs.get(p.output).and_then(Option::as_ref);
                Ok((column.ok_or_else(|| internal("a public result is missing"))?.clone(), p.own))
            };
            let public = publics(c, party).into_iter().map(column).collect::<Result<_, Fault>>()?;
            parties.insert(party, Answer { members, values, public });
        }
        Ok(Answers { parties })
    }

    /// The message to one client.
    ///
    /// # Errors
    /// A client that there is not: ours.
    pub fn message(&self, party: PartyId, member: u64) -> Result<Vec<u8>, Fault> {
        let answer = self.parties.get(&party).ok_or_else(|| internal("an answer to no client"))?;
        if member >= answer.members {
            return Err(internal("an answer to no member"));
        }
        let (mut out, mut copies) = (vec![], vec![]);
        for (lanes, domain, value) in &answer.values {
            let layout = layout(*domain, *lanes)?;
            let mine = select(value, &[(member as usize * lanes, *lanes)])?;
            let [a, b] = match &mine {
                Value::Arith([a, b]) => [bytes(a), bytes(b)],
                Value::Bits(p) => [u64::bytes(&p.c[0]), u64::bytes(&p.c[1])],
                _ => return Err(internal("shares are expected")),
            };
            layout.read(a, 0, layout.len(), &mut out);
            layout.read(b, 0, layout.len(), &mut copies);
        }
        if !out.is_empty() {
            out.extend_from_slice(blake3::hash(&copies).as_bytes());
        }
        for (column, own) in &answer.public {
            if *own {
                out.extend_from_slice(bytes(&member_lanes(column, answer.members, member)));
            } else {
                out.extend_from_slice(bytes(column));
            }
        }
        Ok(out)
    }
}

/// Both components of an opened value, reduced to the element's bits, with a sharing of zero added.
fn masked(e: &Exchange, x: &Value, me: usize, key: &MaskKey) -> Result<Value, Fault> {
    let domain = opened(e);
    let lanes = x.lanes();
    let slots = [me, next(me)];
    match x {
        Value::Arith(parts) => {
            let part = |c: usize| -> Result<Column, Fault> {
                let reduced = each_column!(&parts[c], v => to_column(v.clone(), e.elem))?;
                let sum = plus(domain, &reduced, &key.zero(e, domain, lanes, slots[c])?)?;
                each_column!(&sum, v => to_column(v.clone(), e.elem))
            };
            Ok(Value::Arith([part(0)?, part(1)?]))
        }
        Value::Bits(p) => {
            let count = usize::from(e.elem.bits());
            let n = count * p.stride();
            let part = |c: usize| -> Result<Vec<u64>, Fault> {
                let x = Column::U64(p.c[c].get(..n).ok_or_else(|| internal("too few planes"))?.to_vec());
                match plus(domain, &x, &key.zero(e, domain, lanes, slots[c])?)? {
                    Column::U64(v) => Ok(v),
                    _ => Err(internal("planes are words of 64 bits")),
                }
            };
            Ok(Value::Bits(Planes { count, lanes, c: [part(0)?, part(1)?] }))
        }
        _ => Err(internal("only shares are opened")),
    }
}

/// Bytes of one node's answer to one client.
///
/// # Errors
/// A circuit that does not fit its parties: ours.
pub fn answer_bytes(c: &Circuit, party: PartyId) -> Result<usize, Fault> {
    let members = members(c, party).max(1);
    let mut own_bytes = 0;
    for e in exchanges(c, party).1 {
        own_bytes += layout(opened(&e), own(e.lanes, members)?)?.len();
    }
    if own_bytes > 0 {
        own_bytes += DIGEST;
    }
    for p in publics(c, party) {
        own_bytes +=
            usize::try_from(p.lanes).map_err(|_| internal("too many lanes"))? * column_bits(p.elem) as usize / 8;
    }
    Ok(own_bytes)
}

/// What a client learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// What was opened to it, its own lanes, in the order of the exchanges.
    pub opened: Vec<Column>,
    /// Public results, by index into `Circuit::outputs`: those for all, and its own lanes of those for the party.
    pub public: Vec<(usize, Column)>,
}

/// Why a client takes no results from what the nodes sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Two nodes sent different copies of one value.
    #[error("nodes {0} and {1} sent different copies of a result")]
    Copies(usize, usize),
    /// A message is not what the circuit says.
    #[error("node {0} sent an answer of the wrong form")]
    Form(usize),
    /// A bug of ours.
    #[error(transparent)]
    Ours(Fault),
}

/// Puts together what the three nodes sent to one client, message i from node i.
///
/// # Errors
/// See [`Doubt`].
pub fn learn(c: &Circuit, party: PartyId, messages: &[Vec<u8>; 3]) -> Result<Learned, Doubt> {
    let ours = Doubt::Ours;
    let length = answer_bytes(c, party).map_err(ours)?;
    if let Some(node) = (0..NODES).find(|n| messages[*n].len() != length) {
        return Err(Doubt::Form(node));
    }
    let members = members(c, party).max(1);
    let (_, opens) = exchanges(c, party);
    let mut plan = vec![];
    let mut at = 0;
    for e in &opens {
        let domain = opened(e);
        let lanes = own(e.lanes, members).map_err(ours)?;
        let layout = layout(domain, lanes).map_err(ours)?;
        plan.push((e.elem, domain, lanes, layout, at));
        at += layout.len();
    }
    let own_bytes = at;
    let mut public_at = own_bytes;
    if own_bytes > 0 {
        for node in 0..NODES {
            // The node before sent a digest of what this one sent.
            let copy = &messages[previous(node)][own_bytes..own_bytes + DIGEST];
            if blake3::hash(&messages[node][..own_bytes]).as_bytes()[..] != *copy {
                return Err(Doubt::Copies(previous(node), node));
            }
        }
        public_at += DIGEST;
    }
    for node in 0..NODES {
        if messages[node][public_at..] != messages[next(node)][public_at..] {
            return Err(Doubt::Copies(node, next(node)));
        }
    }
    let mut out = Learned { opened: vec![], public: vec![] };
    for (elem, domain, lanes, layout, at) in plan {
        let mut sum = blank(domain, lanes).map_err(ours)?;
        for (node, message) in messages.iter().enumerate() {
            let mut part = blank(domain, lanes).map_err(ours)?;
            let written = layout.write(bytes_mut(&mut part), 0, &message[at..at + layout.len()]);
            written.map_err(|_| Doubt::Form(node))?;
            sum = plus(domain, &sum, &part).map_err(ours)?;
        }
        let value = match (&sum, domain) {
            (Column::U64(planes), Domain::Bits { .. }) => from_planes(planes, elem, lanes),
            _ => each_column!(&sum, v => to_column(v.clone(), elem)),
        };
        out.opened.push(value.map_err(ours)?);
    }
    let mut rest = &messages[0][public_at..];
    for p in publics(c, party) {
        let mut column = Column::zeros(p.elem, p.lanes as usize);
        let (now, later) = rest.split_at(bytes(&column).len());
        rest = later;
        bytes_mut(&mut column).copy_from_slice(now);
        out.public.push((p.output, column));
    }
    Ok(out)
}

/// One member's lanes of a column of all.
pub fn member_lanes(column: &Column, members: u64, member: u64) -> Column {
    let each = column.len() / members.max(1) as usize;
    pick(column, &[(member as usize * each, each)])
}

/// A column in which every member has these lanes: what a member's host computes on, for it knows no other's.
pub fn repeat(column: &Column, elem: Elem, members: u64) -> Column {
    let mut out = Column::with_capacity(elem, column.len() * members as usize);
    (0..members).for_each(|_| (0..column.len()).for_each(|l| out.push(column.get(l))));
    out
}
