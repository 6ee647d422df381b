//! The first 32 bytes of a connection in each direction: what the caller wants, and whether it is let in.
//!
//! They come before any frame and never change their layout, so that builds of different wire versions can tell each other
//! which they speak. Knows neither sockets nor who is who.

use crate::VERSION;

/// Bytes of a knock, and of the answer.
pub const KNOCK: usize = 32;

/// The first four bytes.
const MAGIC: [u8; 4] = *b"mpck";

/// Bytes that name a build.
const BUILD: usize = 16;

/// What a caller wants, and what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Word {
    /// A node: to compute together.
    Run = 1,
    /// Anyone known: only to see that we are here.
    Probe = 2,
    /// A client party: to share its input.
    Client = 3,
    /// Come in.
    Welcome = 16,
    /// You speak another wire version.
    Version = 17,
    /// Someone with your certificate is here already.
    Taken = 18,
    /// You are known, but not expected here.
    Unexpected = 19,
}

impl Word {
    const ALL: [Word; 7] =
        [Word::Run, Word::Probe, Word::Client, Word::Welcome, Word::Version, Word::Taken, Word::Unexpected];
}

/// A knock, or the answer to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// Wire version that its sender speaks.
    pub version: u16,
    /// What it says; `None` is a word of a later version.
    pub word: Option<Word>,
    /// The time by its sender's clock, in seconds since 1970.
    pub time: u64,
    /// Version of its sender's mpcc, for messages.
    pub build: String,
}

impl Knock {
    /// A word of ours, at this time. Of `build` the first 16 bytes are sent.
    pub fn new(word: Word, time: u64, build: &str) -> Knock {
        Knock { version: VERSION, word: Some(word), time, build: build.to_owned() }
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; KNOCK] {
        let mut out = [0; KNOCK];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&self.version.to_le_bytes());
        out[6] = self.word.map_or(0, |w| w as u8);
        out[8..16].copy_from_slice(&self.time.to_le_bytes());
        for (to, from) in out[16..16 + BUILD].iter_mut().zip(self.build.bytes()) {
            *to = from;
        }
        out
    }

    /// The knock in these bytes, if they are one of any version.
    pub fn decode(bytes: &[u8; KNOCK]) -> Option<Knock> {
        if bytes[0..4] != MAGIC || bytes[7] != 0 {
            return None;
        }
        let word = Word::ALL.into_iter().find(|w| *w as u8 == bytes[6]);
        // Only what can be printed: it ends up in messages.
        let build = bytes[16..].iter().take_while(|b| b.is_ascii_graphic()).map(|b| char::from(*b)).collect();
        let mut time = [0; 8];
        time.copy_from_slice(&bytes[8..16]);
        Some(Knock { version: u16::from_le_bytes([bytes[4], bytes[5]]), word, time: u64::from_le_bytes(time), build })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knocks_survive_bytes() {
        for word in Word::ALL {
            let knock = Knock::new(word, 1_800_000_000, "0.1.0");
            assert_eq!(Knock::decode(&knock.encode()), Some(knock));
        }
        let long = Knock::new(Word::Run, 0, &"x".repeat(100));
        assert_eq!(Knock::decode(&long.encode()).unwrap().build.len(), 16);
        let mut bytes = Knock::new(Word::Run, u64::MAX, "1\n\u{7}").encode();
        assert_eq!(Knock::decode(&bytes).unwrap().build, "1");
        bytes[6] = 200;
        assert_eq!(Knock::decode(&bytes).unwrap().word, None);
        bytes[7] = 1;
        assert_eq!(Knock::decode(&bytes), None);
        assert_eq!(Knock::decode(&[0; KNOCK]), None);
    }
}
