//! CSV, read row by row into typed columns.
//!
//! One column headed by the parameter's name for scalars and their arrays; field names (`a.b`) for structs; no header and C
//! columns for `[[T; C]; R]`. Knows no file names beyond what it is told to show.

use std::io::{BufRead, BufReader, Read};

use circuit::{Column, SchemaLen};
use csv::ByteRecord;

use super::scalar::{self, Bad};
use super::shape::{Lengths, Node, Plan, suggest};
use super::{BadData, DataError};

/// How rows become values.
enum Layout<'a> {
    /// One row per value, a column per leaf.
    Leaves { rows: Option<&'a SchemaLen> },
    /// One row per inner array of a single leaf.
    Matrix { leaf: usize, columns: &'a SchemaLen, rows: &'a SchemaLen },
}

fn layout(node: &Node) -> Option<Layout<'_>> {
    let flat = |n: &Node| !has_array(n);
    match node {
        Node::Array(row, rows) => match &**row {
            Node::Array(cell, columns) => match **cell {
                Node::Scalar(leaf) => Some(Layout::Matrix { leaf, columns, rows }),
                _ => None,
            },
            row if flat(row) => Some(Layout::Leaves { rows: Some(rows) }),
            _ => None,
        },
        other if flat(other) => Some(Layout::Leaves { rows: None }),
        _ => None,
    }
}

fn has_array(node: &Node) -> bool {
    match node {
        Node::Scalar(_) => false,
        Node::Array(..) => true,
        Node::Tuple(parts) => parts.iter().any(has_array),
        Node::Struct(fields) => fields.iter().any(|(_, f)| has_array(f)),
    }
}

/// Reads the table of a parameter.
pub(crate) fn read(
    input: impl Read,
    file: &str,
    name: &str,
    plan: &Plan,
    lengths: &mut Lengths,
) -> Result<Vec<Column>, DataError> {
    let Some(layout) = layout(&plan.node) else {
        return Err(DataError::Usage(format!("{file}: a table cannot hold `{name}`, arrays inside rows need JSON")));
    };
    let mut input = BufReader::with_capacity(1 << 16, input);
    if input.fill_buf().map_err(|e| DataError::io(file, &e))?.starts_with(b"\xef\xbb\xbf") {
        input.consume(3);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .buffer_capacity(1 << 16)
        .from_reader(input);
    let mut table = Table { file, record: ByteRecord::new(), columns: plan.columns() };
    match layout {
        Layout::Leaves { rows } => {
            table.leaves(&mut reader, name, plan, rows, lengths)?;
        }
        Layout::Matrix { leaf, columns, rows } => {
            table.matrix(&mut reader, plan, leaf, columns, rows, lengths)?;
        }
    }
    Ok(table.columns)
}

struct Table<'a> {
    file: &'a str,
    record: ByteRecord,
    columns: Vec<Column>,
}

impl Table<'_> {
    fn next<R: Read>(&mut self, reader: &mut csv::Reader<R>) -> Result<bool, DataError> {
        match reader.read_byte_record(&mut self.record) {
            Ok(more) => Ok(more),
            Err(e) => match e.into_kind() {
                csv::ErrorKind::Io(e) => Err(DataError::io(self.file, &e)),
                other => Err(DataError::Usage(format!("{}: {other:?}", self.file))),
            },
        }
    }

    fn row(&self) -> Option<u64> {
        self.record.position().map(csv::Position::line)
    }

    fn bad(&self, column: Option<String>, expected: impl Into<String>, found: impl Into<String>) -> DataError {
        DataError::from(BadData {
            file: self.file.to_owned(),
            row: self.row(),
            column,
            at: None,
            expected: expected.into(),
            found: found.into(),
        })
    }

    fn short_or_long(&self, rows: &SchemaLen, count: u64, lengths: &mut Lengths) -> Result<(), DataError> {
        lengths.bind(rows, count, self.file).map_err(|expected| {
            DataError::from(BadData {
                file: self.file.to_owned(),
                row: None,
                column: None,
                at: None,
                expected: format!("{expected} rows"),
                found: count.to_string(),
            })
        })
    }

    fn leaves<R: Read>(
        &mut self,
        reader: &mut csv::Reader<R>,
        name: &str,
        plan: &Plan,
        rows: Option<&SchemaLen>,
        lengths: &mut Lengths,
    ) -> Result<(), DataError> {
        let heads: Vec<&str> =
            plan.leaves.iter().map(|l| if l.path.is_empty() { name } else { l.path.as_str() }).collect();
        if !self.next(reader)? {
            return Err(self.bad(None, format!("the header {}", heads.join(",")), "an empty file"));
        }
        let mut order = Vec::new();
        for (k, cell) in self.record.iter().enumerate() {
            let column = Some((k + 1).to_string());
            let Some(leaf) = heads.iter().position(|h| h.as_bytes() == cell) else {
                let text = String::from_utf8_lossy(cell);
                let hint = suggest(&text, heads.iter().copied()).map(|s| format!(" (did you mean `{s}`?)"));
                let found = format!("{}{}", scalar::shown(cell), hint.unwrap_or_default());
                return Err(self.bad(column, format!("a header among: {}", heads.join(", ")), found));
            };
            if order.contains(&leaf) {
                return Err(self.bad(column, format!("`{}` once", heads[leaf]), "it again"));
            }
            order.push(leaf);
        }
        if let Some(missing) = (0..heads.len()).find(|l| !order.contains(l)) {
            return Err(self.bad(None, format!("the column `{}`", heads[missing]), "a header without it"));
        }
        let mut count = 0;
        while self.next(reader)? {
            if rows.is_none() && count == 1 {
                return Err(self.bad(None, "one row", "more"));
            }
            if self.record.len() != order.len() {
                return Err(self.bad(None, format!("{} columns", order.len()), self.record.len().to_string()));
            }
            for (k, leaf) in order.iter().enumerate() {
                self.cell(k, *leaf, heads[*leaf], plan)?;
            }
            count += 1;
        }
        match rows {
            Some(rows) => self.short_or_long(rows, count, lengths),
            None if count == 0 => Err(self.bad(None, "one row after the header", "none")),
            None => Ok(()),
        }
    }

    fn cell(&mut self, k: usize, leaf: usize, head: &str, plan: &Plan) -> Result<(), DataError> {
        let cell = self.record.get(k).unwrap_or_default();
        let l = &plan.leaves[leaf];
        match scalar::integer(l.elem, l.range, cell) {
            Ok(value) => {
                self.columns[leaf].push(value);
                Ok(())
            }
            Err(Bad::Form(expected) | Bad::Range(expected)) => {
                let column = if head.is_empty() { (k + 1).to_string() } else { head.to_owned() };
                Err(self.bad(Some(column), expected, scalar::shown(cell)))
            }
        }
    }

    fn matrix<R: Read>(
        &mut self,
        reader: &mut csv::Reader<R>,
        plan: &Plan,
        leaf: usize,
        columns: &SchemaLen,
        rows: &SchemaLen,
        lengths: &mut Lengths,
    ) -> Result<(), DataError> {
        let mut count = 0;
        while self.next(reader)? {
            let width = self.record.len() as u64;
            let bound = lengths.bind(columns, width, self.file);
            bound.map_err(|expected| self.bad(None, format!("{expected} columns"), width.to_string()))?;
            for k in 0..self.record.len() {
                self.cell(k, leaf, "", plan)?;
            }
            count += 1;
        }
        self.short_or_long(rows, count, lengths)
    }
}
