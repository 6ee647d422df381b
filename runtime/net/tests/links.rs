//! Both transports keep order, bound what waits, count what travels, and name what goes wrong.

use std::cell::Cell;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use net::memory;
use net::tcp::{self, ConnectError, Peer};
use net::tls::Identity;
use net::{Call, Closed, Links, Profile, Stop};
use wire::{Header, Kind, WireError};

const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// What there was when a wait of this thread last ended without an event: node, events, bytes that wait.
    static QUIET: Cell<Option<(usize, u64, u64)>> = const { Cell::new(None) };
}

/// Waits for an event after `seen`. None for so long means that what a test waits for never comes: it fails, and does not hang.
fn event(links: &Links, seen: u64) {
    links.wait(seen, PATIENCE);
    let now = Some((links.me(), links.events(), links.held()));
    if links.events() != seen {
        return QUIET.set(None);
    }
    // A frame that an emulated network held back is there without one, and is taken before the next wait.
    let due = links.peers().any(|p| links.pending(p)) && QUIET.replace(now) != now;
    assert!(due, "nothing comes at node {}", links.me());
}

/// The next frame, waiting for it.
fn next(links: &Links, peer: usize) -> Result<(Header, Vec<u8>), Closed> {
    loop {
        let seen = links.events();
        if let Some(f) = links.receive(peer, |_| true) {
            links.grant(peer);
            return Ok((f.header, f.body));
        }
        if let Some(c) = links.closed(peer) {
            return Err(c);
        }
        event(links, seen);
    }
}

/// Waits for what events bring about.
fn until(links: &Links, there: impl Fn() -> bool) {
    loop {
        let seen = links.events();
        if there() {
            return;
        }
        event(links, seen);
    }
}

/// The certificate of node k.
fn id(k: usize) -> Identity {
    Identity::generate(&format!("node{k}")).unwrap().0
}

fn connect(
    me: usize,
    peers: &[Peer],
    identity: &Identity,
    listener: TcpListener,
    wait: Duration,
) -> Result<Links, ConnectError> {
    tcp::connect(Call {
        clients: &[],
        me,
        peers,
        identity,
        listener,
        wait,
        build: "test",
        stop: &Stop::default(),
        note: &|_| {},
        farewell: &|e| e.to_string().into_bytes(),
    })
}

