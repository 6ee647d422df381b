//! The key files of one who takes part: made, renewed, switched, read. No file is ever overwritten, and none is readable by
//! others.
//!
//! In a folder, for NAME: `NAME.identity.pem`, the key that lasts and that no run needs; `NAME.pem`, certificate and key that
//! runs present; after a rotation `NAME.next.pem`, the ones to come, and after the switch `NAME.old-DATE.pem`. Knows files;
//! what is in them is elsewhere.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use net::keys::{self, Leaf};
use net::tls::Identity;
use zeroize::Zeroizing;

use crate::parties::is_name;

/// A file of keys is no larger.
const LARGEST: u64 = 1 << 20;

const DAY: i64 = 86_400;

/// Days that a certificate may be valid for.
pub const DAYS: std::ops::RangeInclusive<u32> = 1..=825;

/// Days before the end of a certificate from which on it is warned of.
pub const WARN_DAYS: i64 = 14;

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The certificate.
    pub leaf: Leaf,
    /// Where it lies, with its key.
    pub file: PathBuf,
}

/// Where the identity of `name` lies in `dir`.
pub fn identity_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.identity.pem"))
}

/// Where the certificate in use lies.
pub fn current_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.pem"))
}

/// Where the certificate to come lies.
pub fn next_file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.next.pem"))
}

/// Makes an identity and a first certificate, valid for `days` from `now` (seconds since 1970).
///
/// # Errors
/// In words: the name is none, a file is there already, or one cannot be written. Then nothing is left.
pub fn create(dir: &Path, name: &str, days: u32, now: i64) -> Result<Made, String> {
    check(name, days)?;
    let (identity_path, path) = (identity_file(dir, name), current_file(dir, name));
    for file in [&identity_path, &path] {
        if file.symlink_metadata().is_ok() {
            return Err(format!("{} is there already; nothing was made", file.display()));
        }
    }
    fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let identity = keys::identity()?;
    let pem = keys::leaf(&identity, name, now, i64::from(days) * DAY)?;
    write(&identity_path, &identity)?;
    if let Err(e) = write(&path, &pem) {
        // What was made in this moment is nobody's yet.
        let _ = fs::remove_file(&identity_path);
        return Err(e);
    }
    Ok(Made { leaf: keys::read(&pem)?, file: path })
}

/// Makes the next certificate of an identity; the one in use stays in use.
///
/// # Errors
/// In words: there is no identity, a next one is there already, or it cannot be written.
pub fn rotate(dir: &Path, name: &str, days: u32, now: i64) -> Result<Made, String> {
    check(name, days)?;
    let path = next_file(dir, name);
    if path.symlink_metadata().is_ok() {
        let what = "is there already: switch to it once the others have its fingerprint, or remove it";
        return Err(format!("{} {what}", path.display()));
    }
    let identity = read(&identity_file(dir, name))?;
    let pem = keys::leaf(&identity, name, now, i64::from(days) * DAY)?;
    write(&path, &pem)?;
    Ok(Made { leaf: keys::read(&pem)?, file: path })
}

/// Takes the next certificate into use; the old one is kept under its last day.
///
/// # Errors
/// In words: there is no next one, it is not valid yet or no longer, or files cannot be renamed.
pub fn switch(dir: &Path, name: &str, now: i64) -> Result<(Made, PathBuf), String> {
    let (path, next) = (current_file(dir, name), next_file(dir, name));
    let leaf = keys::read(&read(&next)?).map_err(|e| format!("{}: {e}", next.display()))?;
    if !(leaf.from..leaf.until).contains(&now) {
        let (from, until) = (keys::date(leaf.from), keys::date(leaf.until));
        return Err(format!("{} is valid from {from} to {until}: not now", next.display()));
    }
    let old = keys::read(&read(&path)?).map_err(|e| format!("{}: {e}", path.display()))?;
    let day = keys::date(old.until);
    let kept = dir.join(format!("{name}.old-{}.pem", day.split(' ').next().unwrap_or("?")));
    // A link, unlike a rename, does not replace what is there.
    fs::hard_link(&path, &kept).map_err(|e| format!("{}: {e}", kept.display()))?;
    fs::rename(&next, &path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok((Made { leaf, file: path }, kept))
}

/// What is in a certificate's file.
///
/// # Errors
/// In words: it cannot be read, others can read it, or it is no certificate.
pub fn show(path: &Path) -> Result<Leaf, String> {
    keys::read(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))
}

/// The certificate and key that runs present.
///
/// # Errors
/// As [`show`].
pub fn load(path: &Path) -> Result<(Identity, Leaf), String> {
    let pem = read(path)?;
    let place = |e| format!("{}: {e}", path.display());
    Ok((Identity::from_pem(&pem).map_err(place)?, keys::read(&pem).map_err(place)?))
}

