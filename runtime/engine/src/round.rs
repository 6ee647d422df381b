//! One round under way: its batches, and how far each peer's bytes have come in both directions. Knows no schedule.

use circuit::RegionId;
use proto::SessionKeys;
use proto::rep3::NODES;

use crate::Fault;
use crate::batch::Batch;

/// A round.
pub(crate) struct Round {
    pub step: u64,
    pub region: RegionId,
    /// A batch per gate, in order of the schedule.
    pub batches: Vec<Batch>,
    /// The first batch that may still have work.
    working: usize,
    out: [Stream; NODES],
    inc: [Stream; NODES],
}

/// The bytes of a round to or from one peer: segments of batches one after another.
#[derive(Default)]
struct Stream {
    segments: Vec<(usize, usize, usize)>,
    at: usize,
    offset: usize,
    left: usize,
}

impl Stream {
    fn push(&mut self, batch: usize, segment: usize, len: usize) {
        self.segments.push((batch, segment, len));
        self.left += len;
    }
    fn advance(&mut self, n: usize) {
        self.offset += n;
        self.left -= n;
        if self.segments.get(self.at).is_some_and(|s| s.2 == self.offset) {
            (self.at, self.offset) = (self.at + 1, 0);
        }
    }
}

impl Round {
    pub fn new(step: u64, region: RegionId, batches: Vec<Batch>) -> Round {
        let mut out: [Stream; NODES] = Default::default();
        let mut inc: [Stream; NODES] = Default::default();
        for (b, batch) in batches.iter().enumerate() {
            for (s, seg) in batch.outgoing.iter().enumerate() {
                out[seg.peer].push(b, s, seg.layout.len());
            }
            for (s, seg) in batch.incoming.iter().enumerate() {
                inc[seg.peer].push(b, s, seg.layout.len());
            }
        }
        Round { step, region, batches, working: 0, out, inc }
    }

    /// Computes a chunk; `None` when all is computed.
    pub fn work(&mut self, keys: &SessionKeys) -> Result<Option<usize>, Fault> {
        while let Some(b) = self.batches.get_mut(self.working) {
            if b.busy() {
                return b.step(keys).map(Some);
            }
            self.working += 1;
        }
        Ok(None)
    }

    /// Whether everything is computed, handed out, and there.
    pub fn complete(&self) -> bool {
        self.working == self.batches.len() && self.out.iter().chain(&self.inc).all(|s| s.left == 0)
    }

    /// Appends up to `max` ready bytes for a peer; returns how many.
    pub fn read(&mut self, peer: usize, out: &mut Vec<u8>, max: usize) -> usize {
        let stream = &mut self.out[peer];
        let mut done = 0;
        while let Some((b, s, _)) = stream.segments.get(stream.at).copied() {
            let batch = &self.batches[b];
            let n = batch.outgoing[s].ready.saturating_sub(stream.offset).min(max - done);
            if n == 0 {
                break;
            }
            batch.read(s, stream.offset, n, out);
            stream.advance(n);
            done += n;
        }
        done
    }

    /// Bytes that a peer still has to send.
    pub fn missing(&self, peer: usize) -> usize {
        self.inc[peer].left
    }

    /// Puts a peer's bytes in place. Errors say what is wrong with them.
    pub fn write(&mut self, peer: usize, mut bytes: &[u8]) -> Result<(), &'static str> {
        let stream = &mut self.inc[peer];
        if bytes.len() > stream.left {
            return Err("more bytes than the step has");
        }
        while let Some((b, s, len)) = stream.segments.get(stream.at).copied() {
            let n = (len - stream.offset).min(bytes.len());
            if n == 0 {
                break;
            }
            let (now, later) = bytes.split_at(n);
            self.batches[b].write(s, stream.offset, now)?;
            stream.advance(n);
            bytes = later;
        }
        Ok(())
    }
}