fn tcp_links(n: usize) -> Vec<Links> {
    let ids: Vec<Identity> = (0..n).map(id).collect();
    let (listeners, peers) = addresses(&ids);
    std::thread::scope(|s| {
        let peers = &peers;
        let made: Vec<_> = ids
            .iter()
            .zip(listeners)
            .enumerate()
            .map(|(me, (id, l))| s.spawn(move || connect(me, peers, id, l, PATIENCE).unwrap()))
            .collect();
        made.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

fn addresses(ids: &[Identity]) -> (Vec<TcpListener>, Vec<Peer>) {
    let listeners: Vec<TcpListener> = ids.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let peers = ids
        .iter()
        .zip(&listeners)
        .enumerate()
        .map(|(i, (id, l))| Peer {
            name: format!("node{i}"),
            address: l.local_addr().unwrap().to_string(),
            fingerprints: vec![id.fingerprint()],
        })
        .collect();
    (listeners, peers)
}

/// Every node sends `count` payload frames to every other, as room allows, and checks what comes.
fn storm(all: Vec<Links>, count: usize, window: u64) {
    std::thread::scope(|s| {
        for links in all {
            s.spawn(move || {
                let peers: Vec<usize> = links.peers().collect();
                let mut sent = vec![0; links.nodes()];
                let mut got = vec![0; links.nodes()];
                let mut bytes = vec![0u64; links.nodes()];
                while peers.iter().any(|p| sent[*p] < count || got[*p] < count) {
                    let seen = links.events();
                    let mut did = false;
                    for &p in &peers {
                        while sent[p] < count && links.room(p) >= sent[p] * 7919 % 300_000 {
                            let mut body = links.buffer(p);
                            assert!(body.is_empty());
                            body.resize(sent[p] * 7919 % 300_000, sent[p] as u8);
                            links.send(p, Kind::Payload, 5, sent[p] as u64, body).unwrap();
                            sent[p] += 1;
                            did = true;
                        }
                        while let Some(f) = links.receive(p, |h| h.kind == Kind::Payload) {
                            assert_eq!(f.header.step, got[p] as u64);
                            assert_eq!(f.body.len(), got[p] * 7919 % 300_000);
                            assert!(f.body.iter().all(|b| *b == got[p] as u8));
                            bytes[p] += f.body.len() as u64;
                            got[p] += 1;
                            links.recycle(p, f.body);
                            links.grant(p);
                            did = true;
                        }
                        assert!(links.closed(p).is_none() || got[p] == count);
                    }
                    if !did {
                        event(&links, seen);
                    }
                }
                for &p in &peers {
                    let c = links.counters(p);
                    assert_eq!(c.payload_received, bytes[p]);
                    links.send(p, Kind::Confirm, 5, 0, vec![1, 2, 3]).unwrap();
                }
                for &p in &peers {
                    assert_eq!(next(&links, p).unwrap().1, [1, 2, 3]);
                    let c = links.counters(p);
                    assert_eq!((c.payload_sent, c.payload_received), (bytes[p], bytes[p]));
                    // A credit for each half window that the peer has taken of what this node sent.
                    let credits = (bytes[p] + 32 * count as u64) / (window / 2);
                    assert_eq!(c.overhead_received, 32 * (count as u64 + 1 + credits) + 3);
                }
                links.close(PATIENCE);
            });
        }
    });
}

#[test]
fn memory_keeps_order_under_pressure() {
    storm(memory::links(3, None), 300, wire::WINDOW);
}

#[test]
fn an_emulated_network_keeps_order() {
    let fast = Profile::parse("rtt=2ms,bw=50gbit").unwrap();
    storm(memory::links(3, Some(fast)), 40, 2 * fast.in_flight() as u64);
}

#[test]
fn tcp_keeps_order_under_pressure() {
    storm(tcp_links(3), 200, wire::WINDOW);
}

#[test]
fn a_slow_reader_bounds_what_is_sent() {
    for links in [memory::links(2, None), tcp_links(2)] {
        let [zero, one] = &links[..] else { panic!("two nodes") };
        let megabyte = || vec![0; wire::MAX_PAYLOAD as usize];
        let mut sent = 0;
        while zero.room(1) >= wire::MAX_PAYLOAD as usize {
            zero.send(1, Kind::Payload, 0, 0, megabyte()).unwrap();
            sent += 1;
        }
        assert_eq!(sent, wire::WINDOW / u64::from(wire::MAX_PAYLOAD) - 1, "headers count too");
        assert_eq!(zero.send(1, Kind::Payload, 0, 0, megabyte()), Err(WireError::Window(Kind::Payload)));
        // All else gets through.
        zero.send(1, Kind::Abort, 0, 0, b"stop".to_vec()).unwrap();
        until(one, || one.abort(0).is_some());
        for _ in 0..sent {
            next(one, 0).unwrap();
        }
        until(zero, || zero.room(1) >= wire::MAX_PAYLOAD as usize);
    }
}

#[test]
fn payload_beyond_the_window_closes_the_link() {
    // The same node without its own bookkeeping: what it sends is beyond what the other gave.
    let (window, length) = (1000, 600);
    let options = net::sim::Options { nodes: 2, window, ..net::sim::Options::new(1) };
    let twice = |place: &net::sim::Place, bytes: &mut Vec<u8>| {
        if place.header.kind == Kind::Payload {
            let header = Header { sequence: place.header.sequence + 1, ..place.header };
            let more = [&header.encode()[..], &bytes[wire::HEADER..]].concat();
            bytes.extend(more);
        }
        net::sim::Verdict::Deliver
    };
    let report = net::sim::run(&options, Box::new(twice), |links| match links.me() {
        0 => {
            links.send(1, Kind::Payload, 0, 0, vec![0; length]).unwrap();
            None
        }
        _ => {
            links.wait(links.events(), PATIENCE);
            assert!(links.held() <= window + length as u64 + 32);
            links.receive(0, |_| true);
            // The first is taken and half a window granted: not enough for both, for they came at once.
            links.closed(0).or_else(|| {
                links.receive(0, |_| true);
                links.closed(0)
            })
        }
    });
    let net::sim::Ended::Done(closed) = &report.ends[1].how else { panic!("{report:?}") };
    assert_eq!(*closed, Some(Closed::Frame(WireError::Window(Kind::Payload))));
}

#[test]
fn emulation_delays_by_half_a_round_trip_and_by_size() {
    let p = Profile::parse("rtt=40ms,bw=8mbit").unwrap();
    let links = memory::links(2, Some(p));
    let start = Instant::now();
    links[0].send(1, Kind::Payload, 0, 0, vec![0; 20_000]).unwrap();
    assert!(links[1].receive(0, |_| true).is_none());
    next(&links[1], 0).unwrap();
    // A lower bound holds on any machine, however loaded.
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[test]
fn heartbeats_and_aborts_do_not_queue() {
    let links = memory::links(2, None);
    for i in 0..1000u16 {
        links[0].send(1, Kind::Heartbeat, 0, 0, i.to_le_bytes().to_vec()).unwrap();
    }
    links[0].send(1, Kind::Payload, 0, 3, vec![9]).unwrap();
    links[0].send(1, Kind::Abort, 0, 0, b"stop".to_vec()).unwrap();
    assert_eq!(links[1].heartbeat(0).unwrap(), 999u16.to_le_bytes());
    assert_eq!(links[1].abort(0).unwrap(), b"stop");
    assert_eq!(next(&links[1], 0).unwrap().0.step, 3);
    assert!(!links[1].pending(0));
}

#[test]
fn a_dropped_node_is_seen_after_what_it_said() {
    for mut links in [memory::links(2, None), tcp_links(2)] {
        let one = links.pop().unwrap();
        let zero = links.pop().unwrap();
        one.send(0, Kind::Payload, 0, 7, vec![1]).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| one.close(Duration::from_millis(500)));
            assert_eq!(next(&zero, 1).unwrap().0.step, 7);
            assert_eq!(next(&zero, 1), Err(Closed::Gone));
        });
    }
}

#[test]
fn credit_for_what_was_never_sent_closes_the_link() {
    for links in [memory::links(2, None), tcp_links(2)] {
        links[0].send(1, Kind::Credit, 0, 0, Vec::new()).unwrap();
        assert_eq!(next(&links[1], 0), Err(Closed::Frame(wire::WireError::Window(Kind::Credit))));
    }
}

#[test]
fn a_wrong_certificate_is_refused_by_both_ends() {
    let ids: Vec<Identity> = (0..2).map(id).collect();
    let stranger = id(0);
    // The connecting side meets a server that is not the pinned one.
    let (mut listeners, mut peers) = addresses(&ids);
    let pinned = std::mem::replace(&mut peers[0].fingerprints, vec![stranger.fingerprint()]);
    let zero = listeners.remove(0);
    std::thread::scope(|s| {
        let (id, peers) = (&ids[0], &peers);
        s.spawn(move || connect(0, peers, id, zero, Duration::from_millis(300)).unwrap_err());
        let e = connect(1, peers, &ids[1], listeners.remove(0), PATIENCE).unwrap_err();
        assert!(matches!(&e, ConnectError::Identity { peer: 0, .. }), "{e}");
        assert!(e.to_string().contains("not pinned"), "{e}");
    });
    // The listening side meets a client that is not the pinned one.
    peers[0].fingerprints = pinned;
    let (mut listeners, fresh) = addresses(&ids);
    std::thread::scope(|s| {
        let (l1, l0) = (listeners.pop().unwrap(), listeners.pop().unwrap());
        let fresh = &fresh;
        let stranger = &stranger;
        let one = s.spawn(move || connect(1, fresh, stranger, l1, Duration::from_millis(500)));
        let e = connect(0, fresh, &ids[0], l0, Duration::from_millis(500)).unwrap_err();
        assert!(matches!(&e, ConnectError::Absent { peer: 1, .. }), "{e}");
        assert!(e.to_string().contains("not pinned"), "{e}");
        let e = one.join().unwrap().unwrap_err();
        assert!(matches!(&e, ConnectError::Refused { peer: 0, .. }), "{e}");
        assert!(e.to_string().contains("not pinned"), "{e}");
    });
}

#[test]
fn strangers_at_the_door_do_not_stop_the_session() {
    let ids: Vec<Identity> = (0..2).map(id).collect();
    let (mut listeners, peers) = addresses(&ids);
    let mut probe = std::net::TcpStream::connect(&peers[0].address).unwrap();
    std::io::Write::write_all(&mut probe, b"GET / HTTP/1.0\r\n\r\n").unwrap();
    std::thread::scope(|s| {
        let l1 = listeners.pop().unwrap();
        let (ids, peers) = (&ids, &peers);
        let one = s.spawn(move || connect(1, peers, &ids[1], l1, PATIENCE).unwrap());
        let zero = connect(0, peers, &ids[0], listeners.pop().unwrap(), PATIENCE).unwrap();
        let one = one.join().unwrap();
        zero.send(1, Kind::Hello, 0, 0, vec![4]).unwrap();
        assert_eq!(next(&one, 0).unwrap().1, [4]);
    });
}

#[test]
fn a_missing_node_is_named() {
    let ids: Vec<Identity> = (0..2).map(id).collect();
    let (listeners, peers) = addresses(&ids);
    let mut listeners = listeners.into_iter();
    let e = connect(0, &peers, &ids[0], listeners.next().unwrap(), Duration::from_millis(30)).unwrap_err();
    assert!(matches!(e, ConnectError::Absent { peer: 1, .. }));
}
