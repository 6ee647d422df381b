//! CSV, read row by row into typed columns.
//!
//! One column headed by the parameter's name for scalars and their arrays; field names (`a.b`) for structs; no header and C
//! columns for `[[T; C]; R]`; of an enum a column for the variant, and one for each scalar that variants carry, empty where the
//! value is another. Knows no file names beyond what it is told to show.

use std::io::{BufRead, BufReader, Read};

use circuit::{Column, SchemaLen};
use csv::ByteRecord;

use super::scalar::{self, Bad};
use super::shape::{Lengths, Node, Plan, put_variant, suggest};
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
        Node::Enum { variants, .. } => variants.iter().filter_map(|v| v.1.as_ref()).any(has_array),
    }
}

/// What a column of a table holds.
enum Head {
    Leaf(usize),
    /// The variant of the enum whose truth values begin there.
    Variant(usize),
}

/// The columns of a table, by header: a scalar's own name, fields as `a.b`; of an enum its own name for the variant, and
/// `name.Variant…` for what that carries.
fn heads(node: &Node, name: &str, at: &str, out: &mut Vec<(String, Head)>) {
    let own = || if at.is_empty() { name.to_owned() } else { at.to_owned() };
    let below = |part: &str| if at.is_empty() { part.to_owned() } else { format!("{at}.{part}") };
    match node {
        Node::Scalar(leaf) => out.push((own(), Head::Leaf(*leaf))),
        Node::Array(elem, _) => heads(elem, name, at, out),
        Node::Tuple(parts) => {
            parts.iter().enumerate().for_each(|(k, p)| heads(p, name, &below(&k.to_string()), out));
        }
        Node::Struct(fields) => fields.iter().for_each(|(f, p)| heads(p, name, &below(f), out)),
        Node::Enum { tags, variants } => {
            out.push((own(), Head::Variant(*tags)));
            for (variant, carried) in variants {
                if let Some(node) = carried {
                    heads(node, name, &format!("{}.{variant}", own()), out);
                }
            }
        }
    }
}

