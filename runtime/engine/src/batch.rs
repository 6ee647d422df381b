//! One interactive gate under way: operands, results that fill up, and where its messages lie in memory.
//!
//! A batch computes in chunks of about 256 KiB of message; what is computed can be sent while the rest is not. Bytes that
//! arrive go straight into the results. Message sizes follow from the results' layout; a peer has no say in them. Knows no
//! schedule.

mod finish;

use std::sync::Arc;

use circuit::{Column, Elem};
use field::{Ring, bits, matrix, ring};
use proto::rep3::{self, next, previous};
use proto::{Draw, Layout, SessionKeys};

use finish::Finish;
pub(crate) use finish::{pick, select};

use crate::Fault;
use crate::place::Seat;
use crate::value::{Value, Word, by_ring, bytes, bytes_mut, column_bits, internal, to_planes, to_ring, zeros};

/// Bytes of message per chunk of work.
const CHUNK: usize = 256 << 10;

/// A message of a batch to or from one peer: part of the batch's bytes of a round.
pub(crate) struct Segment {
    pub peer: usize,
    pub layout: Layout,
    source: Source,
    /// Bytes that are computed (of outgoing ones).
    pub ready: usize,
}

enum Source {
    /// A result under way.
    Buffer(usize),
    /// Component `b` of an operand.
    Operand(Arc<Value>),
}

/// A batch.
pub(crate) struct Batch {
    work: Work,
    /// Results under way; planes are columns of 64-bit words.
    buffers: Vec<Column>,
    pub outgoing: Vec<Segment>,
    pub incoming: Vec<Segment>,
    finish: Finish,
    busy: bool,
}

/// What remains to be computed.
enum Work {
    Nothing,
    Mul {
        x: Arc<Value>,
        y: Arc<Value>,
        draw: Draw,
        at: usize,
        bits: u32,
    },
    Dot {
        x: Arc<Value>,
        y: Arc<Value>,
        draw: Draw,
        at: usize,
        bits: u32,
        group: usize,
        part: usize,
    },
    MatMul {
        x: Arc<Value>,
        y: Arc<Value>,
        draw: Draw,
        at: usize,
        bits: u32,
        shape: Shape,
        sum: Column,
    },
    And {
        x: Arc<Value>,
        y: Arc<Value>,
        draw: Draw,
        at: usize,
        lanes: usize,
    },
    /// Input of words: the dealer, its value.
    DealWords {
        dealer: usize,
        value: Option<Arc<Value>>,
        draw: Draw,
        bits: u32,
        at: usize,
    },
    /// Input of planes.
    DealPlanes {
        dealer: usize,
        value: Option<Vec<u64>>,
        draw: Draw,
        lanes: usize,
        at: usize,
    },
    /// Conversions, a third at a time.
    A2b {
        x: Arc<Value>,
        draws: [Option<Draw>; 3],
        bits: u32,
        neg: bool,
        planes: usize,
        lanes: usize,
    },
    /// Of a bit, or of words that are moved right by `places`.
    TwoWords {
        x: Arc<Value>,
        draws: [Option<Draw>; 3],
        bits: u32,
        places: Option<u32>,
        lanes: usize,
    },
    /// Inputs of a family: one dense batch per node.
    Family(Vec<Batch>),
}

#[derive(Clone, Copy)]
struct Shape {
    m: usize,
    k: usize,
    n: usize,
}

impl Batch {
    fn new(work: Work, buffers: Vec<Column>, finish: Finish) -> Batch {
        let busy = !matches!(work, Work::Nothing);
        Batch { work, buffers, outgoing: vec![], incoming: vec![], finish, busy }
    }

    fn send(&mut self, peer: usize, buffer: usize, layout: Layout) {
        if !layout.is_empty() {
            self.outgoing.push(Segment { peer, layout, source: Source::Buffer(buffer), ready: 0 });
        }
    }

    fn send_operand(&mut self, peer: usize, x: &Arc<Value>, layout: Layout) {
        if !layout.is_empty() {
            self.outgoing.push(Segment { peer, layout, source: Source::Operand(x.clone()), ready: layout.len() });
        }
    }

