//! The state of a simulation: clock, events to come, lines between nodes, whose turn it is. Does not know who asks for which
//! fault, or why.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::{Header, Kind, Order};
use zeroize::Zeroize;

use super::clients::{Desk, Inbox};
use super::{Faults, Options, Place, Verdict};
use crate::clients::{ClientLinks, Next, Outgoing as ToClient, Shared};
use crate::hub::{Closed, Frame, Hub};
use crate::links::{Counters, Links, Outgoing};
use crate::platform::{BeatBody, Clock, Platform, Virtual, fill};

/// Why the thread of a node or a client is unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    Killed,
    Stuck,
}

enum Phase {
    /// It runs, or has not begun.
    Awake,
    /// Until there is an event after `seen`, or the time has come.
    Waiting {
        seen: Option<u64>,
        until: u64,
    },
    Ended,
}

/// A node or a client.
pub(super) struct Participant {
    pub(super) hub: Arc<Hub>,
    pub(super) role: Role,
    phase: Phase,
    /// Earliest time of its next turn.
    not_before: u64,
    frozen_until: u64,
    /// What comes before then is found then.
    deaf_until: u64,
    slow: u64,
    doom: Option<Doom>,
    beat: Option<(u64, BeatBody)>,
}

/// What a participant has besides an inbox for frames of nodes.
pub(super) enum Role {
    /// Its links to clients.
    Node(Desk),
    Client(Inbox),
}

impl Participant {
    /// When it could have its next turn, if nothing else happens; `None` for never.
    fn next_turn(&self) -> Option<u64> {
        if self.doom.is_some() {
            return (!matches!(self.phase, Phase::Ended)).then_some(0);
        }
        let wake = match self.phase {
            Phase::Ended => return None,
            Phase::Awake => 0,
            Phase::Waiting { seen: Some(seen), .. } if self.hub.events() != seen => 0,
            Phase::Waiting { until, .. } => until,
        };
        Some(wake.max(self.not_before).max(self.frozen_until))
    }
}

/// One direction between two nodes.
struct Line {
    from: usize,
    to: usize,
    order: Order,
    counters: Counters,
    /// When the last frame so far arrives.
    due: u64,
    /// Bytes that came and are not yet a frame.
    stream: Vec<u8>,
    held: Option<Vec<u8>>,
    /// Nothing that is sent arrives.
    dark: bool,
    /// Nothing more is sent.
    closed: bool,
    /// What comes in on a client's connection is in this order.
    incoming: Order,
}

enum Event {
    Bytes(usize, Vec<u8>),
    Close(usize, Closed),
    /// A node's heartbeats to the others, and to its clients.
    Beat(usize),
    BeatClients(usize),
    /// A client connects, on this line.
    Come(usize),
}

pub(super) struct State {
    pub(super) now: u64,
    rng: ChaCha8Rng,
    /// By time, and in order of making within it.
    events: BTreeMap<(u64, u64), Event>,
    made: u64,
    /// Nodes, then clients.
    pub(super) all: Vec<Participant>,
    /// How many of them are nodes.
    pub(super) nodes: usize,
    lines: Vec<Line>,
    faults: Box<dyn Faults>,
    sent: Vec<Place>,
    most_held: u64,
    turn: Option<usize>,
}

/// See the module.
pub(super) struct World {
    state: Mutex<State>,
    turns: Vec<Condvar>,
    clock: Arc<Virtual>,
    latency: (u64, u64),
    pub(super) limit: u64,
    /// Between two heartbeats of a node to its clients.
    beat: u64,
    seed: u64,
    fresh: bool,
}

/// Within so much time a thawed node goes on, and finds what came meanwhile: which of the two is first, is drawn.
const THAW: u64 = 100_000;

