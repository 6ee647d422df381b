//! Faults that hide from one check, and are found by another: of frames that fit together, and yet are not right.
//!
//! Each control frame in turn gets a byte behind its body, and whatever its sender says of that body elsewhere is made to fit:
//! digests of greetings and lists, commitments. The frame's own reader must then refuse it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::sim::{Ended, Options, Place, Verdict};
use node::NodeError;
use wire::{HEADER, Header, Kind};

use crate::clients::{Poll, options as with_clients};
use crate::faults::Frames;
use crate::scenario::Case;

/// The first frame of a kind from one to another gets a byte behind it.
#[derive(Clone, Copy)]
struct Longer {
    kind: Kind,
    from: usize,
    to: usize,
}

impl Longer {
    fn is(&self, place: &Place) -> bool {
        (self.kind, self.from, self.to) == (place.header.kind, place.from, place.to)
    }
}

/// A sender that lengthens a frame, and says the same of it wherever it speaks of it.
#[derive(Default)]
struct Sly {
    targets: Vec<Longer>,
    /// How many of them were hit.
    hit: Arc<Mutex<usize>>,
    /// Digests of the greetings that nodes sent, by sender and receiver.
    greetings: [[[u8; 32]; 3]; 3],
    /// Of a target among `Keys`, what will be committed to.
    commitment: Option<[u8; 32]>,
}

impl Sly {
    fn frame(&mut self, place: &Place, bytes: &mut Vec<u8>) -> Verdict {
        let Place { from, to, header, .. } = *place;
        let target = self.targets.iter().position(|t| t.is(place)).map(|k| self.targets.remove(k));
        if target.is_some() {
            *self.hit.lock().unwrap() += 1;
            match header.kind {
                Kind::Members | Kind::Copies => {
                    let list = bytes.len() - 32;
                    bytes.truncate(list);
                    bytes.push(0);
                    let mut seal = blake3::Hasher::new_derive_key("mpcc 2026-11 list of clients");
                    seal.update(&self.greetings[from][to]).update(&bytes[HEADER..]);
                    bytes.extend_from_slice(seal.finalize().as_bytes());
                }
                _ => bytes.push(0),
            }
            let header = Header { length: header.length + 1, ..header };
            bytes[..HEADER].copy_from_slice(&header.encode());
        }
        match header.kind {
            Kind::Hello => self.greetings[from][to] = *blake3::hash(&bytes[HEADER..]).as_bytes(),
            Kind::Agree if target.is_none() => {
                bytes[HEADER + 32..HEADER + 64].copy_from_slice(&self.greetings[from][to]);
                if let (Some(commitment), Some(keys)) = (self.commitment, self.targets.first())
                    && (from, to) == (keys.from, keys.to)
                {
                    bytes[HEADER + 64..HEADER + 96].copy_from_slice(&commitment);
                }
            }
            _ => {}
        }
        Verdict::Deliver
    }
}

/// Commits to the longer body of the `Keys` frame from one to another, which a run of the same seed has sent.
fn committed(case: &Case, options: &Options, target: Longer) -> [u8; 32] {
    let frames = Arc::new(Mutex::new(Frames::new()));
    let seen = frames.clone();
    let record = move |place: &Place, bytes: &mut Vec<u8>| {
        if target.is(place) {
            seen.lock().unwrap().insert((place.from, place.to, 0), bytes[HEADER..].to_vec());
        }
        Verdict::Deliver
    };
    case.run(options, Box::new(record));
    let mut body = frames.lock().unwrap()[&(target.from, target.to, 0)].clone();
    body.push(0);
    blake3::derive_key("mpcc 2026-11 commitment to parts of secrets", &body)
}

/// What is said of an error, and whom it names.
fn says(e: &NodeError, what: &str, culprit: usize) -> Result<(), String> {
    let right = e.exit() == 5 && e.blame() == Some(culprit) && e.to_string().contains(what);
    if right { Ok(()) } else { Err(format!("exit {}, blames {:?}: {e}", e.exit(), e.blame())) }
}

