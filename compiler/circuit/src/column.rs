//! Typed columns: how values stand in memory outside shares.
//!
//! A column holds the lanes of one leaf as machine words of the smallest size that holds them, never a boxed value per
//! element. Its `Debug` prints type and length only: a column may hold a secret.

use crate::types::Elem;

/// Lanes of one leaf. Values are two's complement bit patterns with all bits above the element's cleared.
#[derive(Clone, PartialEq, Eq)]
pub enum Column {
    /// Elements of 1 to 8 bits; bools are 0 and 1.
    U8(Vec<u8>),
    /// 9 to 16 bits.
    U16(Vec<u16>),
    /// 17 to 32 bits.
    U32(Vec<u32>),
    /// 33 to 64 bits.
    U64(Vec<u64>),
    /// 65 to 128 bits.
    U128(Vec<u128>),
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Column(u{} × {})", self.word_bits(), self.len())
    }
}

macro_rules! each {
    ($self:expr, $v:ident => $e:expr) => {
        match $self {
            Column::U8($v) => $e,
            Column::U16($v) => $e,
            Column::U32($v) => $e,
            Column::U64($v) => $e,
            Column::U128($v) => $e,
        }
    };
}

impl Column {
    /// An empty column for elements of type `elem`, with room for `lanes`.
    pub fn with_capacity(elem: Elem, lanes: usize) -> Column {
        match elem.bits() {
            0..=8 => Column::U8(Vec::with_capacity(lanes)),
            9..=16 => Column::U16(Vec::with_capacity(lanes)),
            17..=32 => Column::U32(Vec::with_capacity(lanes)),
            33..=64 => Column::U64(Vec::with_capacity(lanes)),
            _ => Column::U128(Vec::with_capacity(lanes)),
        }
    }
    /// `lanes` zeros.
    pub fn zeros(elem: Elem, lanes: usize) -> Column {
        match elem.bits() {
            0..=8 => Column::U8(vec![0; lanes]),
            9..=16 => Column::U16(vec![0; lanes]),
            17..=32 => Column::U32(vec![0; lanes]),
            33..=64 => Column::U64(vec![0; lanes]),
            _ => Column::U128(vec![0; lanes]),
        }
    }
    /// Number of lanes.
    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Bits of a word: 8, 16, 32, 64, 128.
    pub fn word_bits(&self) -> u32 {
        match self {
            Column::U8(_) => 8,
            Column::U16(_) => 16,
            Column::U32(_) => 32,
            Column::U64(_) => 64,
            Column::U128(_) => 128,
        }
    }
    /// The bit pattern of a lane.
    pub fn get(&self, lane: usize) -> u128 {
        #[allow(clippy::unnecessary_cast)]
        {
            each!(self, v => v[lane] as u128)
        }
    }
    /// Replaces a lane; `bits` is truncated to the word.
    pub fn set(&mut self, lane: usize, bits: u128) {
        match self {
            Column::U8(v) => v[lane] = bits as u8,
            Column::U16(v) => v[lane] = bits as u16,
            Column::U32(v) => v[lane] = bits as u32,
            Column::U64(v) => v[lane] = bits as u64,
            Column::U128(v) => v[lane] = bits,
        }
    }
    /// Appends a lane; `bits` is truncated to the word.
    pub fn push(&mut self, bits: u128) {
        match self {
            Column::U8(v) => v.push(bits as u8),
            Column::U16(v) => v.push(bits as u16),
            Column::U32(v) => v.push(bits as u32),
            Column::U64(v) => v.push(bits as u64),
            Column::U128(v) => v.push(bits),
        }
    }
}
