//! `mpcc fmt`: programs in the one style, in place, from standard input, or compared only. Knows files; the style is
//! `style`'s.
//!
//! A file is replaced whole (written beside, then renamed) or not at all.

use crate::args::{FmtArgs, Format};
use crate::failure::Failure;
use crate::files;
use crate::output::{Shown, print};
use diag::{Diags, SourceMap};
use serde_json::json;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use style::FormatError;

/// What became of one file.
enum Outcome {
    /// It was in style.
    Same,
    /// It is another text now, or would be.
    Changed { old: String, new: String },
    /// It is no program; that was shown.
    Refused,
}

/// `mpcc fmt`.
///
/// # Errors
/// A file is missing, unreadable, or no program; with `--check`, one is not in style.
pub fn fmt(args: &FmtArgs, shown: &Shown) -> Result<(), Failure> {
    if args.stdin {
        return stdin(args, shown);
    }
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let mut list = Vec::new();
    for path in &paths {
        files::programs(path, &mut list).map_err(Failure::usage)?;
    }
    if list.is_empty() {
        let names: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        return Err(Failure::usage(format!("there is no .mpc file in {}", names.join(", "))));
    }
    let (mut refused, mut changed) = (0, Vec::new());
    for path in &list {
        let old = files::read_exact(path).map_err(Failure::usage)?;
        match outcome(&path.display().to_string(), old, shown)? {
            Outcome::Same => {}
            Outcome::Refused => refused += 1,
            Outcome::Changed { old, new } => {
                if args.check {
                    if shown.format != Format::Json {
                        print(&difference(&path.display().to_string(), &old, &new));
                    }
                } else {
                    replace(path, &new).map_err(|e| Failure::Says(2, format!("{}: {e}", path.display())))?;
                }
                changed.push(path.display().to_string());
            }
        }
    }
    if shown.format == Format::Json {
        print(&format!("{}\n", json!({"files": list.len(), "changed": changed, "refused": refused})));
    }
    if refused > 0 || args.check && !changed.is_empty() { Err(Failure::Shown(1)) } else { Ok(()) }
}

/// Standard input to standard output; nothing comes out if it is no program.
fn stdin(args: &FmtArgs, shown: &Shown) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| Failure::usage(format!("standard input: {e}")))?;
    let old = String::from_utf8(bytes).map_err(|_| Failure::usage("standard input is not UTF-8"))?;
    match outcome("<stdin>", old.clone(), shown)? {
        Outcome::Refused => Err(Failure::Shown(1)),
        Outcome::Changed { old, new } if args.check => {
            print(&difference("<stdin>", &old, &new));
            Err(Failure::Shown(1))
        }
        Outcome::Same if args.check => Ok(()),
        Outcome::Changed { new, .. } => {
            print(&new);
            Ok(())
        }
        Outcome::Same => {
            print(&old);
            Ok(())
        }
    }
}

fn outcome(name: &str, old: String, shown: &Shown) -> Result<Outcome, Failure> {
    let mut sources = SourceMap::new();
    let mut diags = Diags::new();
    let file = sources.add(name.to_string(), old.as_str().into());
    match style::format(file, &old, &mut diags) {
        Ok(new) if new == old => Ok(Outcome::Same),
        Ok(new) => Ok(Outcome::Changed { old, new }),
        Err(FormatError::Program) => {
            diags.sort();
            shown.diags(&diags, &sources);
            Ok(Outcome::Refused)
        }
        Err(FormatError::Internal(what)) => Err(Failure::Ours(format!("formatting {name}: {what}"))),
    }
}

/// What would change, as a unified diff.
fn difference(name: &str, old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().header(name, &format!("{name} (formatted)")).to_string()
}

/// Puts a text in the place of a file: all of it, or nothing. A link stays one; permissions stay.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let real = path.canonicalize()?;
    let permissions = std::fs::metadata(&real)?.permissions();
    if permissions.readonly() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "the file may not be written"));
    }
    let name = real.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = real.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut f = std::fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        f.write_all(text.as_bytes())?;
        f.set_permissions(permissions)?;
        f.sync_all()?;
        std::fs::rename(&beside, &real)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}
