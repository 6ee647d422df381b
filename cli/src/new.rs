//! `mpcc new`: a folder with a program that runs, its inputs, and a page.

use std::path::Path;

/// Makes the folder.
///
/// # Errors
/// In words: it exists and is not empty, its name is no name, or it cannot be written. Nothing is left half-made.
pub fn create(dir: &Path) -> Result<(), String> {
    let name = dir.file_name().and_then(|n| n.to_str()).ok_or("the folder needs a name")?;
    let fine = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !fine {
        return Err(format!("`{name}` is no name for a program: letters, digits, `_` and `-`, a letter first"));
    }
    if dir.exists() && std::fs::read_dir(dir).map_or(true, |mut d| d.next().is_some()) {
        return Err(format!("{} exists and is not empty", dir.display()));
    }
    let made = !dir.exists();
    write(dir, name).map_err(|e| {
        if made {
            // Best effort: what was just made and failed half-way is nobody's work.
            let _ = std::fs::remove_dir_all(dir);
        }
        format!("{}: {e}", dir.display())
    })
}

fn write(dir: &Path, name: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(dir.join("inputs"))?;
    std::fs::write(dir.join(format!("{name}.mpc")), PROGRAM)?;
    std::fs::write(dir.join("inputs/Friend.salary.csv"), "salary\n3100\n4250\n2800\n")?;
    std::fs::write(dir.join("expected.json"), "{ \"all\": { \"result\": 3383 } }\n")?;
    std::fs::write(dir.join("README.md"), format!("# {name}\n\n{PAGE}"))
}

const PROGRAM: &str = r#"//! What do we earn on average? Nobody says what they earn.

party Friend[N];

/// Each friend brings one salary; everybody learns the average.
fn main(salary: [u64; N] from Friend) -> u64 {
    reveal(salary.sum()) / N
}

#[test]
fn sums_of_nothing_are_zero() {
    let none: [u64; 3] = [0; 3];
    assert_eq(none.sum(), 0);
}
"#;

const PAGE: &str = "- **Everyone learns** the average of all salaries.\n- **Nobody learns** a single salary.\n\nRun it with \
                    `mpcc run .`, see who learns what with `mpcc check .`, and what it costs with `mpcc cost .`.\n";
