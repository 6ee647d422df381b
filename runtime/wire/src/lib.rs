//! Frames: what stands before every message between two nodes.
//!
//! A frame is a header of 32 bytes and a body. The header says version, kind, session, step, and length; lengths are
//! capped per kind before anyone allocates. Knows neither sockets nor protocols. The layout is described in
//! `docs/wire-format.md`; a change of it changes [`VERSION`].

mod knock;

pub use knock::{KNOCK, Knock, Word};

/// Bytes of a header.
pub const HEADER: usize = 32;

/// The first four bytes of each frame.
pub const MAGIC: [u8; 4] = *b"mpcw";

/// Version of the frame layout and of the handshake's messages.
pub const VERSION: u16 = 1;

/// The longest payload body in bytes. Senders cut longer messages into several frames of one step.
pub const MAX_PAYLOAD: u32 = 1 << 20;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Handshake 1: versions, digests, sizes, a nonce.
    Hello = 1,
    /// Handshake 2: digest of circuit and schedule.
    Agree = 2,
    /// Half of a pair's secret, over an authenticated channel only.
    Keys = 3,
    /// Bytes of the protocol, of one step.
    Payload = 4,
    /// The sender is alive; says how far it is.
    Heartbeat = 5,
    /// The sender stops; says whom it blames.
    Abort = 6,
    /// The sender has all its outputs.
    Confirm = 7,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 7] =
        [Kind::Hello, Kind::Agree, Kind::Keys, Kind::Payload, Kind::Heartbeat, Kind::Abort, Kind::Confirm];

    /// The kind with this number.
    pub fn from_byte(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| *k as u8 == byte)
    }

    /// The longest body of this kind, in bytes; a longer one is refused before it is read.
    pub fn cap(self) -> u32 {
        match self {
            Kind::Hello => 1 << 20,
            Kind::Agree => 64,
            Kind::Keys => 64,
            Kind::Payload => MAX_PAYLOAD,
            Kind::Heartbeat => 32,
            Kind::Abort => 4096,
            Kind::Confirm => 64,
        }
    }

    /// Whether bodies of this kind count as payload (all else is overhead).
    pub fn is_payload(self) -> bool {
        self == Kind::Payload
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is for.
    pub kind: Kind,
    /// Number of this frame in its direction of its link, from 0, modulo 2^32: a gap or a repeat is an error.
    pub sequence: u32,
    /// The session; 0 before handshake 1 has fixed it.
    pub session: u64,
    /// The dynamic step of the session that the body belongs to; for kinds without one, 0.
    pub step: u64,
    /// Bytes of the body that follows.
    pub length: u32,
}

/// Why bytes are not a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not our protocol.
    #[error("the bytes are not an mpcc frame (found {0:02x?})")]
    Magic([u8; 4]),
    /// Another version.
    #[error("the peer speaks wire version {0}, this build speaks {VERSION}")]
    Version(u16),
    /// A kind that this version does not have.
    #[error("frame of unknown kind {0}")]
    Kind(u8),
    /// A reserved byte that is not zero.
    #[error("reserved byte of a frame is {0}, not 0")]
    Reserved(u8),
    /// A body that is too long for its kind.
    #[error("a {kind:?} frame of {length} bytes is longer than the {cap} allowed")]
    Length {
        /// Kind of the frame.
        kind: Kind,
        /// What it claims.
        length: u32,
        /// What is allowed.
        cap: u32,
    },
    /// A frame out of order.
    #[error("frame {found} where frame {expected} should be")]
    Sequence {
        /// The next in order.
        expected: u32,
        /// What came.
        found: u32,
    },
}

impl Header {
    /// A header; its sequence number is set by the link that sends it.
    ///
    /// # Errors
    /// If `length` is over the cap of `kind`.
    pub fn new(kind: Kind, session: u64, step: u64, length: usize) -> Result<Header, WireError> {
        let length32 = u32::try_from(length).unwrap_or(u32::MAX);
        let header = Header { kind, sequence: 0, session, step, length: length32 };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), WireError> {
        let cap = self.kind.cap();
        if self.length > cap {
            return Err(WireError::Length { kind: self.kind, length: self.length, cap });
        }
        Ok(())
    }

    /// The bytes of this header.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&VERSION.to_le_bytes());
        out[6] = self.kind as u8;
        out[8..16].copy_from_slice(&self.session.to_le_bytes());
        out[16..24].copy_from_slice(&self.step.to_le_bytes());
        out[24..28].copy_from_slice(&self.length.to_le_bytes());
        out[28..32].copy_from_slice(&self.sequence.to_le_bytes());
        out
    }

    /// The header in these bytes.
    ///
    /// # Errors
    /// If they are no header of this version, or its length is over the cap of its kind.
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Header, WireError> {
        let word = |at: usize| {
            let mut w = [0; 8];
            w.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(w)
        };
        let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if magic != MAGIC {
            return Err(WireError::Magic(magic));
        }
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        let kind = Kind::from_byte(bytes[6]).ok_or(WireError::Kind(bytes[6]))?;
        if bytes[7] != 0 {
            return Err(WireError::Reserved(bytes[7]));
        }
        let tail = word(24);
        let header =
            Header { kind, session: word(8), step: word(16), length: tail as u32, sequence: (tail >> 32) as u32 };
        header.check()?;
        Ok(header)
    }
}

/// Order of frames in one direction of a link.
#[derive(Clone, Debug, Default)]
pub struct Order {
    next: u32,
}

impl Order {
    /// Starts at frame 0.
    pub fn new() -> Order {
        Order::default()
    }

    /// The number for the next frame sent.
    pub fn take(&mut self) -> u32 {
        let n = self.next;
        self.next = n.wrapping_add(1);
        n
    }

    /// Checks the number of a frame that came.
    ///
    /// # Errors
    /// If it is not the next one.
    pub fn check(&mut self, found: u32) -> Result<(), WireError> {
        if found != self.next {
            return Err(WireError::Sequence { expected: self.next, found });
        }
        self.next = found.wrapping_add(1);
        Ok(())
    }
}
