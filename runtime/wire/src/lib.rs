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

/// What a peer may have under way to a node that takes nothing, in bytes as [`Header::charge`] counts them. Each [`Kind::Credit`]
/// frame allows half a window more.
pub const WINDOW: u64 = 4 << 20;

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
    /// The sender has taken in half a window of payload: as much more may come.
    Credit = 8,
    /// A client greets a node: versions, digests, who it is, sizes of its inputs.
    Join = 9,
    /// A node tells a client what will run, and with whom.
    Terms = 10,
    /// Bytes of a client's input.
    Input = 11,
    /// Bytes of a node's answer to a client.
    Answer = 12,
    /// Nodes agree on which clients take part.
    Members = 13,
    /// Nodes compare the shares that a client gave two of them alike.
    Copies = 14,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 14] = [
        Kind::Hello,
        Kind::Agree,
        Kind::Keys,
        Kind::Payload,
        Kind::Heartbeat,
        Kind::Abort,
        Kind::Confirm,
        Kind::Credit,
        Kind::Join,
        Kind::Terms,
        Kind::Input,
        Kind::Answer,
        Kind::Members,
        Kind::Copies,
    ];

    /// The kind with this number.
    pub fn from_byte(byte: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| *k as u8 == byte)
    }

    /// The longest body of this kind, in bytes; a longer one is refused before it is read.
    pub fn cap(self) -> u32 {
        match self {
            Kind::Hello => 1 << 20,
            Kind::Agree => 128,
            Kind::Keys => 64,
            Kind::Payload => MAX_PAYLOAD,
            Kind::Heartbeat => 32,
            Kind::Abort => 4096,
            Kind::Confirm => 64,
            Kind::Credit => 0,
            Kind::Join | Kind::Terms => 1 << 16,
            Kind::Input | Kind::Answer | Kind::Members | Kind::Copies => 1 << 20,
        }
    }

    /// Whether frames of this kind carry the number of their session; the others carry 0.
    pub fn in_session(self) -> bool {
        matches!(self, Kind::Keys | Kind::Payload | Kind::Confirm)
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
    /// The session, for kinds that are [`Kind::in_session`]; else 0.
    pub session: u64,
    /// Of payload, the dynamic step of the session that the body belongs to. Of other kinds, how many bytes of payload went
    /// before it on its link: the receiver holds that against what came.
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
    /// A sender and a receiver that count differently.
    #[error("{came} bytes of payload came where {told} were sent")]
    Payload {
        /// What the sender says.
        told: u64,
        /// What came.
        came: u64,
    },
    /// Payload that nobody gave credit for, or credit for what was never sent.
    #[error("a {0:?} frame beyond the window")]
    Window(Kind),
    /// A frame that belongs to no session, and names one.
    #[error("a {0:?} frame of a session")]
    Session(Kind),
    /// Too many frames that nobody waits for.
    #[error("a {0:?} frame that nobody waits for")]
    Unasked(Kind),
}

impl Header {
    /// A header; what [`Order::stamp`] sets is left to the link that sends it.
    ///
    /// # Errors
    /// If `length` is over the cap of `kind`, or the kind is of no session and `session` is not 0.
    pub fn new(kind: Kind, session: u64, step: u64, length: usize) -> Result<Header, WireError> {
        let length32 = u32::try_from(length).unwrap_or(u32::MAX);
        let header = Header { kind, sequence: 0, session, step, length: length32 };
        header.check()?;
        Ok(header)
    }

    /// What a frame takes of its receiver's window: bytes of header and body of payload, nothing of other kinds, of which
    /// few wait at a time. With the header, so that many small frames are bounded as well.
    pub fn charge(&self) -> u64 {
        if self.kind.is_payload() { HEADER as u64 + u64::from(self.length) } else { 0 }
    }

    fn check(&self) -> Result<(), WireError> {
        if self.session != 0 && !self.kind.in_session() {
            return Err(WireError::Session(self.kind));
        }
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
    /// If they are no header of this version, or its length or session is none that its kind may have.
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

/// Order of frames in one direction of a link: the number of each, and the bytes of payload before each of another kind.
#[derive(Clone, Debug, Default)]
pub struct Order {
    next: u32,
    payload: u64,
}

impl Order {
    /// Starts at frame 0.
    pub fn new() -> Order {
        Order::default()
    }

    /// Numbers the next frame sent.
    pub fn stamp(&mut self, header: &mut Header) {
        header.sequence = self.next;
        self.next = self.next.wrapping_add(1);
        if header.kind.is_payload() {
            self.payload += u64::from(header.length);
        } else {
            header.step = self.payload;
        }
    }

    /// Checks a frame that came.
    ///
    /// # Errors
    /// If it is not the next one, or another amount of payload came before it than was sent.
    pub fn check(&mut self, header: &Header) -> Result<(), WireError> {
        if header.sequence != self.next {
            return Err(WireError::Sequence { expected: self.next, found: header.sequence });
        }
        self.next = self.next.wrapping_add(1);
        if header.kind.is_payload() {
            self.payload += u64::from(header.length);
        } else if header.step != self.payload {
            return Err(WireError::Payload { told: header.step, came: self.payload });
        }
        Ok(())
    }
}
