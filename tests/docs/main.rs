//! Every program on every page is compiled: blocks opened by ```` ```mpc ```` must pass the checker, blocks opened by
//! ```` ```mpc wrong E0301 ```` must give that very error. Explain pages are held to the same, by code.

use mpcc_tests::{blocks, codes, markdown_files};

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
