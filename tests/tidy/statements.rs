//! The page of statements: every row names a test that is there, so that neither can go without the other.
//!
//! Knows the page's tables and what a test function looks like; whether a test would fail is for its reader to say.

use crate::{code_of, root};
use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = "docs/language/statements.md";
const SECTIONS: &[&str] = &["## Labels", "## Types", "## Programs"];

/// Rows of the page's tables: heading above, cells.
fn rows(page: &str) -> Vec<(String, Vec<String>)> {
    let (mut out, mut heading) = (Vec::new(), String::new());
    for line in page.lines() {
        if line.starts_with('#') {
            heading = line.to_string();
        }
        let Some(row) = line.strip_prefix('|') else { continue };
        let bars = row.trim_end().strip_suffix('|').unwrap_or(row).replace("\\|", "\u{1}");
        let cells: Vec<String> = bars.split('|').map(|c| c.trim().replace('\u{1}', "|")).collect();
        if cells.iter().all(|c| c.starts_with("---")) {
            // What stood before is the table's head.
            out.pop();
            continue;
        }
        out.push((heading.clone(), cells));
    }
    out
}

/// Whether the code declares `name` as a test: the attribute stands among those before it.
fn declares(code: &str, name: &str) -> bool {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    lines.iter().enumerate().any(|(k, line)| {
        line.starts_with(&head)
            && lines[..k].iter().rev().take_while(|l| l.starts_with("#[") || l.is_empty()).any(|l| *l == "#[test]")
    })
}

/// What is wrong with one place, `path::test` or a golden file.
fn wrong(place: &str, case: &str) -> Option<String> {
    let (path, name) = place.split_once("::").map_or((place, None), |(p, n)| (p, Some(n)));
    let file = root().join(path);
    let Ok(text) = std::fs::read_to_string(&file) else { return Some(format!("there is no {path}")) };
    let golden = path.starts_with("tests/ui/") || path.starts_with("compiler/diag/explain/");
    match name {
        None if golden => {}
        None => return Some(format!("{path} is no golden file, and no test in it is named")),
        Some(name) => {
            let code = if path.ends_with(".rs") { code_of(&text) } else { text.clone() };
            if !declares(&code, name) {
                return Some(format!("{path} has no test `{name}`"));
            }
        }
    }
    let quoted = format!("\"{case}\"");
    if case.is_empty() || text.contains(&quoted) || beside(&file).iter().any(|t| t.contains(&quoted)) {
        return None;
    }
    Some(format!("{path} has no case {quoted}"))
}

/// Files of a module's folder: tables of a test may be split.
fn beside(file: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(file.with_extension("")).into_iter().flatten().flatten();
    entries.filter_map(|e| std::fs::read_to_string(e.path()).ok()).collect()
}

/// All that is wrong with a page.
fn faults(page: &str) -> Vec<String> {
    let (mut out, mut seen) = (Vec::new(), BTreeSet::new());
    for (heading, cells) in rows(page) {
        let [statement, tests, case] = &cells[..] else {
            out.push(format!("a row has a statement, a test, and a case: {cells:?}"));
            continue;
        };
        if !SECTIONS.contains(&&*heading) || statement.is_empty() || !seen.insert(statement.clone()) {
            out.push(format!("`{statement}` stands twice, is empty, or is in no section"));
        }
        let places: Vec<&str> =
            tests.split(',').map(|t| t.trim().trim_matches('`')).filter(|t| !t.is_empty()).collect();
        if places.is_empty() {
            out.push(format!("`{statement}` has no test"));
        }
        out.extend(places.iter().filter_map(|p| wrong(p, case).map(|w| format!("`{statement}`: {w}"))));
    }
    out
}

#[test]
fn every_statement_names_a_test_that_is_there() {
    let page = std::fs::read_to_string(root().join(PAGE)).unwrap();
    let faults = faults(&page);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for section in SECTIONS {
        let count = rows(&page).iter().filter(|r| r.0 == *section).count();
        assert!(count >= 20, "{section} has {count} rows");
    }
}

#[test]
fn wrong_rows_are_found() {
    let page = |row: &str| format!("## Types\n\n| statement | test | case |\n|---|---|---|\n{row}\n");
    let good = "| a | `tests/tidy/statements.rs::wrong_rows_are_found` | |";
    assert_eq!(faults(&page(good)), [""; 0]);
    for bad in [
        "| a | | |",
        "| | `tests/tidy/statements.rs::wrong_rows_are_found` | |",
        "| a | `tests/tidy/statements.rs` | |",
        "| a | `tests/tidy/statements.rs::no_such_test` | |",
        // A function, but no test.
        "| a | `tests/tidy/statements.rs::faults` | |",
        "| a | `tests/tidy/nowhere.rs::wrong_rows_are_found` | |",
        "| a | `tests/ui/E9999.txt` | |",
        "| a | `tests/tidy/statements.rs::wrong_rows_are_found` |",
    ] {
        assert_eq!(faults(&page(bad)).len(), 1, "{bad}");
    }
    let case = |name: &str| format!("| a | `compiler/sema/src/labels/tests.rs::leaks_are_refused` | {name} |");
    assert_eq!(faults(&page(&case("an unrevealed input"))), [""; 0]);
    assert_eq!(faults(&page(&case("a case of nobody"))).len(), 1);
    assert_eq!(faults(&page(&format!("{good}\n{good}"))).len(), 1);
    assert_eq!(faults(&page(good).replace("Types", "Others")).len(), 1);
}
