//! Every kind of fault at every message of a small program with clients: two voters of a family, and an owner, who is a party
//! alone. Nodes are participants 0 to 2, voters 3 and 4, the owner 5.
//!
//! What is held, beyond what the runs without clients hold:
//! - A run that ends well has right results for exactly those clients that took part, at each node and each client.
//! - What is wrong between two nodes, or with a node, is blamed on the node that sent it, by nodes and clients.
//! - A client that finds something wrong with what a node sent it names that node, or it and the one whose copy differs.
//! - A client that is lost, or found wrong, before its input is complete is out: of a family, the others go on; a party that
//!   is needed ends the run, and all say which. A node cannot know whether a client left because of another node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::client::NodeLinks;
use net::clients::ClientLinks;
use net::sim::{self, Caller, End, Ended, Faults, Options, Place, Verdict, sound};
use net::tls::Fingerprint;
use node::NodeError;
use node::clients::join::{Joined, Part, join_over};
use node::clients::{Clients, Cutoff, Registry};
use node::data::{self, Source};
use node::session::{self, Finished, Settings};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::Kind;

use crate::common::vote::{self, Vote, voter};
use crate::faults::{ALL, Fault, Frames};
use crate::scenario::{DEADLINE, INTERVAL, Outcome};

const VOTERS: usize = 2;

/// The owner's number.
const OWNER: usize = 3 + VOTERS;

/// How long nodes wait for clients.
const CUTOFF: Duration = Duration::from_millis(600);

/// Of node 0, whenever it wakes.
const SLOW: Duration = Duration::from_millis(15);

/// What the owner adds.
const PLUS: u64 = 7;

pub type Came = Vec<End<Result<Joined, NodeError>>>;

pub struct Poll {
    program: Vote,
    folder: tempfile::TempDir,
    cutoff: Cutoff,
    /// Voters in the register who never come.
    away: usize,
}

fn fingerprint(client: usize) -> Fingerprint {
    Fingerprint([client as u8 + 1; 32])
}

/// Polls a future that never waits for anything but the simulation.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("a client of a simulation waits for something else"),
    }
}

impl Poll {
    pub fn new() -> Poll {
        Poll {
            program: Vote::new(),
            folder: vote::inputs(VOTERS),
            cutoff: Cutoff { count: None, time: CUTOFF },
            away: 0,
        }
    }

    fn settings(&self, at_node: bool) -> Settings {
        let away = (0..self.away).map(|k| OWNER + k);
        let voters = (0..VOTERS).chain(away).map(|k| vec![fingerprint(k)]).collect();
        let registry = Registry { parties: vec![(0, voters), (1, vec![vec![fingerprint(VOTERS)]])] };
        let clients = at_node.then_some(Clients { registry, cutoff: self.cutoff });
        Settings { deadline: DEADLINE, clients, ..Settings::local() }
    }

    fn node(&self, links: net::Links, clients: ClientLinks) -> Result<Finished, NodeError> {
        let contract = &self.program.contract;
        let inputs = data::read(contract, &self.source(), Some(links.me())).unwrap();
        session::run_with_clients(links, Some(clients), &self.settings(true), &self.program, inputs, &mut |_| {})
    }

    fn client(&self, k: usize, links: NodeLinks) -> Result<Joined, NodeError> {
        let (party, member) = if k < VOTERS { (0, Some(k as u64)) } else { (1, None) };
        let inputs = data::read_member(&self.program.contract, &self.source(), party, member).unwrap();
        let part = Part { party, settings: self.settings(false), wait: DEADLINE };
        ready(join_over(links, &part, &self.program, &inputs, &mut |_| {}))
    }

    fn source(&self) -> Source {
        Source { folder: Some(self.folder.path().to_owned()), ..Source::default() }
    }

    pub fn run(&self, options: &Options, faults: Box<dyn Faults>) -> (Outcome, Came) {
        sim::run_with_clients(options, faults, |l, c| self.node(l, c), |k, l| self.client(k, l))
    }
}

pub fn options(seed: u64) -> Options {
    let caller = |k| Caller { fingerprint: fingerprint(k), at: Duration::from_millis(k as u64) };
    // Node 0 takes its time, so that a run lasts for some heartbeats.
    let slow = vec![SLOW];
    Options { slow, clients: (0..=VOTERS).map(caller).collect(), beat: INTERVAL, ..Options::new(seed) }
}