/// Reads the table of a parameter.
pub(crate) fn read(
    input: impl Read,
    file: &str,
    name: &str,
    plan: &Plan,
    lengths: &mut Lengths,
    strings: &mut strings::Table,
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
    let mut table = Table { file, record: ByteRecord::new(), columns: plan.columns(), strings };
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
    strings: &'a mut strings::Table,
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
        let mut columns = Vec::new();
        heads(&plan.node, name, "", &mut columns);
        let names: Vec<&str> = columns.iter().map(|h| h.0.as_str()).collect();
        if !self.next(reader)? {
            return Err(self.bad(None, format!("the header {}", names.join(",")), "an empty file"));
        }
        let mut order = Vec::new();
        for (k, cell) in self.record.iter().enumerate() {
            let column = Some((k + 1).to_string());
            let Some(head) = names.iter().position(|h| h.as_bytes() == cell) else {
                let text = String::from_utf8_lossy(cell);
                let hint = suggest(&text, names.iter().copied()).map(|s| format!(" (did you mean `{s}`?)"));
                let found = format!("{}{}", scalar::shown(cell), hint.unwrap_or_default());
                return Err(self.bad(column, format!("a header among: {}", names.join(", ")), found));
            };
            if order.contains(&head) {
                return Err(self.bad(column, format!("`{}` once", names[head]), "it again"));
            }
            order.push(head);
        }
        if let Some(missing) = (0..names.len()).find(|h| !order.contains(h)) {
            return Err(self.bad(None, format!("the column `{}`", names[missing]), "a header without it"));
        }
        let row = match &plan.node {
            Node::Array(row, _) => row,
            one => one,
        };
        let several = row.has_enum();
        // By leaf: the cell that holds it, and its header. A variant's stands at the first of its truth values.
        let mut cells = vec![None; plan.leaves.len() + 1];
        let mut variants = vec![None; plan.leaves.len() + 1];
        for (k, head) in order.iter().enumerate() {
            match columns[*head].1 {
                Head::Leaf(leaf) => cells[leaf] = Some((k, names[*head])),
                Head::Variant(tags) => variants[tags] = Some((k, names[*head])),
            }
        }
        let mut count = 0;
        while self.next(reader)? {
            if rows.is_none() && count == 1 {
                return Err(self.bad(None, "one row", "more"));
            }
            if self.record.len() != order.len() {
                return Err(self.bad(None, format!("{} columns", order.len()), self.record.len().to_string()));
            }
            if several {
                self.row_of(row, plan, &cells, &variants)?;
            } else {
                for (k, head) in order.iter().enumerate() {
                    if let Head::Leaf(leaf) = columns[*head].1 {
                        self.cell(k, leaf, names[*head], plan)?;
                    }
                }
            }
            count += 1;
        }
        match rows {
            Some(rows) => self.short_or_long(rows, count, lengths),
            None if count == 0 => Err(self.bad(None, "one row after the header", "none")),
            None => Ok(()),
        }
    }

    /// The cells of a row that has enums: those of variants that a value is not are empty.
    fn row_of(
        &mut self,
        node: &Node,
        plan: &Plan,
        cells: &[Option<(usize, &str)>],
        variants: &[Option<(usize, &str)>],
    ) -> Result<(), DataError> {
        match node {
            Node::Scalar(leaf) => match cells[*leaf] {
                Some((k, head)) => self.cell(k, *leaf, head, plan),
                None => Ok(()),
            },
            Node::Array(elem, _) => self.row_of(elem, plan, cells, variants),
            Node::Tuple(parts) => parts.iter().try_for_each(|p| self.row_of(p, plan, cells, variants)),
            Node::Struct(fields) => fields.iter().try_for_each(|f| self.row_of(&f.1, plan, cells, variants)),
            Node::Enum { tags, variants: own } => {
                let Some((k, head)) = variants[*tags] else { return Ok(()) };
                let cell = self.record.get(k).unwrap_or_default();
                let Some(which) = own.iter().position(|v| v.0.as_bytes() == cell) else {
                    let names: Vec<&str> = own.iter().map(|v| v.0.as_str()).collect();
                    let text = String::from_utf8_lossy(cell);
                    let hint = suggest(&text, names.iter().copied()).map(|s| format!(" (did you mean `{s}`?)"));
                    let found = format!("{}{}", scalar::shown(cell), hint.unwrap_or_default());
                    return Err(self.bad(Some(head.to_owned()), format!("one of: {}", names.join(", ")), found));
                };
                for (j, (name, carried)) in own.iter().enumerate() {
                    match carried {
                        Some(node) if j == which => self.row_of(node, plan, cells, variants)?,
                        Some(node) => self.vacant(node, name, cells, variants)?,
                        None => {}
                    }
                }
                put_variant(*tags, own, which, &mut self.columns)
                    .ok_or_else(|| self.bad(None, "a length that is known", "one that is not"))
            }
        }
    }

    /// Asks that the cells of a variant that the value is not are empty.
    fn vacant(
        &self,
        node: &Node,
        variant: &str,
        cells: &[Option<(usize, &str)>],
        variants: &[Option<(usize, &str)>],
    ) -> Result<(), DataError> {
        let empty = |at: Option<(usize, &str)>| match at {
            Some((k, head)) if self.record.get(k).is_some_and(|c| !c.is_empty()) => {
                let found = scalar::shown(self.record.get(k).unwrap_or_default());
                let expected = format!("an empty cell, as the variant is not {variant}");
                Err(self.bad(Some(head.to_owned()), expected, found))
            }
            _ => Ok(()),
        };
        match node {
            Node::Scalar(leaf) => empty(cells[*leaf]),
            Node::Array(elem, _) => self.vacant(elem, variant, cells, variants),
            Node::Tuple(parts) => parts.iter().try_for_each(|p| self.vacant(p, variant, cells, variants)),
            Node::Struct(fields) => fields.iter().try_for_each(|f| self.vacant(&f.1, variant, cells, variants)),
            Node::Enum { tags, variants: own } => {
                empty(variants[*tags])?;
                let carried = own.iter().filter_map(|v| v.1.as_ref());
                carried.into_iter().try_for_each(|p| self.vacant(p, variant, cells, variants))
            }
        }
    }

    fn cell(&mut self, k: usize, leaf: usize, head: &str, plan: &Plan) -> Result<(), DataError> {
        let cell = self.record.get(k).unwrap_or_default();
        let l = &plan.leaves[leaf];
        let value = if l.text { scalar::text_of(l, cell, self.strings) } else { scalar::read(l, cell) };
        match value {
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