    fn receive(&mut self, peer: usize, buffer: usize, layout: Layout) {
        if !layout.is_empty() {
            self.incoming.push(Segment { peer, layout, source: Source::Buffer(buffer), ready: 0 });
        }
    }

    /// Every node sends its `a` and receives its `b`.
    fn ring_exchange(mut self, me: usize, layout: Layout) -> Batch {
        self.send(previous(me), 0, layout);
        self.receive(next(me), 1, layout);
        self
    }

    /// The dealer sends its `a`; the node before it receives its `b`.
    fn dealt(&mut self, me: usize, dealer: usize, layout: Layout) {
        if me == dealer {
            self.send(previous(me), 0, layout);
        }
        if me == previous(dealer) {
            self.receive(dealer, 1, layout);
        }
    }

    /// Lane-wise products in a ring of `bits` bits.
    pub fn mul(me: usize, draw: Draw, x: Arc<Value>, y: Arc<Value>, bits: u32) -> Result<Batch, Fault> {
        let n = x.lanes();
        let buffers = vec![zeros(bits, n)?, zeros(bits, n)?];
        let layout = Layout::words(bits as usize / 8, 0, n);
        Ok(Batch::new(Work::Mul { x, y, draw, at: 0, bits }, buffers, Finish::Words).ring_exchange(me, layout))
    }

    /// Dot products of groups; `lanes` results.
    pub fn dot(
        me: usize,
        draw: Draw,
        x: Arc<Value>,
        y: Arc<Value>,
        bits: u32,
        group: usize,
        lanes: usize,
    ) -> Result<Batch, Fault> {
        let buffers = vec![zeros(bits, lanes)?, zeros(bits, lanes)?];
        let layout = Layout::words(bits as usize / 8, 0, lanes);
        Ok(Batch::new(Work::Dot { x, y, draw, at: 0, bits, group, part: 0 }, buffers, Finish::Words)
            .ring_exchange(me, layout))
    }

    /// Matrix products; `lanes` results.
    #[allow(clippy::too_many_arguments)]
    pub fn matmul(
        me: usize,
        draw: Draw,
        x: Arc<Value>,
        y: Arc<Value>,
        bits: u32,
        (m, k, n): (usize, usize, usize),
        lanes: usize,
    ) -> Result<Batch, Fault> {
        let buffers = vec![zeros(bits, lanes)?, zeros(bits, lanes)?];
        let layout = Layout::words(bits as usize / 8, 0, lanes);
        let sum = zeros(bits, k * n)?;
        let work = Work::MatMul { x, y, draw, at: 0, bits, shape: Shape { m, k, n }, sum };
        Ok(Batch::new(work, buffers, Finish::Words).ring_exchange(me, layout))
    }

    /// Ands, plane by plane.
    pub fn and(me: usize, draw: Draw, x: Arc<Value>, y: Arc<Value>) -> Result<Batch, Fault> {
        let (p, q) = (x.bits()?, y.bits()?);
        let (count, lanes, words) = (p.count, p.lanes, p.c[0].len());
        if (q.count, q.lanes) != (count, lanes) {
            return Err(internal("operands differ in planes"));
        }
        let buffers = vec![Column::U64(field::zeroed(words)), Column::U64(field::zeroed(words))];
        let work = Work::And { x, y, draw, at: 0, lanes };
        Ok(Batch::new(work, buffers, Finish::Planes { count, lanes })
            .ring_exchange(me, Layout::planes(count, lanes, 0, lanes)))
    }

    /// Input of words by one node. `value` is given at the dealer.
    fn deal_words(
        me: usize,
        draw: Draw,
        dealer: usize,
        value: Option<Arc<Value>>,
        bits: u32,
        lanes: usize,
    ) -> Result<Batch, Fault> {
        let buffers = vec![zeros(bits, lanes)?, zeros(bits, lanes)?];
        let mut b = Batch::new(Work::DealWords { dealer, value, draw, bits, at: 0 }, buffers, Finish::Words);
        b.dealt(me, dealer, Layout::words(bits as usize / 8, 0, lanes));
        Ok(b)
    }