/// Whether results are those of one set of voters, the same everywhere.
fn consistent(nodes: &Outcome, clients: &Came, exact: bool) -> Result<Vec<usize>, String> {
    let sets = [vec![0], vec![1], vec![0, 1]];
    let total = |s: &[usize]| s.iter().map(|k| voter(*k).1).sum::<u64>();
    let yes = |s: &[usize]| s.iter().map(|k| voter(*k).0).sum::<u64>();
    let mut rolls = sets.to_vec();
    let narrow = |rolls: &mut Vec<Vec<usize>>, who: &str, fits: &dyn Fn(&[usize]) -> bool| {
        rolls.retain(|s| fits(s));
        if rolls.is_empty() { Err(format!("{who} has results of nobody's")) } else { Ok(()) }
    };
    for (me, end) in nodes.ends.iter().enumerate() {
        let Ended::Done(Ok(f)) = &end.how else { continue };
        let shown: Vec<bool> = f.outputs.iter().map(Option::is_some).collect();
        if shown != [true, false, false] {
            return Err(format!("node {me} has outputs {shown:?}"));
        }
        let count = f.outputs[0].as_ref().map(|c| c.get(0) as u64);
        let fits = |s: &[usize]| f.sizes["N"] == s.len() as u64 && (!exact || count == Some(yes(s)));
        narrow(&mut rolls, &format!("node {me}"), &fits)?;
    }
    for (k, end) in clients.iter().enumerate() {
        let Ended::Done(Ok(j)) = &end.how else { continue };
        let shown: serde_json::Value = serde_json::from_str(&j.outputs.json()).map_err(|e| e.to_string())?;
        let number = |who: &str, name: &str| shown[who][name].as_u64();
        let (all, own) = (
            number("all", "result.0"),
            match k {
                VOTERS => number("Owner", "result.2"),
                _ => number("Voter", "result.1"),
            },
        );
        if all.is_none() || own.is_none() || shown.as_object().is_none_or(|o| o.len() != 2) {
            return Err(format!("client {k} has {shown}"));
        }
        let fits = |s: &[usize]| {
            let member = k == VOTERS || s.iter().position(|v| *v == k) == Some(j.member as usize);
            let want = if k == VOTERS { total(s) } else { voter(k).1 + PLUS };
            j.sizes["N"] == s.len() as u64 && member && (!exact || (all, own) == (Some(yes(s)), Some(want)))
        };
        narrow(&mut rolls, &format!("client {k}"), &fits)?;
    }
    // Undecided if nobody ended well.
    Ok(rolls.pop().unwrap_or_default())
}

/// By when everyone has ended whom nothing holds up: the cutoff, a deadline for each of what may be waited for one after the
/// other (the greetings that node 0 has, inputs twice, a node that is silent, the reason of one that is gone), and heartbeats.
const BOUND: Duration = CUTOFF.saturating_add(DEADLINE.saturating_mul(5)).saturating_add(SLOW.saturating_mul(20));

