//! Every program on every page is compiled: blocks opened by ```` ```mpc ```` must pass the checker, blocks opened by
//! ```` ```mpc wrong E0301 ```` must give that very error. Explain pages are held to the same, by code.

use diag::{Diag, FileId};
use mpcc_tests::{blocks, check, codes, markdown_files};

#[test]
fn programs_on_pages_mean_what_the_pages_say() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for file in markdown_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in blocks(&text) {
            let mut words = block.info.split_whitespace();
            if words.next() != Some("mpc") {
                continue;
            }
            seen += 1;
            let found = codes(&block.text);
            let errors: Vec<&String> = found.iter().filter(|c| c.starts_with('E')).collect();
            let fine = match (words.next(), words.next()) {
                (Some("wrong"), Some(code)) => errors.iter().all(|c| *c == code) && !errors.is_empty(),
                _ => errors.is_empty(),
            };
            if !fine {
                wrong.push(format!("{}:{}: `{}` gives {found:?}", file.display(), block.line, block.info));
            }
        }
    }
    assert!(seen >= 12, "the walk over the pages finds their programs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn explain_pages_show_a_wrong_and_a_right_program() {
    let mut wrong = Vec::new();
    for entry in diag::CATALOGUE {
        let Some((bad, good)) = diag::programs(entry.page) else {
            wrong.push(format!("{}: the page shows no pair of programs", entry.code));
            continue;
        };
        // Codes of bound sizes need sizes, and a page's program has none: they are held by tests/ui.
        if entry.code.as_str().starts_with("E04") || entry.code.as_str().starts_with("L04") {
            continue;
        }
        // A file of 1 GiB is on no page, and a missing `main` is for the commands that need one.
        if matches!(entry.code.as_str(), "E0019" | "E0508") {
            continue;
        }
        let found = codes(bad);
        if !found.iter().any(|c| c == entry.code.as_str()) {
            wrong.push(format!("{}: the wrong program gives {found:?}", entry.code));
        }
        let found = codes(good);
        if found.iter().any(|c| c.starts_with('E') || c == entry.code.as_str()) {
            wrong.push(format!("{}: the right program gives {found:?}", entry.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text with a help's edits carried out; `None` if it has none, or touches another file.
fn mended(text: &str, help: &diag::Help) -> Option<String> {
    let mut edits = help.edits.clone();
    if edits.is_empty() || edits.iter().any(|e| e.span.file != FileId(0)) {
        return None;
    }
    edits.sort_by_key(|e| (e.span.lo, e.span.hi));
    for pair in edits.windows(2) {
        assert!(pair[0].span.hi <= pair[1].span.lo, "edits overlap: {help:?}");
    }
    let mut out = text.to_string();
    for e in edits.iter().rev() {
        out.replace_range(e.span.lo as usize..e.span.hi as usize, &e.replacement);
    }
    Some(out)
}

/// Whether the fault is gone: fewer of its kind are found, or another one is said of the place.
fn gone(d: &Diag, before: &str, after: &str) -> bool {
    let count = |text: &str| check(text).diags.iter().filter(|x| x.code == d.code && x.message == d.message).count();
    count(after) < count(before)
}

/// Tries every edit of every diagnostic that a program gets; gives the codes with edits.
fn try_edits(text: &str, wrong: &mut Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    let checked = check(text);
    for d in checked.diags.iter() {
        for help in &d.helps {
            let Some(after) = mended(text, help) else { continue };
            seen.push(d.code.as_str().to_string());
            if !gone(d, text, &after) {
                wrong
                    .push(format!("{}: {}: `{}` does not mend it:\n{text}\n->\n{after}", d.code, d.message, help.text));
            }
        }
    }
    seen
}

#[test]
fn edits_mend_what_they_are_proposed_for() {
    let (mut wrong, mut with) = (Vec::new(), std::collections::BTreeSet::new());
    for entry in diag::CATALOGUE {
        let Some((bad, _)) = diag::programs(entry.page) else { continue };
        with.extend(try_edits(bad, &mut wrong));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(with.len() >= 25, "only these codes have edits: {with:?}");
}

#[test]
fn mistakes_brought_from_elsewhere_have_edits() {
    let body = |b: &str| format!("party A;\nfn f(x: u32, y: bool) -> u32 {{\n{b}\n}}\n");
    let cases = [
        ("and", body("    if y and y { x } else { 1 }")),
        ("or", body("    if y or y { x } else { 1 }")),
        ("not", body("    if not y { x } else { 1 }")),
        ("def", "def f(x: u32) -> u32 {\n    x\n}\n".into()),
        ("var", body("    var z = x;\n    z")),
        ("misspelt let", body("    lte z = x;\n    z")),
        ("misspelt return", body("    retrun x;\n    x")),
        ("misspelt struct", "struc S {\n    a: u32,\n}\n".into()),
        ("missing comma in a call", body("    min(x 2)")),
        ("missing comma in a struct", "struct S {\n    a: u32\n    b: u32,\n}\n".into()),
        ("missing semicolon", body("    let z = x\n    z")),
        ("reference", body("    let z = &mut x;\n    z")),
        ("increment", body("    let mut z = x;\n    ++z;\n    z")),
        ("assignment for a condition", body("    if x = 1 { x } else { 1 }")),
        ("not mutable", body("    let z = x;\n    z += 1;\n    z")),
        ("needless mut", body("    let mut z = x;\n    z")),
        ("unknown name", body("    let value = x;\n    vlaue")),
        ("another integer type", body("    let z: u64 = 1;\n    x + z")),
        ("number for a bool", body("    if x { x } else { 1 }")),
        ("cast to bool", body("    if x as bool { x } else { 1 }")),
        ("reserved word", body("    let from = x;\n    x")),
        ("unrevealed", "party A;\nfn main(x: u32 from A) -> u32 {\n    x\n}\n".into()),
        ("unrevealed to a party", "party A, B;\nfn main(x: u32 from A) -> u32 to B {\n    x\n}\n".into()),
        ("field", "struct S {\n    amount: u32,\n}\nfn f(s: S) -> u32 {\n    s.amuont\n}\n".into()),
        ("field of a literal", "struct S {\n    amount: u32,\n}\nfn f() -> S {\n    S { amuont: 1 }\n}\n".into()),
        ("method", "fn f(xs: [u32; 3]) -> u32 {\n    xs.smu()\n}\n".into()),
        ("field for a method", "fn f(xs: [u32; 3]) -> u32 {\n    xs.sum\n}\n".into()),
        ("method for a field", "struct S {\n    amount: u32,\n}\nfn f(s: S) -> u32 {\n    s.amount()\n}\n".into()),
        ("part of an array", "fn f(xs: [u32; 3]) -> u32 {\n    xs.0\n}\n".into()),
        ("type", "fn f(x: boll) -> bool {\n    x\n}\n".into()),
        ("party", "party Alice;\nfn main(x: u32 from Alcie) -> u32 {\n    reveal(x)\n}\n".into()),
        ("library", "use std::array::revers;\nfn f(xs: [u32; 3]) -> [u32; 3] {\n    xs\n}\n".into()),
        ("attribute", "#[tset]\nfn f() {}\n".into()),
    ];
    let mut wrong = Vec::new();
    for (what, text) in &cases {
        if try_edits(text, &mut wrong).is_empty() {
            let said: Vec<_> = check(text).diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
            wrong.push(format!("{what}: no edit: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