    /// Input of planes by one node.
    fn deal_planes(me: usize, draw: Draw, dealer: usize, value: Option<Vec<u64>>, count: usize, lanes: usize) -> Batch {
        let words = count * bits::words(lanes);
        let buffers = vec![Column::U64(field::zeroed(words)), Column::U64(field::zeroed(words))];
        let mut b = Batch::new(
            Work::DealPlanes { dealer, value, draw, lanes, at: 0 },
            buffers,
            Finish::Planes { count, lanes },
        );
        b.dealt(me, dealer, Layout::planes(count, lanes, 0, lanes));
        b
    }

    /// A party's input, as words of a ring (`Ok`) or planes (`Err`).
    pub fn input(
        me: usize,
        mut draws: [Option<Draw>; 3],
        seat: &Seat,
        x: &Arc<Value>,
        elem: Elem,
        form: Form,
    ) -> Result<Batch, Fault> {
        let lanes = x.lanes();
        // Words of the ring already, as they lie.
        let exact = |bits: u32| column_bits(elem) == bits && (!elem.signed() || u32::from(elem.bits()) == bits);
        let mut one = |dealer: usize, value: Option<Arc<Value>>, lanes: usize| -> Result<Batch, Fault> {
            let draw = draws[dealer].take().ok_or_else(|| internal("a draw is used twice"))?;
            match form {
                Form::Ring(bits) => {
                    let value = match value {
                        Some(v) if !exact(bits) => Some(Arc::new(Value::Known(
                            by_ring!(bits as u16, T => Ok(T::column(to_ring::<T>(v.known()?, elem))))?,
                        ))),
                        other => other,
                    };
                    Batch::deal_words(me, draw, dealer, value, bits, lanes)
                }
                Form::Planes(count) => {
                    let value = match value {
                        Some(v) => Some(to_planes(v.known()?, elem, count)),
                        None => None,
                    };
                    Ok(Batch::deal_planes(me, draw, dealer, value, count, lanes))
                }
            }
        };
        if let Some(dealer) = seat.single() {
            return one(dealer, (me == dealer).then(|| x.clone()), lanes);
        }
        let runs = [seat.runs(0, lanes)?, seat.runs(1, lanes)?, seat.runs(2, lanes)?];
        let mut inner = vec![];
        for (dealer, runs) in runs.iter().enumerate() {
            let n = runs.iter().map(|r| r.1).sum();
            let dense = match me == dealer {
                true if n == 0 => Some(Column::zeros(elem, 0)),
                true => Some(pick(x.known()?, runs)),
                false => None,
            };
            inner.push(one(dealer, dense.map(|c| Arc::new(Value::Known(c))), n)?);
        }
        let mut b = Batch::new(Work::Nothing, vec![], Finish::Spread { runs, lanes, form });
        // The inner batches' messages are this batch's; buffers 2 d and 2 d + 1 are theirs.
        for (d, i) in inner.iter_mut().enumerate() {
            for (mine, theirs) in [(&mut b.outgoing, &mut i.outgoing), (&mut b.incoming, &mut i.incoming)] {
                for s in theirs.drain(..) {
                    let source = match s.source {
                        Source::Buffer(k) => Source::Buffer(2 * d + k),
                        other => other,
                    };
                    mine.push(Segment { source, ..s });
                }
            }
        }
        b.busy = true;
        b.work = Work::Family(inner);
        Ok(b)
    }

    /// Words to two words of planes.
    pub fn a2b(
        me: usize,
        draws: [Option<Draw>; 3],
        x: Arc<Value>,
        bits: u32,
        neg: bool,
        count: usize,
    ) -> Result<Batch, Fault> {
        let lanes = x.lanes();
        let words = count * bits::words(lanes);
        let buffers = (0..4).map(|_| Column::U64(field::zeroed(words))).collect();
        let work = Work::A2b { x, draws, bits, neg, planes: count, lanes };
        let mut b = Batch::new(work, buffers, Finish::Planes { count, lanes });
        let t = rep3::thirds(lanes);
        for dealer in 0..3 {
            b.dealt(me, dealer, Layout::planes(count, lanes, t[dealer], t[dealer + 1]));
        }
        Ok(b)
    }

