//! The texts of a program, and places in them. Does not read files.

use crate::{FileId, Span};
use std::sync::Arc;

/// One text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: String,
    text: Arc<str>,
    /// Byte offsets at which lines begin.
    lines: Vec<u32>,
}

/// All texts of a program.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }
    /// Adds a text under the name that diagnostics shall print.
    pub fn add(&mut self, name: String, text: Arc<str>) -> FileId {
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1));
        self.files.push(SourceFile { name, text, lines });
        FileId(self.files.len() as u32 - 1)
    }
    /// Number of files; their ids are `0..len`.
    pub fn len(&self) -> usize {
        self.files.len()
    }
    /// True when there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
    /// The text of a file; empty for an unknown id.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("", |f| &f.text)
    }
    /// The text of a file, shared.
    pub fn text_arc(&self, file: FileId) -> Arc<str> {
        self.files.get(file.0 as usize).map_or_else(|| Arc::from(""), |f| f.text.clone())
    }
    /// The name of a file; `?` for an unknown id.
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0 as usize).map_or("?", |f| &f.name)
    }
    /// Line and column, both from 1, columns in characters. An offset past the end is the end.
    pub fn line_col(&self, file: FileId, offset: u32) -> (u32, u32) {
        let Some(f) = self.files.get(file.0 as usize) else {
            return (1, 1);
        };
        let offset = offset.min(f.text.len() as u32);
        let line = f.lines.partition_point(|&l| l <= offset) - 1;
        let bytes = &f.text.as_bytes()[f.lines[line] as usize..offset as usize];
        // Characters begin at bytes that are no continuation bytes: right for offsets inside a character too.
        let col = bytes.iter().filter(|b| (**b as i8) >= -0x40).count();
        (line as u32 + 1, col as u32 + 1)
    }
    /// Line and column where a span begins.
    pub fn start(&self, span: Span) -> (u32, u32) {
        self.line_col(span.file, span.lo)
    }
    /// Line and column just behind a span.
    pub fn end(&self, span: Span) -> (u32, u32) {
        self.line_col(span.file, span.hi)
    }
    /// The text of a line (from 1), without its end; empty for a line that is not there.
    pub fn line_text(&self, file: FileId, line: u32) -> &str {
        let Some(f) = self.files.get(file.0 as usize) else {
            return "";
        };
        let Some(&lo) = (line as usize).checked_sub(1).and_then(|i| f.lines.get(i)) else {
            return "";
        };
        let hi = f.lines.get(line as usize).map_or(f.text.len(), |&h| h as usize);
        f.text[lo as usize..hi].trim_end_matches(['\n', '\r'])
    }
    /// The text of a span; empty where the span is not of the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.lo as usize..span.hi as usize).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let mut m = SourceMap::new();
        let f = m.add("a.mpc".into(), "ab\nüß x\r\n\nlast".into());
        assert_eq!(m.line_col(f, 0), (1, 1));
        assert_eq!(m.line_col(f, 2), (1, 3));
        assert_eq!(m.line_col(f, 3), (2, 1));
        assert_eq!(m.line_col(f, 7), (2, 3));
        assert_eq!(m.line_col(f, 8), (2, 4));
        assert_eq!(m.line_col(f, 999), (4, 5));
        assert_eq!(m.line_text(f, 2), "üß x");
        assert_eq!(m.line_text(f, 3), "");
        assert_eq!(m.line_text(f, 4), "last");
        assert_eq!(m.line_text(f, 0), "");
        assert_eq!(m.line_text(f, 9), "");
        assert_eq!(m.slice(Span::new(f, 3, 7)), "üß");
        assert_eq!(m.line_col(FileId(7), 3), (1, 1));
    }

    #[test]
    fn empty_text_has_a_line() {
        let mut m = SourceMap::new();
        let f = m.add("e".into(), "".into());
        assert_eq!(m.line_col(f, 0), (1, 1));
        assert_eq!(m.line_text(f, 1), "");
    }
}