/// Certificates and keys that lie beside one as those that it took the place of: `NAME.old-….pem` beside `NAME.pem`. What cannot
/// be read is left out.
pub fn earlier(path: &Path) -> Vec<Identity> {
    let (Some(dir), Some(stem)) = (path.parent(), path.file_stem().and_then(|s| s.to_str())) else { return Vec::new() };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut found: Vec<PathBuf> = fs::read_dir(dir).into_iter().flatten().flatten().map(|f| f.path()).collect();
    let begins = format!("{stem}.old-");
    found.retain(|p| {
        let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name.starts_with(&begins) && name.ends_with(".pem")
    });
    found.sort();
    found.iter().filter_map(|p| Identity::from_pem(&read(p).ok()?).ok()).collect()
}

fn check(name: &str, days: u32) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("`{name}` is no name: a letter, then letters, digits, `_` and `-`, at most 60"));
    }
    if !DAYS.contains(&days) {
        return Err(format!("{days} days: expected {} to {}", DAYS.start(), DAYS.end()));
    }
    Ok(())
}

/// Reads a file that its owner alone may read.
fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let place = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => format!("there is no {} (`mpcc party new` makes keys)", path.display()),
        _ => format!("{}: {e}", path.display()),
    };
    let file = fs::File::open(path).map_err(place)?;
    let meta = file.metadata().map_err(place)?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("{} can be read by others (mode {mode:03o}): chmod 600 it", path.display()));
    }
    if meta.len() > LARGEST {
        return Err(format!("{} is no key file: it is larger than 1 MiB", path.display()));
    }
    // With room for all, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(meta.len() as usize + 1));
    file.take(LARGEST).read_to_string(&mut text).map_err(place)?;
    Ok(text)
}

/// Writes a new file that its owner alone may read.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let place = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(place)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|e| {
        let _ = fs::remove_file(path);
        place(e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn keys_are_made_rotated_and_switched_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let made = create(dir, "north", 90, NOW).unwrap();
        assert_eq!(made.file, current_file(dir, "north"));
        assert_eq!((mode(&made.file), mode(&identity_file(dir, "north"))), (0o600, 0o600));
        assert_eq!(show(&made.file), Ok(made.leaf.clone()));
        assert_eq!(load(&made.file).unwrap().0.fingerprint(), made.leaf.fingerprint);

        let before = fs::read(&made.file).unwrap();
        assert!(create(dir, "north", 90, NOW).unwrap_err().contains("is there already"));
        assert_eq!(fs::read(&made.file).unwrap(), before);
        // One of the two files is enough.
        fs::rename(identity_file(dir, "north"), dir.join("aside")).unwrap();
        assert!(create(dir, "north", 90, NOW).is_err());
        assert!(!identity_file(dir, "north").exists());
        assert!(rotate(dir, "north", 90, NOW).unwrap_err().contains("there is no"));
        fs::rename(dir.join("aside"), identity_file(dir, "north")).unwrap();

        assert!(switch(dir, "north", NOW).unwrap_err().contains("north.next.pem"));
        let later = NOW + 80 * DAY;
        let next = rotate(dir, "north", 90, later).unwrap();
        assert_ne!(next.leaf.fingerprint, made.leaf.fingerprint);
        assert_eq!(next.leaf.identity, made.leaf.identity);
        assert_eq!(mode(&next.file), 0o600);
        assert_eq!(fs::read(&made.file).unwrap(), before, "the old one stays in use");
        assert!(rotate(dir, "north", 90, later).unwrap_err().contains("is there already"));
        assert!(switch(dir, "north", NOW - DAY).unwrap_err().contains("not now"));

        let (now, kept) = switch(dir, "north", later).unwrap();
        assert_eq!((now.leaf, now.file), (next.leaf, current_file(dir, "north")));
        assert_eq!(fs::read(&kept).unwrap(), before);
        assert!(!next.file.exists());
        // Twice in the span of one certificate: the one kept is not replaced.
        fs::copy(&kept, dir.join("copy")).unwrap();
        rotate(dir, "north", 90, later).unwrap();
        fs::remove_file(current_file(dir, "north")).unwrap();
        fs::rename(dir.join("copy"), current_file(dir, "north")).unwrap();
        assert!(switch(dir, "north", later).is_err());
        assert_eq!(fs::read(&kept).unwrap(), before);
    }

    #[test]
    fn keys_that_others_can_read_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let made = create(dir.path(), "north", 1, NOW).unwrap();
        fs::set_permissions(&made.file, fs::Permissions::from_mode(0o640)).unwrap();
        let e = load(&made.file).unwrap_err();
        assert!(e.contains("mode 640") && e.contains("chmod 600"), "{e}");
        assert!(show(&made.file).is_err());
    }

    #[test]
    fn bad_names_and_days_make_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "../north", "1north", "nörd", &"n".repeat(61)] {
            assert!(create(dir.path(), name, 90, NOW).is_err(), "{name}");
        }
        for days in [0, 826] {
            assert!(create(dir.path(), "north", days, NOW).unwrap_err().contains("1 to 825"));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
