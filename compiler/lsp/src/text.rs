//! Places in a text as editors count them (lines and UTF-16 units, from 0), and changes of a text. Knows no language.

use crate::protocol::{Position, Range};

/// A text with its lines.
#[derive(Clone, Debug, Default)]
pub struct Text {
    text: String,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
}

impl Text {
    /// A text.
    pub fn new(text: String) -> Text {
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1));
        Text { text, lines }
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The byte at a position; what lies behind the end of a line is its end.
    pub fn offset(&self, at: Position) -> usize {
        let Some(&lo) = self.lines.get(at.line as usize) else { return self.text.len() };
        let hi = self.lines.get(at.line as usize + 1).copied().unwrap_or(self.text.len());
        let line = self.text[lo..hi].trim_end_matches(['\n', '\r']);
        let (mut units, mut offset) = (0, lo);
        for c in line.chars() {
            if units >= at.character {
                break;
            }
            units += c.len_utf16() as u32;
            offset += c.len_utf8();
        }
        offset
    }

    /// The position of a byte; inside of a character, that of the character.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|&l| l <= offset) - 1;
        let character = self.text[self.lines[line]..offset].chars().map(|c| c.len_utf16() as u32).sum();
        Position { line: line as u32, character }
    }

    /// The range of some bytes.
    pub fn range(&self, lo: usize, hi: usize) -> Range {
        Range { start: self.position(lo), end: self.position(hi) }
    }

    /// Replaces a range.
    pub fn change(&mut self, range: Range, new: &str) {
        let (lo, hi) = (self.offset(range.start), self.offset(range.end));
        let mut text = std::mem::take(&mut self.text);
        text.replace_range(lo..hi.max(lo), new);
        *self = Text::new(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_units() {
        let t = Text::new("aé𝄞b\r\n\nx".into());
        let at = |line, character| Position { line, character };
        assert_eq!(t.offset(at(0, 2)), 3);
        assert_eq!(t.offset(at(0, 4)), 7);
        assert_eq!(t.offset(at(0, 99)), 8);
        assert_eq!(t.offset(at(2, 1)), 12);
        assert_eq!(t.offset(at(9, 0)), 12);
        for offset in [0, 1, 3, 7, 8, 10, 11, 12] {
            assert_eq!(t.offset(t.position(offset)), offset);
        }
    }

    #[test]
    fn changes_are_spliced_in() {
        let mut t = Text::new("one\ntwo\n".into());
        let at = |line, character| Position { line, character };
        t.change(Range { start: at(0, 3), end: at(1, 1) }, "-\nT");
        assert_eq!(t.as_str(), "one-\nTwo\n");
    }
}