    /// A plane to two words, or, with `places`, a word to two that are moved right.
    pub fn two_words(
        me: usize,
        draws: [Option<Draw>; 3],
        x: Arc<Value>,
        bits: u32,
        places: Option<u32>,
    ) -> Result<Batch, Fault> {
        let lanes = x.lanes();
        let buffers = vec![zeros(bits, lanes)?, zeros(bits, lanes)?, zeros(bits, lanes)?, zeros(bits, lanes)?];
        let mut b = Batch::new(Work::TwoWords { x, draws, bits, places, lanes }, buffers, Finish::Words);
        let t = rep3::thirds(lanes);
        for dealer in 0..3 {
            b.dealt(me, dealer, Layout::words(bits as usize / 8, t[dealer], t[dealer + 1]));
        }
        Ok(b)
    }

    /// An opening to all (`None`) or to a party. Only x mod 2^bits of the element is told.
    pub fn open(me: usize, x: Arc<Value>, elem: Elem, to: Option<&Seat>) -> Result<Batch, Fault> {
        let lanes = x.lanes();
        let Some(seat) = to else {
            return Batch::open_dense(me, x, elem, true, true);
        };
        if let Some(host) = seat.single() {
            let mut b = Batch::open_dense(me, x, elem, previous(me) == host, me == host)?;
            if me != host {
                b.finish = Finish::Absent(lanes);
            }
            return Ok(b);
        }
        // To a family: this node sends the lanes of members at the node before it, and receives those of its own.
        let theirs = seat.runs(previous(me), lanes)?;
        let own = seat.runs(me, lanes)?;
        let mut b = Batch::open_dense(me, Arc::new(select(&x, &own)?), elem, false, true)?;
        let sent = Batch::open_dense(me, Arc::new(select(&x, &theirs)?), elem, true, false)?;
        // What is sent may lie in a buffer of its own.
        let shift = b.buffers.len();
        b.buffers.extend(sent.buffers);
        for s in sent.outgoing {
            let source = match s.source {
                Source::Buffer(k) => Source::Buffer(shift + k),
                other => other,
            };
            b.outgoing.push(Segment { source, ..s });
        }
        let inner = std::mem::replace(&mut b.finish, Finish::Absent(lanes));
        if seat.hosts(me) {
            b.finish = Finish::OpenFamily { inner: Box::new(inner), runs: own, lanes, elem };
        }
        Ok(b)
    }

    /// All lanes of x: sends to the node before if `send`, receives if `receive`.
    fn open_dense(me: usize, x: Arc<Value>, elem: Elem, send: bool, receive: bool) -> Result<Batch, Fault> {
        let lanes = x.lanes();
        match &*x {
            Value::Arith([a, b]) => {
                let width = a.word_bits();
                let layout = Layout::words(width as usize / 8, 0, lanes);
                let mut buffers = vec![zeros(width, if receive { lanes } else { 0 })?];
                let masked = send && u32::from(elem.bits()) < width;
                if masked {
                    buffers.push(by_ring!(width as u16, T => {
                        let m = T::mask(u32::from(elem.bits()));
                        Ok(T::column(T::of(b)?.iter().map(|v| v.and(m)).collect()))
                    })?);
                }
                let mut batch = Batch::new(Work::Nothing, buffers, Finish::OpenWords { x: x.clone(), elem });
                if masked {
                    batch.send(previous(me), 1, layout);
                    batch.outgoing.iter_mut().for_each(|s| s.ready = s.layout.len());
                } else if send {
                    batch.send_operand(previous(me), &x, layout);
                }
                if receive {
                    batch.receive(next(me), 0, layout);
                }
                Ok(batch)
            }
            Value::Bits(p) => {
                let count = usize::from(elem.bits());
                if count > p.count {
                    return Err(internal("an opening of more planes than there are"));
                }
                let layout = Layout::planes(count, lanes, 0, lanes);
                let words = if receive { count * p.stride() } else { 0 };
                let mut batch = Batch::new(
                    Work::Nothing,
                    vec![Column::U64(field::zeroed(words))],
                    Finish::OpenPlanes { x: x.clone(), elem },
                );
                if send {
                    batch.send_operand(previous(me), &x, layout);
                }
                if receive {
                    batch.receive(next(me), 0, layout);
                }
                Ok(batch)
            }
            _ => Err(internal("only shares are opened")),
        }
    }

