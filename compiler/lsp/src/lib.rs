//! The language server's answers: documents in, diagnostics, hovers, places, completions, and edits out.
//!
//! Knows the compiler's front door and the protocol's data; transport, and files that no editor has open, come from the
//! caller. Every change checks the whole program again: that takes milliseconds.

mod answer;
mod names;
pub mod protocol;
pub mod text;

use diag::{Diag, FileId, Severity};
use driver::{CallCost, Checked, SourceProvider};
use names::Names;
use protocol::*;
use sema::tree::FnId;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use text::Text;

/// Files that no editor has open.
pub trait Files {
    /// The text of a file, if there is one.
    fn read(&mut self, path: &str) -> Option<String>;
    /// Paths of the programs in the folder of a file.
    fn beside(&mut self, path: &str) -> Vec<String>;
}

/// What the server can do, for the client.
pub fn capabilities() -> Value {
    json!({
        "textDocumentSync": {"openClose": true, "change": 2},
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "completionProvider": {"triggerCharacters": [".", ":"]},
        "renameProvider": {"prepareProvider": true},
        "documentFormattingProvider": true,
        "codeActionProvider": {"codeActionKinds": ["quickfix"]},
    })
}

/// A refusal: a code of the protocol, and words.
pub type Refusal = (i32, String);

/// An answer, or a refusal.
pub type Answer = Result<Value, Refusal>;

fn refuse<T>(what: impl Into<String>) -> Result<T, Refusal> {
    // "Request failed".
    Err((-32803, what.into()))
}

/// A document with what checking found.
struct Document {
    text: Text,
    checked: Checked,
    names: Names,
    /// Prices of calls, as far as they were asked for.
    costs: RefCell<HashMap<FnId, Option<CallCost>>>,
}

/// The server: open documents by URI.
pub struct Server<F> {
    files: F,
    open: BTreeMap<String, Document>,
}

/// Modules from open documents, else from files.
struct Modules<'s, F> {
    files: &'s mut F,
    open: &'s BTreeMap<String, String>,
    dir: String,
}

impl<F: Files> SourceProvider for Modules<'_, F> {
    fn module(&mut self, path: &[&str]) -> Option<(String, String)> {
        let file = format!("{}/{}.mpc", self.dir, path.join("/"));
        let text = self.open.get(&file).cloned().or_else(|| self.files.read(&file))?;
        Some((file, text))
    }
}

/// The path of a `file:` URI.
pub fn path_of(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://")?;
    let mut out = Vec::new();
    let mut bytes = rest.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                (digit(bytes.next())? * 16 + digit(bytes.next())?) as u8
            }
            b => b,
        });
    }
    String::from_utf8(out).ok()
}