#[test]
fn a_byte_behind_any_frame_between_nodes_is_refused_also_if_all_fits() {
    let case = Case::chain(4, 8, 5);
    // A small window, so that credit is given; and time for heartbeats.
    let slow = vec![Duration::from_millis(15)];
    let options = Options { window: 200, slow, ..Options::new(4) };
    // By kind, what its reader says, and whether all nodes say it: who is through already does not look any more.
    let table = [
        (Kind::Hello, "a greeting that cannot be read", true),
        (Kind::Agree, "an agreement that cannot be read", true),
        (Kind::Keys, "parts of secrets other than it committed to", true),
        (Kind::Heartbeat, "a heartbeat that cannot be read", false),
        (Kind::Credit, "a Credit frame of 1 bytes is longer than the 0 allowed", true),
        (Kind::Confirm, "a confirmation of another number of steps", false),
    ];
    for (kind, what, all) in table {
        // Products travel from node 2 to node 1, credit for them from node 1 to node 2.
        let to = if kind == Kind::Credit { 2 } else { 0 };
        let target = Longer { kind, from: 1, to };
        let commitment = (kind == Kind::Keys).then(|| committed(&case, &options, target));
        let hit = Arc::default();
        let mut sly = Sly { targets: vec![target], hit: Arc::clone(&hit), commitment, ..Sly::default() };
        let report = case.run(&options, Box::new(move |p: &Place, b: &mut Vec<u8>| sly.frame(p, b)));
        assert_eq!(*hit.lock().unwrap(), 1, "{kind:?} is sent");
        for (me, end) in report.ends.iter().enumerate().filter(|(me, _)| all || *me == to) {
            let Ended::Done(Err(e)) = &end.how else { panic!("{kind:?}, node {me}: {:?}", end.how) };
            says(e, what, 1).unwrap_or_else(|e| panic!("{kind:?}, node {me}: {e}"));
        }
    }
    // Node 1 has reason to stop, and says so with a byte too many.
    let targets = [(Kind::Agree, 2, 1), (Kind::Abort, 1, 0)].map(|(kind, from, to)| Longer { kind, from, to });
    let hit = Arc::default();
    let mut sly = Sly { targets: targets.to_vec(), hit: Arc::clone(&hit), ..Sly::default() };
    let report = case.run(&options, Box::new(move |p: &Place, b: &mut Vec<u8>| sly.frame(p, b)));
    assert_eq!(*hit.lock().unwrap(), 2);
    let Ended::Done(Err(e)) = &report.ends[0].how else { panic!("{:?}", report.ends[0].how) };
    says(e, "an abort that cannot be read", 1).unwrap_or_else(|e| panic!("{e}"));
}

/// Who refuses a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The nodes, who name its sender: nobody has a result.
    Nodes,
    /// The client that it is for names its sender; all others go on.
    Client,
    /// The node that it is for: the client that sent it is out and told so, all others go on.
    Node,
}

#[test]
fn a_byte_behind_any_frame_of_clients_is_refused_also_if_all_fits() {
    let poll = Poll::new();
    let (voter, owner) = (3, 5);
    let table = [
        (Kind::Members, 1, 0, By::Nodes, "a list of clients that cannot be read"),
        (Kind::Copies, 2, 1, By::Nodes, "a list of clients that cannot be read"),
        (Kind::Terms, 1, voter, By::Client, "terms that cannot be read"),
        (Kind::Answer, 2, owner, By::Client, "a longer answer than the program has"),
        (Kind::Confirm, 0, voter, By::Client, "results of another circuit"),
        (Kind::Heartbeat, 1, voter, By::Client, "a heartbeat that cannot be read"),
        (Kind::Join, voter, 1, By::Node, "its greeting cannot be read"),
        // Bytes that nobody asked for close the connection.
        (Kind::Input, voter, 2, By::Node, "its input did not arrive at all nodes"),
    ];
    for (kind, from, to, by, what) in table {
        let hit = Arc::default();
        let mut sly = Sly { targets: vec![Longer { kind, from, to }], hit: Arc::clone(&hit), ..Sly::default() };
        let (nodes, clients) = poll.run(&with_clients(3), Box::new(move |p: &Place, b: &mut Vec<u8>| sly.frame(p, b)));
        assert_eq!(*hit.lock().unwrap(), 1, "{kind:?} is sent");
        let ends = nodes.ends.iter().map(|e| done(&e.how)).chain(clients.iter().map(|e| done(&e.how)));
        for (who, end) in ends.enumerate() {
            let right = match (by, end) {
                (By::Nodes, Some(e)) => says(e, what, from),
                (By::Client, Some(e)) if who == to => says(e, what, from),
                (By::Node, Some(e)) if who == from && e.to_string().contains(what) => Ok(()),
                (By::Client, None) if who != to => Ok(()),
                (By::Node, None) if who != from => Ok(()),
                (_, end) => Err(format!("{end:?}")),
            };
            right.unwrap_or_else(|e| panic!("{kind:?}, participant {who}: {e}"));
        }
    }
    // Nodes have reason to stop, and one tells a client so with a byte too many.
    let targets = [(Kind::Members, 2, 0), (Kind::Abort, 0, voter)].map(|(kind, from, to)| Longer { kind, from, to });
    let hit = Arc::default();
    let mut sly = Sly { targets: targets.to_vec(), hit: Arc::clone(&hit), ..Sly::default() };
    let (_, clients) = poll.run(&with_clients(3), Box::new(move |p: &Place, b: &mut Vec<u8>| sly.frame(p, b)));
    assert_eq!(*hit.lock().unwrap(), 2);
    let e = done(&clients[0].how).expect("it has no result");
    says(e, "an abort that cannot be read", 0).unwrap_or_else(|e| panic!("{e}"));
}

