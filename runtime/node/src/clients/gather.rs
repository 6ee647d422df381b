//! Collecting clients at a node, until the three nodes agree on who takes part and have everyone's input.
//!
//! 1. Clients greet. Node 0 decides when to stop waiting, and tells the others who is there; each says whom of them it has as
//!    well; those that all three have are in.
//! 2. Their number binds the sizes of families. The nodes compile, and send everyone the terms; clients send their inputs.
//! 3. The nodes compare the shares that two of them have alike, and tell each other whose input is complete. If that is everyone, it is settled; else the others are out, and
//!    the nodes go back to 2 with fewer. An input that came is kept as long as the new circuit asks for the same.
//!
//! Order of members is that of the registry. Nothing here waits for ever: for greetings until the cutoff, for the other nodes
//! and for inputs until nothing comes for a deadline.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use circuit::client::{ClientPart, Exchange, client_part, members};
use circuit::{Circuit, Domain, Elem, Op};
use engine::client::{ClientShares, MemberInput, held_by_both, input_bytes};
use net::Links;
use net::clients::{Caller, ClientLinks, Event};
use net::tls::Fingerprint;
use wire::Kind;

use super::message::{Copies, Join, LATE, Members, Terms, copy_digest, decode, encode, sealed, stop, unsealed};
use super::{Clients, Seat};
use crate::blame::Watch;
use crate::drive::{gather_each, send};

use crate::session::{Hello, NODES, Settings};
use crate::{Compiled, Contract, NodeError, ProgramObject, Sizes};

/// How long the other nodes wait for clients that node 0 has.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes per second that an input must come at, at least, over all of it.
const SLOWEST: u64 = 16 << 10;

/// What is settled.
pub(crate) struct Gathered {
    pub(crate) compiled: Compiled,
    pub(crate) sizes: Sizes,
    pub(crate) shares: ClientShares,
    /// Who takes part, with its connection if it is still there, and its number within its party.
    pub(crate) members: Vec<(Seat, Option<Caller>, u64)>,
    /// Time spent compiling.
    pub(crate) compile: Duration,
}

/// What a node has, before clients come into it.
pub(crate) struct Ground<'a> {
    pub(crate) links: &'a Links,
    /// Links to clients.
    pub(crate) at: &'a ClientLinks,
    pub(crate) clients: &'a Clients,
    pub(crate) settings: &'a Settings,
    pub(crate) program: &'a dyn ProgramObject,
    pub(crate) hello: &'a Hello,
    /// Of each node's greeting.
    pub(crate) digests: &'a [[u8; 32]],
    /// Sizes that the nodes' own inputs bind.
    pub(crate) sizes: Sizes,
}

/// Someone who may come.
struct Person {
    seat: Seat,
    name: String,
    /// Its connection, while it is there.
    caller: Option<Caller>,
    /// Sizes that it told in its greeting.
    claims: Vec<(String, u64)>,
    message: Vec<u8>,
    expected: usize,
    input: Option<MemberInput>,
    /// Of its input, digests of what each other node has as well.
    copies: [[u8; 16]; NODES],
    /// What its input was made for: see [`Asked`].
    made_for: Option<Asked>,
}

/// What a client is asked for, apart from the number of members: equal questions have equal answers. Only where the client
/// shares its inputs as they are; what it computes first may depend on the sizes.
type Asked = Vec<(String, Elem, Domain, u64)>;

struct Gathering<'a> {
    ground: Ground<'a>,
    people: Vec<Person>,
    by_fingerprint: HashMap<Fingerprint, usize>,
    by_caller: HashMap<Caller, usize>,
    /// When a client last got on.
    moved: Instant,
    me: usize,
    exchanges: BTreeMap<u32, (Vec<Exchange>, u64)>,
}