    /// Whether something remains to be computed.
    pub fn busy(&self) -> bool {
        self.busy
    }

    /// Computes the next chunk. Returns about how many bytes of message it made.
    pub fn step(&mut self, keys: &SessionKeys) -> Result<usize, Fault> {
        let me = keys.me();
        let mut made = 0;
        // Bytes of the first outgoing buffer that are final.
        let mut done = usize::MAX;
        let [first, rest @ ..] = &mut self.buffers[..] else {
            return self.step_family(keys);
        };
        match &mut self.work {
            Work::Nothing => self.busy = false,
            Work::Family(_) => return self.step_family(keys),
            Work::Mul { x, y, draw, at, bits } => by_ring!(*bits as u16, T => {
                let (x, y, z) = (x.arith::<T>()?, y.arith::<T>()?, T::of_mut(first)?);
                let hi = (*at + CHUNK / T::BYTES).min(z.len());
                rep3::mul(keys, draw, x.map(|v| &v[*at..hi]), y.map(|v| &v[*at..hi]), &mut z[*at..hi]).map_err(misuse)?;
                made = (hi - *at) * T::BYTES;
                *at = hi;
                done = hi * T::BYTES;
                self.busy = hi < z.len();
                Ok(())
            })?,
            Work::Dot { x, y, draw, at, bits, group, part } => by_ring!(*bits as u16, T => {
                let (x, y, z) = (x.arith::<T>()?, y.arith::<T>()?, T::of_mut(first)?);
                let limit = CHUNK / T::BYTES;
                if *group > limit && *at < z.len() {
                    // A long group, a chunk of it at a time: its mask is added with the last.
                    let upto = (*part + limit).min(*group);
                    let range = *at * *group + *part..*at * *group + upto;
                    let sum = ring::dot(x.map(|v| &v[range.clone()]), y.map(|v| &v[range.clone()]));
                    z[*at] = z[*at].add(sum);
                    made = (upto - *part) * T::BYTES;
                    *part = upto;
                    if upto == *group {
                        rep3::mask(keys, draw, &mut z[*at..*at + 1]).map_err(misuse)?;
                        (*at, *part) = (*at + 1, 0);
                    }
                } else {
                    // Whole groups; how many is a function of their length, so that all nodes draw alike.
                    let hi = (*at + (limit / (*group).max(1)).max(1)).min(z.len());
                    let range = *at * *group..hi * *group;
                    let (x, y) = (x.map(|v| &v[range.clone()]), y.map(|v| &v[range.clone()]));
                    rep3::dot(keys, draw, x, y, *group, &mut z[*at..hi]).map_err(misuse)?;
                    made = (hi - *at) * T::BYTES * (*group).max(1);
                    *at = hi;
                }
                done = *at * T::BYTES;
                self.busy = *at < z.len();
                Ok(())
            })?,
            Work::MatMul { x, y, draw, at, bits, shape, sum } => by_ring!(*bits as u16, T => {
                let (x, y, z, sum) = (x.arith::<T>()?, y.arith::<T>()?, T::of_mut(first)?, T::of_mut(sum)?);
                let Shape { m, k, n } = *shape;
                let (size, total) = (m * n, z.len());
                if size == 0 || z.is_empty() {
                    self.busy = false;
                } else {
                    // One matrix of the batch at a time, by strips of rows.
                    let (which, row) = (*at / m, *at % m);
                    let strip = ((CHUNK << 4) / (k * n).max(1)).clamp(16, m.max(16)).min(m - row);
                    let ys = [&y[0][which * k * n..(which + 1) * k * n], &y[1][which * k * n..(which + 1) * k * n]];
                    if row == 0 {
                        ring::add(ys[0], ys[1], sum);
                    }
                    let xr = which * m * k + row * k..which * m * k + (row + strip) * k;
                    let z = &mut z[which * size + row * n..which * size + (row + strip) * n];
                    matrix::mul_acc(strip, k, n, &x[0][xr.clone()], sum, z);
                    matrix::mul_acc(strip, k, n, &x[1][xr], ys[0], z);
                    rep3::mask(keys, draw, z).map_err(misuse)?;
                    made = strip * (k * n).max(1) * T::BYTES;
                    *at += strip;
                    done = *at * n * T::BYTES;
                    self.busy = done < total * T::BYTES;
                }
                Ok(())
            })?,
            Work::And { x, y, draw, at, lanes } => {
                let (x, y, z) = (x.bits()?, y.bits()?, u64::of_mut(first)?);
                let hi = (*at + CHUNK / 8).min(z.len());
                let xs = [&x.c[0][*at..hi], &x.c[1][*at..hi]];
                let ys = [&y.c[0][*at..hi], &y.c[1][*at..hi]];
                rep3::and(keys, draw, xs, ys, *lanes, *at, &mut z[*at..hi]).map_err(misuse)?;
                made = (hi - *at) * 8;
                *at = hi;
                done = hi * 8;
                self.busy = hi < z.len();
            }
            Work::DealWords { dealer, value, draw, bits, at } => by_ring!(*bits as u16, T => {
                let (a, b) = (T::of_mut(first)?, T::of_mut(&mut rest[0])?);
                let hi = (*at + CHUNK / T::BYTES).min(a.len());
                let value = match value {
                    Some(v) => Some(&T::of(v.known()?)?[*at..hi]),
                    None => None,
                };
                // The node before the dealer may already hold bytes in `b`: dealing leaves them alone.
                rep3::deal(keys, draw, *dealer, value, &mut a[*at..hi], &mut b[*at..hi]).map_err(misuse)?;
                made = (hi - *at) * T::BYTES;
                *at = hi;
                done = hi * T::BYTES;
                self.busy = hi < a.len();
                Ok(())
            })?,
            Work::DealPlanes { dealer, value, draw, lanes, at } => {
                let (a, b) = (u64::of_mut(first)?, u64::of_mut(&mut rest[0])?);
                let w = bits::words(*lanes);
                let planes = a.len().checked_div(w).unwrap_or(0);
                // Whole planes, about a chunk of them.
                let upto = (*at + (CHUNK / 8).div_ceil(w.max(1))).min(planes);
                for p in *at..upto {
                    let range = p * w..(p + 1) * w;
                    let value = value.as_ref().map(|v| &v[range.clone()]);
                    rep3::deal_bits(keys, draw, *dealer, value, *lanes, &mut a[range.clone()], &mut b[range])
                        .map_err(misuse)?;
                }
                made = (upto - *at) * w * 8;
                *at = upto;
                done = upto * w * 8;
                self.busy = upto < planes;
            }
            Work::A2b { x, draws, bits, neg, planes, lanes } => {
                let Some(dealer) = draws.iter().position(Option::is_some) else {
                    self.busy = false;
                    return Ok(0);
                };
                let mut draw = draws[dealer].take().ok_or_else(|| internal("a draw is used twice"))?;
                let [sb, ka, kb] = rest else { return Err(internal("a conversion without buffers")) };
                let t = rep3::thirds(*lanes);
                let (lo, hi) = (t[dealer], t[dealer + 1]);
                let w = bits::words(*lanes);
                let (sa, sb, ka, kb) = (u64::of_mut(first)?, u64::of_mut(sb)?, u64::of_mut(ka)?, u64::of_mut(kb)?);
                by_ring!(*bits as u16, T => {
                    let x = x.arith::<T>()?.map(|v| &v[lo..hi]);
                    let at = (lo / 64).min(sa.len());
                    rep3::a2b_deal(keys, &mut draw, dealer, x, *planes, w, &mut sa[at..], &mut sb[at..]).map_err(misuse)?;
                    rep3::a2b_known(me, dealer, x, *neg, *planes, w, &mut ka[at..], &mut kb[at..]);
                    Ok(())
                })?;
                made = (hi - lo).div_ceil(8) * *planes;
                // This node's message lies in its own third alone.
                done = if dealer >= me { usize::MAX } else { 0 };
                self.busy = draws.iter().any(Option::is_some);
            }
            Work::TwoWords { x, draws, bits, places, lanes } => {
                let Some(dealer) = draws.iter().position(Option::is_some) else {
                    self.busy = false;
                    return Ok(0);
                };
                let mut draw = draws[dealer].take().ok_or_else(|| internal("a draw is used twice"))?;
                let [ub, va, vb] = rest else { return Err(internal("a conversion without buffers")) };
                let t = rep3::thirds(*lanes);
                let (lo, hi) = (t[dealer], t[dealer + 1]);
                by_ring!(*bits as u16, T => {
                    let (ua, ub, va, vb) = (T::of_mut(first)?, T::of_mut(ub)?, T::of_mut(va)?, T::of_mut(vb)?);
                    let (ua, ub, va, vb) = (&mut ua[lo..hi], &mut ub[lo..hi], &mut va[lo..hi], &mut vb[lo..hi]);
                    if let Some(places) = *places {
                        let x = x.arith::<T>()?.map(|v| &v[lo..hi]);
                        rep3::trunc_deal(keys, &mut draw, dealer, x, places, ua, ub).map_err(misuse)?;
                        rep3::trunc_known(me, dealer, x, places, va, vb);
                    } else {
                        let p = x.bits()?;
                        let words = lo / 64..bits::words(hi).max(lo / 64);
                        let x = [&p.c[0][words.clone()], &p.c[1][words]];
                        rep3::b2a_deal(keys, &mut draw, dealer, x, ua, ub).map_err(misuse)?;
                        rep3::b2a_known(me, dealer, x, va, vb);
                    }
                    Ok(())
                })?;
                made = (hi - lo) * *bits as usize / 8;
                done = if dealer >= me { usize::MAX } else { 0 };
                self.busy = draws.iter().any(Option::is_some);
            }
        }
        for s in &mut self.outgoing {
            if matches!(s.source, Source::Buffer(0)) {
                s.ready = s.layout.ready(done).max(s.ready);
            }
        }
        Ok(made)
    }

