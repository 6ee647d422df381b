//! The parts of the Language Server Protocol (3.17) that the server speaks, as data. Knows no language.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A place: line and UTF-16 unit, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// UTF-16 unit in the line.
    pub character: u32,
}

/// From a place to just before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First.
    pub start: Position,
    /// One past the last.
    pub end: Position,
}

/// A document's name.
#[derive(Clone, Debug, Deserialize)]
pub struct TextDocument {
    /// Its URI.
    pub uri: String,
}

/// `textDocument/didOpen`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DidOpen {
    /// The document.
    pub text_document: Opened,
}

/// A document as it is opened.
#[derive(Debug, Deserialize)]
pub struct Opened {
    /// Its URI.
    pub uri: String,
    /// Its text.
    pub text: String,
}

/// `textDocument/didChange`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DidChange {
    /// The document.
    pub text_document: TextDocument,
    /// What changed, one after the other.
    pub content_changes: Vec<Change>,
}

/// A change.
#[derive(Debug, Deserialize)]
pub struct Change {
    /// What is replaced; all of it if absent.
    pub range: Option<Range>,
    /// By what.
    pub text: String,
}

/// Requests and notifications about a document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfDocument {
    /// The document.
    pub text_document: TextDocument,
}

/// Requests about a place in a document.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AtPosition {
    /// The document.
    pub text_document: TextDocument,
    /// The place.
    pub position: Position,
}

/// `textDocument/rename`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rename {
    /// The document.
    pub text_document: TextDocument,
    /// Where the name stands.
    pub position: Position,
    /// What it shall be.
    pub new_name: String,
}

/// `textDocument/codeAction`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeActions {
    /// The document.
    pub text_document: TextDocument,
    /// Where.
    pub range: Range,
}

/// A place in a document.
#[derive(Clone, Debug, Serialize)]
pub struct Location {
    /// The document.
    pub uri: String,
    /// Where.
    pub range: Range,
}

/// A replacement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TextEdit {
    /// What goes.
    pub range: Range,
    /// What comes.
    pub new_text: String,
}

/// Replacements by document.
#[derive(Clone, Debug, Serialize)]
pub struct WorkspaceEdit {
    /// By URI.
    pub changes: BTreeMap<String, Vec<TextEdit>>,
}

/// A diagnostic.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Where.
    pub range: Range,
    /// 1 error, 2 warning.
    pub severity: u32,
    /// Its code.
    pub code: String,
    /// Who says so.
    pub source: &'static str,
    /// In words.
    pub message: String,
    /// Other places.
    pub related_information: Vec<Related>,
}

/// Another place of a diagnostic.
#[derive(Clone, Debug, Serialize)]
pub struct Related {
    /// Where.
    pub location: Location,
    /// In words.
    pub message: String,
}

/// A completion.
#[derive(Clone, Debug, Serialize)]
pub struct Completion {
    /// The name.
    pub label: String,
    /// What it is: 2 method, 3 function, 5 field, 6 variable, 9 module, 14 keyword, 21 constant, 22 struct, 25 type.
    pub kind: u32,
    /// Its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