/// Collects clients; see the module.
///
/// # Errors
/// Nobody came as a party; a peer failed; the program does not compile with the sizes that came.
pub(crate) fn gather(ground: Ground<'_>, watch: &mut Watch<'_>) -> Result<Gathered, NodeError> {
    let contract = ground.program.contract();
    let mut people = Vec::new();
    let mut by_fingerprint = HashMap::new();
    for (seat, fingerprints) in ground.clients.registry.seats() {
        fingerprints.iter().for_each(|f| {
            by_fingerprint.insert(*f, people.len());
        });
        people.push(Person {
            seat,
            name: seat.name(contract),
            caller: None,
            claims: Vec::new(),
            message: Vec::new(),
            expected: 0,
            input: None,
            copies: Default::default(),
            made_for: None,
        });
    }
    let me = ground.links.me();
    let by_caller = HashMap::new();
    let exchanges = BTreeMap::new();
    let moved = ground.links.now();
    let mut g = Gathering { ground, people, by_fingerprint, by_caller, moved, me, exchanges };
    let mut set = g.greetings(watch)?;
    g.shut(&set);
    let mut compile = Duration::ZERO;
    let mut round = 0;
    loop {
        // Clients also leave because the run has ended elsewhere: that is then told first.
        let sizes = g.bind(&mut set).map_err(|e| watch.heed().err().unwrap_or(e))?;
        let started = g.ground.links.now();
        watch.compiling();
        let compiled = g.ground.program.compile(&sizes)?;
        watch.moved();
        compile += g.ground.links.now() - started;
        g.terms(&set, round, &compiled, &sizes)?;
        round += 1;
        g.inputs(&set, watch)?;
        g.compare(&set, round, watch)?;
        let complete = set.iter().filter(|k| g.people[**k].input.is_some()).copied().collect();
        let agreed = g.agree(&complete, round, compiled.digest, watch)?;
        if agreed == set {
            return g.finish(&set, compiled, sizes, compile);
        }
        for k in set.difference(&agreed) {
            g.dismiss(*k, 4, LATE);
        }
        set = agreed;
    }
}