/// What is wrong with how a run ended, if anything.
fn judge(fault: Fault, place: &Place, nodes: &Outcome, clients: &Came) -> Result<(), String> {
    let Place { from, to, header, .. } = *place;
    let kind = header.kind;
    let kills = matches!(fault, Fault::KillBefore | Fault::KillAfter);
    let roll = consistent(nodes, clients, !fault.alters(kind))?;
    let ended_well = |end: bool, who: String| {
        if fault.harmless() && !end { Err(format!("{who} ended early, and nothing had happened")) } else { Ok(()) }
    };
    // The owner is needed, and a fault may make it leave.
    let owner = [from, to].contains(&OWNER);
    let say_owner = |e: &NodeError| e.exit() == 4 && e.to_string().contains("Owner");
    let (node_fault, among_nodes) = (from < 3, from < 3 && to < 3);
    // Whoever is stopped, or stands still, is missed by everyone.
    let whole = kills || fault == Fault::Sleep;
    let by = |who: usize| place.at + if who == from { fault.delay() } else { Duration::ZERO } + BOUND;
    for (me, end) in nodes.ends.iter().enumerate() {
        let say = |what: String| Err(format!("node {me}: {what}"));
        match &end.how {
            Ended::Killed if kills && me == from => {}
            Ended::Killed | Ended::Stuck | Ended::Panicked(_) => return say(format!("{:?}", end.how)),
            Ended::Done(Ok(_)) => {}
            Ended::Done(Err(e)) => {
                ended_well(false, format!("node {me}"))?;
                if end.at > by(me) {
                    return say(format!("it ended at {:?}, not by {:?}: {e}", end.at, by(me)));
                }
                let blamed = e.blame() == Some(from) || fault == Fault::Cut && e.blame() == Some(to) || e.exit() == 7;
                let right = match (among_nodes, node_fault && whole) {
                    (true, _) => blamed && matches!(e.exit(), 4 | 5 | 7),
                    (_, true) => blamed && e.exit() == 4,
                    _ => owner && say_owner(e),
                };
                if !right {
                    return say(format!("exit {}: {e}", e.exit()));
                }
            }
        }
    }
    let told = matches!(fault, Fault::Body(_) | Fault::Shorter | Fault::Longer | Fault::Lose | Fault::Hole);
    let told = told && matches!(kind, Kind::Terms | Kind::Answer | Kind::Confirm);
    for (k, end) in clients.iter().enumerate() {
        let me = 3 + k;
        let say = |what: String| Err(format!("client {k}: {what}"));
        match &end.how {
            Ended::Killed if kills && me == from => {}
            Ended::Killed | Ended::Stuck | Ended::Panicked(_) => return say(format!("{:?}", end.how)),
            // All that a node tells a client is held against what the others tell it.
            Ended::Done(Ok(_)) if to == me && told => {
                return say("it ended as if nothing had happened".into());
            }
            Ended::Done(Ok(_)) => {}
            Ended::Done(Err(e)) => {
                ended_well(false, format!("client {k}"))?;
                if end.at > by(me) {
                    return say(format!("it ended at {:?}, not by {:?}: {e}", end.at, by(me)));
                }
                let names = |node: usize| {
                    let name = format!("node{node}");
                    e.blame() == Some(node)
                        || matches!(e, NodeError::Copies { one, two, .. } if [one, two].contains(&&name))
                };
                let right = match () {
                    // Between nodes, or a node as a whole: as the nodes say.
                    () if among_nodes || node_fault && (whole || to == me) => {
                        let either = names(from) || fault == Fault::Cut && names(to) && to < 3;
                        (either || e.exit() == 7) && matches!(e.exit(), 4 | 5 | 7) || owner && say_owner(e)
                    }
                    // The client's own: it is told, or finds the door closed.
                    () if from == me => matches!(e.exit(), 3..=7),
                    _ => owner && say_owner(e),
                };
                // A value that was changed under way among nodes may show in a result: then as two copies that differ.
                let seen = fault.alters(kind) && matches!(e, NodeError::Copies { .. });
                // Who comes after the end of a run finds a closed door, and cannot know why.
                let after = place.at < Duration::from_millis(k as u64 + 2)
                    && (among_nodes || node_fault && whole)
                    && matches!(e, NodeError::Peer { what, .. } if what == "closed the connection");
                if !right && !seen && !after {
                    return say(format!("exit {}: {e}", e.exit()));
                }
            }
        }
    }
    // Of the voters nobody is out to whom nothing happened.
    let struck = [from, to];
    let all_well = nodes.ends.iter().all(|e| matches!(&e.how, Ended::Done(Ok(_))));
    if all_well && (0..VOTERS).any(|k| !roll.contains(&k) && !struck.contains(&(3 + k))) {
        return Err(format!("only {roll:?} took part"));
    }
    if fault.harmless() && (roll.len() != VOTERS || !all_well) {
        return Err(format!("{roll:?} took part, well: {all_well}"));
    }
    Ok(())
}

/// All frames of a run without faults.
fn frames(poll: &Poll, options: &Options) -> (Vec<Place>, Frames) {
    let frames = Arc::new(Mutex::new(Frames::new()));
    let seen = frames.clone();
    let record = move |place: &Place, bytes: &mut Vec<u8>| {
        seen.lock().unwrap().insert((place.from, place.to, place.header.sequence), bytes.clone());
        Verdict::Deliver
    };
    let (nodes, clients) = poll.run(options, Box::new(record));
    assert_eq!(consistent(&nodes, &clients, true), Ok(vec![0, 1]));
    nodes.ends.iter().for_each(|e| assert!(matches!(&e.how, Ended::Done(Ok(_))), "{:?}", e.how));
    clients.iter().for_each(|e| assert!(matches!(&e.how, Ended::Done(Ok(_))), "{:?}", e.how));
    let frames = frames.lock().unwrap().clone();
    (nodes.sent, frames)
}