pub(super) fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl World {
    pub(super) fn new(options: &Options, faults: Box<dyn Faults>) -> Arc<World> {
        let n = options.nodes;
        let count = n + options.clients.len();
        let clock = Virtual::new();
        let participant = |me: usize| {
            let client = me.checked_sub(n).map(|k| options.clients[k]);
            let peers = if client.is_some() { 0 } else { n };
            let hub = Arc::new(Hub::new(peers, options.window, Clock::Virtual(clock.clone())));
            Participant {
                role: match client {
                    Some(client) => Role::Client(Inbox::new(client.fingerprint)),
                    None => Role::Node(Desk::new(Shared::new(hub.clone()))),
                },
                hub,
                phase: Phase::Awake,
                not_before: client.map_or(0, |c| nanos(c.at)),
                frozen_until: 0,
                deaf_until: 0,
                slow: options.slow.get(me).copied().map_or(0, nanos),
                doom: None,
                beat: None,
            }
        };
        let line = |k: usize| Line {
            from: k / count,
            to: k % count,
            order: Order::new(),
            counters: Counters::default(),
            due: 0,
            stream: Vec::new(),
            held: None,
            dark: false,
            closed: false,
            incoming: Order::new(),
        };
        let mut state = State {
            now: 0,
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            events: BTreeMap::new(),
            made: 0,
            all: (0..count).map(participant).collect(),
            nodes: n,
            lines: (0..count * count).map(line).collect(),
            faults,
            sent: Vec::new(),
            most_held: 0,
            turn: None,
        };
        if count > n {
            (0..n).for_each(|me| state.at(nanos(options.beat), Event::BeatClients(me)));
        }
        Arc::new(World {
            state: Mutex::new(state),
            turns: (0..count).map(|_| Condvar::new()).collect(),
            clock,
            latency: (nanos(options.latency.0), nanos(options.latency.1)),
            limit: nanos(options.limit),
            beat: nanos(options.beat).max(1),
            seed: options.seed,
            fresh: options.fresh,
        })
    }

    pub(super) fn port(self: &Arc<Self>, me: usize) -> Port {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(1 + me as u64);
        Port { world: self.clone(), me, rng: Mutex::new(rng) }
    }

    /// What node `me` holds.
    pub(super) fn links(self: &Arc<Self>, me: usize) -> (Links, ClientLinks) {
        let state = self.lock();
        let out = |peer: usize| if peer == me { Outgoing::Me } else { Outgoing::Sim };
        let links = Links {
            me,
            hub: state.all[me].hub.clone(),
            out: (0..state.nodes).map(out).collect(),
            platform: Platform::Sim(Box::new(self.port(me))),
            connections: None,
        };
        let Role::Node(desk) = &state.all[me].role else { unreachable!("clients have no links to clients") };
        let clients = ClientLinks::simulated(desk.shared.clone(), self.port(me));
        (links, clients)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the first turn.
    pub(super) fn start(&self) {
        let mut state = self.lock();
        self.pass(&mut state);
    }

    /// A thread is there: it waits for its first turn.
    pub(super) fn enter(&self, me: usize) {
        drop(self.await_turn(self.lock(), me));
    }

    /// A thread ends. When.
    pub(super) fn leave(&self, me: usize) -> Duration {
        let mut state = self.lock();
        state.all[me].phase = Phase::Ended;
        state.all[me].beat = None;
        let at = Duration::from_nanos(state.now);
        // As a process does that ends.
        if state.all[me].doom.is_none() {
            self.close_all(&mut state, me);
        }
        self.pass(&mut state);
        at
    }

    pub(super) fn history(&self) -> (Vec<Place>, u64) {
        let mut state = self.lock();
        (std::mem::take(&mut state.sent), state.most_held)
    }

    fn await_turn<'a>(&'a self, mut state: MutexGuard<'a, State>, me: usize) -> MutexGuard<'a, State> {
        while state.turn != Some(me) {
            state = self.turns[me].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Waits with the turn handed on; unwinds if the node is to end.
    fn rest(&self, mut state: MutexGuard<'_, State>, me: usize, phase: Phase) {
        state.all[me].phase = phase;
        self.pass(&mut state);
        let mut state = self.await_turn(state, me);
        state.all[me].phase = Phase::Awake;
        self.obey(state, me);
    }

    /// Unwinds the thread of a node that is to end.
    fn obey(&self, state: MutexGuard<'_, State>, me: usize) {
        let doom = state.all[me].doom;
        drop(state);
        if let Some(doom) = doom {
            // Without the panic hook: nothing is wrong.
            resume_unwind(Box::new(doom));
        }
    }

    fn pass(&self, state: &mut State) {
        state.turn = self.next(state);
        if let Some(k) = state.turn {
            self.turns[k].notify_all();
        }
    }

    /// Who is next, with the clock moved to then; `None` when all have ended.
    fn next(&self, state: &mut State) -> Option<usize> {
        loop {
            let turns: Vec<(usize, u64)> =
                state.all.iter().enumerate().filter_map(|(k, n)| Some((k, n.next_turn()?))).collect();
            let ready: Vec<usize> = turns.iter().filter(|(_, at)| *at <= state.now).map(|(k, _)| *k).collect();
            if !ready.is_empty() {
                let pick = state.draw(ready.len() as u64 - 1) as usize;
                return Some(ready[pick]);
            }
            let turn = turns.iter().map(|(_, at)| *at).min()?;
            let event = state.events.first_key_value().map(|((at, _), _)| *at);
            state.now = event.map_or(turn, |e| e.min(turn)).max(state.now);
            if state.now > self.limit {
                state.all.iter_mut().for_each(|n| n.doom = n.doom.or(Some(Doom::Stuck)));
                continue;
            }
            self.clock.set(state.now);
            if event.is_some_and(|at| at <= state.now)
                && let Some((_, event)) = state.events.pop_first()
            {
                self.happen(state, event);
            }
        }
    }

    fn happen(&self, state: &mut State, event: Event) {
        let who = match &event {
            Event::Bytes(line, _) | Event::Close(line, _) | Event::Come(line) => state.lines[*line].to,
            Event::Beat(node) | Event::BeatClients(node) => *node,
        };
        let participant = &state.all[who];
        if participant.doom.is_some() {
            return;
        }
        if participant.deaf_until > state.now {
            // All that waits for it keeps its order.
            let at = participant.deaf_until;
            state.at(at, event);
            return;
        }
        match event {
            Event::Beat(me) => {
                let Some((interval, body)) = state.all[me].beat.clone() else { return };
                state.at(state.now + interval, Event::Beat(me));
                for peer in (0..state.nodes).filter(|p| *p != me) {
                    let body = body();
                    if let Ok(header) = Header::new(Kind::Heartbeat, 0, 0, body.len()) {
                        self.transmit(state, me, peer, header, body);
                    }
                }
            }
            Event::BeatClients(me) => {
                let shared = state.desk(me).map(|d| d.shared.clone());
                if let Some(shared) = shared.filter(|s| !s.closed())
                    && !matches!(state.all[me].phase, Phase::Ended)
                {
                    shared.beat();
                    self.flush(state, me);
                    state.at(state.now + self.beat, Event::BeatClients(me));
                }
            }
            Event::Come(line) => {
                let Line { from, to, .. } = state.lines[line];
                let ended = matches!(state.all[to].phase, Phase::Ended);
                let Role::Client(Inbox { fingerprint, .. }) = state.all[from].role else { return };
                let caller =
                    state.desk(to).filter(|d| !ended && !d.shared.closed()).and_then(|d| d.enter(from, fingerprint));
                if caller.is_none() {
                    let back = state.line(to, from);
                    self.close(state, back, Closed::Gone);
                }
            }
            Event::Close(line, why) => {
                let Line { from, to, .. } = state.lines[line];
                self.closed(state, from, to, why);
            }
            Event::Bytes(line, mut bytes) => {
                let Line { from, to, .. } = state.lines[line];
                state.lines[line].stream.extend_from_slice(&bytes);
                // It may be keys, which are to be nowhere but at the nodes.
                bytes.zeroize();
                self.read(state, line, from, to);
                if state.lines[line].stream.is_empty() {
                    state.lines[line].stream.zeroize();
                }
                let held = state.all[to].hub.held();
                state.most_held = state.most_held.max(held);
            }
        }
    }

    /// `to` finds that nothing more comes from `from`.
    fn closed(&self, state: &mut State, from: usize, to: usize, why: Closed) {
        let hub = state.all[to].hub.clone();
        match &mut state.all[to].role {
            Role::Node(_) if from < state.nodes => hub.close(from, why),
            Role::Node(desk) => {
                if let Some(caller) = desk.leave(from) {
                    desk.shared.end(caller, why);
                }
                self.flush(state, to);
            }
            Role::Client(inbox) => {
                inbox.close(from, why);
                hub.poke();
            }
        }
    }

    /// Takes in what is whole of what came on a line.
    fn read(&self, state: &mut State, line: usize, from: usize, to: usize) {
        loop {
            let stream = &mut state.lines[line].stream;
            let Some(head) = stream.first_chunk::<{ wire::HEADER }>() else { return };
            let header = match Header::decode(head) {
                Ok(header) => header,
                Err(e) => {
                    stream.clear();
                    return self.closed(state, from, to, Closed::Frame(e));
                }
            };
            let among_nodes = from < state.nodes && to < state.nodes;
            let end = wire::HEADER + header.length as usize;
            if stream.len() < end {
                if among_nodes {
                    let got = stream.len() - wire::HEADER;
                    state.all[to].hub.partial(from, got, header.length as usize);
                }
                return;
            }
            let body = stream[wire::HEADER..end].to_vec();
            stream.drain(..end);
            let frame = Frame { header, body };
            let hub = state.all[to].hub.clone();
            if among_nodes {
                hub.arrive(from, frame, None);
                continue;
            }
            let checked = state.lines[line].incoming.check(&header).map_err(Closed::Frame);
            let taken = match &mut state.all[to].role {
                Role::Node(desk) => {
                    // What comes after its end is nobody's.
                    let Some(caller) = desk.caller(from) else { continue };
                    let may = checked.and_then(|()| desk.shared.check(caller, &header));
                    may.map(|()| {
                        if desk.shared.take(caller, frame) == Next::Away {
                            desk.leave(from);
                        }
                    })
                }
                Role::Client(inbox) => checked.map(|()| {
                    inbox.frame(from, frame);
                    hub.poke();
                }),
            };
            match taken {
                Ok(()) => self.flush(state, to),
                Err(why) => {
                    state.lines[line].stream.clear();
                    return self.closed(state, from, to, why);
                }
            }
        }
    }

    /// Sends what a node has queued for its clients.
    pub(super) fn flush(&self, state: &mut State, me: usize) {
        let Some(desk) = state.desk(me) else { return };
        let shared = desk.shared.clone();
        for (client, caller) in desk.writing() {
            loop {
                match shared.outgoing(caller) {
                    ToClient::Frame(kind, body) => {
                        shared.sent(kind, body.len());
                        if let Ok(header) = Header::new(kind, 0, 0, body.len()) {
                            self.transmit(state, me, client, header, body);
                        }
                    }
                    ToClient::End => {
                        shared.written(caller);
                        if let Some(desk) = state.desk(me) {
                            desk.written(client);
                        }
                        let line = state.line(me, client);
                        self.close(state, line, Closed::Gone);
                        break;
                    }
                    ToClient::Nothing => break,
                }
            }
        }
    }

    /// A client's connections begin.
    pub(super) fn connect(&self, state: &mut State, client: usize) {
        for node in 0..state.nodes {
            let line = state.line(client, node);
            let at = self.arrival(state, line);
            state.lines[line].due = at;
            state.at(at, Event::Come(line));
        }
    }

    /// A frame leaves its sender.
    pub(super) fn transmit(&self, state: &mut State, from: usize, to: usize, mut header: Header, mut body: Vec<u8>) {
        let k = state.line(from, to);
        if state.all[from].doom.is_some() || state.lines[k].closed {
            return;
        }
        state.lines[k].order.stamp(&mut header);
        state.lines[k].counters.sent(&header);
        let mut bytes = Vec::with_capacity(wire::HEADER + body.len());
        bytes.extend_from_slice(&header.encode());
        bytes.extend_from_slice(&body);
        if header.kind == Kind::Keys {
            body.zeroize();
        }
        let place = Place { from, to, header, at: Duration::from_nanos(state.now) };
        state.sent.push(place);
        match state.faults.frame(&place, &mut bytes) {
            Verdict::Deliver => self.post(state, k, bytes, 0),
            Verdict::Lose => {}
            Verdict::Hole => state.lines[k].dark = true,
            Verdict::Delay(d) => self.post(state, k, bytes, nanos(d)),
            Verdict::Twice => {
                self.post(state, k, bytes.clone(), 0);
                self.post(state, k, bytes, 0);
            }
            Verdict::Behind => state.lines[k].held = Some(bytes),
            Verdict::Break => self.close(state, k, Closed::Broken("a record was changed on its way".into())),
            Verdict::Cut => {
                self.close(state, k, Closed::Broken("it was cut".into()));
                let back = state.line(to, from);
                self.close(state, back, Closed::Broken("it was cut".into()));
            }
            Verdict::KillBefore => self.kill(state, from),
            Verdict::KillAfter => {
                self.post(state, k, bytes, 0);
                self.kill(state, from);
            }
            Verdict::Freeze(d) => {
                self.post(state, k, bytes, 0);
                let until = state.now + nanos(d);
                let (frozen, deaf) = (until + state.draw(THAW), until + state.draw(THAW));
                state.all[from].frozen_until = frozen;
                state.all[from].deaf_until = deaf;
            }
        }
    }

    fn post(&self, state: &mut State, line: usize, bytes: Vec<u8>, extra: u64) {
        let at = self.arrival(state, line) + extra;
        let l = &mut state.lines[line];
        l.due = at;
        let held = l.held.take();
        if !l.dark {
            state.at(at, Event::Bytes(line, bytes));
            if let Some(held) = held {
                state.at(at, Event::Bytes(line, held));
            }
        }
    }

    /// When what is sent now on a line is there.
    fn arrival(&self, state: &mut State, line: usize) -> u64 {
        let (least, most) = self.latency;
        let late = least + state.draw(most.saturating_sub(least));
        state.lines[line].due.max(state.now + late)
    }

    /// The receiver of a line finds it closed, after what is under way.
    fn close(&self, state: &mut State, line: usize, why: Closed) {
        let at = self.arrival(state, line);
        let l = &mut state.lines[line];
        if !std::mem::replace(&mut l.closed, true) && !l.dark {
            let held = l.held.take();
            if let Some(held) = held {
                state.at(at, Event::Bytes(line, held));
            }
            state.at(at, Event::Close(line, why));
        }
    }

    pub(super) fn close_all(&self, state: &mut State, from: usize) {
        // Clients have no links to one another.
        let nodes = state.nodes;
        for to in (0..state.all.len()).filter(|to| *to != from && (*to < nodes || from < nodes)) {
            let line = state.line(from, to);
            self.close(state, line, Closed::Gone);
        }
    }

    fn kill(&self, state: &mut State, node: usize) {
        state.all[node].doom = Some(Doom::Killed);
        self.close_all(state, node);
    }
}

impl State {
    fn line(&self, from: usize, to: usize) -> usize {
        from * self.all.len() + to
    }

    /// A node's links to clients.
    fn desk(&mut self, node: usize) -> Option<&mut Desk> {
        match &mut self.all[node].role {
            Role::Node(desk) => Some(desk),
            Role::Client(_) => None,
        }
    }

    /// A number from 0 to `most`.
    fn draw(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { self.rng.next_u64() % (most + 1) }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.events.insert((time, self.made), event);
    }
}

/// The way of a node or a client into its world.
pub(crate) struct Port {
    pub(super) world: Arc<World>,
    pub(super) me: usize,
    rng: Mutex<ChaCha8Rng>,
}

impl Port {
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let mut state = self.world.lock();
        let until = state.now.saturating_add(nanos(timeout).min(self.world.limit));
        let rested = state.now + state.all[self.me].slow;
        state.all[self.me].not_before = rested;
        self.world.rest(state, self.me, Phase::Waiting { seen: Some(seen), until });
    }

    pub(crate) fn random(&self, out: &mut [u8]) {
        match self.world.fresh {
            // What a system without randomness would do is not simulated.
            true => fill(out).expect("the system gives randomness"),
            false => self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Clock::Virtual(self.world.clock.clone()).now()
    }

    pub(crate) fn send(&self, peer: usize, header: Header, body: Vec<u8>) {
        let mut state = self.world.lock();
        self.world.transmit(&mut state, self.me, peer, header, body);
        self.after(state);
    }

    /// Sends what this node has queued for its clients.
    pub(crate) fn flush(&self) {
        let mut state = self.world.lock();
        self.world.flush(&mut state, self.me);
        self.after(state);
    }

    /// What a fault of a message that was sent does to its sender.
    fn after(&self, state: MutexGuard<'_, State>) {
        let own = &state.all[self.me];
        if own.frozen_until > state.now && own.doom.is_none() {
            let until = own.frozen_until;
            self.world.rest(state, self.me, Phase::Waiting { seen: None, until });
        } else {
            self.world.obey(state, self.me);
        }
    }

    pub(crate) fn beat(&self, interval: Duration, body: BeatBody) {
        let mut state = self.world.lock();
        let interval = nanos(interval).max(1);
        state.all[self.me].beat = Some((interval, body));
        let at = state.now + interval;
        state.at(at, Event::Beat(self.me));
    }

    pub(crate) fn still(&self) {
        self.world.lock().all[self.me].beat = None;
    }

    pub(crate) fn counters(&self, peer: usize) -> Counters {
        let state = self.world.lock();
        state.lines[state.line(self.me, peer)].counters
    }

    /// Ends what it sends to nodes, and of a client all. One that dies has no say in how.
    pub(crate) fn close(&self) {
        let mut state = self.world.lock();
        if state.all[self.me].doom.is_none() {
            for to in (0..state.nodes).filter(|to| *to != self.me) {
                let line = state.line(self.me, to);
                self.world.close(&mut state, line, Closed::Gone);
            }
        }
    }
}