impl Gathering<'_> {
    fn contract(&self) -> &Contract {
        self.ground.program.contract()
    }

    /// Takes in what clients did.
    fn events(&mut self) {
        while let Some(event) = self.ground.at.poll() {
            self.moved = self.ground.links.now();
            match event {
                Event::Greeting(caller, fingerprint, body) => {
                    if let Err((exit, why)) = self.greeting(caller, fingerprint, &body) {
                        self.ground.at.send(caller, Kind::Abort, stop(exit, &why));
                        self.ground.at.dismiss(caller);
                    }
                }
                Event::Input(caller, bytes) => self.input(caller, &bytes),
                Event::Abort(caller, _) => self.gone(caller),
                Event::Gone(caller, _) => self.gone(caller),
            }
        }
    }

    /// A client introduces itself. The error is for it: an exit code and a reason.
    fn greeting(&mut self, caller: Caller, fingerprint: Fingerprint, body: &[u8]) -> Result<(), (u8, String)> {
        let k = *self.by_fingerprint.get(&fingerprint).ok_or((6, "it is not registered as a client".to_owned()))?;
        let join: Join = decode(body).ok_or_else(|| (5, "its greeting cannot be read".to_owned()))?;
        let party = &self.contract().parties[self.people[k].seat.party as usize].name;
        if join.party != *party {
            return Err((7, format!("it is registered as {party}, and comes as {}", join.party)));
        }
        if let Some((field, mine, theirs)) = self.ground.hello.difference_to_client(&join.hello) {
            return Err((7, format!("here the {field} is {mine}, and the client's is {theirs}")));
        }
        if self.people[k].caller.is_some() {
            return Err((6, "this client has joined already, on another connection".into()));
        }
        let person = &mut self.people[k];
        person.caller = Some(caller);
        person.claims = join.hello.sizes.iter().map(|c| (c.name.clone(), c.value)).collect();
        person.claims.sort();
        self.by_caller.insert(caller, k);
        Ok(())
    }

    fn input(&mut self, caller: Caller, bytes: &[u8]) {
        let Some(&k) = self.by_caller.get(&caller) else { return };
        let person = &mut self.people[k];
        if person.caller != Some(caller) || person.input.is_some() {
            return;
        }
        // No more comes than was allowed.
        person.message.extend_from_slice(bytes);
        self.complete(k);
    }

    /// Reads a client's input if all of it is there.
    fn complete(&mut self, k: usize) {
        let person = &mut self.people[k];
        if person.message.len() != person.expected {
            return;
        }
        let Some((shares, members)) = self.exchanges.get(&person.seat.party) else { return };
        match MemberInput::read(shares, *members, self.me, &person.message) {
            Ok(input) => {
                person.input = Some(input);
                let me = self.me;
                let copy = |peer| copy_digest(held_by_both(me, peer, &person.message));
                person.copies = std::array::from_fn(|peer| if peer == me { [0; 16] } else { copy(peer) });
            }
            Err(why) => self.dismiss(k, 5, &format!("it sent {why}")),
        }
        self.people[k].message = Vec::new();
    }

    fn gone(&mut self, caller: Caller) {
        if let Some(k) = self.by_caller.remove(&caller)
            && self.people[k].caller == Some(caller)
        {
            self.people[k].caller = None;
            self.people[k].message = Vec::new();
        }
    }

    /// Sends a client away.
    fn dismiss(&mut self, k: usize, exit: u8, why: &str) {
        if let Some(caller) = self.people[k].caller.take() {
            self.ground.at.send(caller, Kind::Abort, stop(exit, why));
            self.ground.at.dismiss(caller);
        }
        self.people[k].input = None;
    }

    /// Lets time pass while clients are waited for: peers are watched, but may be kept waiting by their clients as well.
    fn wait(&mut self, seen: u64, watch: &mut Watch<'_>) -> Result<(), NodeError> {
        watch.moved();
        watch.wait(seen, &[])
    }

    /// Clients that all three nodes have when the nodes stop waiting.
    fn greetings(&mut self, watch: &mut Watch<'_>) -> Result<BTreeSet<usize>, NodeError> {
        let cutoff = self.ground.clients.cutoff;
        let links = self.ground.links;
        let start = links.now();
        if self.me == 0 {
            loop {
                let seen = links.events();
                self.events();
                let here = self.people.iter().filter(|p| p.caller.is_some()).count();
                let enough = here == self.people.len() || cutoff.count.is_some_and(|n| here as u64 >= n);
                if enough || links.now() - start >= cutoff.time {
                    break;
                }
                self.wait(seen, watch)?;
            }
            let mine: BTreeSet<usize> = self.here().collect();
            return self.agree(&mine, 0, [0; 32], watch);
        }
        // Node 0 speaks first.
        let mut asked: Option<Members> = None;
        let mut since = links.now();
        loop {
            let seen = links.events();
            self.events();
            if asked.is_none()
                && let Some(frame) = links.receive(0, |_| true)
            {
                if frame.header.kind != Kind::Members {
                    return Err(
                        watch.corrupt(0, format!("a {:?} frame while clients are collected", frame.header.kind))
                    );
                }
                asked = Some(
                    read_members(&self.ground.digests[0], &frame.body, 0)
                        .ok_or_else(|| watch.corrupt(0, UNREADABLE))?,
                );
                since = links.now();
            }
            if let Some(asked) = &asked {
                let theirs = self.find(&asked.seats);
                if theirs.iter().all(|k| self.people[*k].caller.is_some())
                    || links.now() - since >= GRACE.min(self.ground.settings.deadline)
                {
                    let mine: BTreeSet<usize> =
                        theirs.into_iter().filter(|k| self.people[*k].caller.is_some()).collect();
                    return self.agree_with(&mine, 0, [0; 32], watch, Some(asked.clone()));
                }
            }
            self.wait(seen, watch)?;
        }
    }

    fn here(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.people.len()).filter(|k| self.people[*k].caller.is_some())
    }

    /// People by seat.
    fn find(&self, seats: &[(Seat, u64)]) -> BTreeSet<usize> {
        let known: BTreeSet<Seat> = seats.iter().map(|(seat, _)| *seat).collect();
        (0..self.people.len()).filter(|k| known.contains(&self.people[*k].seat)).collect()
    }

    fn agree(
        &mut self,
        mine: &BTreeSet<usize>,
        round: u32,
        digest: [u8; 32],
        watch: &mut Watch<'_>,
    ) -> Result<BTreeSet<usize>, NodeError> {
        self.agree_with(mine, round, digest, watch, None)
    }

    /// Tells the other nodes who is here, and hears who is there: those who are everywhere. What node 0 said is in `first`, if
    /// it was heard already.
    fn agree_with(
        &mut self,
        mine: &BTreeSet<usize>,
        round: u32,
        digest: [u8; 32],
        watch: &mut Watch<'_>,
        first: Option<Members>,
    ) -> Result<BTreeSet<usize>, NodeError> {
        let links = self.ground.links;
        let seats = mine.iter().map(|k| (self.people[*k].seat, claims_digest(&self.people[*k].claims))).collect();
        let said = Members { round, digest, seats };
        let body = sealed(&self.ground.digests[self.me], &said)?;
        for peer in links.peers() {
            send(links, peer, Kind::Members, 0, 0, body.clone())?;
        }
        let from: Vec<usize> = links.peers().filter(|p| *p != 0 || first.is_none()).collect();
        let mut all: Vec<Members> = first.into_iter().collect();
        let (names, digests) = (&self.ground.settings.names, self.ground.digests);
        gather_each(links, Kind::Members, 0, &from, watch, &mut |watch, peer, body| {
            let theirs = read_members(&digests[peer], body, round).ok_or_else(|| watch.corrupt(peer, UNREADABLE))?;
            if theirs.digest != digest {
                return Err(NodeError::Disagree {
                    field: "circuit and schedule".into(),
                    mine: hex(&digest),
                    theirs: hex(&theirs.digest),
                    peer,
                    name: names[peer].clone(),
                });
            }
            all.push(theirs);
            Ok(())
        })?;
        let mut agreed: BTreeSet<(Seat, u64)> = said.seats.into_iter().collect();
        for theirs in all {
            let theirs: BTreeSet<(Seat, u64)> = theirs.seats.into_iter().collect();
            agreed = agreed.intersection(&theirs).copied().collect();
        }
        let agreed: BTreeSet<Seat> = agreed.into_iter().map(|(seat, _)| seat).collect();
        Ok((0..self.people.len()).filter(|k| agreed.contains(&self.people[*k].seat)).collect())
    }

    /// Nobody else comes in.
    fn shut(&mut self, set: &BTreeSet<usize>) {
        self.events();
        let joined = stop(6, "this client has joined already");
        let each = self.by_fingerprint.iter().filter(|(_, k)| set.contains(*k)).map(|(f, _)| (*f, joined.clone()));
        let closed = "the run is closed: it began with those who were there at the cutoff";
        self.ground.at.shut(each.collect(), stop(6, closed));
        for k in 0..self.people.len() {
            if !set.contains(&k) {
                self.dismiss(k, 6, closed);
            }
        }
    }

    /// Sizes with those who take part. Whoever tells a size that an earlier one tells otherwise is out.
    fn bind(&mut self, set: &mut BTreeSet<usize>) -> Result<Sizes, NodeError> {
        let mut sizes: BTreeMap<String, (u64, String)> =
            self.ground.sizes.iter().map(|(n, v)| (n.clone(), (*v, "the nodes".to_owned()))).collect();
        let mut out = Vec::new();
        for &k in set.iter() {
            let person = &self.people[k];
            let wrong = person.claims.iter().find_map(|(n, v)| {
                let (known, by) = sizes.get(n)?;
                (known != v).then(|| format!("its input has {n} = {v}, and that of {by} has {n} = {known}"))
            });
            match wrong {
                Some(why) => out.push((k, why)),
                None => {
                    for (n, v) in &person.claims {
                        sizes.entry(n.clone()).or_insert_with(|| (*v, person.name.clone()));
                    }
                }
            }
        }
        for (k, why) in out {
            if !self.contract().is_family(self.people[k].seat.party as usize) {
                return Err(NodeError::Client {
                    name: self.people[k].name.clone(),
                    what: format!("does not fit: {why}"),
                });
            }
            self.dismiss(k, 3, &why);
            set.remove(&k);
        }
        let mut sizes: Sizes = sizes.into_iter().map(|(n, (v, _))| (n, v)).collect();
        for (party, _) in &self.ground.clients.registry.parties {
            let decl = &self.contract().parties[*party];
            let count = set.iter().filter(|k| self.people[**k].seat.party as usize == *party).count() as u64;
            if count == 0 {
                let what = "did not come, or its input was not there, complete and alike, at all nodes".to_owned();
                return Err(NodeError::Client { name: decl.name.clone(), what });
            }
            if let Some(circuit::SchemaLen::Binds(name)) = &decl.family
                && sizes.insert(name.clone(), count).is_some_and(|n| n != count)
            {
                let what = format!("{count} clients of {} take part, and {name} is given otherwise", decl.name);
                return Err(NodeError::Usage(what));
            }
        }
        Ok(sizes)
    }

    /// Tells everyone what will run, and what is asked for.
    fn terms(
        &mut self,
        set: &BTreeSet<usize>,
        epoch: u32,
        compiled: &Compiled,
        sizes: &Sizes,
    ) -> Result<(), NodeError> {
        let c = &compiled.program.circuit;
        self.exchanges.clear();
        let mut asked = BTreeMap::new();
        let ours = |what: String| NodeError::Internal(what);
        for (party, _) in &self.ground.clients.registry.parties {
            let id = circuit::PartyId(*party as u32);
            let part = client_part(c, id).map_err(|e| ours(e.what))?;
            let members = members(c, id);
            let bytes = input_bytes(&part.shares, members, self.me).map_err(|e| ours(e.to_string()))?;
            asked.insert(id.0, (plain(c, &part, members), bytes));
            self.exchanges.insert(id.0, (part.shares, members));
        }
        let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
        let sizes: Vec<(String, u64)> = sizes.iter().map(|(n, v)| (n.clone(), *v)).collect();
        for &k in set {
            let seat = self.people[k].seat;
            let number = numbers.entry(seat.party).or_default();
            let (question, bytes) = &asked[&seat.party];
            let person = &mut self.people[k];
            let keep = person.input.is_some() && question.is_some() && person.made_for == *question;
            let terms = Terms { epoch, sizes: sizes.clone(), digest: compiled.digest, member: *number, keep };
            *number += 1;
            if !keep {
                person.input = None;
                person.message = Vec::new();
                person.expected = *bytes;
                person.made_for = question.clone();
            }
            if let Some(caller) = person.caller {
                if !keep {
                    self.ground.at.allow(caller, *bytes as u64);
                }
                self.ground.at.send(caller, Kind::Terms, encode(&terms)?);
            }
            if !keep && *bytes == 0 && self.people[k].caller.is_some() {
                self.complete(k);
            }
        }
        self.moved = self.ground.links.now();
        Ok(())
    }

    /// Waits until everyone's input is complete, or they are gone, or nothing comes for two deadlines: clients answer when they
    /// have the terms of all nodes, of which the last may be a deadline behind. And not for ever for those who send bit by
    /// bit.
    fn inputs(&mut self, set: &BTreeSet<usize>, watch: &mut Watch<'_>) -> Result<(), NodeError> {
        let links = self.ground.links;
        let deadline = self.ground.settings.deadline;
        let longest = set.iter().map(|k| self.people[*k].expected as u64).max().unwrap_or(0);
        let until = links.now() + deadline * 4 + Duration::from_secs(longest / SLOWEST);
        loop {
            let seen = links.events();
            self.events();
            let open = |k: &&usize| self.people[**k].input.is_none() && self.people[**k].caller.is_some();
            if !set.iter().any(|k| open(&k)) || links.now() - self.moved >= deadline * 2 || links.now() >= until {
                return Ok(());
            }
            self.wait(seen, watch)?;
        }
    }

    /// Compares with each other node what clients told both, so that none can make other clients' copies of results differ
    /// and so bring honest nodes into doubt. Whoever told them different things is out.
    fn compare(&mut self, set: &BTreeSet<usize>, round: u32, watch: &mut Watch<'_>) -> Result<(), NodeError> {
        let links = self.ground.links;
        let peers: Vec<usize> = links.peers().collect();
        for &peer in &peers {
            let complete = set.iter().map(|k| &self.people[*k]).filter(|p| p.input.is_some());
            let seats = complete.map(|p| (p.seat, p.copies[peer])).collect();
            send(links, peer, Kind::Copies, 0, 0, sealed(&self.ground.digests[self.me], &Copies { round, seats })?)?;
        }
        let mut wrong = BTreeSet::new();
        let (people, digests) = (&self.people, self.ground.digests);
        gather_each(links, Kind::Copies, 0, &peers, watch, &mut |watch, peer, body| {
            let theirs = unsealed::<Copies>(&digests[peer], body).filter(|c| c.round == round);
            let theirs = theirs.ok_or_else(|| watch.corrupt(peer, UNREADABLE))?;
            let theirs: BTreeMap<Seat, [u8; 16]> = theirs.seats.into_iter().collect();
            wrong.extend(set.iter().filter(|k| {
                let person = &people[**k];
                person.input.is_some() && theirs.get(&person.seat).is_some_and(|c| *c != person.copies[peer])
            }));
            Ok(())
        })?;
        for k in wrong {
            self.dismiss(k, 5, "it told nodes different shares of its input");
        }
        Ok(())
    }

    fn finish(
        mut self,
        set: &BTreeSet<usize>,
        compiled: Compiled,
        sizes: Sizes,
        compile: Duration,
    ) -> Result<Gathered, NodeError> {
        let ours = |e: engine::Fault| NodeError::Internal(e.to_string());
        let mut shares = ClientShares::new(&compiled.program.circuit, self.me).map_err(ours)?;
        let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
        let mut members = Vec::new();
        for &k in set {
            let person = &mut self.people[k];
            let number = numbers.entry(person.seat.party).or_default();
            let input = person.input.take().ok_or_else(|| NodeError::Internal("an input is gone".into()))?;
            shares.place(person.seat.party_id(), *number, &input).map_err(ours)?;
            members.push((person.seat, person.caller, *number));
            *number += 1;
        }
        Ok(Gathered { compiled, sizes, shares, members, compile })
    }
}

const UNREADABLE: &str = "a list of clients that cannot be read";

fn read_members(greeting: &[u8; 32], body: &[u8], round: u32) -> Option<Members> {
    unsealed::<Members>(greeting, body).filter(|m| m.round == round)
}

/// The sizes that a client told, in a number: nodes must have been told the same.
fn claims_digest(claims: &[(String, u64)]) -> u64 {
    let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 sizes of a client");
    for (name, value) in claims {
        hash.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(&value.to_le_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// What a client is asked for, if it shares its inputs as they are.
fn plain(c: &Circuit, part: &ClientPart, members: u64) -> Option<Asked> {
    let root = part.front.region(part.front.root);
    let mut out = Vec::new();
    for (e, o) in part.shares.iter().zip(&part.front.outputs) {
        let gate = root.gates.iter().find(|g| g.outs.contains(&o.wire))?;
        let Op::Input(k) = gate.op else { return None };
        out.push((c.inputs.get(k as usize)?.name.clone(), e.elem, e.domain, e.lanes / members.max(1)));
    }
    Some(out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
