//! What may go wrong with a message, and what must then be said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use net::sim::{Place, Verdict};
use wire::{HEADER, Header, Kind};

use crate::scenario::{DEADLINE, INTERVAL};

/// A fault of a message, its sender, or its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KillBefore,
    KillAfter,
    Lose,
    Hole,
    /// Later by less than the deadline, and by more.
    Late,
    TooLate,
    Twice,
    Behind,
    Break,
    Cut,
    /// Its sender stands still for less than the deadline, and for more.
    Nap,
    Sleep,
    /// A frame of another length.
    Shorter,
    Longer,
    /// Bytes of another number than the frame says.
    Cropped,
    Padded,
    /// A bit of this byte of the header.
    Header(usize),
    /// A bit of the body, so far into it, in 255ths.
    Body(u8),
    /// What stood in its place in another session.
    Foreign,
}

/// Nearly the deadline.
pub const SHORT: Duration = DEADLINE.saturating_sub(Duration::from_millis(10));

/// More than anyone waits.
pub const LONG: Duration = DEADLINE.saturating_mul(3);

/// One of each, of bits one at the beginning, in the middle, and at the end of what they hit.
pub const ALL: [Fault; 34] = [
    Fault::KillBefore,
    Fault::KillAfter,
    Fault::Lose,
    Fault::Hole,
    Fault::Late,
    Fault::TooLate,
    Fault::Twice,
    Fault::Behind,
    Fault::Break,
    Fault::Cut,
    Fault::Nap,
    Fault::Sleep,
    Fault::Shorter,
    Fault::Longer,
    Fault::Cropped,
    Fault::Padded,
    Fault::Header(0),
    Fault::Header(4),
    Fault::Header(6),
    Fault::Header(7),
    Fault::Header(8),
    Fault::Header(15),
    Fault::Header(16),
    Fault::Header(23),
    Fault::Header(24),
    Fault::Header(25),
    Fault::Header(26),
    Fault::Header(27),
    Fault::Header(28),
    Fault::Header(31),
    Fault::Body(0),
    Fault::Body(128),
    Fault::Body(255),
    Fault::Foreign,
];

/// Bytes of the frames of a session, by sender, receiver, and number.
pub type Frames = BTreeMap<(usize, usize, u32), Vec<u8>>;

impl Fault {
    /// Does it to a frame.
    pub fn strike(self, place: &Place, bytes: &mut Vec<u8>, foreign: &Frames) -> Verdict {
        let relength = |bytes: &mut Vec<u8>| {
            let header = Header { length: (bytes.len() - HEADER) as u32, ..place.header };
            bytes[..HEADER].copy_from_slice(&header.encode());
        };
        match self {
            Fault::KillBefore => return Verdict::KillBefore,
            Fault::KillAfter => return Verdict::KillAfter,
            Fault::Lose => return Verdict::Lose,
            Fault::Hole => return Verdict::Hole,
            Fault::Late => return Verdict::Delay(SHORT),
            Fault::TooLate => return Verdict::Delay(LONG),
            Fault::Twice => return Verdict::Twice,
            Fault::Behind => return Verdict::Behind,
            Fault::Break => return Verdict::Break,
            Fault::Cut => return Verdict::Cut,
            Fault::Nap => return Verdict::Freeze(SHORT),
            Fault::Sleep => return Verdict::Freeze(LONG),
            Fault::Shorter => {
                if bytes.len() > HEADER {
                    bytes.pop();
                }
                relength(bytes);
            }
            Fault::Longer => {
                bytes.push(0);
                relength(bytes);
            }
            Fault::Cropped => {
                bytes.pop();
            }
            Fault::Padded => bytes.push(0x6d),
            Fault::Header(byte) => bytes[byte] ^= 1,
            Fault::Body(part) => {
                let body = &mut bytes[HEADER..];
                if !body.is_empty() {
                    let at = (body.len() - 1) * usize::from(part) / 255;
                    body[at] ^= 1 << (part % 8);
                }
            }
            Fault::Foreign => {
                if let Some(other) = foreign.get(&(place.from, place.to, place.header.sequence)) {
                    bytes.clone_from(other);
                }
            }
        }
        Verdict::Deliver
    }

    /// Whether a run must not notice, though it may take longer.
    pub fn harmless(self) -> bool {
        matches!(self, Fault::Late | Fault::Nap)
    }

    /// Whether it can change values without anyone noticing: the bits of a payload that keep its length.
    pub fn alters(self, kind: Kind) -> bool {
        kind == Kind::Payload && matches!(self, Fault::Body(_))
    }

    /// Whether it may go unnoticed and change nothing that matters: bits of a heartbeat mean little, and it is the same in
    /// another session; a credit has no body.
    pub fn trifling(self, kind: Kind) -> bool {
        match kind {
            Kind::Heartbeat => matches!(self, Fault::Body(_) | Fault::Foreign),
            Kind::Credit => matches!(self, Fault::Body(_) | Fault::Foreign | Fault::Shorter),
            _ => false,
        }
    }

    /// Whether a payload that it hits never comes in, at the latest when the next frame does.
    pub fn withholds(self) -> bool {
        let comes = matches!(self, Fault::KillAfter | Fault::Sleep | Fault::Twice | Fault::Padded | Fault::Body(_));
        // A byte that is missing may be taken from the next frame.
        !comes && !self.harmless() && self != Fault::Cropped
    }

    /// Exit codes that a node may end with, besides 0 where it did not need what was hit, or cannot know that it was.
    pub fn exits(self, kind: Kind) -> &'static [u8] {
        match (self, kind) {
            (f, _) if f.harmless() => &[],
            (Fault::KillBefore | Fault::KillAfter | Fault::Hole | Fault::TooLate, _) => &[4],
            (Fault::Break | Fault::Cut | Fault::Sleep, _) => &[4],
            // A frame that claims to be longer than it is does not end.
            (Fault::Header(24..28), _) => &[4, 5],
            // Another version is a difference, not a fault.
            (Fault::Header(4..6), _) => &[7],
            (Fault::Body(_), Kind::Hello | Kind::Agree) => &[5, 7],
            _ => &[5],
        }
    }

    /// How long it keeps its sender, or what it sends, from going on.
    pub fn delay(self) -> Duration {
        match self {
            Fault::Late | Fault::Nap => SHORT,
            Fault::TooLate | Fault::Sleep => LONG,
            _ => Duration::ZERO,
        }
    }
}

/// By when everyone has ended whom nothing holds up: a deadline, and heartbeats for it to be noticed.
pub fn bound(slow: Duration) -> Duration {
    DEADLINE + INTERVAL * 4 + slow * 10
}
