//! From source text to a checked program: parsing, resolution, types, labels, in one call.
//!
//! Knows where modules come from only through [`SourceProvider`].

use diag::{Diags, FileId, SourceMap};
use sema::ModuleSource;
use sema::labels::Labels;
use sema::tree::Program;
use std::sync::Arc;
use syntax::ast::Module;

/// Gives the text of modules beside the root.
pub trait SourceProvider {
    /// The module `path` (`["geometry", "shapes"]` for `mod geometry` holding `mod shapes`), as a display name and its
    /// text; `None` if there is none.
    fn module(&mut self, path: &[&str]) -> Option<(String, String)>;

    /// The circuit file `name`, which the module at `path` names (the root's path is empty), as a display name and its text;
    /// `None` if there is none. The name is relative to the folder of that module's file and stays inside it.
    fn circuit(&mut self, path: &[&str], name: &str) -> Option<(String, String)> {
        let _ = (path, name);
        None
    }
}

/// No modules beside the root.
pub struct NoModules;

impl SourceProvider for NoModules {
    fn module(&mut self, _path: &[&str]) -> Option<(String, String)> {
        None
    }
}

/// A program after checking, with whatever was found.
pub struct Checked {
    /// All sources read.
    pub sources: SourceMap,
    /// Errors and lints, in order of place.
    pub diags: Diags,
    /// The typed program; to be lowered or run only if there is no error.
    pub program: Arc<Program>,
    /// What the label check found out.
    pub labels: Labels,
}

impl Checked {
    /// Whether the program may be lowered and run.
    pub fn ok(&self) -> bool {
        !self.diags.has_errors()
    }
}

/// Modules for `sema`: the library from the compiler, others from the provider.
struct Modules<'a> {
    provider: &'a mut dyn SourceProvider,
    sources: &'a mut SourceMap,
    library: bool,
}

impl ModuleSource for Modules<'_> {
    fn load(&mut self, path: &[Arc<str>], _from: FileId, diags: &mut Diags) -> Option<(FileId, Module)> {
        let parts: Vec<&str> = path.iter().map(|p| &**p).collect();
        let (name, text) = match parts.as_slice() {
            ["std", name] => (format!("std::{name}"), crate::stdlib::module(name)?.to_string()),
            _ => self.provider.module(&parts)?,
        };
        let text: Arc<str> = text.into();
        let file = self.sources.add(name, text.clone());
        Some((file, syntax::parse(file, &text, diags)))
    }

    fn root_is_library(&self) -> bool {
        self.library
    }

    fn circuit(&mut self, path: &[Arc<str>], name: &str) -> Option<Arc<str>> {
        let parts: Vec<&str> = path.iter().map(|p| &**p).collect();
        let (shown, text) = match name.strip_prefix("std/") {
            Some(file) => (name.to_string(), crate::stdlib::circuit(file)?.to_string()),
            None => {
                let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']);
                if !name.split('/').all(plain) {
                    return None;
                }
                self.provider.circuit(&parts, name)?
            }
        };
        let text: Arc<str> = text.into();
        // One of the sources: the digest that nodes compare covers it.
        self.sources.add(shown, text.clone());
        Some(text)
    }
}

/// Checks a program: its root module is `text`, shown as `name`. Syntax errors end it before types: what a broken tree
/// means is guesswork.
pub fn check(provider: &mut dyn SourceProvider, name: &str, text: &str) -> Checked {
    let mut sources = SourceMap::new();
    let mut diags = Diags::new();
    let text: Arc<str> = text.into();
    let library = crate::stdlib::MODULES.iter().any(|(_, t)| **t == *text);
    let file = sources.add(name.to_string(), text.clone());
    let root = syntax::parse(file, &text, &mut diags);
    let mut program = Program::default();
    let mut labels = Labels::default();
    if !diags.has_errors() {
        program = sema::check(&mut Modules { provider, sources: &mut sources, library }, file, root, &mut diags);
        labels = sema::labels::check(&program, &mut diags);
    }
    diags.sort();
    Checked { sources, diags, program: Arc::new(program), labels }
}

impl Checked {
    /// What is to be said where a `main` is needed and there is none.
    pub fn without_main(&self) -> Diags {
        let mut diags = Diags::new();
        sema::require_main(&self.program, FileId(0), &mut diags);
        diags
    }

    /// BLAKE3 of all sources read, library included, and of their names inside the program; not of where they lie.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_derive_key("mpcc 2026-11 program source");
        for k in 0..self.sources.len() {
            let text = self.sources.text(FileId(k as u32));
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        *hash.finalize().as_bytes()
    }
}
