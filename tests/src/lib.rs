//! Fixtures that the test suites share: where things lie, blocks of pages, a program from text to answer.
//!
//! Knows every layer's front door, and nothing behind it.

pub mod ladder;
pub mod stages;

use driver::{Checked, NoModules};
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the repository").to_path_buf()
}

/// A fenced block of a page.
#[derive(Clone, Debug)]
pub struct Block {
    /// What stands after the opening fence.
    pub info: String,
    /// Its text.
    pub text: String,
    /// Its first line in the page, from 1.
    pub line: usize,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut open: Option<Block> = None;
    for (k, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { info: info.trim().to_string(), text: String::new(), line: k + 2 });
            }
            (Some(_), Some(_)) => out.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    out
}

/// README and every page under `docs/` and `examples/`, in order of name.
pub fn markdown_files() -> Vec<PathBuf> {
    let mut out = vec![root().join("README.md")];
    for dir in ["docs", "examples"] {
        walk(&root().join(dir), "md", &mut out);
    }
    out
}

/// Files below `dir` with the extension, in order of name.
pub fn walk(dir: &Path, extension: &str, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, extension, out);
        } else if path.extension().is_some_and(|e| e == extension) {
            out.push(path);
        }
    }
}

/// The program, checked, with no modules beside it.
pub fn check(text: &str) -> Checked {
    driver::check(&mut NoModules, "test.mpc", text)
}

/// Codes that checking finds, in order of place.
pub fn codes(text: &str) -> Vec<String> {
    check(text).diags.iter().map(|d| d.code.as_str().to_string()).collect()
}

/// Whether golden files are to be rewritten: `MPCC_BLESS=1 cargo test`.
pub fn blessing() -> bool {
    std::env::var_os("MPCC_BLESS").is_some_and(|v| v == "1")
}

/// Compares with a golden file, or rewrites it when blessing. Gives the difference in words.
pub fn golden(path: &Path, text: &str) -> Result<(), String> {
    if blessing() {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
        }
        return std::fs::write(path, text).map_err(|e| e.to_string());
    }
    let old = std::fs::read_to_string(path).unwrap_or_default();
    if old == text {
        return Ok(());
    }
    let at = old.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
    Err(format!(
        "{} differs from line {}:\n  was: {}\n  is:  {}\n(MPCC_BLESS=1 rewrites it)",
        path.display(),
        at + 1,
        old.lines().nth(at).unwrap_or("(end)"),
        text.lines().nth(at).unwrap_or("(end)"),
    ))
}