/// The `file:` URI of a path.
pub fn uri_of(path: &str) -> String {
    let mut out = String::from("file://");
    for b in path.bytes() {
        match b {
            b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b if b.is_ascii_alphanumeric() => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn parse<T: serde::de::DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    // "Invalid params".
    serde_json::from_value(params).map_err(|e| (-32602, e.to_string()))
}

impl<F: Files> Server<F> {
    /// No documents yet.
    pub fn new(files: F) -> Server<F> {
        Server { files, open: BTreeMap::new() }
    }

    /// Takes a notification; gives notifications back.
    pub fn notify(&mut self, method: &str, params: Value) -> Vec<(&'static str, Value)> {
        let done = match method {
            "textDocument/didOpen" => {
                parse::<DidOpen>(params).map(|p| (p.text_document.uri, Text::new(p.text_document.text)))
            }
            "textDocument/didChange" => parse::<DidChange>(params).map(|p| {
                let uri = p.text_document.uri;
                let mut text = self.open.get(&uri).map(|d| d.text.clone()).unwrap_or_default();
                for c in p.content_changes {
                    match c.range {
                        Some(r) => text.change(r, &c.text),
                        None => text = Text::new(c.text),
                    }
                }
                (uri, text)
            }),
            "textDocument/didClose" => {
                let Ok(p) = parse::<OfDocument>(params) else { return Vec::new() };
                self.open.remove(&p.text_document.uri);
                return vec![publish(&p.text_document.uri, &[])];
            }
            _ => return Vec::new(),
        };
        // What makes no sense is passed over: a notification has no answer.
        let Ok((uri, text)) = done else { return Vec::new() };
        let document = self.check(&uri, text);
        let diagnostics = self.diagnostics(&uri, &document);
        self.open.insert(uri.clone(), document);
        vec![publish(&uri, &diagnostics)]
    }

    /// Answers a request.
    ///
    /// # Errors
    /// What is asked for cannot be had.
    pub fn request(&mut self, method: &str, params: Value) -> Answer {
        match method {
            "textDocument/formatting" => {
                let p: OfDocument = parse(params)?;
                self.document(&p.text_document)?.format()
            }
            "textDocument/hover" => {
                let p: AtPosition = parse(params)?;
                let d = self.document(&p.text_document)?;
                Ok(d.hover(d.text.offset(p.position)))
            }
            "textDocument/definition" => {
                let p: AtPosition = parse(params)?;
                let d = self.document(&p.text_document)?;
                Ok(d.definition(&p.text_document.uri, d.text.offset(p.position)))
            }
            "textDocument/references" => {
                let p: AtPosition = parse(params)?;
                let d = self.document(&p.text_document)?;
                Ok(d.references(&p.text_document.uri, d.text.offset(p.position)))
            }
            "textDocument/completion" => {
                let p: AtPosition = parse(params)?;
                let d = self.document(&p.text_document)?;
                let offset = d.text.offset(p.position);
                let patched = d.patched(offset);
                // A tree with a name where it is being written says what could stand there.
                let patched = self.check(&p.text_document.uri, Text::new(patched));
                Ok(json!(patched.completions(offset)))
            }
            "textDocument/prepareRename" => {
                let p: AtPosition = parse(params)?;
                let d = self.document(&p.text_document)?;
                d.prepare_rename(d.text.offset(p.position))
            }
            "textDocument/rename" => {
                let p: Rename = parse(params)?;
                let d = self.document(&p.text_document)?;
                d.rename(&p.text_document.uri, d.text.offset(p.position), &p.new_name)
            }
            "textDocument/codeAction" => {
                let p: CodeActions = parse(params)?;
                let d = self.document(&p.text_document)?;
                Ok(json!(self.actions(&p.text_document.uri, d, p.range)))
            }
            // "Method not found".
            _ => Err((-32601, format!("`{method}` is not spoken here"))),
        }
    }

    fn document(&self, d: &TextDocument) -> Result<&Document, Refusal> {
        self.open.get(&d.uri).ok_or((-32602, format!("{} is not open", d.uri)))
    }

    /// Checks a document as the program that it is part of: the file beside it that declares it as a module, else itself.
    fn check(&mut self, uri: &str, text: Text) -> Document {
        let path = path_of(uri).unwrap_or_else(|| uri.to_string());
        let (dir, file) = path.rsplit_once('/').unwrap_or((".", path.as_str()));
        let (dir, stem) = (dir.to_string(), file.trim_end_matches(".mpc").to_string());
        let mut open: BTreeMap<String, String> =
            self.open.iter().filter_map(|(u, d)| Some((path_of(u)?, d.text.as_str().to_string()))).collect();
        open.insert(path.clone(), text.as_str().to_string());
        let names = {
            let mut found = diag::Diags::new();
            let module = syntax::parse(FileId(0), text.as_str(), &mut found);
            Names::of(&module, text.as_str().len())
        };
        let declares = format!("mod {stem};");
        let mut root = None;
        for other in self.files.beside(&path).into_iter().filter(|o| *o != path) {
            let Some(text) = open.get(&other).cloned().or_else(|| self.files.read(&other)) else { continue };
            if text.lines().any(|l| l.trim_start().starts_with(&declares)) {
                root = Some((other, text));
                break;
            }
        }
        let mut modules = Modules { files: &mut self.files, open: &open, dir };
        let (name, program) = root.unwrap_or_else(|| (path.clone(), text.as_str().to_string()));
        let mut checked = driver::check(&mut modules, &name, &program);
        // A root that is wrong itself may never come to its modules.
        if file_of(&checked, &path).is_none() {
            checked = driver::check(&mut modules, &path, text.as_str());
        }
        Document { text, checked, names, costs: RefCell::default() }
    }

    fn diagnostics(&self, uri: &str, d: &Document) -> Vec<Diagnostic> {
        let Some(file) = d.file(uri) else { return Vec::new() };
        d.checked
            .diags
            .iter()
            .filter_map(|x| {
                let span = x.span().filter(|s| s.file == file)?;
                Some(Diagnostic {
                    range: d.text.range(span.lo as usize, span.hi as usize),
                    severity: if x.severity == Severity::Error { 1 } else { 2 },
                    code: x.code.as_str().into(),
                    source: "mpcc",
                    message: message(x),
                    related_information: d.related(uri, file, x),
                })
            })
            .collect()
    }

    fn actions(&self, uri: &str, d: &Document, range: Range) -> Vec<Value> {
        let Some(file) = d.file(uri) else { return Vec::new() };
        let (lo, hi) = (d.text.offset(range.start), d.text.offset(range.end));
        let mut out = Vec::new();
        for x in d.checked.diags.iter() {
            let Some(span) = x.span().filter(|s| s.file == file) else { continue };
            if (span.hi as usize) < lo || hi < span.lo as usize {
                continue;
            }
            for help in x.helps.iter().filter(|h| !h.edits.is_empty()) {
                if help.edits.iter().any(|e| e.span.file != file) {
                    continue;
                }
                let edits = help.edits.iter().map(|e| TextEdit {
                    range: d.text.range(e.span.lo as usize, e.span.hi as usize),
                    new_text: e.replacement.clone(),
                });
                let changes = BTreeMap::from([(uri.to_string(), edits.collect::<Vec<_>>())]);
                let title = match help.edits.as_slice() {
                    [one] if !one.replacement.trim().is_empty() && !help.text.contains(one.replacement.trim()) => {
                        format!("{}: `{}`", help.text, one.replacement.trim())
                    }
                    _ => help.text.clone(),
                };
                out.push(json!({"title": title, "kind": "quickfix", "edit": WorkspaceEdit { changes }}));
            }
        }
        out
    }
}

fn publish(uri: &str, diagnostics: &[Diagnostic]) -> (&'static str, Value) {
    ("textDocument/publishDiagnostics", json!({"uri": uri, "diagnostics": diagnostics}))
}

/// The message with its notes and helps.
fn message(d: &Diag) -> String {
    let mut out = d.message.clone();
    if let Some(l) = d.labels.iter().find(|l| l.primary && !l.text.is_empty()) {
        out.push_str(&format!(" ({})", l.text));
    }
    for n in &d.notes {
        out.push_str(&format!("\nnote: {n}"));
    }
    for h in &d.helps {
        out.push_str(&format!("\nhelp: {}", h.text));
    }
    out
}

/// The id of a source by its name.
fn file_of(checked: &Checked, path: &str) -> Option<FileId> {
    (0..checked.sources.len() as u32).map(FileId).find(|f| checked.sources.name(*f) == path)
}

impl Document {
    fn file(&self, uri: &str) -> Option<FileId> {
        file_of(&self.checked, &path_of(uri).unwrap_or_else(|| uri.to_string()))
    }

    /// A span of any source that is a file.
    fn location(&self, span: diag::Span) -> Option<Location> {
        let name = self.checked.sources.name(span.file);
        if name.starts_with("std::") {
            return None;
        }
        let text = Text::new(self.checked.sources.text(span.file).to_string());
        let uri = if name.contains("://") { name.to_string() } else { uri_of(name) };
        Some(Location { uri, range: text.range(span.lo as usize, span.hi as usize) })
    }

    fn related(&self, uri: &str, file: FileId, d: &Diag) -> Vec<Related> {
        let others = d.labels.iter().filter(|l| !l.primary && !l.text.is_empty());
        others
            .filter_map(|l| {
                let location = if l.span.file == file {
                    Location { uri: uri.into(), range: self.text.range(l.span.lo as usize, l.span.hi as usize) }
                } else {
                    self.location(l.span)?
                };
                Some(Related { location, message: l.text.clone() })
            })
            .collect()
    }
}