#[test]
fn every_fault_at_every_message_with_clients_is_blamed_rightly() {
    let (seed, poll) = (3, Poll::new());
    let options = options(seed);
    let (sent, _) = frames(&poll, &options);
    let (_, foreign) = frames(&poll, &Options { seed: seed + 1_000_000, ..options.clone() });
    let mut kinds = BTreeMap::new();
    sent.iter().for_each(|p| *kinds.entry(format!("{:?}", p.header.kind)).or_insert(0) += 1);
    for kind in ["Join", "Members", "Copies", "Terms", "Input", "Answer", "Confirm", "Keys", "Payload", "Heartbeat"] {
        assert!(kinds.contains_key(kind), "no {kind} in {kinds:?}");
    }
    let strikes: Vec<(Place, Fault)> = sent.iter().flat_map(|p| ALL.map(|f| (*p, f))).collect();
    let (next, failures) = (Mutex::new(strikes.iter()), Mutex::new(Vec::new()));
    let (foreign, poll) = (Arc::new(foreign), &poll);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((target, fault)) = next.lock().unwrap().next().copied() else { return };
                    let (foreign, hit) = (foreign.clone(), Arc::new(Mutex::new(false)));
                    let done = hit.clone();
                    let faults = move |p: &Place, bytes: &mut Vec<u8>| {
                        if (p.from, p.to, p.header.sequence) != (target.from, target.to, target.header.sequence) {
                            return Verdict::Deliver;
                        }
                        // Until here the run is the one without faults.
                        assert_eq!(*p, target);
                        *done.lock().unwrap() = true;
                        fault.strike(p, bytes, &foreign)
                    };
                    let (nodes, clients) = poll.run(&options, Box::new(faults));
                    assert!(*hit.lock().unwrap());
                    if let Err(what) = judge(fault, &target, &nodes, &clients) {
                        let Place { from, to, header, .. } = target;
                        let kind = header.kind;
                        let at = format!("{fault:?} at frame {} ({kind:?}) from {from} to {to}", header.sequence);
                        failures.lock().unwrap().push(format!("{at}: {what}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{} runs, {kinds:?}", strikes.len());
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), strikes.len(), failures.join("\n"));
    assert!(strikes.len() > 3000);
}

#[test]
fn a_count_ends_the_wait_and_where_it_is_not_reached_the_time_does() {
    for (count, early) in [(Some(3), true), (Some(4), false), (None, false)] {
        let poll = Poll { cutoff: Cutoff { count, time: CUTOFF }, away: 1, ..Poll::new() };
        let (nodes, clients) = poll.run(&options(5), sound());
        assert_eq!(consistent(&nodes, &clients, true), Ok(vec![0, 1]), "{count:?}");
        for end in &nodes.ends {
            assert!(matches!(&end.how, Ended::Done(Ok(_))), "{count:?}: {:?}", end.how);
            // The simulation's clock, not this machine's.
            assert_eq!(end.at < CUTOFF, early, "{count:?}: it ended at {:?}", end.at);
        }
    }
}

/// Seeds of a test run.
const SEEDS: u64 = 1000;

#[test]
fn seeds_with_clients_end_well_or_name_a_culprit() {
    let poll = Poll::new();
    let count = std::env::var("MPCC_SIM").ok().and_then(|t| t.parse().ok()).unwrap_or(SEEDS);
    let (next, failures) = (Mutex::new(0..count), Mutex::new(Vec::new()));
    let well = Mutex::new([0u64; 2]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().unwrap().next() else { return };
                    let (nodes, clients, struck) = drawn(&poll, seed);
                    if let Err(what) = loosely(&nodes, &clients, &struck) {
                        failures.lock().unwrap().push(format!("seed {seed}: {what}\n  {struck:?}"));
                    }
                    let all = clients.iter().all(|e| matches!(&e.how, Ended::Done(Ok(_))));
                    well.lock().unwrap()[usize::from(all)] += 1;
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let [early, well] = *well.lock().unwrap();
    println!("{count} seeds with clients: {well} ended well for all clients, {early} did not");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(well.min(early) > count / 20);
}

/// A run in which faults, where they strike, network, and speed are drawn.
fn drawn(poll: &Poll, seed: u64) -> (Outcome, Came, Vec<(Fault, Place)>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x7a11_0000_0000_0000);
    let mut draw = |n: u64| rng.next_u64() % n;
    let mut options = options(seed);
    options.latency.1 = Duration::from_micros([20, 1000, 10_000][draw(3) as usize]);
    options.limit = DEADLINE * 200;
    let plans: Vec<(usize, usize, u32, Fault)> = (0..1 + draw(3))
        .map(|_| {
            let (node, other) = (draw(3) as usize, draw(6) as usize);
            let (from, to) = if draw(2) == 0 { (node, other) } else { (other, node) };
            let fault = match ALL[draw(ALL.len() as u64) as usize] {
                Fault::Foreign => Fault::Twice,
                other => other,
            };
            (from, to, draw(8) as u32, fault)
        })
        .collect();
    let struck = Arc::new(Mutex::new(Vec::new()));
    let told = struck.clone();
    let faults = move |p: &Place, bytes: &mut Vec<u8>| match plans
        .iter()
        .find(|plan| (plan.0, plan.1, plan.2) == (p.from, p.to, p.header.sequence))
    {
        None => Verdict::Deliver,
        Some((.., fault)) => {
            told.lock().unwrap().push((*fault, *p));
            fault.strike(p, bytes, &Frames::new())
        }
    };
    let (nodes, clients) = poll.run(&options, Box::new(faults));
    let struck = struck.lock().unwrap().clone();
    (nodes, clients, struck)
}