    /// One step of the inner batches of a family's input; their buffers move here when they are done.
    fn step_family(&mut self, keys: &SessionKeys) -> Result<usize, Fault> {
        let Work::Family(inner) = &mut self.work else {
            self.busy = false;
            return Ok(0);
        };
        let mut made = 0;
        // Dense inputs of members are small beside the rest: they are computed in one go, and their buffers, into which
        // bytes arrive, are this batch's from then on.
        for i in inner.iter_mut() {
            while i.busy() {
                made += i.step(keys)?;
            }
        }
        self.buffers = inner.drain(..).flat_map(|i| i.buffers).collect();
        self.outgoing.iter_mut().for_each(|s| s.ready = s.layout.len());
        self.work = Work::Nothing;
        self.busy = false;
        Ok(made)
    }

    /// Appends bytes `at..at + n` of an outgoing segment.
    pub fn read(&self, segment: usize, at: usize, n: usize, out: &mut Vec<u8>) {
        let s = &self.outgoing[segment];
        match &s.source {
            Source::Buffer(k) => s.layout.read(bytes(&self.buffers[*k]), at, n, out),
            Source::Operand(v) => match &**v {
                Value::Arith([_, b]) => s.layout.read(bytes(b), at, n, out),
                Value::Bits(p) => s.layout.read(u64::bytes(&p.c[1]), at, n, out),
                Value::Known(_) | Value::Absent(_) => {}
            },
        }
    }

    /// Puts bytes of an incoming segment in place. Errors say what is wrong with them.
    pub fn write(&mut self, segment: usize, at: usize, bytes: &[u8]) -> Result<(), &'static str> {
        let s = &self.incoming[segment];
        let Source::Buffer(k) = s.source else { return Err("nothing is expected here") };
        let k = match &mut self.work {
            // Before the first step of a family's input, buffers are still with the inner batches.
            Work::Family(inner) => {
                let b = &mut inner[k / 2].buffers[k % 2];
                return s.layout.write(bytes_mut(b), at, bytes).map_err(|_| "bits past the last lane are set");
            }
            _ => k,
        };
        s.layout.write(bytes_mut(&mut self.buffers[k]), at, bytes).map_err(|_| "bits past the last lane are set")
    }

    /// The results, when all is computed and all bytes are there.
    pub fn finish(self) -> Result<Vec<Value>, Fault> {
        self.finish.run(self.buffers)
    }
}

/// How a party's input is shared.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Ring(u32),
    Planes(usize),
}

fn misuse(m: proto::Misuse) -> Fault {
    internal(m.to_string())
}
