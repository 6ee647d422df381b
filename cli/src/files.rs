//! Files for the compiler: where a program and its modules lie. The one place of the compiler's side that reads disk.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A program and the folder that it lives in.
#[derive(Clone, Debug)]
pub struct Place {
    /// The `.mpc` file.
    pub file: PathBuf,
    /// Its folder.
    pub dir: PathBuf,
}

/// Finds the program that `path` names: a file, or a folder's `NAME/NAME.mpc`, else the only `.mpc` in it.
///
/// # Errors
/// In words, for exit code 2.
pub fn locate(path: &Path) -> Result<Place, String> {
    if path.is_file() {
        let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        return Ok(Place { file: path.to_path_buf(), dir });
    }
    if !path.is_dir() {
        return Err(format!("there is no file or folder {}", path.display()));
    }
    let full = path.canonicalize().map_err(|e| format!("{}: {e}", path.display()))?;
    if let Some(name) = full.file_name() {
        let file = path.join(name).with_extension("mpc");
        if file.is_file() {
            return Ok(Place { file, dir: path.to_path_buf() });
        }
    }
    let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "mpc")).collect();
    found.sort();
    match found.len() {
        0 => Err(format!("there is no .mpc file in {}", path.display())),
        1 => Ok(Place { file: found.remove(0), dir: path.to_path_buf() }),
        n => Err(format!(
            "{} holds {n} programs; name one of them, or name one after the folder: {}",
            path.display(),
            found.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
        )),
    }
}

/// Writes a file whole or not at all: beside it first, then in its place.
///
/// # Errors
/// In words.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let done = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    done.map_err(|e| {
        // What could not be put in place is of no use.
        let _ = std::fs::remove_file(&beside);
        format!("{}: {e}", path.display())
    })
}

/// Reads a source file.
///
/// # Errors
/// In words: missing, unreadable, too large, or not UTF-8.
pub fn read(path: &Path) -> Result<String, String> {
    const LARGEST: u64 = 64 << 20;
    let meta = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if meta.len() > LARGEST {
        return Err(format!("{} is larger than 64 MiB", path.display()));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // A source of random bytes still gets diagnostics with spans: what is no UTF-8 becomes the replacement character.
        Err(e) => Ok(String::from_utf8_lossy(e.as_bytes()).into_owned()),
    }
}

/// Writes a file whole or not at all: beside its place first, then renamed. What is no plain file (a terminal, a pipe) is
/// written to.
///
/// # Errors
/// In words.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    if path.metadata().is_ok_and(|m| !m.is_file()) {
        return std::fs::write(path, bytes).map_err(failed);
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As a plain write would make it: the creation mask takes from these.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map(|_| ()).map_err(|e| failed(e.error))
}

/// Reads a file that may be written again: what is not UTF-8 is refused.
///
/// # Errors
/// In words: missing, unreadable, or not UTF-8.
pub fn read_exact(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))
}

/// The programs that a path names: a file as it is, or every `.mpc` below a folder, in order of name. Folders of tools
/// (`target`, and what begins with a dot) are passed over.
///
/// # Errors
/// In words: missing or unreadable.
pub fn programs(path: &Path, out: &mut Vec<PathBuf>) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if !meta.is_dir() {
        out.push(path.to_path_buf());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut below: Vec<std::fs::DirEntry> = entries.flatten().collect();
    below.sort_by_key(std::fs::DirEntry::file_name);
    for entry in below {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        // A link to a folder may lead round in a circle.
        let folder = entry.file_type().is_ok_and(|t| t.is_dir());
        if folder && name != "target" && !name.starts_with('.') {
            programs(&path, out)?;
        } else if !folder && name.ends_with(".mpc") && path.is_file() {
            out.push(path);
        }
    }
    Ok(())
}