/// What holds whatever happens: no wrong result, no endless wait, and nobody is named to whom nothing happened.
fn loosely(nodes: &Outcome, clients: &Came, struck: &[(Fault, Place)]) -> Result<(), String> {
    consistent(nodes, clients, !struck.iter().any(|(f, p)| f.alters(p.header.kind)))?;
    let involved = |who: usize| struck.iter().any(|(_, p)| p.from == who || p.to == who);
    let killed =
        |who: usize| struck.iter().any(|(f, p)| p.from == who && matches!(f, Fault::KillBefore | Fault::KillAfter));
    let ends = nodes.ends.iter().map(|e| (result(&e.how), e.at)).chain(clients.iter().map(|e| (result(&e.how), e.at)));
    let last = struck.iter().map(|(_, p)| p.at).max().unwrap_or_default();
    let by = last + struck.iter().map(|(f, _)| f.delay()).sum::<Duration>() + BOUND * 2;
    for (who, (end, at)) in ends.enumerate() {
        let say = |what: String| Err(format!("participant {who}: {what}"));
        match end {
            Err(_) if killed(who) => {}
            Err(what) => return say(what),
            Ok(None) => {}
            Ok(Some(e)) => {
                if at > by {
                    return say(format!("it ended at {at:?}, not by {by:?}: {e}"));
                }
                if !matches!(e.exit(), 3..=7) {
                    return say(format!("exit {}: {e}", e.exit()));
                }
                let clients = (3..=OWNER).any(&involved);
                let named = match e {
                    e if e.exit() == 7 || involved(who) => true,
                    NodeError::Client { .. } => clients,
                    NodeError::Copies { .. } => !struck.is_empty(),
                    // Who comes after the end of a run finds a closed door, and cannot know why.
                    NodeError::Peer { what, .. } if who > 2 && what == "closed the connection" => !struck.is_empty(),
                    e if e.to_string().contains("did not come") => clients,
                    e => e.blame().is_some_and(&involved),
                };
                if !named {
                    return say(format!("it names the wrong one: {e}"));
                }
            }
        }
    }
    Ok(())
}

fn result<T>(how: &Ended<Result<T, NodeError>>) -> Result<Option<&NodeError>, String> {
    match how {
        Ended::Done(Ok(_)) => Ok(None),
        Ended::Done(Err(e)) => Ok(Some(e)),
        Ended::Killed => Err("killed".into()),
        Ended::Stuck => Err("stuck".into()),
        Ended::Panicked(what) => Err(what.clone()),
    }
}

#[test]
fn a_run_with_clients_repeats_from_its_seed() {
    let poll = Poll::new();
    let sent = |seed| poll.run(&options(seed), sound()).0.sent;
    assert_eq!(sent(5), sent(5));
    assert_ne!(sent(5), sent(6));
}

#[test]
fn who_comes_late_or_twice_in_the_simulation_is_told() {
    let poll = Poll::new();
    let mut options = options(8);
    // Voter 1 comes after the cutoff.
    options.clients[1].at = CUTOFF * 2;
    let (nodes, clients) = poll.run(&options, sound());
    assert_eq!(consistent(&nodes, &clients, true), Ok(vec![0]));
    match &clients[1].how {
        Ended::Done(Err(e)) => assert!(matches!(e.exit(), 4 | 6), "{e}"),
        other => panic!("{other:?}"),
    }
    // Voter 1 presents voter 0's certificate: the second one is sent away, and the first one's vote counts.
    options.clients[1] = Caller { fingerprint: fingerprint(0), at: Duration::from_millis(100) };
    let (nodes, clients) = poll.run(&options, sound());
    assert_eq!(consistent(&nodes, &clients, true), Ok(vec![0]));
    match &clients[1].how {
        Ended::Done(Err(e)) => assert_eq!((e.exit(), e.to_string().contains("joined already")), (6, true), "{e}"),
        other => panic!("{other:?}"),
    }
}