/// Behind a client's greeting there are its sizes, none, and a nonce: it tells of this size instead.
fn claim(bytes: &mut Vec<u8>, header: Header, name: &str, value: u8) {
    let at = bytes.len() - 33;
    assert_eq!(bytes[at], 0, "a voter binds no size");
    let mut claims = vec![1, name.len() as u8];
    claims.extend_from_slice(name.as_bytes());
    claims.extend_from_slice(&[value, 1, b'x']);
    let header = Header { length: header.length + claims.len() as u32 - 1, ..header };
    bytes.splice(at..=at, claims);
    bytes[..HEADER].copy_from_slice(&header.encode());
}

#[test]
fn a_client_that_tells_nodes_different_sizes_is_out_and_the_others_go_on() {
    let poll = Poll::new();
    let voter = 3;
    // No node's view of it is wrong by itself: what one was told, the others were not. The second size is one that nothing binds.
    for (name, value, node) in [("N", 1, 0), ("N", 1, 1), ("N", 1, 2), ("M", 5, 1)] {
        let told = move |p: &Place, b: &mut Vec<u8>| {
            if (p.header.kind, p.from, p.to) == (Kind::Join, voter, node) {
                claim(b, p.header, name, value);
            }
            Verdict::Deliver
        };
        let (nodes, clients) = poll.run(&with_clients(3), Box::new(told));
        for (me, end) in nodes.ends.iter().enumerate() {
            assert!(done(&end.how).is_none(), "{name} at node {node}: node {me}: {:?}", done(&end.how));
            let Ended::Done(Ok(f)) = &end.how else { panic!("node {me}") };
            assert_eq!(f.sizes["N"], 1, "{name} at node {node}: node {me}");
        }
        let e = done(&clients[0].how).expect("it is not let in");
        assert_eq!((e.exit(), e.to_string().contains("the run is closed")), (6, true), "{e}");
        clients[1..].iter().for_each(|c| assert!(done(&c.how).is_none(), "{:?}", done(&c.how)));
    }
}

#[test]
fn who_has_all_confirmations_still_heeds_that_another_stopped() {
    let case = Case::chain(4, 3, 5);
    // Node 1 misses a confirmation and stops when its sender is gone; node 0, who is slow, finds its word together with the last
    // confirmation, which was under way for a while.
    let slow = vec![Duration::from_millis(100)];
    let options = Options { slow, ..Options::new(6) };
    let mut heeded = 0;
    for late in (0..120).step_by(4) {
        let stopped = Arc::new(Mutex::new(None));
        let told = stopped.clone();
        let faults = move |p: &Place, _: &mut Vec<u8>| match (p.header.kind, p.from, p.to) {
            (Kind::Confirm, 2, 1) => Verdict::Lose,
            (Kind::Confirm, 2, 0) => Verdict::Delay(Duration::from_millis(late)),
            (Kind::Abort, 1, 0) => {
                told.lock().unwrap().get_or_insert(p.at);
                Verdict::Deliver
            }
            _ => Verdict::Deliver,
        };
        let report = case.run(&options, Box::new(faults));
        let Some(stopped) = *stopped.lock().unwrap() else { continue };
        let end = &report.ends[0];
        // What node 1 said was there well before.
        if end.at > stopped + Duration::from_millis(20) {
            let Ended::Done(end) = &end.how else { panic!("late by {late} ms: {:?}", end.how) };
            let e = end
                .as_ref()
                .err()
                .unwrap_or_else(|| panic!("late by {late} ms: node 0 has a result, and node 1 has not"));
            assert_eq!((e.exit(), e.blame()), (4, Some(2)), "late by {late} ms: {e}");
            heeded += 1;
        }
    }
    assert!(heeded > 3, "{heeded}");
}

/// The error that a participant ended with.
fn done<T>(how: &Ended<Result<T, NodeError>>) -> Option<&NodeError> {
    match how {
        Ended::Done(Ok(_)) => None,
        Ended::Done(Err(e)) => Some(e),
        Ended::Killed => panic!("killed"),
        Ended::Stuck => panic!("it never ended"),
        Ended::Panicked(what) => panic!("{what}"),
    }
}
