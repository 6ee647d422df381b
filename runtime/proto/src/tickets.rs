//! Tickets: the right to draw shared randomness from one place, once.
//!
//! A place is (purpose, dynamic step of the session, batch); within it, bytes are drawn in order. Places must be taken in
//! rising order, which a high-water mark checks in release builds too: a mask that is used for two messages would tell
//! their difference. Knows no keys.

/// What randomness is for; streams of different purposes never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Purpose {
    /// Zero-sum masks of products.
    Zero = 1,
    /// The masked part of a value that one node deals.
    Deal = 2,
    /// Components of a value that nobody knows.
    Random = 3,
}

/// A mistake of ours in the use of randomness: the run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// A place was asked for twice, or out of order.
    #[error("randomness of step {step}, batch {batch} was asked for out of order")]
    Order {
        /// Step.
        step: u64,
        /// Batch.
        batch: u32,
    },
    /// More was drawn than the ticket is for, or the batch number is too large.
    #[error("a draw of randomness is out of range")]
    Range,
}

/// Bits of the number of a block within a draw: 2^36 blocks are 1 TiB.
const BLOCK_BITS: u32 = 36;
/// Bits of a batch's number.
const BATCH_BITS: u32 = 24;

/// Issues tickets, each place once.
#[derive(Debug, Default)]
pub struct Tickets {
    last: Option<(u64, u32)>,
}

impl Tickets {
    /// A counter for a fresh session.
    pub fn new() -> Tickets {
        Tickets::default()
    }

    /// The ticket of a place; places must rise by (step, batch).
    pub fn take(&mut self, purpose: Purpose, step: u64, batch: u32) -> Result<Ticket, Misuse> {
        if batch >> BATCH_BITS != 0 {
            return Err(Misuse::Range);
        }
        if self.last.is_some_and(|last| last >= (step, batch)) {
            return Err(Misuse::Order { step, batch });
        }
        self.last = Some((step, batch));
        let low = (purpose as u64) << (BLOCK_BITS + BATCH_BITS) | (batch as u64) << BLOCK_BITS;
        Ok(Ticket { tweak: (step as u128) << 64 | low as u128 })
    }
}

/// The right to draw from one place. Cannot be copied.
#[derive(Debug)]
pub struct Ticket {
    tweak: u128,
}

impl Ticket {
    /// Uses the ticket.
    pub fn open(self) -> Draw {
        Draw { tweak: self.tweak, block: 0 }
    }
}

/// A place under use: hands out its bytes in order, each once.
///
/// A draw of n bytes takes whole blocks; all holders of a key draw in the same pieces, which the circuit fixes.
#[derive(Debug)]
pub struct Draw {
    tweak: u128,
    block: u64,
}

impl Draw {
    /// Claims the next `bytes` bytes: the stream's tweak and the first block.
    pub(crate) fn claim(&mut self, bytes: usize) -> Result<(u128, u64), Misuse> {
        let at = self.block;
        let end = at + bytes.div_ceil(field::prg::BLOCK) as u64;
        if end > 1 << BLOCK_BITS {
            return Err(Misuse::Range);
        }
        self.block = end;
        Ok((self.tweak, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_rise_and_never_repeat() {
        let mut t = Tickets::new();
        assert!(t.take(Purpose::Zero, 0, 0).is_ok());
        assert_eq!(t.take(Purpose::Zero, 0, 0).unwrap_err(), Misuse::Order { step: 0, batch: 0 });
        // Another purpose does not make a place new.
        assert!(t.take(Purpose::Deal, 0, 0).is_err());
        assert!(t.take(Purpose::Zero, 0, 1).is_ok());
        assert!(t.take(Purpose::Zero, 1, 0).is_ok());
        assert!(t.take(Purpose::Zero, 0, 7).is_err());
        assert_eq!(t.take(Purpose::Zero, 2, 1 << 24).unwrap_err(), Misuse::Range);
    }

    #[test]
    fn streams_are_disjoint() {
        let mut t = Tickets::new();
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..3 {
            for batch in 0..3 {
                let purpose = if batch == 1 { Purpose::Deal } else { Purpose::Zero };
                let mut d = t.take(purpose, step, batch).unwrap().open();
                for _ in 0..3 {
                    let (tweak, block) = d.claim(17).unwrap();
                    for b in 0..2 {
                        assert!(seen.insert(tweak + (block + b) as u128));
                    }
                }
            }
        }
        let mut d = t.take(Purpose::Zero, 9, (1 << 24) - 1).unwrap().open();
        d.block = (1 << BLOCK_BITS) - 1;
        assert!(d.claim(16).is_ok());
        assert_eq!(d.claim(1).unwrap_err(), Misuse::Range);
    }
}
