//! The state of a simulation: clock, events to come, lines between nodes, whose turn it is. Does not know who asks for which
//! fault, or why.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::{Header, Kind, Order};

use super::{Faults, Options, Place, Verdict};
use crate::hub::{Closed, Frame, Hub};
use crate::links::{Counters, Links, Outgoing};
use crate::platform::{BeatBody, Clock, Platform, Virtual};

/// Why a node's thread is unwound.
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

struct Node {
    hub: Arc<Hub>,
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

impl Node {
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
}

enum Event {
    Bytes(usize, Vec<u8>),
    Close(usize, Closed),
    Beat(usize),
}

struct State {
    now: u64,
    rng: ChaCha8Rng,
    /// By time, and in order of making within it.
    events: BTreeMap<(u64, u64), Event>,
    made: u64,
    nodes: Vec<Node>,
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
    limit: u64,
}

/// Within so much time a thawed node goes on, and finds what came meanwhile: which of the two is first, is drawn.
const THAW: u64 = 100_000;

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl World {
    pub(super) fn new(options: &Options, faults: Box<dyn Faults>) -> (Arc<World>, Vec<Links>) {
        let n = options.nodes;
        let clock = Virtual::new();
        let hub = |_| Arc::new(Hub::new(n, options.window, Clock::Virtual(clock.clone())));
        let hubs: Vec<Arc<Hub>> = (0..n).map(hub).collect();
        let node = |me: usize| Node {
            hub: hubs[me].clone(),
            phase: Phase::Awake,
            not_before: 0,
            frozen_until: 0,
            deaf_until: 0,
            slow: options.slow.get(me).copied().map_or(0, nanos),
            doom: None,
            beat: None,
        };
        let line = |k: usize| Line {
            from: k / n,
            to: k % n,
            order: Order::new(),
            counters: Counters::default(),
            due: 0,
            stream: Vec::new(),
            held: None,
            dark: false,
            closed: false,
        };
        let state = State {
            now: 0,
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            events: BTreeMap::new(),
            made: 0,
            nodes: (0..n).map(node).collect(),
            lines: (0..n * n).map(line).collect(),
            faults,
            sent: Vec::new(),
            most_held: 0,
            turn: None,
        };
        let world = Arc::new(World {
            state: Mutex::new(state),
            turns: (0..n).map(|_| Condvar::new()).collect(),
            clock,
            latency: (nanos(options.latency.0), nanos(options.latency.1)),
            limit: nanos(options.limit),
        });
        let links = |me: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
            rng.set_stream(1 + me as u64);
            Links {
                me,
                hub: hubs[me].clone(),
                out: (0..n).map(|peer| if peer == me { Outgoing::Me } else { Outgoing::Sim }).collect(),
                platform: Platform::Sim(Box::new(Port { world: world.clone(), me, rng: Mutex::new(rng) })),
                connections: None,
            }
        };
        let links = (0..n).map(links).collect();
        (world, links)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the first turn.
    pub(super) fn start(&self) {
        let mut state = self.lock();
        self.pass(&mut state);
    }

    /// A node's thread is there: it waits for its first turn.
    pub(super) fn enter(&self, me: usize) {
        drop(self.await_turn(self.lock(), me));
    }

    /// A node's thread ends. When.
    pub(super) fn leave(&self, me: usize) -> Duration {
        let mut state = self.lock();
        state.nodes[me].phase = Phase::Ended;
        state.nodes[me].beat = None;
        let at = Duration::from_nanos(state.now);
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
        state.nodes[me].phase = phase;
        self.pass(&mut state);
        let mut state = self.await_turn(state, me);
        state.nodes[me].phase = Phase::Awake;
        self.obey(state, me);
    }

    /// Unwinds the thread of a node that is to end.
    fn obey(&self, state: MutexGuard<'_, State>, me: usize) {
        let doom = state.nodes[me].doom;
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
                state.nodes.iter().enumerate().filter_map(|(k, n)| Some((k, n.next_turn()?))).collect();
            let ready: Vec<usize> = turns.iter().filter(|(_, at)| *at <= state.now).map(|(k, _)| *k).collect();
            if !ready.is_empty() {
                let pick = state.draw(ready.len() as u64 - 1) as usize;
                return Some(ready[pick]);
            }
            let turn = turns.iter().map(|(_, at)| *at).min()?;
            let event = state.events.first_key_value().map(|((at, _), _)| *at);
            state.now = event.map_or(turn, |e| e.min(turn)).max(state.now);
            if state.now > self.limit {
                state.nodes.iter_mut().for_each(|n| n.doom = n.doom.or(Some(Doom::Stuck)));
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
        let node = match &event {
            Event::Bytes(line, _) | Event::Close(line, _) => state.lines[*line].to,
            Event::Beat(node) => *node,
        };
        let node = &state.nodes[node];
        if node.doom.is_some() {
            return;
        }
        if node.deaf_until > state.now {
            // All that waits for the node keeps its order.
            let at = node.deaf_until;
            state.at(at, event);
            return;
        }
        match event {
            Event::Beat(me) => {
                let Some((interval, body)) = state.nodes[me].beat.clone() else { return };
                state.at(state.now + interval, Event::Beat(me));
                for peer in (0..state.nodes.len()).filter(|p| *p != me) {
                    let body = body();
                    if let Ok(header) = Header::new(Kind::Heartbeat, 0, 0, body.len()) {
                        self.transmit(state, me, peer, header, body);
                    }
                }
            }
            Event::Close(line, why) => {
                let Line { from, to, .. } = state.lines[line];
                state.nodes[to].hub.close(from, why);
            }
            Event::Bytes(line, bytes) => {
                let Line { from, to, .. } = state.lines[line];
                let hub = state.nodes[to].hub.clone();
                let stream = &mut state.lines[line].stream;
                stream.extend(bytes);
                while let Some(head) = stream.first_chunk::<{ wire::HEADER }>() {
                    match Header::decode(head) {
                        Ok(header) => {
                            let end = wire::HEADER + header.length as usize;
                            if stream.len() < end {
                                hub.partial(from, stream.len() - wire::HEADER, header.length as usize);
                                break;
                            }
                            let body = stream[wire::HEADER..end].to_vec();
                            stream.drain(..end);
                            hub.arrive(from, Frame { header, body }, None);
                        }
                        Err(e) => {
                            hub.close(from, Closed::Frame(e));
                            stream.clear();
                        }
                    }
                }
                state.most_held = state.most_held.max(hub.held());
            }
        }
    }

    /// A frame leaves its sender.
    fn transmit(&self, state: &mut State, from: usize, to: usize, mut header: Header, body: Vec<u8>) {
        let k = from * state.nodes.len() + to;
        if state.nodes[from].doom.is_some() || state.lines[k].closed {
            return;
        }
        state.lines[k].order.stamp(&mut header);
        state.lines[k].counters.sent(&header);
        let mut bytes = header.encode().to_vec();
        bytes.extend(body);
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
                let back = to * state.nodes.len() + from;
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
                state.nodes[from].frozen_until = frozen;
                state.nodes[from].deaf_until = deaf;
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

    fn close_all(&self, state: &mut State, from: usize) {
        let n = state.nodes.len();
        for to in (0..n).filter(|to| *to != from) {
            self.close(state, from * n + to, Closed::Gone);
        }
    }

    fn kill(&self, state: &mut State, node: usize) {
        state.nodes[node].doom = Some(Doom::Killed);
        self.close_all(state, node);
    }
}

impl State {
    /// A number from 0 to `most`.
    fn draw(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { self.rng.next_u64() % (most + 1) }
    }

    fn at(&mut self, time: u64, event: Event) {
        self.made += 1;
        self.events.insert((time, self.made), event);
    }
}

/// A node's way into its world.
pub(crate) struct Port {
    world: Arc<World>,
    me: usize,
    rng: Mutex<ChaCha8Rng>,
}

impl Port {
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let mut state = self.world.lock();
        let until = state.now + nanos(timeout).min(self.world.limit);
        let rested = state.now + state.nodes[self.me].slow;
        state.nodes[self.me].not_before = rested;
        self.world.rest(state, self.me, Phase::Waiting { seen: Some(seen), until });
    }

    pub(crate) fn random(&self, out: &mut [u8]) {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
    }

    pub(crate) fn send(&self, peer: usize, header: Header, body: Vec<u8>) {
        let mut state = self.world.lock();
        self.world.transmit(&mut state, self.me, peer, header, body);
        let node = &state.nodes[self.me];
        if node.frozen_until > state.now && node.doom.is_none() {
            let until = node.frozen_until;
            self.world.rest(state, self.me, Phase::Waiting { seen: None, until });
        } else {
            self.world.obey(state, self.me);
        }
    }

    pub(crate) fn beat(&self, interval: Duration, body: BeatBody) {
        let mut state = self.world.lock();
        let interval = nanos(interval).max(1);
        state.nodes[self.me].beat = Some((interval, body));
        let at = state.now + interval;
        state.at(at, Event::Beat(self.me));
    }

    pub(crate) fn still(&self) {
        self.world.lock().nodes[self.me].beat = None;
    }

    pub(crate) fn counters(&self, peer: usize) -> Counters {
        let state = self.world.lock();
        state.lines[self.me * state.nodes.len() + peer].counters
    }

    /// Ends what this node sends. A node that dies has no say in how.
    pub(crate) fn close(&self) {
        let mut state = self.world.lock();
        if state.nodes[self.me].doom.is_none() {
            self.world.close_all(&mut state, self.me);
        }
    }
}
